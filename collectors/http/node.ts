/**
 * Metrics of servers on `node:http` and `node:http2`, and of frameworks on top of them.
 *
 * {@linkcode instrumentListener} measures a listener, under the same names as `instrument()` of
 * `@narthex/prometheus/http`. {@linkcode metricsListener} answers with the metrics.
 *
 * ```ts
 * import { instrumentListener, metricsListener } from "@narthex/prometheus/node";
 * import { createServer } from "node:http";
 *
 * const metrics = metricsListener();
 * const server = createServer(instrumentListener((request, response) => {
 *   if (request.url === "/metrics") return void metrics(request, response);
 *   response.end("Ada");
 * }, { route: ["/users/:id"], ignore: ["/metrics"] }));
 * server.listen(0, "127.0.0.1", () => server.close());
 * ```
 *
 * @module
 */
import { checkKnownOptions, checkShape, type KnownOptions } from "../../model.ts";
import {
  fullUrlOf,
  ListenerExchange,
  ListenerRecorder,
  type ListenerRecorderOptions,
  type NodeRequest,
  type NodeResponse,
} from "./listener_recorder.ts";
import type { WritableNodeResponse } from "./metrics_listener.ts";
import type { RoutePattern } from "./path_patterns.ts";
import { SERVER_METRICS_OPTIONS } from "./recorder.ts";
import { compileIgnore, type Ignore, RouteFinder, type RouteOf } from "./routes.ts";

export type { ListenerRecorderOptions, NodeRequest, NodeResponse } from "./listener_recorder.ts";
export type { HttpMetricsOptions } from "./metrics.ts";
export {
  type MetricsListener,
  metricsListener,
  type WritableNodeResponse,
} from "./metrics_listener.ts";
export type { RoutePattern, UrlPattern } from "./path_patterns.ts";
export type { ServerMetricsOptions } from "./recorder.ts";
export { type Ignore, type RouteOf, setRoute } from "./routes.ts";

/**
 * The response of a listener whose parameters have no types of their own. Those of `node:http` have
 * more members.
 */
export interface ListenerResponse extends WritableNodeResponse {
  /** The status. @default {200} */
  statusCode: number;
  /**
   * Sets a header.
   *
   * @param name The name.
   * @param value The value.
   * @returns Anything.
   */
  setHeader(name: string, value: number | string | readonly string[]): unknown;
  /**
   * Sends the head.
   *
   * @param status The status.
   * @param headers The headers.
   * @returns Anything.
   */
  writeHead(status: number, headers?: Record<string, number | string | string[]>): unknown;
  /**
   * Sends a piece.
   *
   * @param piece The piece.
   * @returns Whether more may be written before the event `drain`.
   */
  write(piece: string | Uint8Array): boolean;
  /**
   * Ends the answer.
   *
   * @param piece The last piece.
   * @returns Anything.
   */
  end(piece?: string | Uint8Array): unknown;
}

/**
 * Options of {@linkcode instrumentListener}.
 *
 * @typeParam Req The type of the listener's request.
 * @typeParam Res The type of its response.
 */
export interface InstrumentListenerOptions<
  Req extends NodeRequest = NodeRequest,
  Res extends NodeResponse = NodeResponse,
> extends ListenerRecorderOptions<Req, Res> {
  /**
   * The label `http_route`: the name of the only route that the listener has; patterns, where the
   * first one that matches is the name; or a function that names the route. It is asked when the
   * request is over, and `setRoute()` counts more. Where there is no
   * route, where the function throws or returns no string, the label is empty. It is never the
   * path.
   */
  route?: RouteOf<Req> | string | readonly RoutePattern[] | undefined;
  /**
   * How many routes a function and `setRoute()` may name; all others become `_OTHER`. It bounds
   * the damage of a function that returns paths. @default {200}
   */
  maxRoutes?: number | undefined;
  /** Which requests are not measured, as a function or as patterns such as `["/metrics"]`. */
  ignore?: Ignore<Req> | undefined;
}

