import { checkShape } from "../../model.ts";
import { countBody } from "./counted_body.ts";
import { isAbortError } from "./error_type.ts";
import {
  Exchange,
  LEFT,
  parseLength,
  type ServerMetricsOptions,
  ServerRecorder,
} from "./recorder.ts";

/** Options that everything on `Request` and `Response` has in common. */
export interface WebRecorderOptions<Subject, Res> extends ServerMetricsOptions<Subject, Res> {
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
}

/** The members of a `Request` that are used here. */
export interface WebRequest {
  /** The method. */
  readonly method: string;
  /** The headers. */
  readonly headers: { get(name: string): string | null };
  /** Aborted when the client leaves. Some adapters have none. */
  readonly signal?: AbortSignal;
}

/** A request that is being answered. */
export class WebExchange<Subject, Res> extends Exchange<Subject, Res> {
  readonly request: WebRequest;
  /** Settled when the last byte was sent, where the runtime tells. */
  completed: PromiseLike<unknown> | undefined = undefined;
  /** Aborted if the client has left, where it has to be asked for in time. */
  signal: AbortSignal | undefined = undefined;

  constructor(request: WebRequest, subject: Subject) {
    super(subject);
    this.request = request;
  }
}

/**
 * Counts requests to handlers that know `Request` and `Response`.
 *
 * @typeParam Subject The request that the functions of the option `labels` get.
 * @typeParam Res The response that they get.
 */
export class WebRecorder<Subject, Res> {
  /** Whether the sizes of responses are measured. */
  readonly bodies: boolean;
  readonly #recorder: ServerRecorder<Subject, Res>;
  readonly #detectAborts: boolean;
  readonly #isDeno: boolean = "Deno" in globalThis;

  /**
   * Creates the metrics, or takes those that the registry has.
   *
   * @param options The options, whose names were checked.
   * @param doing The failing action, as in `Cannot instrument handler`.
   */
  constructor(options: WebRecorderOptions<Subject, Res>, doing: string) {
    const { bodies = false, detectAborts = false } = options;
    for (const [name, flag] of Object.entries({ bodies, detectAborts })) {
      checkShape(typeof flag === "boolean", doing, `${name} must be a boolean`, flag);
    }
    this.bodies = bodies;
    this.#detectAborts = detectAborts && this.#isDeno;
    this.#recorder = new ServerRecorder(options, doing, bodies);
  }

  /**
   * Counts a request as active.
   *
   * @param exchange The request.
   * @param info The second argument of its handler.
   */
  begin(exchange: WebExchange<Subject, Res>, info: unknown): void {
    const { request } = exchange;
    this.#recorder.begin(exchange, request.method);
    // Most requests without a body need not have their headers read.
    if (exchange.method !== "GET" && exchange.method !== "HEAD") {
      exchange.size = parseLength(request.headers.get("content-length"));
    }
    if (!this.#isDeno) return;
    exchange.completed = completedOf(info);
    if (this.#detectAborts) exchange.signal = request.signal;
  }

  /** Whether the client has left, as far as that can be known when a handler answers. */
  hasLeft({ request, signal }: WebExchange<Subject, Res>): boolean {
    return isAborted(this.#isDeno ? signal : request.signal);
  }

  /**
   * Counts a request as answered: at once, or when the last byte was sent. Its route, its status
   * and its response are known.
   */
  end(exchange: WebExchange<Subject, Res>): void {
    const { completed } = exchange;
    // Now, since the runtime may let go of the request.
    this.#recorder.label(exchange);
    // An upgrade is over when it has begun.
    if (completed === undefined || exchange.status === 101) return this.#recorder.end(exchange);
    const end = (): void => this.#recorder.end(exchange);
    // It tells when, not whether: it is fulfilled also if the client has left.
    completed.then(end, end);
  }

  /** Counts a request whose client has left before the answer. */
  leave(exchange: WebExchange<Subject, Res>): void {
    exchange.status = "";
    exchange.failure = LEFT;
    this.end(exchange);
  }

  /** Counts a request whose handler has failed. Its status is that of the answer. */
  fail(exchange: WebExchange<Subject, Res>, error: unknown): void {
    const { request, status } = exchange;
    // A handler that throws such an error has read the signal itself.
    const hasLeft = this.hasLeft(exchange) || isAbortError(error) && isAborted(request.signal);
    if (hasLeft) return this.leave(exchange);
    if (status === "" || status >= 500) exchange.failure = { error };
    this.end(exchange);
  }

  /**
   * Counts the bytes of a response.
   *
   * @returns The response to send in its place.
   */
  count(exchange: WebExchange<Subject, Res>, response: Response): Response {
    // Servers know an upgrade by the object.
    if (response.status < 200) return response;
    const recorder = this.#recorder;
    if (exchange.method === "HEAD") {
      recorder.sent(exchange, 0);
      return response;
    }
    return countBody(response, (size, failure) => {
      recorder.sent(exchange, size);
      if (failure !== undefined) recorder.fail(exchange, failure);
    });
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/** The promise that Deno hands to a handler beside the request. */
function completedOf(info: unknown): PromiseLike<unknown> | undefined {
  const completed = (info as { completed?: unknown } | null | undefined)?.completed;
  return completed instanceof Promise ? completed : undefined;
}
