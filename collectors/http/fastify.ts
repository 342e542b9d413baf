/**
 * Metrics of [Fastify](https://fastify.dev) 5, and of NestJS on Fastify: one line measures all
 * requests, under the same names as `instrument()` of `@narthex/prometheus/http`, and brings the
 * endpoint.
 *
 * ```ts
 * import { httpMetrics } from "@narthex/prometheus/fastify";
 *
 * // await app.register(httpMetrics, { endpoint: "/metrics" }); // before all routes
 * void httpMetrics;
 * ```
 *
 * Nothing of Fastify is imported or patched.
 *
 * @module
 */
import type { MetricsHandlerOptions } from "../../mod.ts";
import { checkKnownOptions, checkOptions, checkShape, type KnownOptions } from "../../model.ts";
import {
  fullUrlOf,
  ListenerExchange,
  ListenerRecorder,
  type ListenerRecorderOptions,
  type NodeRequest,
  type Thrown,
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

/** The members of Fastify's request that are used here. */
export interface FastifyMetricsRequest {
  /** The request of Node. */
  readonly raw: NodeRequest;
  /** Whether no route has matched. */
  readonly is404: boolean;
  /** The route. */
  readonly routeOptions: { readonly url?: string | undefined; readonly config?: object };
}

/** The members of Fastify's reply that are used here. */
export interface FastifyMetricsReply {
  /** The response of Node. */
  readonly raw: WritableNodeResponse;
  /**
   * Leaves the response to the handler.
   *
   * @returns Anything.
   */
  hijack(): unknown;
}

/** The members of a Fastify instance that are used here. */
export interface FastifyMetricsInstance {
  /**
   * Adds a hook for the beginning of requests.
   *
   * @param name The name of the hook.
   * @param hook The hook.
   * @returns Anything.
   */
  addHook(
    name: "onRequest",
    hook: (request: FastifyMetricsRequest, reply: FastifyMetricsReply, done: () => void) => void,
  ): unknown;
  /**
   * Adds a hook for errors.
   *
   * @param name The name of the hook.
   * @param hook The hook.
   * @returns Anything.
   */
  addHook(
    name: "onError",
    hook: (
      request: FastifyMetricsRequest,
      reply: FastifyMetricsReply,
      error: Error,
      done: () => void,
    ) => void,
  ): unknown;
  /**
   * Adds a route.
   *
   * @param route The route.
   * @returns Anything.
   */
  route(route: {
    method: string[];
    url: string;
    config: object;
    handler: (request: FastifyMetricsRequest, reply: FastifyMetricsReply) => void;
  }): unknown;
}

/** Options of {@linkcode httpMetrics}. The functions of `labels` get Fastify's request and reply. */
export interface FastifyMetricsOptions
  extends ListenerRecorderOptions<FastifyMetricsRequest, FastifyMetricsReply> {
  /** The path that answers with the metrics. It is not measured. @default {none} */
  endpoint?: string | undefined;
  /**
   * Options of the endpoint, as `metricsHandler()` has them. Its registry is that of the plugin
   * unless it has one here.
   */
  endpointOptions?: MetricsHandlerOptions | undefined;
  /** Which requests are not measured, as a function or as patterns such as `["/health"]`. */
  ignore?: Ignore<FastifyMetricsRequest> | undefined;
}

const KNOWN_OPTIONS: KnownOptions<FastifyMetricsOptions> = {
  endpoint: true,
  endpointOptions: true,
  ignore: true,
  ...SERVER_METRICS_OPTIONS,
  bodies: true,
};

/** The options that Fastify itself takes from those of a plugin. */
const FASTIFY_OPTIONS = ["prefix", "logLevel", "logSerializers"];

const DOING = "Cannot measure requests of Fastify";

/** The property that marks the route of the endpoint, in its configuration. */
const ENDPOINT = "narthexEndpoint";

/**
 * A plugin that measures each request of the instance until the event `close` of its response. It
 * is registered before all routes, and holds for the whole instance.
 *
 * The label `http_route` is the path of the route as the program has given it, with its prefix. It
 * is empty if no route has matched.
 *
 * @param app The instance.
 * @param options Options.
 * @param done Called when the plugin is ready.
 * @throws {TypeError} If an option is unknown or not legal.
 * @throws {RangeError} If a number is out of its bounds.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example An app with its metrics
 * ```ts
 * import { httpMetrics } from "@narthex/prometheus/fastify";
 *
 * // const app = fastify();
 * // await app.register(httpMetrics, { endpoint: "/metrics" });
 * // app.get("/users/:id", () => "Ada");
 * void httpMetrics;
 * ```
 */
export function httpMetrics(
  app: FastifyMetricsInstance,
  options: FastifyMetricsOptions,
  done: (error?: Error) => void,
): void {
  try {
    addTo(app, options);
  } catch (error) {
    // Fastify does not notice when such a plugin throws, and would wait for it.
    return done(error as Error); // All that is thrown here is one.
  }
  done();
}

type FastifyExchange = ListenerExchange<FastifyMetricsRequest, FastifyMetricsReply>;

function addTo(app: FastifyMetricsInstance, options: FastifyMetricsOptions): void {
  checkOptions(options, DOING);
  const own = Object.fromEntries(
    Object.entries(options).filter(([name]) => !FASTIFY_OPTIONS.includes(name)),
  ) as FastifyMetricsOptions; // The same options but those of Fastify.
  const checked = checkKnownOptions(own, KNOWN_OPTIONS, DOING);
  const { endpoint, endpointOptions, registry } = checked;
  const ignores = compileIgnore(checked.ignore, ({ raw }) => fullUrlOf(raw), DOING);
  const errors = new WeakMap<FastifyMetricsRequest, Thrown>();
  const recorder = new ListenerRecorder(
    checked,
    DOING,
    (request: FastifyMetricsRequest) => errors.get(request),
  );
  // Fastify makes the options of a route whenever they are read.
  const isEndpoint = ({ routeOptions }: FastifyMetricsRequest): boolean =>
    ENDPOINT in (routeOptions.config ?? {});
  app.addHook("onRequest", (request, reply, next) => {
    if ((endpoint === undefined || !isEndpoint(request)) && ignores?.(request) !== true) {
      const exchange: FastifyExchange = new ListenerExchange(request, reply.raw, routeOf);
      exchange.response = reply;
      recorder.watch(exchange, request.raw);
    }
    next();
  });
  app.addHook("onError", (request, _reply, error, next) => {
    errors.set(request, { error });
    next();
  });
  if (endpoint !== undefined) {
    checkShape(typeof endpoint === "string", DOING, "endpoint must be a path", endpoint);
    const answer = metricsListener({ registry, ...endpointOptions });
    const handler = (request: FastifyMetricsRequest, reply: FastifyMetricsReply): void => {
      reply.hijack();
      answer(request.raw, reply.raw);
    };
    const config = { [ENDPOINT]: true };
    app.route({ method: ["GET", "HEAD", "OPTIONS"], url: endpoint, config, handler });
  }
}

// Fastify reads these: the hooks hold for the whole instance, and the plugin has a name.
Object.defineProperties(httpMetrics, {
  [Symbol.for("skip-override")]: { value: true },
  [Symbol.for("fastify.display-name")]: { value: "narthex-http-metrics" },
});

function routeOf(request: FastifyMetricsRequest): string {
  return namedRoute(request) ?? (request.is404 ? "" : request.routeOptions.url ?? "");
}
