/**
 * Metrics of HTTP servers and clients, under the names of OpenTelemetry's semantic conventions as
 * Prometheus spells them.
 *
 * {@linkcode instrument} wraps any handler of the shape of `fetch`: that of `Deno.serve`,
 * `Bun.serve`, Hono, Oak, `export default { fetch }`. {@linkcode instrumentFetch} does the same for
 * outgoing calls. No label has a value that a visitor chooses: the route comes from a function,
 * from patterns or from {@linkcode setRoute}, never from the path.
 *
 * ```ts
 * import { CollectorRegistry, generateMetrics } from "@narthex/prometheus";
 * import { instrument } from "@narthex/prometheus/http";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const handler = instrument(() => new Response("hello"), {
 *   registry,
 *   route: ["/", "/users/:id"],
 *   ignore: ["/metrics"],
 * });
 *
 * await handler(new Request("http://localhost/users/7"));
 * assert.match(
 *   generateMetrics(registry),
 *   /^http_server_request_duration_seconds_count\{http_request_method="GET",http_response_status_code="200",http_route="\/users\/:id"\} 1$/m,
 * );
 * ```
 *
 * See {@link https://opentelemetry.io/docs/specs/semconv/http/http-metrics/ | the conventions}.
 *
 * @module
 */
import { checkShape } from "../model.ts";
import { measureRoutes } from "./http/bun_routes.ts";
import type { BunRoute, BunServer } from "./http/bun_types.ts";
import { FetchRecorder, type Handler, type InstrumentOptions } from "./http/fetch_recorder.ts";

export type {
  BunCookies,
  BunRoute,
  BunRouteHandler,
  BunRouteRequest,
  BunServer,
  ParameterOf,
} from "./http/bun_types.ts";
export { endpointMetrics, type EndpointMetricsOptions } from "./http/endpoint_metrics.ts";
export { instrumentFetch, type InstrumentFetchOptions } from "./http/client.ts";
export type { HttpMetricsOptions } from "./http/metrics.ts";
export type { RoutePattern, UrlPattern } from "./http/path_patterns.ts";
export type { ServerMetricsOptions } from "./http/recorder.ts";
export { type Ignore, type RouteOf, setRoute } from "./http/routes.ts";
export type { InstrumentOptions } from "./http/fetch_recorder.ts";
export type { WebRecorderOptions } from "./http/web_recorder.ts";

/**
 * Wraps a handler and measures each request: how long it takes, how many are active, how large
 * they are, and which fail or are aborted.
 *
 * The handler's answer is returned as the same object, and nothing but its status is read.
 *
 * - A request whose handler throws counts with status 500, and the error is thrown on.
 * - A request whose client left before the answer counts with an empty status, and as an error
 *   of the type `abort`.
 * - An upgrade to a WebSocket is over when the handler has answered.
 *
 * @typeParam This The type of its `this`.
 * @typeParam Req The type of its request.
 * @typeParam Args The other arguments: `info` of Deno, `server` of Bun, `env` and `ctx`.
 * @typeParam R The type of its result.
 * @param handler The handler.
 * @param options Options.
 * @returns A handler of the same signature.
 * @throws {TypeError} If it is not a handler, or an option is unknown or not legal.
 * @throws {RangeError} If a number is out of its bounds.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example A handler with its routes
 * ```ts
 * import { CollectorRegistry } from "@narthex/prometheus";
 * import { instrument } from "@narthex/prometheus/http";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const answer = new Response("hello");
 * const handler = instrument(() => answer, {
 *   registry,
 *   route: (request) => new URL(request.url).pathname === "/" ? "/" : undefined,
 * });
 * assert.equal(handler(new Request("http://localhost/")), answer);
 * assert.equal(
 *   registry.getSampleValue("http_server_request_duration_seconds_count", {
 *     http_request_method: "GET",
 *     http_response_status_code: 200,
 *     http_route: "/",
 *   }),
 *   1,
 * );
 * ```
 */
