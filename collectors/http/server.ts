import { checkKnownOptions, checkShape, type KnownOptions } from "../../model.ts";
import { countBody } from "./counted_body.ts";
import { isAbortError } from "./error_type.ts";
import type { RoutePattern } from "./path_patterns.ts";
import {
  type Exchange,
  type Failure,
  LEFT,
  type Outcome,
  parseLength,
  SERVER_METRICS_OPTIONS,
  type ServerMetricsOptions,
  ServerRecorder,
} from "./recorder.ts";
import { compileIgnore, type Ignore, RouteFinder, type RouteOf } from "./routes.ts";

/** Options of {@linkcode instrument}. */
export interface InstrumentOptions extends ServerMetricsOptions<Request, Response> {
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
   * Whether the sizes of responses are measured. A stream that counts takes the place of the body
   * then, so that `Content-Length` goes, and files are sent more slowly. Without it, the handler's
   * response is sent as the same object. @default {false}
   */
  bodies?: boolean | undefined;
  /**
   * Whether to find out on Deno, too, if the client has left when the handler answers. It costs
   * several microseconds for each request, and Deno prints a notice. Other runtimes tell at
   * no price. @default {false}
   */
  detectAborts?: boolean | undefined;
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

/** What is known when a request begins. */
interface Begun extends Exchange<Request> {
  /** The route by the options, or the key of the route that Bun has matched. */
  readonly route: string;
  /** Settled when the last byte was sent, where the runtime tells. */
  readonly completed: PromiseLike<unknown> | undefined;
  /** Aborted if the client has left, where it has to be asked for in time. */
  readonly signal: AbortSignal | undefined;
}

/** Measures handlers of the shape of `fetch`. */
export class FetchRecorder {
  /** Whether static routes of Bun are measured. */
  readonly staticRoutes: boolean;
  readonly #recorder: ServerRecorder<Request, Response>;
  readonly #routes: RouteFinder<Request>;
  readonly #ignores: ((request: Request) => boolean) | undefined;
  readonly #bodies: boolean;
  readonly #detectAborts: boolean;
  readonly #isDeno: boolean = "Deno" in globalThis;
  readonly #isBun: boolean = "Bun" in globalThis;

  /**
   * Prepares to measure.
   *
   * @param given The options.
   * @throws {TypeError} If an option is unknown or not legal.
   */
  constructor(given: InstrumentOptions) {
    const options = checkKnownOptions(given, KNOWN_OPTIONS, DOING);
    const { bodies = false, detectAborts = false, staticRoutes = false } = options;
    for (const [name, flag] of Object.entries({ bodies, detectAborts, staticRoutes })) {
      checkShape(typeof flag === "boolean", DOING, `${name} must be a boolean`, flag);
    }
    this.#routes = new RouteFinder(options, urlOf, DOING);
    this.#ignores = compileIgnore(options.ignore, urlOf, DOING);
    this.#bodies = bodies;
    this.#detectAborts = detectAborts && this.#isDeno;
    this.staticRoutes = staticRoutes;
    this.#recorder = new ServerRecorder(options, DOING, bodies);
  }

  /**
   * Calls a handler and measures it.
   *
   * @param handler The handler.
   * @param self Its `this`.
   * @param args Its arguments.
   * @param key The route that the runtime has matched, if it does.
   * @returns What the handler returns. A promise and a response are the same object, unless bodies
   * are measured.
   */
  handle(
    handler: Handler,
    self: unknown,
    args: Parameters<Handler>,
    key: string | undefined,
  ): unknown {
    const request = args[0];
    refuseListener(request, args[1]);
    if (this.#ignores !== undefined && this.#ignores(request)) return handler.apply(self, args);
    const begun = this.#begin(request, args[1], key);
    let answer: unknown;
    try {
      answer = handler.apply(self, args);
    } catch (error) {
      this.#fail(begun, error);
      throw error;
    }
    return isPending(answer) ? this.#await(begun, answer) : this.#answer(begun, answer, false);
  }

  /** Measures what is answered later. */
  #await(begun: Begun, answer: PromiseLike<unknown>): unknown {
    if (answer instanceof Promise && !this.#bodies) {
      // The server is given the handler's own promise, and is the one to handle its errors.
      answer.then((settled) => this.#answer(begun, settled, true), (error) => {
        this.#fail(begun, error);
      });
      return answer;
    }
    // Only once, since a `then` of a program's own may do the work at each call.
    return Promise.resolve(answer).then(
      (settled) => this.#answer(begun, settled, true),
      (error) => {
        this.#fail(begun, error);
        throw error;
      },
    );
  }

