/**
 * Metrics of [Koa](https://koajs.com) with `@koa/router`: one line measures all requests, under
 * the same names as `instrument()` of `@narthex/prometheus/http`.
 *
 * ```ts
 * import { httpMetrics, metricsEndpoint } from "@narthex/prometheus/koa";
 *
 * // const app = new Koa();
 * // app.use(httpMetrics()); // before all others
 * // router.get("/metrics", metricsEndpoint());
 * void [httpMetrics, metricsEndpoint];
 * ```
 *
 * Nothing of Koa is imported or patched.
 *
 * @module
 */
import type { MetricsHandlerOptions } from "../../mod.ts";
import { checkKnownOptions, type KnownOptions } from "../../model.ts";
import {
  fullUrlOf,
  ListenerExchange,
  ListenerRecorder,
  type ListenerRecorderOptions,
  type NodeRequest,
} from "./listener_recorder.ts";
import { metricsListener, type WritableNodeResponse } from "./metrics_listener.ts";
import { SERVER_METRICS_OPTIONS } from "./recorder.ts";
import { compileIgnore, type Ignore, namedRoute } from "./routes.ts";

export type { ListenerRecorderOptions, NodeRequest, NodeResponse } from "./listener_recorder.ts";
export type { HttpMetricsOptions } from "./metrics.ts";
export type { WritableNodeResponse } from "./metrics_listener.ts";
export type { RoutePattern, UrlPattern } from "./path_patterns.ts";
export type { ServerMetricsOptions } from "./recorder.ts";
export { type Ignore, setRoute } from "./routes.ts";

/** The members of Koa's context that are used here. */
export interface KoaContext {
  /** The method. */
  readonly method: string;
  /** The request of Node. */
  readonly req: NodeRequest;
  /** The response of Node. */
  readonly res: WritableNodeResponse;
  /** The response of Koa. */
  readonly response: unknown;
  /** Whether Koa sends the response. */
  respond?: boolean | undefined;
}

/**
 * Options of {@linkcode httpMetrics}. The functions of the option `labels` get the context and its
 * `response`.
 *
 * @typeParam Context The type of the context: `Koa.Context`.
 */
export interface KoaMetricsOptions<Context extends KoaContext = KoaContext>
  extends ListenerRecorderOptions<Context, Context["response"]> {
  /** Which requests are not measured, as a function or as patterns such as `["/metrics"]`. */
  ignore?: Ignore<Context> | undefined;
}

const KNOWN_OPTIONS: KnownOptions<KoaMetricsOptions> = {
  ignore: true,
  ...SERVER_METRICS_OPTIONS,
  bodies: true,
};

/**
 * Makes a middleware that measures each request until the event `close` of its response. It stands
 * before all others.
 *
 * The label `http_route` is the path of the route as the program has given it to `@koa/router`,
 * behind the prefixes of its routers. It is empty if no route has matched.
 *
 * @typeParam Context The type of the context.
 * @param options Options.
 * @returns The middleware.
 * @throws {TypeError} If an option is unknown or not legal.
 * @throws {RangeError} If a number is out of its bounds.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example An app with its metrics
 * ```ts
 * import { httpMetrics, metricsEndpoint } from "@narthex/prometheus/koa";
 *
 * // const app = new Koa();
 * // app.use(httpMetrics({ ignore: ["/metrics"] }));
 * // router.get("/metrics", metricsEndpoint());
 * // router.get("/users/:id", (context) => context.body = "Ada");
 * void [httpMetrics, metricsEndpoint];
 * ```
 */
export function httpMetrics<Context extends KoaContext = KoaContext>(
  options: KoaMetricsOptions<Context> = {},
): (context: Context, next: () => Promise<unknown>) => Promise<void> {
  const doing = "Cannot measure requests of Koa";
  const checked = checkKnownOptions(
    options,
    KNOWN_OPTIONS as KnownOptions<KoaMetricsOptions<Context>>, // The same names.
    doing,
  );
  const ignores = compileIgnore(checked.ignore, ({ req }) => fullUrlOf(req), doing);
  const recorder = new ListenerRecorder<Context, Context["response"]>(checked, doing);
  return async function httpMetrics(context, next): Promise<void> {
    if (ignores?.(context)) return void await next();
    const { req, res, response } = context;
    const exchange = new ListenerExchange<Context, Context["response"]>(context, res, routeOf);
    exchange.response = response;
    recorder.watch(exchange, req);
    try {
      await next();
    } catch (error) {
      exchange.error = { error };
      throw error;
    }
  };
}

/**
 * Makes a middleware that answers with the metrics, for a route such as `/metrics`. It writes to
 * the response of Node itself.
 *
 * @param options Options of `metricsHandler()`.
 * @returns The middleware.
 * @throws {TypeError} If an option is not legal.
 * @throws {RangeError} If a number is out of its bounds.
 *
 * @example A route with the metrics
 * ```ts
 * import { metricsEndpoint } from "@narthex/prometheus/koa";
 *
 * // router.get("/metrics", metricsEndpoint());
 * void metricsEndpoint;
 * ```
 */
export function metricsEndpoint(
  options: MetricsHandlerOptions = {},
): (context: KoaContext) => Promise<void> {
  const answer = metricsListener(options);
  return async (context) => {
    context.respond = false;
    await answer(context.req, context.res);
  };
}

/** The members of a layer of `@koa/router` that are used here. */
interface Layer {
  readonly path: string | RegExp;
  readonly methods: readonly string[];
}

/** The route that has answered, or would have if nothing had come before. */
function routeOf(context: KoaContext): string {
  const { matched = [], _matchedRoute: current } = context as {
    matched?: readonly Layer[];
    _matchedRoute?: unknown;
  };
  const routes = matched.filter(({ methods }) => methods.includes(context.method));
  // While a middleware of a router runs, the path of that one stands there.
  const route = routes.find(({ path }) => path === current) ?? routes[0];
  return namedRoute(context) ?? (route === undefined ? "" : String(route.path));
}
