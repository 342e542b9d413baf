import { metricsHandler, type MetricsHandlerOptions } from "../../mod.ts";
import { checkShape } from "../../model.ts";
import { type NodeRequest, type NodeResponse, originalUrlOf } from "./listener_recorder.ts";

/** The members of a writable response that are used here. */
export interface WritableNodeResponse extends NodeResponse {
  /**
   * Sends the head.
   *
   * @param status The status.
   * @param headers The headers.
   * @returns Anything.
   */
  writeHead(status: number, headers: Record<string, string | string[]>): unknown;
  /**
   * Sends bytes.
   *
   * @param bytes The bytes.
   * @returns Whether more may be written before the event `drain`.
   */
  write(bytes: Uint8Array): boolean;
  /**
   * Ends the answer.
   *
   * @returns Anything.
   */
  end(): unknown;
  /**
   * Calls back at an event.
   *
   * @param event The name of the event.
   * @param listener The function.
   * @returns Anything.
   */
  once(event: "close" | "drain", listener: () => void): unknown;
  /**
   * Calls back no more.
   *
   * @param event The name of the event.
   * @param listener The function.
   * @returns Anything.
   */
  off(event: "close" | "drain", listener: () => void): unknown;
}

/** A listener that answers with metrics. It never rejects. */
export type MetricsListener = (
  request: NodeRequest,
  response: WritableNodeResponse,
) => Promise<void>;

/**
 * Creates a listener for `node:http`, `node:http2` and frameworks on top of them. It answers each
 * request with the metrics, whatever its path. It answers as {@linkcode metricsHandler} does: with
 * the same formats, compression and refusals. The answer is streamed under back-pressure. After an
 * error the connection is cut off, because an answer that ends normally would look complete.
 *
 * @param options Options of {@linkcode metricsHandler}.
 * @returns The listener.
 * @throws {TypeError} If an option is not legal.
 * @throws {RangeError} If a number is out of its bounds.
 *
 * @example A server that has only metrics
 * ```ts
 * import { metricsListener } from "@narthex/prometheus/node";
 * import { createServer } from "node:http";
 *
 * const server = createServer(metricsListener());
 * server.listen(0, "127.0.0.1", () => server.close());
 * ```
 */
export function metricsListener(options: MetricsHandlerOptions = {}): MetricsListener {
  const handle = metricsHandler(options);
  return (request, response) => {
    const isNode = typeof request?.headers === "object" &&
      typeof response?.writeHead === "function";
    const rule = "it takes (request, response) of Node; for a Request there is metricsHandler()";
    checkShape(isNode, "Cannot answer scrape", rule, request);
    return answer(handle, request, response);
  };
}

/** Answers a request by a handler that knows `Request` and `Response`. */
async function answer(
  handle: (request: Request) => Promise<Response>,
  request: NodeRequest,
  response: WritableNodeResponse,
): Promise<void> {
  if (isClosed(response)) return;
  const controller = new AbortController();
  const { signal } = controller;
  const leave = (): void => controller.abort();
  response.once("close", leave);
  try {
    const answer = await handle(toWebRequest(request, signal));
    const { status, headers, body } = answer;
    if (signal.aborted) return void await body?.cancel();
    response.writeHead(status, headersOf(headers));
    if (request.method === "HEAD") await body?.cancel();
    else if (body !== null) await send(body, response, signal);
    if (!signal.aborted) response.end();
  } catch {
    fail(response);
  } finally {
    response.off("close", leave);
  }
}

/** Sends a body, as fast as the client reads it. */
async function send(
  body: ReadableStream<Uint8Array>,
  response: WritableNodeResponse,
  signal: AbortSignal,
): Promise<void> {
  const reader = body.getReader();
  // The source of the body learns that the client has left, and a pending read ends.
  const leave = (): void => void reader.cancel().catch(() => {});
  signal.addEventListener("abort", leave, { once: true });
  while (!signal.aborted) {
    const { done, value } = await reader.read();
    if (done) return;
    if (!signal.aborted && !response.write(value)) await drained(response);
  }
}

/** Waits until more may be written, or the client has left. */
function drained(response: WritableNodeResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off("drain", go);
      response.off("close", go);
      resolve();
    };
    response.once("drain", go);
    response.once("close", go);
  });
}

/** Whether the client has left before the request was handled. */
function isClosed(response: NodeResponse): boolean {
  const { destroyed, stream } = response as {
    destroyed?: boolean;
    stream?: { destroyed?: boolean };
  };
  return (destroyed ?? stream?.destroyed) === true;
}

/** Ends an answer that has failed. Its client must notice: a part must not look complete. */
function fail(response: WritableNodeResponse): void {
  if (!response.headersSent) {
    response.writeHead(500, { "content-type": "text/plain; charset=utf-8" });
    response.end();
    return;
  }
  const { stream, destroy } = response as {
    stream?: { destroy?(error: Error): void };
    destroy?(error?: Error): void;
  };
  if (stream?.destroy !== undefined) stream.destroy(new Error("Cannot answer scrape"));
  else destroy?.call(response);
}

/** The methods that a `Request` refuses. The handler answers them as it answers other ones. */
const UNUSABLE_METHODS: ReadonlySet<string> = new Set(["CONNECT", "TRACE", "TRACK"]);

function toWebRequest(request: NodeRequest, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    // HTTP/2 has the method and the path among the headers.
    if (name.startsWith(":")) continue;
    for (const text of Array.isArray(value) ? value : [value]) {
      if (text !== undefined) headers.append(name, text);
    }
  }
  const { method = "GET" } = request;
  return new Request(toUrl(request), {
    method: UNUSABLE_METHODS.has(method.toUpperCase()) ? "POST" : method,
    headers,
    signal,
  });
}

function toUrl(request: NodeRequest): string {
  const url = originalUrlOf(request);
  const { host, ":authority": authority } = request.headers;
  const base = `http://${String(host ?? authority ?? "localhost")}`;
  for (const [path, origin] of [[url, base], [url, "http://localhost"]] as const) {
    // A path such as "//x" would be taken for a host.
    const text = path.startsWith("/") ? origin + path : path;
    if (URL.canParse(text)) return text;
  }
  return "http://localhost/";
}

function headersOf(headers: Headers): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = Object.fromEntries(headers);
  const cookies = headers.getSetCookie();
  if (cookies.length > 0) record["set-cookie"] = cookies;
  return record;
}