  #begin(request: Request, info: unknown, key: string | undefined): Begun {
    const recorder = this.#recorder;
    const method = recorder.methodOf(request.method);
    return {
      start: recorder.now(),
      method,
      active: recorder.begin(method),
      request,
      // Most requests without a body need not have their headers read.
      size: method === "GET" || method === "HEAD"
        ? undefined
        : parseLength(request.headers.get("content-length")),
      route: key ?? this.#routes.find(request),
      completed: this.#isDeno ? completedOf(info) : undefined,
      signal: this.#detectAborts ? request.signal : undefined,
    };
  }

  #fail(begun: Begun, error: unknown): void {
    const { request, signal } = begun;
    // A signal that a handler has thrown the error of is there already, so asking costs nothing.
    const hasLeft = this.#isDeno && signal === undefined
      ? isAbortError(error) && isAborted(request.signal)
      : isAborted(signal ?? request.signal);
    const failure: Failure = hasLeft ? LEFT : { error };
    this.#end(begun, { status: hasLeft ? "" : 500, route: this.#routeOf(begun), failure });
  }

  #answer(begun: Begun, answer: unknown, isLate: boolean): unknown {
    const route = this.#routeOf(begun);
    if (this.#hasLeft(begun, isLate)) {
      this.#end(begun, { status: "", route, failure: LEFT }, asResponse(answer));
      return answer;
    }
    const response = asResponse(answer);
    if (response === undefined) {
      // Bun's handlers return nothing after an upgrade. Anything else is answered by an error.
      const status = this.#isBun && answer === undefined ? 101 : 500;
      this.#end(begun, { status, route }, undefined);
      return answer;
    }
    const outcome = { status: response.status, route };
    const labels = this.#end(begun, outcome, response);
    return this.#bodies ? this.#count(begun, outcome, response, labels) : answer;
  }

  /** Whether the client has left before the answer. One that came at once is in time. */
  #hasLeft({ request, signal }: Begun, isLate: boolean): boolean {
    if (!isLate) return false;
    return isAborted(this.#isDeno ? signal : request.signal);
  }

  /** Counts the request, at once or when the last byte was sent. */
  #end(begun: Begun, outcome: Outcome, response?: Response): readonly string[] {
    const { completed } = begun;
    // Now, since the runtime may let go of the request.
    const labels = this.#recorder.labelsOf(begun.request, response);
    // An upgrade is over when it has begun.
    if (completed === undefined || outcome.status === 101) {
      this.#recorder.end(begun, outcome, labels);
    } else {
      const end = (): void => this.#recorder.end(begun, outcome, labels);
      // It tells when, not whether: it is fulfilled also if the client has left.
      completed.then(end, end);
    }
    return labels;
  }

  /** Counts the bytes of a response. */
  #count(
    begun: Begun,
    outcome: Outcome,
    response: Response,
    labels: readonly string[],
  ): Response {
    // Servers know an upgrade by the object.
    if (response.status < 200) return response;
    if (begun.method === "HEAD") {
      this.#recorder.sent(begun, outcome, labels, 0);
      return response;
    }
    return countBody(response, (size, failure) => {
      this.#recorder.sent(begun, outcome, labels, size);
      if (failure === undefined) return;
      this.#recorder.fail(begun, { route: outcome.route, failure }, labels);
    });
  }

  #routeOf({ request, route }: Begun): string {
    return this.#routes.named(request) ?? route;
  }
}

function isPending(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === "function";
}

/** Throws if a handler is given what listeners of Node are given. */
function refuseListener(request: unknown, second: unknown): void {
  if (typeof (second as { writeHead?: unknown } | null | undefined)?.writeHead !== "function") {
    return;
  }
  const rule =
    'it must take a Request; for (request, response) of Node there is instrumentListener() of "@narthex/prometheus/node"';
  checkShape(false, DOING, rule, request);
}

function urlOf(request: Request): string {
  return request.url;
}

function isAborted(signal: AbortSignal | undefined): boolean {
  // Some adapters have requests without one.
  return signal?.aborted === true;
}

/** The promise that Deno hands to a handler beside the request. */
function completedOf(info: unknown): PromiseLike<unknown> | undefined {
  const completed = (info as { completed?: unknown } | null | undefined)?.completed;
  return completed instanceof Promise ? completed : undefined;
}

/** A response, also of another realm or of a server for Node that has its own class. */
function asResponse(answer: unknown): Response | undefined {
  // Nothing but the status is read: on Bun, files lose their range when the headers are.
  const isResponse = typeof answer === "object" && answer !== null &&
    typeof (answer as Partial<Response>).status === "number";
  return isResponse ? answer as Response : undefined;
}
