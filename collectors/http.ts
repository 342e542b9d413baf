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
import { type InstrumentOptions, ServerInstruments } from "./http/server.ts";

export { instrumentFetch, type InstrumentFetchOptions } from "./http/client.ts";
export type { HttpMetricsOptions } from "./http/metrics.ts";
export { type RoutePattern, setRoute, type UrlPattern } from "./http/routes.ts";
export type { InstrumentOptions } from "./http/server.ts";

/**
 * Wraps a handler, and measures each request: how long it takes until its answer was sent, how many
 * are under way, how large the bodies are, and what failed or was aborted.
 *
 * - A body that is a stream is timed to its end, under back-pressure as before. One that is whole is
 *   sent as it would be without this, with its `Content-Length`.
 * - A request whose handler throws counts as one of status 500, and the error is thrown on. One
 *   whose client leaves counts once, with the status that it was sent.
 * - Upgrades to WebSockets are passed through, and are over when the handler has answered.
 *
 * @typeParam This What the handler has as `this`.
 * @typeParam Req The type of its request.
 * @typeParam Args What else it is called with: `info` of Deno, `server` of Bun, `env` and `ctx`.
 * @typeParam R What it returns.
 * @param handler The handler.
 * @param options Options.
 * @returns A handler of the same signature. A response whose body has to be looked at comes as a
 * promise, so what was returned at once may be one.
 * @throws {TypeError} If it is not a handler, or an option is not legal.
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
 * const handler = instrument((request: Request) => new Response(request.method), {
 *   registry,
 *   route: (request) => new URL(request.url).pathname === "/" ? "/" : undefined,
 * });
 * const response = await handler(new Request("http://localhost/"));
 * assert.equal(await response.text(), "GET");
 * assert.equal(
 *   registry.getSampleValue("http_server_response_body_size_bytes_sum", {
 *     http_request_method: "GET",
 *     http_response_status_code: 200,
 *     http_route: "/",
 *   }),
 *   3,
 * );
 * ```
 */
export function instrument<This, Req extends Request, Args extends readonly unknown[], R>(
  handler: (this: This, request: Req, ...args: Args) => R,
  options?: InstrumentOptions,
): (this: This, request: Req, ...args: Args) => R | Promise<Awaited<R>>;
/**
 * Wraps the `fetch` method of an object, such as one that a module exports as its default.
 *
 * @typeParam T The object's other properties.
 * @typeParam Req The type of its request.
 * @typeParam Args What else it is called with.
 * @typeParam R What it returns.
 * @param object The object. It is not changed, and stays the `this` of its `fetch`.
 * @param options Options.
 * @returns A copy of the object whose `fetch` is measured.
 * @throws {TypeError} If it is not such an object, or an option is not legal.
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
 * const response = await service.fetch(new Request("http://localhost/"));
 * assert.equal(await response.text(), "hello");
 * ```
 */
export function instrument<
  T extends object,
  Req extends Request,
  Args extends readonly unknown[],
  R,
>(
  object: T & { fetch(request: Req, ...args: Args): R },
  options?: InstrumentOptions,
): Omit<T, "fetch"> & { fetch(request: Req, ...args: Args): R | Promise<Awaited<R>> };
export function instrument(
  handler: Handler | { fetch: Handler },
  options: InstrumentOptions = {},
): Handler | { fetch: Handler } {
  if (typeof handler === "function") {
    const instruments = new ServerInstruments(options);
    return measured(handler, function (this: unknown, ...args): unknown {
      return instruments.handle(args[0], () => handler.apply(this, args));
    });
  }
  if (typeof handler?.fetch !== "function") {
    throw new TypeError(
      `Cannot instrument handler: it must be a function or have fetch(): received ${typeof handler}`,
    );
  }
  const instruments = new ServerInstruments(options);
  const fetch = measured(
    handler.fetch,
    (...args) => instruments.handle(args[0], () => handler.fetch(...args)),
  );
  // Of the same class, with what the class has beside what the object has.
  return Object.assign(Object.create(Object.getPrototypeOf(handler)), handler, { fetch });
}

/** Gives a handler the name of the original, and its length: Deno makes no arguments beyond that. */
function measured(original: Handler, handler: Handler): Handler {
  return Object.defineProperties(handler, {
    name: { value: original.name, configurable: true },
    length: { value: Math.max(1, original.length), configurable: true },
  });
}

type Handler = (this: unknown, ...args: [request: Request, ...rest: unknown[]]) => unknown;
