import { abortable } from "../../time/time_limit.ts";

/** A function that sends an HTTP request, such as `fetch` of the platform. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The number of bytes that are read of an answer. */
const MAX_BODY_SIZE = 8192;

/** The length of an answer in a message, in UTF-16 code units. */
const MAX_SHOWN_LENGTH = 300;

/** Shorter texts are not hidden, because they occur in too many words. */
const MIN_SECRET_LENGTH = 4;

/** A request. */
export interface OutgoingRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer> | undefined;
  readonly fetch: Fetch;
  /** Ends the waiting, even if `fetch` ignores it. */
  readonly signal: AbortSignal;
}

/** The answer of a server. */
export interface Answer {
  /** Whether the status is a success. */
  readonly ok: boolean;
  readonly status: number;
  /** The beginning of the body. Empty if the status is a success. */
  readonly body: string;
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
  /** The header `Location`. */
  readonly location: string | null;
}

/**
 * Sends a request and reads the answer: the status, and the beginning of the body unless it is a
 * success. Redirects are not followed: they could change a POST to a GET, make any page a success,
 * and send the credentials to another server.
 *
 * @param request The request.
 * @returns The answer with any status.
 * @throws The error of `fetch`, or the reason of the signal.
 */
export async function send(request: OutgoingRequest): Promise<Answer> {
  const { method, url, headers, body, fetch, signal } = request;
  const init: RequestInit = { method, headers, signal, redirect: "manual" };
  if (body !== undefined) init.body = body;
  // The async function turns a thrown error into a rejection.
  const answering = (async () => await fetch(url, init))();
  let response: Response;
  try {
    response = await abortable(answering, signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    // A fetch that ignores its signal may still get an answer.
    answering.then((late) => late.body?.cancel()).catch(() => {});
    throw signal.reason;
  }
  const { ok, status } = response;
  // The body of a success is not awaited.
  if (ok) response.body?.cancel().catch(() => {});
  return {
    ok,
    status,
    body: ok ? "" : await readStart(response, signal),
    retryAfter: response.headers.get("retry-after"),
    location: response.headers.get("location"),
  };
}

/**
 * Reads the beginning of the body of an answer, as far as it arrives. The rest is cancelled, so
 * that the connection is free.
 */
async function readStart(response: Response, signal: AbortSignal): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let room = MAX_BODY_SIZE;
  const reader = response.body?.getReader();
  try {
    while (reader !== undefined && room > 0) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) break;
      text += decoder.decode(value.subarray(0, room), { stream: true });
      room -= value.length;
    }
  } catch {
    // The status is known, and is enough.
  }
  reader?.cancel().catch(() => {});
  return text;
}

/**
 * Returns an answer as messages show it: the status, the target of a redirect, and the body.
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

/**
 * Removes secrets from a text: the header `Authorization`, and the query of the URL. Servers,
 * proxies and custom `fetch` functions may repeat what they were sent.
 *
 * @param text The text.
 * @param request The request.
 * @returns The text, with `…` in place of the secrets.
 */
export function hideSecrets(
  text: string,
  { url, headers }: Pick<OutgoingRequest, "url" | "headers">,
): string {
  const { search } = new URL(url);
  const credentials = headers.get("authorization")?.replace(/^\S+\s+/, "") ?? "";
  return [search === "" ? "" : url, search.slice(1), credentials]
    .filter((secret) => secret.length >= MIN_SECRET_LENGTH)
    .reduce((rest, secret) => rest.replaceAll(secret, "…"), text);
}
