import { checkKnownOptions, checkShape, type KnownOptions } from "../../model.ts";
import type { RoutePattern } from "./path_patterns.ts";
import { LEFT, type Outcome, SERVER_METRICS_OPTIONS } from "./recorder.ts";
import { compileIgnore, type Ignore, RouteFinder, type RouteOf } from "./routes.ts";
import { type WebExchange, WebRecorder, type WebRecorderOptions } from "./web_recorder.ts";

/** Options of {@linkcode instrument}. */
export interface InstrumentOptions extends WebRecorderOptions<Request, Response> {
  /**
   * The label `http_route`: the name of the only route that the handler has; patterns, where the
   * first one that matches is the name; or a function that names the route. It is asked before
   * the handler, and what the handler says by `setRoute()` counts more. Where there is no route,
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

/** What is called, and with what. */
interface Call {
  readonly handler: Handler;
  readonly self: unknown;
  /** The route that the runtime has matched, if it does. */
  readonly key?: string | undefined;
  /** Returns what a framework has found out, once it has answered. */
  readonly found?: ((request: Request) => Found) | undefined;
}

/** What a framework has found out about a request. */
interface Found {
  readonly route: string | undefined;
  /** An error that was thrown, and that the framework has answered. */
  readonly error: { readonly error: unknown } | undefined;
  /** Whether the request asks for an upgrade. */
  readonly isUpgrade: boolean;
}

/** A request, and its route by the options or by the runtime. */
interface Begun {
  readonly exchange: WebExchange<Request>;
  readonly route: string;
  readonly found: Call["found"];
}

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
   * @returns What the handler returns. A promise and a response are the same object, unless bodies
   * are measured.
   */
  handle({ handler, self, key, found }: Call, args: Parameters<Handler>): unknown {
    const request = args[0];
    refuseListener(request, args[1]);
    if (this.#ignores !== undefined && this.#ignores(request)) return handler.apply(self, args);
    const begun: Begun = {
      exchange: this.#recorder.begin(request, request, args[1]),
      route: key ?? this.#routes.find(request),
      found,
    };
    let answer: unknown;
    try {
      answer = handler.apply(self, args);
    } catch (error) {
      this.#fail(begun, error);
      throw error;
    }
    return isPending(answer) ? this.#await(begun, answer) : this.#answer(begun, answer);
  }

  /** Measures what is answered later. */
  #await(begun: Begun, pending: PromiseLike<unknown>): unknown {
    const answer = (settled: unknown): unknown => {
      // The client may have left in the meantime.
      if (!this.#recorder.hasLeft(begun.exchange)) return this.#answer(begun, settled);
      const outcome = { status: "", route: this.#routeOf(begun), failure: LEFT } as const;
      this.#recorder.end(begun.exchange, outcome, asResponse(settled));
      return settled;
    };
    if (pending instanceof Promise && !this.#recorder.bodies) {
      // The server is given the handler's own promise, and is the one to handle its errors.
      pending.then(answer, (error) => this.#fail(begun, error));
      return pending;
    }
    // Only once, since a `then` of a program's own may do the work at each call.
    return Promise.resolve(pending).then(answer, (error) => {
      this.#fail(begun, error);
      throw error;
    });
  }

  #answer(begun: Begun, answer: unknown): unknown {
    const { exchange } = begun;
    const route = this.#routeOf(begun);
    const response = asResponse(answer);
    if (response === undefined) {
      // Bun's handlers return nothing after an upgrade. Anything else is answered by an error.
      const status = this.#isBun && answer === undefined ? 101 : 500;
      this.#recorder.end(exchange, { status, route }, undefined);
      return answer;
    }
    const outcome = begun.found === undefined
      ? { status: response.status, route }
      : toOutcome(response.status, begun.found(exchange.subject), route);
    const labels = this.#recorder.end(exchange, outcome, response);
    if (!this.#recorder.bodies) return answer;
    return this.#recorder.count(exchange, outcome, { response, labels });
  }

  #fail(begun: Begun, error: unknown): void {
    this.#recorder.fail(begun.exchange, { error, route: this.#routeOf(begun) });
  }

  #routeOf({ exchange: { subject }, route, found }: Begun): string {
    return this.#routes.named(subject) ?? found?.(subject).route ?? route;
  }
}

/** The outcome of a request that a framework has answered. */
function toOutcome(status: number, { error, isUpgrade }: Found, route: string): Outcome {
  return isUpgrade && status === 200
    ? { status: 101, route }
    : { status, route, failure: status >= 500 ? error : undefined };
}

function isPending(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === "function";
}

/** Throws if a handler is given what listeners of Node are given. */
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
