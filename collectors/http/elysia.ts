/**
 * Metrics of [Elysia](https://elysiajs.com) on Bun: one line measures all requests, under the same
 * names as `instrument()` of `@narthex/prometheus/http`.
 *
 * ```ts
 * import { httpMetrics } from "@narthex/prometheus/elysia";
 * import { metricsHandler } from "@narthex/prometheus";
 *
 * // const app = new Elysia()
 * //   .use(httpMetrics()) // before all routes
 * //   .get("/metrics", ({ request }) => metrics(request));
 * const metrics = metricsHandler();
 * void [httpMetrics, metrics];
 * ```
 *
 * Nothing of Elysia is imported or patched.
 *
 * @module
 */
import { checkKnownOptions, type KnownOptions } from "../../model.ts";
import { SERVER_METRICS_OPTIONS } from "./recorder.ts";
import type { Ignore } from "./routes.ts";
import { FetchRecorder, type Handler } from "./fetch_recorder.ts";
import type { WebRecorderOptions } from "./web_recorder.ts";

export type { HttpMetricsOptions } from "./metrics.ts";
export type { RoutePattern, UrlPattern } from "./path_patterns.ts";
export type { ServerMetricsOptions } from "./recorder.ts";
export { type Ignore, setRoute } from "./routes.ts";
export type { WebRecorderOptions } from "./web_recorder.ts";

/** The members of Elysia's context that are used here. */
interface ElysiaContext {
  readonly request: Request;
  /** The route, if one has matched. */
  readonly route?: string;
  readonly error?: unknown;
}

/** The methods of an app of Elysia that are used here. Their types are Elysia's own. */
export interface ElysiaApp {
  /** Wraps the handler of all requests. */
  readonly wrap: unknown;
  /** Adds a hook for requests whose route is known. */
  readonly onTransform: unknown;
  /** Adds a hook for errors. */
  readonly onError: unknown;
}

/** The methods of an app as they are called here. */
interface HookedApp {
  wrap(wrap: (handler: Handler) => (...args: Parameters<Handler>) => unknown): unknown;
  onTransform(options: { as: "global" }, hook: (context: ElysiaContext) => void): unknown;
  onError(options: { as: "global" }, hook: (context: ElysiaContext) => void): unknown;
}

/** Options of {@linkcode httpMetrics}. The functions of the option `labels` get the `Request`. */
export interface ElysiaMetricsOptions extends WebRecorderOptions<Request, Response> {
  /** Which requests are not measured, as a function or as patterns such as `["/metrics"]`. */
  ignore?: Ignore<Request> | undefined;
}

const KNOWN_OPTIONS: KnownOptions<ElysiaMetricsOptions> = {
  ignore: true,
  ...SERVER_METRICS_OPTIONS,
  bodies: true,
  detectAborts: true,
};

/**
 * Makes a plugin that measures each request until it was handled. It stands before all routes, and
 * holds for the whole app.
 *
 * The label `http_route` is the path of the route as the program has given it, with its prefix. It
 * is empty if no route has matched. While an app is measured, Elysia does not hand static
 * responses to Bun.
 *
 * @param options Options.
 * @returns The plugin.
 * @throws {TypeError} If an option is unknown or not legal.
 * @throws {RangeError} If a number is out of its bounds.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example An app with its metrics
 * ```ts
 * import { httpMetrics } from "@narthex/prometheus/elysia";
 *
 * // const app = new Elysia()
 * //   .use(httpMetrics({ ignore: ["/metrics"] }))
 * //   .get("/users/:id", () => "Ada");
 * void httpMetrics;
 * ```
 */
export function httpMetrics(
  options: ElysiaMetricsOptions = {},
): <App extends ElysiaApp>(app: App) => App {
  const checked = checkKnownOptions(options, KNOWN_OPTIONS, "Cannot measure requests of Elysia");
  const recorder = new FetchRecorder({ ...checked });
  return (app) => {
    const routes = new WeakMap<Request, string>();
    const errors = new WeakMap<Request, { readonly error: unknown }>();
    const found = (request: Request) => ({
      route: routes.get(request),
      error: errors.get(request),
      // Elysia answers an upgrade with a response that Bun does not send.
      isUpgrade: request.headers.get("upgrade") === "websocket",
    });
    // Elysia's types say the same, with all that hooks can be.
    const hooked = app as unknown as HookedApp;
    // Elysia finds the needed members of the context in the source of a hook.
    hooked.onTransform({ as: "global" }, ({ request, route }) => {
      if (route !== undefined) routes.set(request, route);
    });
    hooked.onError({ as: "global" }, ({ request, route, error }) => {
      if (typeof route === "string") routes.set(request, route);
      errors.set(request, { error });
    });
    hooked.wrap((handler) => (...args) => recorder.handle({ handler, found }, undefined, args));
    return app;
  };
}
