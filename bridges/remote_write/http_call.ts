/**
 * Requests of remote write, with credentials.
 *
 * @module
 */
import type { Timers } from "../../time/clock.ts";
import { abortable, limitTime } from "../../time/time_limit.ts";
import { type BasicAuth, createHeaders, credentialsOf } from "../requests/headers.ts";
import { type Answer, type Fetch, hideSecrets, send } from "../requests/send.ts";

/** Options of the requests. */
export interface HttpCallOptions {
  /** A username and a password. They may also be in the URL. No error shows them. */
  basicAuth?: BasicAuth | undefined;
  /** A bearer token, or a function that returns one for each request. */
  bearerToken?: string | (() => string | Promise<string>) | undefined;
  /** Further headers. Headers of the protocol are refused. */
  headers?: RequestInit["headers"] | undefined;
  /** Sends the requests. @default {the platform's fetch} */
  fetch?: Fetch | undefined;
  /** The clock and the timers, for tests. @default {those of the platform} */
  clock?: Timers | undefined;
}

/** Sends bodies to one URL. */
export class HttpCall {
  /** The URL without credentials and query, for messages. */
  readonly shownUrl: string;
  readonly #url: string;
  readonly #headers: Headers;
  readonly #bearerToken: HttpCallOptions["bearerToken"];
  readonly #fetch: Fetch;
  readonly #timers: Timers | undefined;

  /**
   * @param url The URL.
   * @param options Credentials and further headers.
   * @param headers The headers of the protocol.
   */
  constructor(
    url: string | URL,
    options: HttpCallOptions,
    headers: Readonly<Record<string, string>>,
  ) {
    const target = parseUrl(url);
    const credentials = credentialsOf(target, "Cannot write to a URL");
    target.username = target.password = target.hash = "";
    this.#url = target.href;
    target.search = "";
    this.shownUrl = target.href;
    const doing = `Cannot write to "${this.shownUrl}"`;
    const { basicAuth, bearerToken, fetch } = options;
    this.#headers = createHeaders({
      headers: options.headers,
      basicAuth,
      credentials,
      hasBearerToken: bearerToken !== undefined,
    }, doing);
    for (const [name, value] of Object.entries(headers)) {
      if (this.#headers.has(name)) {
        throw new TypeError(`${doing}: header "${name}" is set already`);
      }
      this.#headers.set(name, value);
    }
    this.#bearerToken = bearerToken;
    this.#timers = options.clock;
    this.#fetch = fetch ?? ((url, init) => globalThis.fetch(url, init));
  }

  /**
   * Sends a body.
   *
   * @param body The body.
   * @param options A signal, and the time limit for the answer in milliseconds.
   * @returns The answer with any status, without secrets in its body.
   * @throws {Error} If there is no answer. The message has no secrets.
   */
  async post(
    body: Uint8Array<ArrayBuffer>,
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ): Promise<Answer> {
    const timers = this.#timers;
    const limit = limitTime(timeoutMs, { outer: signal, inBackground: true, timers });
    const url = this.#url;
    let headers = this.#headers;
    try {
      headers = await abortable(this.#allHeaders(), limit.signal);
      const answer = await send({
        method: "POST",
        url,
        headers,
        body,
        fetch: this.#fetch,
        signal: limit.signal,
      });
      return { ...answer, body: hideSecrets(answer.body, { url, headers }).trim() };
    } catch (error) {
      throw new Error(hideSecrets(reasonOf(error), { url, headers }));
    } finally {
      limit.end();
    }
  }

  async #allHeaders(): Promise<Headers> {
    const source = this.#bearerToken;
    if (source === undefined) return this.#headers;
    const token = typeof source === "function" ? await source() : source;
    const headers = new Headers(this.#headers);
    try {
      headers.set("authorization", `Bearer ${token}`);
    } catch {
      // The original error is not the cause, because it quotes the token.
      throw new Error("the bearer token is not legal");
    }
    return headers;
  }
}

/**
 * Reads the header `Retry-After` in both of its forms.
 *
 * @param text The header: seconds, or a date.
 * @param nowMs The time, in milliseconds since 1970.
 * @returns The time to wait, in milliseconds, or undefined if the header is invalid.
 */
export function parseRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  // Date.parse() accepts more than the dates of HTTP.
  const date = /^\s*[A-Za-z]+,? /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function parseUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // The URL is not shown, because it may have a password.
    throw new TypeError("Cannot write to a URL: the URL is invalid");
  }
  if (parsed.protocol === "http:" || parsed.protocol === "https:") return parsed;
  throw new TypeError(
    `Cannot write to a URL: the protocol must be http or https: received "${parsed.protocol}"`,
  );
}

/**
 * Returns the messages of an error and its causes, because runtimes hide the reason in the cause.
 */
function reasonOf(error: unknown): string {
  const reasons: string[] = [];
  let next: unknown = error;
  for (let depth = 0; depth < 4 && next instanceof Error; depth++) {
    const { message, code, cause } = next as Error & { code?: unknown };
    const reason = message || (typeof code === "string" ? code : "");
    if (reason !== "" && !reasons.some((other) => other.includes(reason))) reasons.push(reason);
    next = cause;
  }
  return reasons.join(": ") || String(error);
}
