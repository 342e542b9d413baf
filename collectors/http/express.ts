/**
 * Metrics of [Express](https://expressjs.com) 4 and 5, of Connect, and of NestJS on Express: one
 * line measures all requests, under the same names as `instrument()` of
 * `@narthex/prometheus/http`.
 *
 * ```ts
 * import { httpMetrics, metricsEndpoint } from "@narthex/prometheus/express";
 *
 * // const app = express();
 * // app.use(httpMetrics()); // before all routes
 * // app.get("/metrics", metricsEndpoint());
 * void [httpMetrics, metricsEndpoint];
 * ```
 *
 * Nothing of Express is imported or patched.
 *
 * @module
 */
import { checkKnownOptions, type KnownOptions } from "../../model.ts";
import { ExpressRoutes, type RoutedRequest } from "./express_routes.ts";
import {
  fullUrlOf,
  ListenerExchange,
  ListenerRecorder,
  type ListenerRecorderOptions,
  type NodeResponse,
  type Thrown,
} from "./listener_recorder.ts";
import { metricsListener } from "./metrics_listener.ts";
import { SERVER_METRICS_OPTIONS } from "./recorder.ts";
import { compileIgnore, type Ignore, namedRoute } from "./routes.ts";

export type { RoutedRequest } from "./express_routes.ts";
export type { ListenerRecorderOptions, NodeRequest, NodeResponse } from "./listener_recorder.ts";
export type { HttpMetricsOptions } from "./metrics.ts";
export type { MetricsListener, WritableNodeResponse } from "./metrics_listener.ts";
export type { RoutePattern, UrlPattern } from "./path_patterns.ts";
export type { ServerMetricsOptions } from "./recorder.ts";
export { type Ignore, setRoute } from "./routes.ts";

/**
 * Makes a handler that answers with the metrics, for a route such as `/metrics`.
 *
 * @param options Options of `metricsHandler()`.
 * @returns The handler.
 */
export { metricsListener as metricsEndpoint };

/**
 * Options of {@linkcode httpMetrics}.
 *
 * @typeParam Req The type of requests: `express.Request`.
 * @typeParam Res The type of responses: `express.Response`.
 */
export interface ExpressMetricsOptions<
  Req extends RoutedRequest = RoutedRequest,
  Res extends NodeResponse = NodeResponse,
> extends ListenerRecorderOptions<Req, Res> {
  /** Which requests are not measured, as a function or as patterns such as `["/metrics"]`. */
  ignore?: Ignore<Req> | undefined;
}

const KNOWN_OPTIONS: KnownOptions<ExpressMetricsOptions> = {
  ignore: true,
  ...SERVER_METRICS_OPTIONS,
  bodies: true,
};

/**
 * Makes a middleware that measures each request until the event `close` of its response. It stands
 * before all others.
 *
 * The label `http_route` is the path of the route as the program has given it, behind the paths
 * that its routers and apps are mounted at. It is empty if no route has matched. Errors of handlers
 * count by their status, and with {@linkcode metricsErrors} by their type too.
 *
 * @typeParam Req The type of requests.
 * @typeParam Res The type of responses.
 * @param options Options.
 * @returns The middleware.
 * @throws {TypeError} If an option is unknown or not legal.
 * @throws {RangeError} If a number is out of its bounds.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example An app with its metrics
 * ```ts
 * import { httpMetrics, metricsEndpoint } from "@narthex/prometheus/express";
 *
 * // const app = express();
 * // app.use(httpMetrics({ ignore: ["/metrics"] }));
 * // app.get("/metrics", metricsEndpoint());
 * // app.get("/users/:id", (request, response) => response.send("Ada"));
 * void [httpMetrics, metricsEndpoint];
 * ```
 */
export function httpMetrics<
  Req extends RoutedRequest = RoutedRequest,
  Res extends NodeResponse = NodeResponse,
>(
  options: ExpressMetricsOptions<Req, Res> = {},
): (request: Req, response: Res, next: () => void) => void {
  const doing = "Cannot measure requests of Express";
  const checked = checkKnownOptions(
    options,
    KNOWN_OPTIONS as KnownOptions<ExpressMetricsOptions<Req, Res>>, // The same names.
    doing,
  );
  const ignores = compileIgnore(checked.ignore, fullUrlOf, doing);
  const recorder = new ListenerRecorder<Req, Res>(checked, doing, (request) => errors.get(request));
  const routes = new ExpressRoutes();
  return function httpMetrics(request, response, next): void {
    if (ignores?.(request) !== true) {
      const { app } = request as { app?: unknown };
      const routeOf = (): string => namedRoute(request) ?? routes.find(request, app);
      const exchange = new ListenerExchange<Req, Res>(request, response, routeOf);
      exchange.response = response;
      recorder.watch(exchange, request);
    }
    next();
  };
}

/** The errors of requests that have reached {@linkcode metricsErrors}. */
const errors: WeakMap<object, Thrown> = new WeakMap();

/**
 * Makes an error handler that lets {@linkcode httpMetrics} count errors by their type. It stands behind
 * all routes and before other error handlers, and passes the error on.
 *
 * @returns The error handler.
 *
 * @example An app whose errors are counted by their type
 * ```ts
 * import { httpMetrics, metricsErrors } from "@narthex/prometheus/express";
 *
 * // app.use(httpMetrics());
 * // app.get("/users/:id", (request, response) => response.send("Ada"));
 * // app.use(metricsErrors());
 * void [httpMetrics, metricsErrors];
 * ```
 */
export function metricsErrors(): (
  error: unknown,
  request: RoutedRequest,
  response: unknown,
  next: (error: unknown) => void,
) => void {
  // Express knows an error handler by its four parameters.
  return function metricsErrors(error, request, _response, next): void {
    errors.set(request, { error });
    next(error);
  };
}
