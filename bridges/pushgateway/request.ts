import { type BasicAuth, type Group, toBase64 } from "./group.ts";
import { PushError, type PushMethod } from "./push_error.ts";
import { abortable } from "./time_limit.ts";

/** What of `fetch` is used. */
export type PushFetch = (url: string, init: RequestInit) => Promise<Response>;

/** How much of an answer is read, in bytes. */
const MAX_BODY_SIZE = 8192;

/** How much of an answer stands in a message, in UTF-16 code units. */
const MAX_SHOWN_LENGTH = 300;

/** Options of {@linkcode createHeaders}. */
export interface HeadersOptions {
  readonly headers: HeadersInit | undefined;
  readonly basicAuth: BasicAuth | undefined;
  /** The credentials that the gateway's address had. */
  readonly credentials: BasicAuth | undefined;
}

/**
 * Puts together the headers of a request. No error tells what is in them.
 *
 * @param options What the caller gave.
 * @param doing What is being done, as in `Cannot push to Pushgateway`.
 * @returns The headers.
 * @throws {TypeError} If a header or the credentials are not legal, or are given twice.
 */
export function createHeaders(options: HeadersOptions, doing: string): Headers {
  const { basicAuth, credentials } = options;
  let headers: Headers;
  try {
    headers = new Headers(options.headers);
  } catch {
    // Not with the error as the cause, which quotes what it does not like.
    throw new TypeError(`${doing}: headers must be names and values that HTTP allows`);
  }
  const auth = basicAuth ?? credentials;
  if (auth === undefined) return headers;
  if (
    headers.has("authorization") || (basicAuth !== undefined && credentials !== undefined)
  ) {
    throw new TypeError(
      `${doing}: credentials must be given once: in url, in basicAuth or in headers`,
    );
  }
  const { username, password } = auth;
  // RFC 7617: no colon in the username, since it ends there, and no control characters.
  if (typeof username !== "string" || !/^[^:\p{Cc}]*$/u.test(username)) {
    throw new TypeError(
      `${doing}: username must be a string without colons and control characters`,
    );
  }
  if (typeof password !== "string" || !/^\P{Cc}*$/u.test(password)) {
    throw new TypeError(`${doing}: password must be a string without control characters`);
  }
  headers.set("authorization", `Basic ${toBase64(`${username}:${password}`)}`);
  return headers;
}

/** A request to Pushgateway. */
export interface PushRequest {
  readonly method: PushMethod;
  readonly group: Group;
  readonly headers: Headers;
  readonly fetch: PushFetch;
  readonly signal: AbortSignal;
}

/**
 * Makes the error of a request that had no answer.
 *
 * @param request The request.
 * @param cause Why.
 * @returns The error.
 */
export function noAnswer({ method, group, signal }: PushRequest, cause: unknown): PushError {
  const { url } = group;
  const reason = !signal.aborted
    ? "the request failed"
    : (cause as Partial<Error> | null | undefined)?.name === "TimeoutError"
    ? "there was no answer in time"
    : "the signal was aborted";
  return new PushError(`${describe(method, url)}: ${reason}`, { method, url, cause });
}

/**
 * Sends a request and reads the answer.
 *
 * @param request The request.
 * @param body What to send, if anything.
 * @throws {PushError} If there is no answer, or one that is no success.
 */
export async function send(
  request: PushRequest,
  body: Uint8Array<ArrayBuffer> | undefined,
): Promise<void> {
  const { method, group, headers, fetch, signal } = request;
  const { url } = group;
  const init: RequestInit = {
    method,
    headers,
    signal,
    // One that is followed can make a GET of a push, and any page's 200 a success.
    redirect: "manual",
  };
  if (body !== undefined) init.body = body;
  // Within an async function, what is thrown is a rejection too.
  const answering = (async () => await fetch(url, init))();
  let response: Response;
  try {
    response = await abortable(answering, signal);
  } catch (error) {
    // A fetch that does not heed its signal may still get an answer.
    if (signal.aborted) answering.then((late) => late.body?.cancel()).catch(() => {});
    throw noAnswer(request, signal.aborted ? signal.reason : error);
  }
  const { ok, status } = response;
  if (ok) {
    // Whatever else it says is not waited for.
    response.body?.cancel().catch(() => {});
    return;
  }
  const text = await readStart(response, signal);
  const shown = text.trim();
  const details = shown.length > MAX_SHOWN_LENGTH ? `${shown.slice(0, MAX_SHOWN_LENGTH)}…` : shown;
  const target = response.headers.get("location");
  throw new PushError(
    `${describe(method, url)}: the answer must be a success: received status ${status}` +
      (target === null ? "" : `, a redirect to ${withoutSecrets(target, url)}`) +
      (details === "" ? "" : `: ${details}`),
    { method, url, status, body: text },
  );
}

/**
 * The beginning of an answer's body, or as much of it as arrives. The rest is not waited
 * for, and the connection is free afterwards.
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
    // The status is known, which is what counts.
  }
  reader?.cancel().catch(() => {});
  return text;
}

function withoutSecrets(target: string, base: string): string {
  if (!URL.canParse(target, base)) return "no address";
  const { origin, pathname } = new URL(target, base);
  return `${origin}${pathname}`;
}

function describe(method: PushMethod, url: string): string {
  return `${method === "DELETE" ? "Cannot delete from" : "Cannot push to"} ${url}`;
}