export function instrument<This, Req extends Request, Args extends readonly unknown[], R>(
  handler: (this: This, request: Req, ...args: Args) => R,
  options?: InstrumentOptions,
): (this: This, request: Req, ...args: Args) => R;
/**
 * Measures the `fetch` method of an object, such as one that a module exports as its default, and
 * the functions among its `routes`, as `Bun.serve()` has them, each under its key.
 *
 * Routes that are no functions pass through unmeasured: responses, files, `false` and HTML
 * imports. See the option `staticRoutes`.
 *
 * @typeParam T The type of the object.
 * @typeParam Path The keys of its routes.
 * @param object The object. It is not changed, and stays the `this` of its `fetch`.
 * @param options Options.
 * @returns A copy of the object that is measured.
 * @throws {TypeError} If it is not such an object, or an option is unknown or not legal.
 * @throws {RangeError} If a number is out of its bounds.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example A module for `deno serve` and `bun`
 * ```ts
 * import { CollectorRegistry } from "@narthex/prometheus";
 * import { instrument } from "@narthex/prometheus/http";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const service = instrument({ port: 8000, fetch: () => new Response("hello") }, { registry });
 * // export default service;
 * assert.equal(service.port, 8000);
 * const response = service.fetch(new Request("http://localhost/"));
 * assert.equal(await response.text(), "hello");
 * ```
 */
export function instrument<T extends object, Path extends string>(
  object: T & ServerObject<Path>,
  options?: InstrumentOptions,
): Instrumented<NoInfer<T>>;
/**
 * Measures the functions among the `routes` of an object that has no `fetch` method, or a `fetch`
 * method with other arguments than Bun's.
 *
 * @typeParam T The type of the object.
 * @typeParam Path The keys of its routes.
 * @param object The object. It is not changed.
 * @param options Options.
 * @returns A copy of the object that is measured.
 * @throws {TypeError} If it is not such an object, or an option is unknown or not legal.
 * @throws {RangeError} If a number is out of its bounds.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 */
export function instrument<T extends object, Path extends string>(
  object:
    & T
    & ({ routes: ServerRoutes<Path> } | { fetch(request: Request, ...rest: never[]): unknown }),
  options?: InstrumentOptions,
): NoInfer<T>;
export function instrument(
  handler: Handler | { fetch?: Handler; routes?: Record<string, unknown> },
  options: InstrumentOptions = {},
): unknown {
  const doing = "Cannot instrument handler";
  if (typeof handler === "function") {
    const recorder = new FetchRecorder(options);
    const own = { handler };
    return measured(handler, function (this: unknown, ...args) {
      return recorder.handle(own, this, args);
    });
  }
  const { fetch, routes } = handler ?? {};
  // Frameworks have lists under this name.
  const hasRoutes = typeof routes === "object" && routes !== null && !Array.isArray(routes);
  const isObject = typeof fetch === "function" || fetch === undefined && hasRoutes;
  checkShape(isObject, doing, "it must be a function or have fetch() or routes", handler);
  const recorder = new FetchRecorder(options);
  // Of the same class, with the properties of the class beside those of the object.
  const copy = Object.assign(Object.create(Object.getPrototypeOf(handler)), handler);
  if (fetch !== undefined) {
    const own = { handler: fetch };
    copy.fetch = measured(fetch, (...args) => recorder.handle(own, handler, args));
  }
  if (hasRoutes) {
    copy.routes = measureRoutes(routes, recorder, (route, key) => {
      const own = { handler: route, key };
      return measured(route, function (this: unknown, ...args) {
        return recorder.handle(own, this, args);
      });
    });
  }
  return copy;
}

/**
 * An object with handlers, such as the options of `Bun.serve()`.
 *
 * @typeParam Path The keys of its routes.
 */
export interface ServerObject<Path extends string> {
  /**
   * The handler of all requests that no route takes.
   *
   * @param request The request.
   * @param server The server, on Bun.
   * @returns The response.
   */
  fetch(request: Request, server: BunServer): unknown;
  /** Handlers by route, as `Bun.serve()` has them. A list, as frameworks have it, is left alone. */
  routes?: ServerRoutes<Path> | readonly unknown[];
}

/**
 * The routes of `Bun.serve()`.
 *
 * @typeParam Path Their keys.
 */
export type ServerRoutes<Path extends string> = { [P in Path]: BunRoute<P> };

/** The same object, whose `fetch()` takes a request even if the original is declared without. */
export type Instrumented<T> = T extends { fetch(): infer R }
  ? Omit<T, "fetch"> & { fetch(request: Request): R }
  : T;

/**
 * Gives a handler the name and the length of the original. It takes the request at least: Deno
 * makes none for a handler without parameters.
 */
function measured(original: Handler, handler: Handler): Handler {
  return Object.defineProperties(handler, {
    name: { value: original.name, configurable: true },
    length: { value: Math.max(1, original.length), configurable: true },
  });
}
