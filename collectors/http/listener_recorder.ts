import { AsyncLocalStorage } from "node:async_hooks";
import { checkShape } from "../../model.ts";
import {
  type Exchange,
  type Failure,
  LEFT,
  type Outcome,
  parseLength,
  type ServerMetricsOptions,
  ServerRecorder,
} from "./recorder.ts";

/** What is used of an `IncomingMessage` of `node:http` or an `Http2ServerRequest`. */
export interface NodeRequest {
  /** The method. */
  readonly method?: string | undefined;
  /** The path and the query. */
  readonly url?: string | undefined;
  /** The headers, by their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** What is used of a `ServerResponse` of `node:http` or an `Http2ServerResponse`. */
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
  once(event: "close", listener: () => void): unknown;
}

/** Options of what measures listeners of `node:http`. */
export interface ListenerRecorderOptions<Subject, Res> extends ServerMetricsOptions<Subject, Res> {
  /**
   * Whether the sizes of responses are measured, as far as they have a `Content-Length`. Nothing
   * is wrapped. @default {false}
   */
  bodies?: boolean | undefined;
}

/** What a request is measured with. */
export interface Watch<Subject, Res> {
  /** What the functions of the option `labels` get as the request. */
  readonly subject: Subject;
  /** What they get as the response. */
  readonly answer: Res;
  /** Returns the route. Called when the request is over. */
  readonly routeOf: (subject: Subject) => string;
}

/** A request that is being answered. */
export interface Watched {
  /** An error that was thrown, to be counted if the answer says that something failed. */
  error?: { readonly error: unknown } | undefined;
}

/**
 * Counts requests to listeners of `node:http` and `node:http2`, from their beginning to the event
 * `close` of the response.
 *
 * @typeParam Subject What the functions of the option `labels` get as the request.
 * @typeParam Res What they get as the response.
 */
export class ListenerRecorder<Subject, Res> {
  readonly #recorder: ServerRecorder<Subject, Res>;
  readonly #bodies: boolean;
  readonly #exemplars: boolean;

  /**
   * Creates the metrics, or takes those that the registry has.
   *
   * @param options The options, whose names were checked.
   * @param doing The failing action, as in `Cannot instrument listener`.
   */
  constructor(options: ListenerRecorderOptions<Subject, Res>, doing: string) {
    const { bodies = false, exemplars = false } = options;
    checkShape(typeof bodies === "boolean", doing, "bodies must be a boolean", bodies);
    this.#bodies = bodies;
    this.#exemplars = exemplars;
    this.#recorder = new ServerRecorder(options, doing, bodies);
  }

  /** Counts a request as active, and as answered when its response is closed. */
  watch(request: NodeRequest, response: NodeResponse, watch: Watch<Subject, Res>): Watched {
    const recorder = this.#recorder;
    const method = recorder.methodOf(request.method);
    const { headers } = request;
    const exchange: Exchange = {
      start: recorder.now(),
      method,
      active: recorder.begin(method),
      size: method === "GET" || method === "HEAD"
        ? undefined
        : parseLength(headerText(headers["content-length"])),
    };
    const watched: Watched = {};
    const end = (): void => this.#end(exchange, response, { ...watch, ...watched });
    // The event comes outside of the request, where an exemplar source would find no trace.
    const run = this.#exemplars ? AsyncLocalStorage.snapshot() : undefined;
    response.once("close", run === undefined ? end : () => run(end));
    return watched;
  }

  #end(exchange: Exchange, response: NodeResponse, watch: Watch<Subject, Res> & Watched): void {
    const { subject, answer, routeOf, error } = watch;
    const recorder = this.#recorder;
    const labels = recorder.labelsOf(subject, answer);
    const { statusCode, headersSent } = response;
    const isComplete = isWhole(response);
    const failure: Failure | undefined = isComplete
      ? statusCode >= 500 ? error : undefined
      : error ?? causeOf(response);
    // Without a head there was no answer.
    const status = isComplete || headersSent ? statusCode : "";
    const outcome: Outcome = { status, route: routeOf(subject), failure };
    recorder.end(exchange, outcome, labels);
    if (!this.#bodies || !isComplete) return;
    const isEmpty = exchange.method === "HEAD" || statusCode === 204 || statusCode === 304;
    const size = isEmpty ? 0 : parseLength(headerText(response.getHeader("content-length")));
    if (size !== undefined) recorder.sent(exchange, outcome, labels, size);
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
