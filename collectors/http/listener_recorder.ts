import { AsyncLocalStorage } from "node:async_hooks";
import { checkShape } from "../../model.ts";
import {
  Exchange,
  type Failure,
  LEFT,
  parseLength,
  type ServerMetricsOptions,
  ServerRecorder,
} from "./recorder.ts";

/** The members of an `IncomingMessage` of `node:http` or an `Http2ServerRequest` that are used here. */
export interface NodeRequest {
  /** The method. */
  readonly method?: string | undefined;
  /** The path and the query. */
  readonly url?: string | undefined;
  /** The headers, by their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The members of a `ServerResponse` of `node:http` or an `Http2ServerResponse` that are used here. */
export interface NodeResponse {
  /** The status. */
  readonly statusCode: number;
  /** Whether the head was sent. */
  readonly headersSent: boolean;
  /** Whether `end()` was called. */
  readonly writableEnded: boolean;
  /** Whether everything was sent. */
  readonly writableFinished: boolean;
  /**
   * Reads a header.
   *
   * @param name The name.
   * @returns The value.
   */
  getHeader(name: string): unknown;
  /**
   * Calls back at an event.
   *
   * @param event The name of the event.
   * @param listener The function.
   * @returns Anything.
   */
  on(event: "close", listener: () => void): unknown;
}

/** Options that everything on `node:http` has in common. */
export interface ListenerRecorderOptions<Subject, Res> extends ServerMetricsOptions<Subject, Res> {
  /**
   * Whether the sizes of responses are measured, as far as they have a `Content-Length`. Nothing
   * is wrapped. @default {false}
   */
  bodies?: boolean | undefined;
}

/** An error that was thrown. */
export interface Thrown {
  /** The error, of whatever kind. */
  readonly error: unknown;
}

/** A request that is being answered. */
export class ListenerExchange<Subject, Res> extends Exchange<Subject, Res> {
  /** The response of Node. */
  readonly answer: NodeResponse;
  /** Returns the route. Called when the request is over. */
  readonly routeOf: (subject: Subject) => string;
  /** An error that was thrown, to be counted if the answer says that something failed. */
  error: Thrown | undefined = undefined;

  constructor(subject: Subject, answer: NodeResponse, routeOf: (subject: Subject) => string) {
    super(subject);
    this.answer = answer;
    this.routeOf = routeOf;
  }
}

/**
 * Counts requests to listeners of `node:http` and `node:http2`, from their beginning to the event
 * `close` of the response.
 *
 * @typeParam Subject The request that the functions of the option `labels` get.
 * @typeParam Res The response that they get.
 */
export class ListenerRecorder<Subject, Res> {
  readonly #recorder: ServerRecorder<Subject, Res>;
  readonly #bodies: boolean;
  readonly #exemplars: boolean;
  readonly #errorOf: ((subject: Subject) => Thrown | undefined) | undefined;

  /**
   * Creates the metrics, or takes those that the registry has.
   *
   * @param options The options, whose names were checked.
   * @param doing The failing action, as in `Cannot instrument listener`.
   * @param errorOf Returns the error of a failed request whose exchange has none.
   */
  constructor(
    options: ListenerRecorderOptions<Subject, Res>,
    doing: string,
    errorOf?: (subject: Subject) => Thrown | undefined,
  ) {
    this.#errorOf = errorOf;
    const { bodies = false, exemplars = false } = options;
    checkShape(typeof bodies === "boolean", doing, "bodies must be a boolean", bodies);
    this.#bodies = bodies;
    this.#exemplars = exemplars;
    this.#recorder = new ServerRecorder(options, doing, bodies);
  }

  /** Counts a request as active, and as answered when its response is closed. */
  watch(exchange: ListenerExchange<Subject, Res>, request: NodeRequest): void {
    this.#recorder.begin(exchange, request.method);
    if (exchange.method !== "GET" && exchange.method !== "HEAD") {
      exchange.size = parseLength(headerText(request.headers["content-length"]));
    }
    const end = (): void => this.#end(exchange);
    // The event comes outside of the request, where an exemplar source would find no trace.
    const run = this.#exemplars ? AsyncLocalStorage.snapshot() : undefined;
    exchange.answer.on("close", run === undefined ? end : () => run(end));
  }

  #end(exchange: ListenerExchange<Subject, Res>): void {
    const { answer } = exchange;
    const { statusCode, headersSent } = answer;
    const isComplete = isWhole(answer);
    if (!isComplete || statusCode >= 500) {
      const error = exchange.error ?? this.#errorOf?.(exchange.subject);
      exchange.failure = isComplete ? error : error ?? causeOf(answer);
    }
    // Without a head there was no answer.
    if (isComplete || headersSent) exchange.status = statusCode;
    exchange.route = exchange.routeOf(exchange.subject);
    const recorder = this.#recorder;
    recorder.label(exchange);
    recorder.end(exchange);
    if (!this.#bodies || !isComplete) return;
    const isEmpty = exchange.method === "HEAD" || statusCode === 204 || statusCode === 304;
    const size = isEmpty ? 0 : parseLength(headerText(answer.getHeader("content-length")));
    if (size !== undefined) recorder.sent(exchange, size);
  }
}

/** Whether the whole answer was sent. */
function isWhole(response: NodeResponse): boolean {
  // A stream of HTTP/2 that its client has cancelled says that it has finished.
  const { stream } = response as { stream?: { aborted?: boolean } };
  return response.writableEnded && response.writableFinished && stream?.aborted !== true;
}

/** The codes of errors that say that the client has left. */
const LEFT_CODES: ReadonlySet<unknown> = new Set([
  "ECONNRESET",
  "EPIPE",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

/** Why an answer has ended early. */
function causeOf(response: NodeResponse): Failure {
  const { errored } = response as { errored?: { code?: unknown } | null };
  return errored == null || LEFT_CODES.has(errored.code) ? LEFT : { error: errored };
}

function headerText(value: unknown): string | undefined {
  return typeof value === "number" || typeof value === "string" ? String(value) : undefined;
}

/** Returns the path and the query of a request as it came, before a framework has cut anything. */
export function originalUrlOf(request: NodeRequest): string {
  const { originalUrl } = request as { originalUrl?: unknown };
  return typeof originalUrl === "string" ? originalUrl : request.url ?? "/";
}

/**
 * Returns the URL of a request as it came. The host is what its header says: a pattern of the
 * class `URLPattern` is tested against it.
 */
export function fullUrlOf(request: NodeRequest): string {
  const url = originalUrlOf(request);
  if (!url.startsWith("/")) return url;
  const { host = "localhost" } = request.headers;
  return `http://${String(host)}${url}`;
}
