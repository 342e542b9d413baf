import type { Clock } from "../../mod.ts";
import { type BodyEnd, watchBody } from "./body.ts";
import { type ErrorTypes, KnownMethods } from "./labels.ts";
import { CLOCK, type HttpMetricsOptions, SERVER_METRICS, type ServerMetrics } from "./metrics.ts";
import { PatternList, RouteFinder, type RoutePattern } from "./routes.ts";

/** The error type of requests whose client left before it had the whole answer. */
const ABORTED = "abort";

/** Options of {@linkcode instrument}. */
export interface InstrumentOptions extends HttpMetricsOptions {
  /**
   * The label `http_route`: a function that names the route of a request, or patterns, the first of
   * which that matches is its name. It is asked before the handler, and what the handler says by
   * `setRoute()` counts more. Where there is no route, where the function throws or returns
   * no string, the label is empty. The path itself is never taken.
   */
  route?:
    | ((request: Request) => string | null | undefined)
    | readonly RoutePattern[]
    | undefined;
  /**
   * How many routes a function and `setRoute()` may name; all others become `_OTHER`. It bounds
   * the damage of a function that returns paths. @default {200}
   */
  maxRoutes?: number | undefined;
  /** Which requests are not measured, as a function or as patterns such as `["/metrics"]`. */
  ignore?: ((request: Request) => boolean) | readonly RoutePattern[] | undefined;
  /** Methods to tell apart besides those of the RFCs; all others become `_OTHER`. */
  methods?: readonly string[] | undefined;
  /**
   * Whether a request lasts until its answer's body was sent, and the body is measured. With
   * `false` it lasts until the handler has answered, no response is touched, and the size is what
   * `Content-Length` says, if it does. @default {true}
   */
  bodies?: boolean | undefined;
}

/** A request that is being answered. */
interface Exchange {
  readonly method: string;
  /** The route that the request had before it was handled. */
  readonly route: string;
  readonly start: number;
  /** What its `Content-Length` says. */
  readonly size: number | undefined;
}

/** What handlers are measured with. */
export class ServerInstruments {
  readonly #metrics: ServerMetrics;
  readonly #errorTypes: ErrorTypes;
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #methods: KnownMethods;
  readonly #routes: RouteFinder;
  readonly #ignore: (request: Request) => unknown;
  readonly #bodies: boolean;

  constructor(options: InstrumentOptions) {
    const { route, maxRoutes, ignore, methods, bodies = true, clock = CLOCK } = options;
    this.#methods = new KnownMethods(methods);
    this.#routes = new RouteFinder(route, maxRoutes);
    this.#ignore = checkIgnore(ignore);
    this.#bodies = bodies;
    this.#clock = clock;
    const { metrics, errorTypes } = SERVER_METRICS.get(options);
    this.#metrics = metrics;
    this.#errorTypes = errorTypes;
  }

  /** Calls a handler, and measures until its answer is over. */
  handle<R>(request: Request, call: () => R): R | Promise<Awaited<R>> {
    if (this.#ignores(request)) return call();
    const exchange = this.#begin(request);
    let answer: R;
    try {
      answer = call();
    } catch (error) {
      this.#fail(exchange, request, error);
      throw error;
    }
    // What has a `then` is awaited by whoever serves it.
    if (typeof (answer as { then?: unknown } | null | undefined)?.then === "function") {
      return Promise.resolve(answer).then(
        (settled) => this.#answer(exchange, request, settled),
        (error) => {
          this.#fail(exchange, request, error);
          throw error;
        },
      );
    }
    // It is no promise, so awaiting changes nothing.
    return this.#answer(exchange, request, answer as Awaited<R>);
  }

  #ignores(request: Request): boolean {
    try {
      return this.#ignore(request) === true;
    } catch {
      return false;
    }
  }

  #begin(request: Request): Exchange {
    const start = this.#clock.monotonic();
    const { method } = request;
    const folded = this.#methods.fold(method);
    // Most requests without a body need not have their headers read.
    const size = method === "GET" || method === "HEAD" ? undefined : lengthOf(request.headers);
    this.#metrics.active.labels(folded).inc();
    // Later, a runtime may have let go of the request.
    const route = this.#routes.find(request);
    return { method: folded, route, start, size };
  }

  #fail(exchange: Exchange, request: Request, error: unknown): void {
    const route = this.#routes.named(request) ?? exchange.route;
    this.#end(exchange, route, 500, undefined, { error });
  }

  #answer<A>(exchange: Exchange, request: Request, answer: A): A | Promise<A> {
    const route = this.#routes.named(request) ?? exchange.route;
    if (!isResponse(answer)) {
      // Bun's handlers return nothing when they have upgraded; anything else is answered by an error.
      this.#end(exchange, route, answer === undefined ? 101 : 500, undefined, "whole");
      return answer;
    }
    const { status } = answer;
    const end = (size: number | undefined, how: BodyEnd): void =>
      this.#end(exchange, route, status, size, how);
    if (status < 200) {
      // An upgrade, which runtimes know by the object.
      end(undefined, "whole");
    } else if (exchange.method === "HEAD") {
      end(0, "whole");
    } else if (!this.#bodies) {
      end(lengthOf(answer.headers), "whole");
    } else {
      // The response that takes its place is one as well.
      return watchBody(answer, end) as A | Promise<A>;
    }
    return answer;
  }

  #end(
    { method, start, size: requestSize }: Exchange,
    route: string,
    status: number,
    size: number | undefined,
    how: BodyEnd,
  ): void {
    const { active, duration, requestSize: requestSizes, responseSize, errors } = this.#metrics;
    active.labels(method).dec();
    // A clock of a machine that sleeps may go back: a duration never does.
    const seconds = Math.max(0, this.#clock.monotonic() - start);
    duration.labels(method, status, route).observe(seconds);
    if (requestSize !== undefined) requestSizes.labels(method, status, route).observe(requestSize);
    if (size !== undefined) responseSize.labels(method, status, route).observe(size);
    if (how === "whole") return;
    const type = how === "aborted" ? ABORTED : this.#errorTypes.nameOf(how.error);
    errors.labels(method, route, type).inc();
  }
}

function checkIgnore(ignore: InstrumentOptions["ignore"]): (request: Request) => unknown {
  if (ignore === undefined) return () => false;
  if (typeof ignore === "function") return ignore;
  const patterns = new PatternList(ignore, "Cannot instrument handler: ignore");
  return (request) => patterns.find(request) !== undefined;
}

/** Also one of another realm, or of a server for Node that has its own class. */
function isResponse(answer: unknown): answer is Response {
  // Its headers are not read: some runtimes make them only then.
  return typeof answer === "object" && answer !== null && "headers" in answer &&
    typeof (answer as Partial<Response>).status === "number";
}

/** What `Content-Length` says, if it is there and a length. */
export function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length");
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
