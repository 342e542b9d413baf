import { abortable } from "../../time/time_limit.ts";

/** How an HTTP request is sent: the platform's `fetch`, or one of the user's. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The maximum size of an answer in an error, in bytes. */
const MAX_BODY_SIZE = 8192;

/** The size that is read. It is larger, so that no secret is cut in half. */
const MAX_READ_SIZE = 2 * MAX_BODY_SIZE;

/** The maximum length of an answer in a message, in UTF-16 code units. */
const MAX_SHOWN_LENGTH = 300;

/** A request, and how to send it. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly fetch: Fetch;
  /** Ends the waiting, whether or not `fetch` heeds it. */
  readonly signal: AbortSignal;
  /** Whether the body of a success is read, too. @default {false} */
  readonly readsSuccess?: boolean;
}

/** The answer of a server. */
export interface Answer {
  /** Whether the status is one of success. */
  readonly ok: boolean;
  readonly status: number;
  /** The beginning of the body of a refusal. To be cut once secrets are hidden in it. */
  readonly body: string;
  /** The beginning of the body as bytes; undefined if it was not read. */
  readonly bytes: Uint8Array | undefined;
  /** The header `Content-Type`, or `""`. */
  readonly contentType: string;
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
  /** The header `Location`. */
  readonly location: string | null;
}

/**
 * Sends a request and reads the answer: its status, and the beginning of its body unless it is a
 * success. Redirects are not followed, because a redirect may turn a POST into a GET, end at a page
 * that answers 200 to anything, or send the credentials to another server.
 *
 * @param request The request.
 * @returns The answer, of any status.
 * @throws The error of `fetch`, or the reason of the signal.
 */
export async function send(request: OutgoingRequest): Promise<Answer> {
  const { method, url, headers, body, fetch, signal, readsSuccess = false } = request;
  const init: RequestInit = { method, headers, signal, redirect: "manual" };
  if (body !== undefined) init.body = body;
  // An async function turns an exception into a rejection.
  const answering = (async () => await fetch(url, init))();
  let response: Response;
  try {
    response = await abortable(answering, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    // A fetch that does not heed its signal may still get an answer.
    answering.then((late) => late.body?.cancel()).catch(() => {});
    throw signal.reason;
  }
  const { ok, status } = response;
  // Does not wait for the body of a success.
  const isRead = !ok || readsSuccess;
  if (!isRead) response.body?.cancel().catch(() => {});
  const bytes = isRead ? await readStart(response, signal) : undefined;
  return {
    ok,
    status,
    body: ok || bytes === undefined ? "" : decodeStart(bytes),
    bytes,
    contentType: response.headers.get("content-type") ?? "",
    retryAfter: response.headers.get("retry-after"),
    location: response.headers.get("location"),
  };
}

/**
 * The beginning of an answer's body, or as much of it as arrives. The rest is not waited
 * for, and the connection is free afterwards.
 */
async function readStart(response: Response, signal: AbortSignal): Promise<Uint8Array> {
  const bytes = new Uint8Array(MAX_READ_SIZE);
  let length = 0;
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined && length < MAX_READ_SIZE) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) break;
      const part = value.subarray(0, MAX_READ_SIZE - length);
      bytes.set(part, length);
      length += part.length;
    }
  } catch {
    // The status is known, and that is enough.
  }
  reader?.cancel().catch(() => {});
  return bytes.slice(0, length);
}

/** Cuts the body of an answer to the size that errors have. */
export function cutBody(body: string): string {
  return decodeStart(new TextEncoder().encode(body).subarray(0, MAX_BODY_SIZE));
}

/** Decodes UTF-8. A character that was cut in half is left out. */
function decodeStart(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes, { stream: true });
}

/**
 * Formats an answer for messages: the status, the target of a redirect, and the body.
 *
 * @param answer The answer.
 * @param url The URL of the request.
 * @returns The text, such as `400: out of order sample`.
 */
export function showAnswer({ status, body, location }: Answer, url: string): string {
  const shown = body.trim();
  const details = shown.length > MAX_SHOWN_LENGTH ? `${shown.slice(0, MAX_SHOWN_LENGTH)}…` : shown;
  return `${status}` +
    (location === null ? "" : `, a redirect to ${withoutCredentials(location, url)}`) +
    (details === "" ? "" : `: ${details}`);
}

function withoutCredentials(target: string, base: string): string {
  if (!URL.canParse(target, base)) return "no address";
  const { origin, pathname } = new URL(target, base);
  return `${origin}${pathname}`;
}
