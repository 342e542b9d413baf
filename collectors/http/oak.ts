/**
 * Metrics of [Oak](https://oakserver.org) on Deno, Bun and Node: one line measures all requests,
 * under the same names as `instrument()` of `@narthex/prometheus/http`.
 *
 * ```ts
 * import { httpMetrics } from "@narthex/prometheus/oak";
 *
 * // const app = new Application();
 * // app.use(httpMetrics()); // before all others
 * void httpMetrics;
 * ```
 *
 * Nothing of Oak is imported or patched.
 *
 * @module
 */
import { checkKnownOptions, type KnownOptions } from "../../model.ts";
import { SERVER_METRICS_OPTIONS, type ServerMetricsOptions } from "./recorder.ts";
import { compileIgnore, type Ignore, namedRoute } from "./routes.ts";
import {
  WebExchange,
  WebRecorder,
  type WebRecorderOptions,
  type WebRequest,
} from "./web_recorder.ts";

export type { HttpMetricsOptions } from "./metrics.ts";
export type { RoutePattern, UrlPattern } from "./path_patterns.ts";
export type { ServerMetricsOptions } from "./recorder.ts";
export { type Ignore, setRoute } from "./routes.ts";
export type { WebRecorderOptions } from "./web_recorder.ts";

/** The members of Oak's context that are used here. */
export interface OakContext {
  /** The request of Oak. */
  readonly request: {
    /** The method. */
    readonly method: string;
    /** The headers. */
    readonly headers: { get(name: string): string | null };
    /** The URL. */
    readonly url: { readonly href: string };
    /** The request of the runtime, where it has one. */
    readonly source?: object | undefined;
  };
  /** The response of Oak. */
  readonly response: {
    /** The status. */
    readonly status: number;
  };
}

/**
 * Options of {@linkcode httpMetrics}. The functions of the option `labels` get the context and its
 * `response`.
 *
 * @typeParam Context The type of the context: `Context` of Oak.
 */
export interface OakMetricsOptions<Context extends OakContext = OakContext>
  extends
    ServerMetricsOptions<Context, Context["response"]>,
    Pick<WebRecorderOptions<Context, Context["response"]>, "detectAborts"> {
  /** Which requests are not measured, as a function or as patterns such as `["/metrics"]`. */
  ignore?: Ignore<Context> | undefined;
}

const KNOWN_OPTIONS: KnownOptions<OakMetricsOptions> = {
  ignore: true,
  ...SERVER_METRICS_OPTIONS,
  detectAborts: true,
};

/**
 * Makes a middleware that measures each request until it was handled. It stands before all others.
 *
 * The label `http_route` is the path of the route as the program has given it, behind the prefixes
 * of its routers. It is empty if no route has matched. Where several routes match, it is the first
 * one, which answers unless it calls the next.
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
 * import { httpMetrics } from "@narthex/prometheus/oak";
 *
 * // const app = new Application();
 * // app.use(httpMetrics({ ignore: ["/metrics"] }));
 * // router.get("/users/:id", (context) => context.response.body = "Ada");
 * void httpMetrics;
 * ```
 */
export function httpMetrics<Context extends OakContext = OakContext>(
  options: OakMetricsOptions<Context> = {},
): (context: Context, next: () => Promise<unknown>) => Promise<void> {
  const doing = "Cannot measure requests of Oak";
  const checked = checkKnownOptions(
    options,
    KNOWN_OPTIONS as KnownOptions<OakMetricsOptions<Context>>, // The same names.
    doing,
  );
  const ignores = compileIgnore(checked.ignore, ({ request }) => request.url.href, doing);
  const recorder = new WebRecorder<Context, Context["response"]>(checked, doing);
  return async function httpMetrics(context, next): Promise<void> {
    if (ignores?.(context)) return void await next();
    const { request, response } = context;
    const exchange = new WebExchange<Context, Context["response"]>(
      webRequestOf(request),
      context,
    );
    recorder.begin(exchange, undefined);
    try {
      await next();
    } catch (error) {
      exchange.route = routeOf(context);
      exchange.status = statusOf(error);
      recorder.fail(exchange, error);
      throw error;
    }
    exchange.route = routeOf(context);
    exchange.response = response;
    // Oak finds the status when it is asked, by the body.
    exchange.status = response.status;
    // The client may have left in the meantime.
    if (recorder.hasLeft(exchange)) recorder.leave(exchange);
    else recorder.end(exchange);
  };
}

/** The request of the runtime, or that of Oak where there is none, as on Node. */
function webRequestOf(request: OakContext["request"]): WebRequest {
  const { source } = request as { source?: Partial<WebRequest> };
  // Where it has these two it is a `Request`, whatever its class.
  return source?.method !== undefined && source.headers !== undefined
    ? source as WebRequest
    : request;
}

/** The status that Oak answers an error with. */
function statusOf(error: unknown): number {
  const { status, name } = (error ?? {}) as { status?: unknown; name?: unknown };
  if ("Deno" in globalThis && error instanceof Error && name === "NotFound") return 404;
  return typeof status === "number" && status !== 0 ? status : 500;
}

/** The members of a layer of Oak's router that are used here. */
interface Layer {
  readonly path: string;
  readonly methods: readonly string[];
}

function routeOf(context: OakContext): string {
  const { matched } = context as { matched?: readonly Layer[] };
  const route = matched?.find(({ methods }) => methods.includes(context.request.method));
  const { source } = context.request;
  return namedRoute(context) ?? (source === undefined ? undefined : namedRoute(source)) ??
    route?.path ?? "";
}
