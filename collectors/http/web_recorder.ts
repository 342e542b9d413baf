import { checkShape } from "../../model.ts";
import { countBody } from "./counted_body.ts";
import { isAbortError } from "./error_type.ts";
import {
  type Exchange,
  type Failure,
  LEFT,
  type Outcome,
  parseLength,
  type ServerMetricsOptions,
  ServerRecorder,
} from "./recorder.ts";

/** Options of what measures handlers that know `Request` and `Response`. */
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

/** What is used of a `Request`. */
export interface WebRequest {
  /** The method. */
  readonly method: string;
  /** The headers. */
  readonly headers: { get(name: string): string | null };
  /** Aborted when the client leaves. Some adapters have none. */
  readonly signal?: AbortSignal;
}

/** A request that is being answered. */
export interface WebExchange<Subject> extends Exchange {
  readonly request: WebRequest;
  /** What the functions of the option `labels` get. */
  readonly subject: Subject;
  /** Settled when the last byte was sent, where the runtime tells. */
  readonly completed: PromiseLike<unknown> | undefined;
  /** Aborted if the client has left, where it has to be asked for in time. */
  readonly signal: AbortSignal | undefined;
}

/**
 * Counts requests to handlers that know `Request` and `Response`.
 *
 * @typeParam Subject What the functions of the option `labels` get as the request.
 * @typeParam Res What they get as the response.
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
   * @param request The request.
   * @param subject What the functions of the option `labels` get.
   * @param info What the runtime hands to a handler beside the request.
   */
  begin(request: WebRequest, subject: Subject, info: unknown): WebExchange<Subject> {
    const recorder = this.#recorder;
    const method = recorder.methodOf(request.method);
    return {
      start: recorder.now(),
      method,
      active: recorder.begin(method),
      // Most requests without a body need not have their headers read.
      size: method === "GET" || method === "HEAD"
        ? undefined
        : parseLength(request.headers.get("content-length")),
      request,
      subject,
      completed: this.#isDeno ? completedOf(info) : undefined,
      signal: this.#detectAborts ? request.signal : undefined,
    };
  }

  /** Whether the client has left, as far as that can be known when a handler answers. */
  hasLeft({ request, signal }: WebExchange<Subject>): boolean {
    return isAborted(this.#isDeno ? signal : request.signal);
  }

  /** Returns how a request was answered whose handler has answered late. */
  outcomeOf(exchange: WebExchange<Subject>, status: number, route: string): Outcome {
    // The client may have left in the meantime.
    return this.hasLeft(exchange) ? { status: "", route, failure: LEFT } : { status, route };
  }

  /** Counts a request whose handler has failed. */
  fail(
    exchange: WebExchange<Subject>,
    { error, route, status = 500 }: {
      readonly error: unknown;
      readonly route: string;
      readonly status?: number;
    },
  ): void {
    const { request } = exchange;
    // A handler that throws such an error has read the signal itself.
    const hasLeft = this.hasLeft(exchange) || isAbortError(error) && isAborted(request.signal);
    const failure: Failure | undefined = hasLeft ? LEFT : status >= 500 ? { error } : undefined;
    this.end(exchange, { status: hasLeft ? "" : status, route, failure }, undefined);
  }

  /**
   * Counts a request as answered: at once, or when the last byte was sent.
   *
   * @returns The values of the option `labels`.
   */
  end(
    exchange: WebExchange<Subject>,
    outcome: Outcome,
    response: Res | undefined,
  ): readonly string[] {
    const { completed, subject } = exchange;
    // Now, since the runtime may let go of the request.
    const labels = this.#recorder.labelsOf(subject, response);
    // An upgrade is over when it has begun.
    if (completed === undefined || outcome.status === 101) {
      this.#recorder.end(exchange, outcome, labels);
    } else {
      const end = (): void => this.#recorder.end(exchange, outcome, labels);
      // It tells when, not whether: it is fulfilled also if the client has left.
      completed.then(end, end);
    }
    return labels;
  }

  /**
   * Counts the bytes of a response.
   *
   * @returns The response to send in its place.
   */
  count(
    exchange: WebExchange<Subject>,
    outcome: Outcome,
    { response, labels }: { readonly response: Response; readonly labels: readonly string[] },
  ): Response {
    // Servers know an upgrade by the object.
    if (response.status < 200) return response;
    const recorder = this.#recorder;
    if (exchange.method === "HEAD") {
      recorder.sent(exchange, outcome, labels, 0);
      return response;
    }
    return countBody(response, (size, failure) => {
      recorder.sent(exchange, outcome, labels, size);
      if (failure === undefined) return;
      recorder.fail(exchange, { route: outcome.route, failure }, labels);
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
