/**
 * Metrics of [Hono](https://hono.dev) on Deno, Bun, Node and wherever else it runs: one line
 * measures all requests, under the same names as `instrument()` of `@narthex/prometheus/http`.
 *
 * ```ts
 * import { httpMetrics } from "@narthex/prometheus/hono";
 * import { metricsHandler } from "@narthex/prometheus";
 *
 * // const app = new Hono();
 * // app.use(httpMetrics()); // before all others
 * // app.get("/metrics", (c) => metrics(c.req.raw));
 * const metrics = metricsHandler();
 * void [httpMetrics, metrics];
 * ```
 *
 * Nothing of Hono is imported or patched.
 *
 * @module
 */
import { checkKnownOptions, checkShape, type KnownOptions } from "../../model.ts";
import { SERVER_METRICS_OPTIONS } from "./recorder.ts";
import { compileIgnore, type Ignore, namedRoute, RouteFinder, type RouteOf } from "./routes.ts";
import { WebExchange, WebRecorder, type WebRecorderOptions } from "./web_recorder.ts";

export type { HttpMetricsOptions } from "./metrics.ts";
export type { RoutePattern, UrlPattern } from "./path_patterns.ts";
export type { ServerMetricsOptions } from "./recorder.ts";
export { type Ignore, type RouteOf, setRoute } from "./routes.ts";
export type { WebRecorderOptions } from "./web_recorder.ts";

/** The members of Hono's context that are used here. */
export interface HonoContext {
  /** The request. */
  readonly req: { readonly raw: Request };
  /** The response. */
  res: Response;
  /** The second argument of a handler, which depends on the runtime. */
  readonly env: unknown;
  /** An error that was thrown, and that the app has answered. */
  readonly error: unknown;
}

/**
 * Options of {@linkcode httpMetrics}. The functions of the option `labels` get the context and the
 * response.
 *
 * @typeParam Context The type of the context: `Context` of Hono.
 */
export interface HonoMetricsOptions<Context extends HonoContext = HonoContext>
  extends WebRecorderOptions<Context, Response> {
  /**
   * Names the route of a request that was handled, instead of the context: `routePath` of
   * `hono/route`. It is asked only if a route has matched, as far as the context
   * tells.
   */
  route?: RouteOf<Context> | undefined;
  /** Which requests are not measured, as a function or as patterns such as `["/metrics"]`. */
  ignore?: Ignore<Context> | undefined;
}

const KNOWN_OPTIONS: KnownOptions<HonoMetricsOptions> = {
  route: true,
  ignore: true,
  ...SERVER_METRICS_OPTIONS,
  bodies: true,
  detectAborts: true,
};

/**
 * Makes a middleware that measures each request: until its last byte was sent on Deno, and until
 * it was handled elsewhere. It stands before all others.
 *
 * The label `http_route` is the path of the route as the program has given it, behind that of its
 * apps. It is empty if no route has matched. A handler that a program has added by `app.all()`
 * counts as one if it takes no `next`.
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
 * import { httpMetrics } from "@narthex/prometheus/hono";
 *
 * // const app = new Hono();
 * // app.use(httpMetrics({ ignore: ["/metrics"] }));
 * // app.get("/users/:id", (c) => c.text("Ada"));
 * void httpMetrics;
 * ```
 */
export function httpMetrics<Context extends HonoContext = HonoContext>(
  options: HonoMetricsOptions<Context> = {},
): (context: Context, next: () => Promise<void>) => Promise<void> {
  const doing = "Cannot measure requests of Hono";
  const checked = checkKnownOptions(
    options,
    KNOWN_OPTIONS as KnownOptions<HonoMetricsOptions<Context>>, // The same names.
    doing,
  );
  const { route } = checked;
  checkShape(
    route === undefined || typeof route === "function",
    doing,
    "route must be a function, such as routePath",
    route,
  );
  const ignores = compileIgnore(checked.ignore, urlOf, doing);
  const routes = new RouteFinder<Context>(checked, urlOf, doing);
  const recorder = new WebRecorder<Context, Response>(checked, doing);
  const routeOf = (context: Context): string => {
    const named = namedRoute(context) ?? namedRoute(context.req.raw);
    if (named !== undefined) return named;
    const matched = matchedRoute(context);
    return matched === "" || !routes.isGiven ? matched ?? "" : routes.find(context);
  };
  return async function httpMetrics(context, next): Promise<void> {
    if (ignores?.(context)) return void await next();
    const exchange = new WebExchange<Context, Response>(context.req.raw, context);
    recorder.begin(exchange, context.env);
    try {
      await next();
    } catch (error) {
      exchange.route = routeOf(context);
      exchange.status = 500;
      recorder.fail(exchange, error);
      throw error;
    }
    const { error, res } = context;
    exchange.route = routeOf(context);
    exchange.status = statusOf(context);
    exchange.response = res;
    if (error !== undefined) return recorder.fail(exchange, error);
    // The client may have left in the meantime.
    if (recorder.hasLeft(exchange)) return recorder.leave(exchange);
    recorder.end(exchange);
    if (!recorder.bodies) return;
    const counted = recorder.count(exchange, res);
    if (counted !== res) context.res = counted;
  };
}

/** The status, which is that of an upgrade where Hono makes up a response that Bun does not send. */
function statusOf({ req, res: { status } }: HonoContext): number {
  if (status !== 200 || req.raw.method !== "GET" || !("Bun" in globalThis)) return status;
  return req.raw.headers.get("upgrade") === "websocket" ? 101 : status;
}

function urlOf(context: HonoContext): string {
  return context.req.raw.url;
}

/** The members of a route of Hono that are used here. */
interface HonoRoute {
  readonly path: string;
  readonly method: string;
  readonly handler: Handler;
}

/** A handler. One of an app with its own `onError()` is around the original one. */
interface Handler {
  readonly length: number;
  readonly __COMPOSED_HANDLER?: Handler;
}

/**
 * The path of the route that has answered, or would have if no middleware had come before: `""` if
 * no route has matched, and `undefined` if the context does not tell.
 */
function matchedRoute(context: HonoContext): string | undefined {
  const { matchedRoutes, routeIndex = 0 } = context.req as {
    matchedRoutes?: readonly HonoRoute[];
    routeIndex?: number;
  };
  if (!Array.isArray(matchedRoutes)) return undefined;
  const routes: readonly HonoRoute[] = matchedRoutes;
  const current = routes[routeIndex];
  if (current !== undefined && isHandler(current)) return current.path;
  return routes.slice(routeIndex).find(isHandler)?.path ?? "";
}

/** Whether a route answers, and is no middleware. Hono itself tells them apart in this way. */
function isHandler({ method, handler }: HonoRoute): boolean {
  if (method !== "ALL") return true;
  let original = handler;
  while (original.__COMPOSED_HANDLER !== undefined) original = original.__COMPOSED_HANDLER;
  return original.length < 2;
}
