/**
 * Requests to a server that may want credentials, and that must not be told by errors.
 *
 * @module
 */
import { unref } from "./timers.ts";

/** How an HTTP request is sent: the platform's `fetch`, or one of the user's. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** What a user may say about requests. */
export interface HttpCallOptions {
  /** A user name and a password. Also taken from the URL, where it has them. */
  basicAuth?: { readonly username: string; readonly password: string } | undefined;
  /** A bearer token, or what brings one for each request. */
  bearerToken?: string | (() => string | Promise<string>) | undefined;
  /** More headers; those that the protocol sets are refused. */
  headers?: Readonly<Record<string, string>> | undefined;
  /** Sends the requests. @default {the platform's fetch} */
  fetch?: Fetch | undefined;
}

/** What a server answered. */
export interface HttpAnswer {
  readonly status: number;
  /** The beginning of the body, of an answer that is not a success. */
  readonly body: string;
  /** The header `Retry-After`. */
  readonly retryAfter: string | null;
}

const MAX_BODY = 1024;

/** Sends bodies to one URL. */
export class HttpCall {
  /** The URL without credentials and query, to be shown. */
  readonly shownUrl: string;
  readonly #url: string;
  readonly #secrets: readonly string[];
  readonly #headers: Readonly<Record<string, string>>;
  readonly #bearerToken: HttpCallOptions["bearerToken"];
  readonly #fetch: Fetch;

  /**
   * @param url Where to.
   * @param options Credentials and headers of the user.
   * @param headers The headers of the protocol.
   */
  constructor(
    url: string | URL,
    options: HttpCallOptions,
    headers: Readonly<Record<string, string>>,
  ) {
    const target = parseUrl(url);
    const { basicAuth, bearerToken, fetch } = options;
    let user = basicAuth;
    if (target.username !== "" || target.password !== "") {
      user ??= { username: decode(target.username), password: decode(target.password) };
      target.username = target.password = "";
    }
    target.hash = "";
    this.#url = target.href;
    this.#secrets = target.search === "" ? [] : [target.href, target.search];
    target.search = "";
    this.shownUrl = target.href;
    const doing = `Cannot write to "${this.shownUrl}"`;
    if (user !== undefined && bearerToken !== undefined) {
      throw new TypeError(`${doing}: credentials are either basic ones or a bearer token`);
    }
    const own = options.headers ?? {};
    const taken = new Set(Object.keys(headers).map((name) => name.toLowerCase()));
    if (user !== undefined || bearerToken !== undefined) taken.add("authorization");
    for (const name of Object.keys(own)) {
      if (taken.has(name.toLowerCase())) {
        throw new TypeError(`${doing}: header "${name}" is set already`);
      }
    }
    this.#headers = {
      ...own,
      ...headers,
      ...(user && { authorization: `Basic ${base64(`${user.username}:${user.password}`)}` }),
    };
    // The platform's own error would have the value in it, which may be a secret.
    for (const [name, value] of Object.entries(this.#headers)) {
      if (!isHeader(name, value)) throw new TypeError(`${doing}: header "${name}" is not legal`);
    }
    this.#bearerToken = bearerToken;
    this.#fetch = fetch ?? ((url, init) => globalThis.fetch(url, init));
  }

  /**
   * Sends a body.
   *
   * @param body The body.
   * @param options A signal, and how long to wait for the answer, in milliseconds.
   * @returns The answer, whatever its status.
   * @throws {Error} If there is none; without secrets in its message.
   */
  async post(
    body: Uint8Array<ArrayBuffer>,
    { signal, timeoutMs }: { signal: AbortSignal; timeoutMs: number },
  ): Promise<HttpAnswer> {
    const controller = new AbortController();
    let isLate = false;
    const abort = (): void => controller.abort(signal.reason);
    // Not AbortSignal.any(): what is made from a signal that lives on may never be collected.
    const timer = setTimeout(() => {
      isLate = true;
      abort();
    }, timeoutMs);
    unref(timer);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    try {
      const response = await this.#fetch(this.#url, {
        method: "POST",
        headers: await this.#allHeaders(),
        body,
        // Elsewhere, the credentials would be somebody else's.
        redirect: "manual",
        signal: controller.signal,
      });
      const text = response.ok ? "" : await readBeginning(response);
      // What is not read keeps the connection from being used again.
      if (response.ok) await response.body?.cancel();
      return {
        status: response.status,
        body: text,
        retryAfter: response.headers.get("retry-after"),
      };
    } catch (error) {
      if (isLate) throw new Error(`no answer within ${timeoutMs} ms`);
      throw new Error(this.#withoutSecrets(reasonOf(error)));
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
    }
  }

  async #allHeaders(): Promise<Record<string, string>> {
    const source = this.#bearerToken;
    if (source === undefined) return this.#headers;
    const token = typeof source === "function" ? await source() : source;
    const authorization = `Bearer ${token}`;
    if (!isHeader("authorization", authorization)) throw new Error("the bearer token is not legal");
    return { ...this.#headers, authorization };
  }

  #withoutSecrets(text: string): string {
    return this.#secrets.reduce((rest, secret) => rest.replaceAll(secret, "…"), text);
  }
}

/**
 * Reads the header `Retry-After` in both of its forms.
 *
 * @param text The header: seconds, or a date.
 * @param nowMs The time, in milliseconds since 1970.
 * @returns How long to wait, in milliseconds; nothing if the header says nothing.
 */
export function parseRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  if (/^\s*\d+\s*$/.test(text)) return Number(text) * 1000;
  // Of all that Date.parse() takes, only what looks like a date of HTTP.
  const date = /^\s*[A-Za-z]+,? /.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowMs);
}

function parseUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // It may have a password in it, and is not shown therefore.
    throw new TypeError("Cannot write to a URL: it is not legal");
  }
  if (parsed.protocol === "http:" || parsed.protocol === "https:") return parsed;
  throw new TypeError(
    `Cannot write to a URL: its protocol must be http or https: received "${parsed.protocol}"`,
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function isHeader(name: string, value: string): boolean {
  try {
    new Headers([[name, value]]);
    return typeof value === "string";
  } catch {
    return false;
  }
}

/** The beginning of a body, for an error message. */
async function readBeginning(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (reader === undefined) return "";
  const decoder = new TextDecoder();
  let text = "";
  while (text.length < MAX_BODY) {
    const { done, value } = await reader.read();
    if (done) break;
    text += decoder.decode(value, { stream: true });
  }
  await reader.cancel();
  return text.trim().slice(0, MAX_BODY).toWellFormed();
}

/** What an error says, and what caused it: runtimes hide the reason in the cause. */
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
