import { checkKnownOptions, checkShape, type KnownOptions } from "../../model.ts";
import type { RoutePattern } from "./path_patterns.ts";
import { SERVER_METRICS_OPTIONS } from "./recorder.ts";
import { compileIgnore, type Ignore, RouteFinder, type RouteOf } from "./routes.ts";
import { WebExchange, WebRecorder, type WebRecorderOptions } from "./web_recorder.ts";

/** Options of {@linkcode instrument}. */
export interface InstrumentOptions extends WebRecorderOptions<Request, Response> {
  /**
   * The label `http_route`: the name of the only route that the handler has; patterns, where the
   * first one that matches is the name; or a function that names the route. It is asked before
   * the handler, and `setRoute()` counts more. Where there is no route,
   * where the function throws or returns no string, the label is empty. It is never the path.
   */
  route?: RouteOf<Request> | string | readonly RoutePattern[] | undefined;
  /**
   * How many routes a function and `setRoute()` may name; all others become `_OTHER`. It bounds
   * the damage of a function that returns paths. @default {200}
   */
  maxRoutes?: number | undefined;
  /** Which requests are not measured, as a function or as patterns such as `["/metrics"]`. */
  ignore?: Ignore<Request> | undefined;
  /**
   * Whether to measure static responses and files in the `routes` of `Bun.serve()`. They become
   * functions then, so that Bun does not answer with `ETag`, `Last-Modified` and status 304 any
   * more. @default {false}
   */
  staticRoutes?: boolean | undefined;
}

const KNOWN_OPTIONS: KnownOptions<InstrumentOptions> = {
  route: true,
  maxRoutes: true,
  ignore: true,
  ...SERVER_METRICS_OPTIONS,
  bodies: true,
  detectAborts: true,
  staticRoutes: true,
};

const DOING = "Cannot instrument handler";

/** A handler of the shape of `fetch`. */
export type Handler = (this: unknown, ...args: [request: Request, ...rest: unknown[]]) => unknown;

/** A handler, and how the routes of its requests are found. */
export interface Measured {
  readonly handler: Handler;
  /** The route that the runtime has matched, if it does. */
  readonly key?: string | undefined;
  /** Returns the findings of a framework, once it has answered. */
  readonly found?: ((request: Request) => Found) | undefined;
}

/** The findings of a framework about a request. */
interface Found {
  readonly route: string | undefined;
  /** An error that was thrown, and that the framework has answered. */
  readonly error: { readonly error: unknown } | undefined;
  /** Whether the request asks for an upgrade. */
  readonly isUpgrade: boolean;
}

/** A request that is being answered. */
type FetchExchange = WebExchange<Request, Response>;

/** Measures handlers of the shape of `fetch`. */
export class FetchRecorder {
  /** Whether static routes of Bun are measured. */
  readonly staticRoutes: boolean;
  readonly #recorder: WebRecorder<Request, Response>;
  readonly #routes: RouteFinder<Request>;
  readonly #ignores: ((request: Request) => boolean) | undefined;
  readonly #isBun: boolean = "Bun" in globalThis;

  /**
   * Prepares to measure.
   *
   * @param given The options.
   * @throws {TypeError} If an option is unknown or not legal.
   */
  constructor(given: InstrumentOptions) {
    const options = checkKnownOptions(given, KNOWN_OPTIONS, DOING);
    const { staticRoutes = false } = options;
    const rule = "staticRoutes must be a boolean";
    checkShape(typeof staticRoutes === "boolean", DOING, rule, staticRoutes);
    this.staticRoutes = staticRoutes;
    this.#routes = new RouteFinder(options, urlOf, DOING);
    this.#ignores = compileIgnore(options.ignore, urlOf, DOING);
    this.#recorder = new WebRecorder(options, DOING);
  }

