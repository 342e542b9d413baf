import { checkShape } from "../model.ts";

const CREDENTIALS_REGEXP = /^([^ ]+) +([^ ].*)$/s;

const HASH = { name: "HMAC", hash: "SHA-256" };

/**
 * Decides whether a request may see the metrics: `true` lets it pass, `false` is answered with
 * 403, and a `Response` is sent as it is. It may be asynchronous. One that throws, or returns
 * anything else, lets nobody pass.
 *
 * @param request The request.
 * @returns The decision.
 */
export type Authorize = (
  request: Request,
) => boolean | Response | PromiseLike<boolean | Response>;

/**
 * Asks whether a request may see the metrics.
 *
 * @param request The request.
 * @param authorize Decides.
 * @param onError Called with the error if `authorize` fails or returns something else.
 * @returns The answer for those who may not; nothing for those who may.
 */
export async function refusal(
  request: Request,
  authorize: Authorize,
  onError: (error: unknown) => unknown,
): Promise<Response | undefined> {
  const doing = "Cannot answer scrape";
  let decision: unknown;
  try {
    decision = await authorize(request);
  } catch (error) {
    report(onError, error);
    // The error may have secrets in it, and anyone can ask.
    return plainResponse(500, `${doing}: authorize failed`);
  }
  if (decision === true) return undefined;
  if (decision === false) return plainResponse(403, `${doing}: access is denied`);
  if (isResponse(decision)) return decision;
  const kind = decision === null ? "null" : typeof decision;
  const text = `${doing}: authorize must return true, false or a Response: received ${kind}`;
  report(onError, new TypeError(text));
  return plainResponse(500, text);
}

/**
 * Reports an error to the program. What `onError` throws is ignored, because an error of a log must
 * not become one of the scrape.
 *
 * @param onError The function of the program.
 * @param error The error.
 */
export function report(onError: (error: unknown) => unknown, error: unknown): void {
  try {
    const returned = onError(error);
    if (returned instanceof Promise) returned.catch(() => {});
  } catch {
    // See above.
  }
}

/** Whether something is a response, also one of a class that a framework puts in its place. */
function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === "[object Response]";
}

/**
 * A short answer for people: what is said in place of the metrics.
 *
 * @param status The HTTP status.
 * @param text A sentence.
 * @param headers More headers.
 * @returns The response.
 */
export function plainResponse(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { "content-type": "text/plain; charset=utf-8", ...headers },
  });
}

/**
 * Lets those pass who send a token as `Authorization: Bearer <token>`, as Prometheus does with
 * `authorization: { credentials: … }` in its configuration; others are answered with 401. See
 * {@link https://www.rfc-editor.org/rfc/rfc6750 | RFC 6750}.
 *
 * How long the comparison takes does not tell how much of a token was right, nor how long the
 * right one is.
 *
 * @param tokens The token, or several of them, each of which will do: while one replaces another.
 * @returns What the option `authorize` of {@linkcode metricsHandler} takes.
 * @throws {TypeError} If there is no token, or one is empty or has blanks or control characters,
 * such as the line break at the end of a file.
 *
 * @example Metrics for those who know the token
 * ```ts
 * import { bearerAuth, CollectorRegistry, metricsHandler } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const handler = metricsHandler({
 *   registry: new CollectorRegistry(),
 *   authorize: bearerAuth("s3cr3t"),
 * });
 * const headers = { authorization: "Bearer s3cr3t" };
 * const allowed = await handler(new Request("http://localhost/metrics", { headers }));
 * assert.equal(allowed.status, 200);
 * const refused = await handler(new Request("http://localhost/metrics"));
 * assert.equal(refused.status, 401);
 * assert.equal(refused.headers.get("www-authenticate"), 'Bearer realm="metrics"');
 * ```
 */
export function bearerAuth(tokens: string | readonly string[]): Authorize {
  const doing = "Cannot create bearerAuth";
  const all = typeof tokens === "string" ? [tokens] : tokens;
  if (!Array.isArray(all) || all.length === 0) {
    throw new TypeError(`${doing}: tokens must be a string or an array of some`);
  }
  for (const token of all) checkSecret("a token", token, false, doing);
  const isToken = comparer(all.map(utf8));
  return async (request) => {
    const credentials = readCredentials(request, "bearer");
    if (credentials === undefined) return unauthorized('Bearer realm="metrics"');
    return await isToken(headerBytes(credentials)) ||
      unauthorized('Bearer realm="metrics", error="invalid_token"');
  };
}

