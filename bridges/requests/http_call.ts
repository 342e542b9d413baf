/**
 * Requests to one address, which may want credentials.
 *
 * @module
 */
import type { Timers } from "../../time/clock.ts";
import type { KnownOptions } from "../../model.ts";
import { abortable, limitTime } from "../../time/time_limit.ts";
import { type BasicAuth, createHeaders, credentialsOf } from "./headers.ts";
import { hideSecrets, safeReasonOf } from "./secrets.ts";
import { type Answer, cutBody, type Fetch, send } from "./send.ts";

/** Options of requests. */
export interface HttpCallOptions {
  /** A username and a password. They may also be in the URL. Errors never show them. */
  basicAuth?: BasicAuth | undefined;
  /** A bearer token, or a function that returns one for each request. */
  bearerToken?: string | (() => string | Promise<string>) | undefined;
  /** Further headers, except those that the protocol sets. */
  headers?: RequestInit["headers"] | undefined;
  /** Sends the requests. @default {the platform's fetch} */
  fetch?: Fetch | undefined;
  /** The clock and the timers, for tests. @default {those of the platform} */
  clock?: Timers | undefined;
}

/** The names of all options of {@linkcode HttpCall}. */
export const HTTP_CALL_OPTIONS: KnownOptions<HttpCallOptions> = {
  basicAuth: true,
  bearerToken: true,
  headers: true,
  fetch: true,
  clock: true,
};

/** The properties of the requests of a protocol. */
export interface HttpProtocol {
  /** The beginning of error messages, such as `Cannot write to`. */
  readonly verb: string;
  /** The headers of the protocol. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the body of a success is read. @default {false} */
  readonly readsSuccess?: boolean;
  /**
   * Finds the text in the body of a refusal that is not simply text.
   *
   * @param bytes The beginning of the body.
   * @param contentType The header `Content-Type`.
   * @returns The text; undefined if the body is the text.
   */
  readRefusal?(bytes: Uint8Array, contentType: string): string | undefined;
}

/** An answer without secrets. */
export interface SafeAnswer extends Answer {
  /** Hides secrets in a text from the answer's bytes, and cuts it. */
  readonly hide: (text: string) => string;
}

/** Sends bodies to one URL. */
export class HttpCall {
  /** The URL without credentials and query, to be shown. */
  readonly shownUrl: string;
  readonly #url: string;
  readonly #headers: Headers;
  readonly #bearerToken: HttpCallOptions["bearerToken"];
  readonly #fetch: Fetch;
  readonly #timers: Timers | undefined;
  readonly #protocol: HttpProtocol;

  /**
   * @param url Where to.
   * @param options Credentials and headers of the user.
   * @param protocol The protocol.
   */
  constructor(url: string | URL, options: HttpCallOptions, protocol: HttpProtocol) {
    const { verb, headers } = protocol;
    const target = parseUrl(url, verb);
    const credentials = credentialsOf(target, `${verb} a URL`);
    this.#protocol = protocol;
    target.username = target.password = target.hash = "";
    this.#url = target.href;
    target.search = "";
    this.shownUrl = target.href;
    const doing = `${verb} "${this.shownUrl}"`;
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
   * @param options A signal, and how long to wait for the answer, in milliseconds.
   * @returns The answer, of any status, without secrets in its body.
   * @throws {Error} If there is no answer. The message has no secrets.
   */
  async post(
    body: Uint8Array<ArrayBuffer>,
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ): Promise<SafeAnswer> {
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
        readsSuccess: this.#protocol.readsSuccess ?? false,
      });
      const sent = { url, headers };
      const hide = (text: string): string => cutBody(hideSecrets(text, sent));
      const { location, bytes, contentType } = answer;
      const refusal = answer.ok || bytes === undefined
        ? undefined
        : this.#protocol.readRefusal?.(bytes, contentType);
      return {
        ...answer,
        body: hide(refusal ?? answer.body).trim(),
        location: location === null ? null : hide(location),
        hide,
      };
    } catch (error) {
      throw new Error(safeReasonOf(error, { url, headers }));
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
      throw new Error("the bearer token is invalid");
    }
    return headers;
  }
}

/**
 * Reads the header `Retry-After` in both of its forms.
 *
 * @param text The header: seconds, or a date.
 * @param nowMs The time, in milliseconds since 1970.
 * @returns How long to wait, in milliseconds, or undefined if the header is missing or invalid.
 */
export function parseRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  // Date.parse() accepts more than the dates of HTTP.
  const date = /^\s*[A-Za-z]+,? /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function parseUrl(url: string | URL, verb: string): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // The URL is not shown, because it may have a password in it.
    throw new TypeError(`${verb} a URL: the URL is invalid`);
  }
  if (parsed.protocol === "http:" || parsed.protocol === "https:") return parsed;
  throw new TypeError(
    `${verb} a URL: the protocol must be http or https: received "${parsed.protocol}"`,
  );
}