  /**
   * Calls a handler and measures it.
   *
   * @param measured The handler.
   * @param self Its `this`.
   * @param args Its arguments.
   * @returns What the handler returns. A promise and a response are the same object, unless bodies
   * are measured.
   */
  handle(measured: Measured, self: unknown, args: Parameters<Handler>): unknown {
    const [request, info] = args;
    const { handler } = measured;
    refuseListener(request, info);
    if (this.#ignores !== undefined && this.#ignores(request)) return handler.apply(self, args);
    const exchange: FetchExchange = new WebExchange(request, request);
    this.#recorder.begin(exchange, info);
    // Before the handler, since the runtime may let go of the request.
    exchange.route = measured.key ?? this.#routes.find(request);
    let answer: unknown;
    try {
      answer = handler.apply(self, args);
    } catch (error) {
      this.#fail(exchange, measured, error);
      throw error;
    }
    return isPending(answer)
      ? this.#await(exchange, measured, answer)
      : this.#answer(exchange, measured, answer);
  }

  /** Measures an answer that is a promise. */
  #await(exchange: FetchExchange, measured: Measured, pending: PromiseLike<unknown>): unknown {
    const answer = (settled: unknown): unknown => {
      // The client may have left in the meantime.
      if (!this.#recorder.hasLeft(exchange)) return this.#answer(exchange, measured, settled);
      exchange.route = this.#routeOf(exchange, measured);
      exchange.response = asResponse(settled);
      this.#recorder.leave(exchange);
      return settled;
    };
    if (pending instanceof Promise && !this.#recorder.bodies) {
      // The server is given the handler's own promise, and is the one to handle its errors.
      pending.then(answer, (error) => this.#fail(exchange, measured, error));
      return pending;
    }
    // Only once, since a `then` of a program's own may do the work at each call.
    return Promise.resolve(pending).then(answer, (error) => {
      this.#fail(exchange, measured, error);
      throw error;
    });
  }

  #answer(exchange: FetchExchange, measured: Measured, answer: unknown): unknown {
    exchange.route = this.#routeOf(exchange, measured);
    const response = asResponse(answer);
    exchange.response = response;
    if (response === undefined) {
      // Bun's handlers return nothing after an upgrade. Anything else is answered by an error.
      exchange.status = this.#isBun && answer === undefined ? 101 : 500;
    } else {
      exchange.status = response.status;
      if (measured.found !== undefined) take(measured.found(exchange.subject), exchange);
    }
    this.#recorder.end(exchange);
    if (response === undefined || !this.#recorder.bodies) return answer;
    return this.#recorder.count(exchange, response);
  }

  #fail(exchange: FetchExchange, measured: Measured, error: unknown): void {
    exchange.route = this.#routeOf(exchange, measured);
    exchange.status = 500;
    this.#recorder.fail(exchange, error);
  }

  #routeOf({ subject, route }: FetchExchange, { found }: Measured): string {
    return this.#routes.named(subject) ?? found?.(subject).route ?? route;
  }
}

/** Applies the findings of a framework to a request that it has answered. */
function take({ error, isUpgrade }: Found, exchange: FetchExchange): void {
  const { status } = exchange;
  if (isUpgrade && status === 200) exchange.status = 101;
  if (status !== "" && status >= 500) exchange.failure = error;
}

function isPending(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === "function";
}

/** Throws if a handler gets the arguments of a listener of Node. */
function refuseListener(request: unknown, second: unknown): void {
  if (typeof (second as { writeHead?: unknown } | null | undefined)?.writeHead !== "function") {
    return;
  }
  const rule = "it must take a Request; for (request, response) of Node there is " +
    'instrumentListener() of "@narthex/prometheus/node"';
  checkShape(false, DOING, rule, request);
}

function urlOf(request: Request): string {
  return request.url;
}

/** A response, also of another realm or of a server for Node that has its own class. */
function asResponse(answer: unknown): Response | undefined {
  // Nothing but the status is read: on Bun, files lose their range when the headers are.
  const isResponse = typeof answer === "object" && answer !== null &&
    typeof (answer as Partial<Response>).status === "number";
  return isResponse ? answer as Response : undefined;
}