/**
 * Lets those pass who send a name and a password as HTTP's basic authentication has it, as
 * Prometheus does with `basic_auth` in its configuration; others are answered with 401. Both may
 * have any characters, sent in UTF-8. See
 * {@link https://www.rfc-editor.org/rfc/rfc7617 | RFC 7617}.
 *
 * How long the comparison takes does not tell how much of a password was right, nor how long the
 * right one is.
 *
 * @param username The name of the user.
 * @param password The password.
 * @returns What the option `authorize` of {@linkcode metricsHandler} takes.
 * @throws {TypeError} If one is not a string, is empty, or has control characters, or the name
 * has a colon.
 *
 * @example Metrics for those who know the password
 * ```ts
 * import { basicAuth, CollectorRegistry, metricsHandler } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const handler = metricsHandler({
 *   registry: new CollectorRegistry(),
 *   authorize: basicAuth("prometheus", "s3cr3t"),
 * });
 * const headers = { authorization: `Basic ${btoa("prometheus:s3cr3t")}` };
 * const allowed = await handler(new Request("http://localhost/metrics", { headers }));
 * assert.equal(allowed.status, 200);
 * const refused = await handler(new Request("http://localhost/metrics"));
 * assert.equal(refused.status, 401);
 * ```
 */
export function basicAuth(username: string, password: string): Authorize {
  const doing = "Cannot create basicAuth";
  checkSecret("username", username, true, doing);
  checkSecret("password", password, true, doing);
  checkShape(!username.includes(":"), doing, "username must have no colon", username);
  const isPair = comparer([utf8(`${username}:${password}`.normalize("NFC"))]);
  return async (request) => {
    const pair = decodePair(readCredentials(request, "basic") ?? "");
    return pair !== undefined && await isPair(utf8(pair.normalize("NFC"))) ||
      unauthorized('Basic realm="metrics", charset="UTF-8"');
  };
}

/**
 * Refuses what cannot be a secret; the error does not tell what it is. Control characters, and
 * blanks in a token, would not survive in a header.
 */
function checkSecret(what: string, secret: unknown, mayHaveBlanks: boolean, doing: string): void {
  if (typeof secret !== "string") {
    throw new TypeError(`${doing}: ${what} must be a string: received ${typeof secret}`);
  }
  if (secret === "") throw new TypeError(`${doing}: ${what} must not be empty`);
  const forbidden = mayHaveBlanks ? /\p{Cc}/u : /[\s\p{Cc}]/u;
  if (!secret.isWellFormed() || forbidden.test(secret)) {
    const blanks = mayHaveBlanks ? "line breaks" : "blanks, line breaks";
    throw new TypeError(`${doing}: ${what} must have no ${blanks} or other control characters`);
  }
}

/**
 * What stands behind the scheme in the `Authorization` header, if the scheme is the wanted one.
 * Of several such headers there is one, joined by commas, which neither a token nor base64 has.
 */
function readCredentials(request: Request, wanted: string): string | undefined {
  const header = request.headers.get("authorization")?.trim() ?? "";
  const [, scheme = "", credentials] = CREDENTIALS_REGEXP.exec(header) ?? [];
  return scheme.toLowerCase() === wanted ? credentials : undefined;
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** The bytes of a header as they were sent: runtimes make a character of each of them. */
function headerBytes(text: string): Uint8Array<ArrayBuffer> {
  const codes = Array.from(text, (character) => character.codePointAt(0)!);
  // Some read UTF-8, against the specification of `Headers`.
  return codes.some((code) => code > 255) ? utf8(text) : Uint8Array.from(codes);
}

/** Decodes base64 of UTF-8; nothing if it is either not, in its one canonical form. */
function decodePair(base64: string): string | undefined {
  try {
    const binary = atob(base64);
    if (btoa(binary) !== base64) return undefined;
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(headerBytes(binary));
  } catch {
    return undefined;
  }
}

/**
 * Makes a function that tells whether bytes are one of the secrets. Neither is compared itself,
 * but what a keyed hash makes of it. The key is chosen at random and known to nobody, so nobody
 * can send bytes whose hash begins as that of a secret does, and a comparison that takes longer
 * when more is right would tell nothing. It looks at all bytes of all secrets anyway. This needs
 * no module of a runtime, and takes bytes of any length.
 */
function comparer(
  secrets: readonly Uint8Array<ArrayBuffer>[],
): (bytes: Uint8Array<ArrayBuffer>) => Promise<boolean> {
  const prepare = async () => {
    const random = crypto.getRandomValues(new Uint8Array(32));
    const key = await crypto.subtle.importKey("raw", random, HASH, false, ["sign"]);
    const hash = async (bytes: Uint8Array<ArrayBuffer>) =>
      new Uint8Array(await crypto.subtle.sign(HASH, key, bytes));
    return { hash, hashes: await Promise.all(secrets.map(hash)) };
  };
  let prepared: ReturnType<typeof prepare> | undefined;
  return async (bytes) => {
    prepared ??= prepare();
    const { hash, hashes } = await prepared;
    const actual = await hash(bytes);
    let found = 0;
    for (const expected of hashes) {
      let difference = 0;
      for (let i = 0; i < expected.length; i++) difference |= expected[i]! ^ actual[i]!;
      found |= Number(difference === 0);
    }
    return found === 1;
  };
}

function unauthorized(challenge: string): Response {
  return plainResponse(401, "Cannot answer scrape: credentials are missing or wrong", {
    "www-authenticate": challenge,
  });
}