const KNOWN_OPTIONS: KnownOptions<InstrumentListenerOptions> = {
  route: true,
  maxRoutes: true,
  ignore: true,
  ...SERVER_METRICS_OPTIONS,
  bodies: true,
};

/**
 * Wraps a listener of `node:http` or `node:http2` and measures each request until the event
 * `close` of its response: how long it takes, how many are active, how large they are, and which
 * fail or are aborted. Nothing is read or changed but the listener's own doing.
 *
 * - A request whose client left before the answer counts with an empty status, and as an error of
 *   the type `abort`. One whose client left in the midst of the answer counts with its status, and
 *   as the same error.
 * - A listener that throws or rejects does so as before: Node ends the program unless the program
 *   prevents it.
 * - Upgrades are not measured. Node hands them to listeners of the event `upgrade`.
 *
 * @typeParam This The type of its `this`.
 * @typeParam Req The type of its request.
 * @typeParam Res The type of its response.
 * @typeParam R The type of its result.
 * @param listener The listener.
 * @param options Options.
 * @returns A listener of the same signature.
 * @throws {TypeError} If it is not a function, or an option is unknown or not legal.
 * @throws {RangeError} If a number is out of its bounds.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example A listener with its routes
 * ```ts
 * import { instrumentListener } from "@narthex/prometheus/node";
 * import { createServer } from "node:http";
 *
 * const listener = instrumentListener((_request, response) => {
 *   response.end("Ada");
 * }, { route: ["/users/:id"] });
 * const server = createServer(listener);
 * server.listen(0, "127.0.0.1", () => server.close());
 * ```
 */
export function instrumentListener<
  This,
  Req extends NodeRequest = NodeRequest,
  Res extends NodeResponse = ListenerResponse,
  R = void,
>(
  listener: (this: This, request: Req, response: Res) => R,
  options: InstrumentListenerOptions<Req, Res> = {},
): (this: This, request: Req, response: Res) => R {
  const doing = "Cannot instrument listener";
  checkShape(typeof listener === "function", doing, "it must be a function", listener);
  const checked = checkKnownOptions(
    options,
    KNOWN_OPTIONS as KnownOptions<InstrumentListenerOptions<Req, Res>>, // The same names.
    doing,
  );
  const ignores = compileIgnore(checked.ignore, fullUrlOf, doing);
  const routes = new RouteFinder<Req>(checked, fullUrlOf, doing);
  const recorder = new ListenerRecorder<Req, Res>(checked, doing);
  const routeOf = (request: Req): string => routes.named(request) ?? routes.find(request);
  const measured = function (this: This, request: Req, response: Res): R {
    const isNode = typeof request?.headers === "object" && typeof response?.on === "function";
    const rule = "it takes (request, response) of Node; for a Request there is instrument() of " +
      '"@narthex/prometheus/http"';
    checkShape(isNode, doing, rule, request);
    if (ignores?.(request)) return listener.call(this, request, response);
    const exchange = new ListenerExchange<Req, Res>(request, response, routeOf);
    exchange.response = response;
    recorder.watch(exchange, request);
    return observe(exchange, () => listener.call(this, request, response));
  };
  return Object.defineProperties(measured, {
    name: { value: listener.name, configurable: true },
    length: { value: listener.length, configurable: true },
  });
}

/** Calls a listener, and keeps the error that it throws or rejects with. */
function observe<R>(exchange: { error?: { error: unknown } | undefined }, call: () => R): R {
  const fail = (error: unknown): never => {
    exchange.error = { error };
    throw error;
  };
  let result: R;
  try {
    result = call();
  } catch (error) {
    return fail(error);
  }
  // Rejects as before, so that an unhandled error stays unhandled.
  return result instanceof Promise ? result.catch(fail) as R : result;
}
