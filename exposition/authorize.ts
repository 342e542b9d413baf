import { checkShape, tell } from "../model.ts";

const CREDENTIALS_REGEXP = /^([^ ]+) +([^ ].*)$/s;

/**
 * A function that decides whether a request may see the metrics, possibly asynchronously.
 *
 * @param request The request.
 * @returns `true` to allow the request, `false` to answer it with 403, or a `Response` to send
 * instead. If the function throws or returns anything else, the request is refused.
 */
export type Authorize = (
  request: Request,
) => boolean | Response | PromiseLike<boolean | Response>;

/**
 * Calls `authorize` and returns the response if the request is refused.
 *
 * @param request The request.
 * @param authorize The function of the program.
 * @param onError Called with the error if `authorize` fails or returns an illegal value.
 * @returns The response of a refused request; `undefined` if the request is allowed.
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
    tell(onError, error);
    // The error is not shown because it may contain secrets.
    return plainResponse(500, `${doing}: authorize failed`);
  }
  if (decision === true) return undefined;
  if (decision === false) return plainResponse(403, `${doing}: access is denied`);
  if (isResponse(decision)) return decision;
  const kind = decision === null ? "null" : typeof decision;
  const text = `${doing}: authorize must return true, false or a Response: received ${kind}`;
  tell(onError, new TypeError(text));
  return plainResponse(500, text);
}

/** Returns whether a value is a response, also of a class with which a framework replaced it. */
function isResponse(value: unknown): value is Response {
  return Object.prototype.toString.call(value) === "[object Response]";
}

/**
 * Creates a response with a short text for people, instead of the metrics.
 *
 * @param status The HTTP status.
 * @param text The text: one sentence.
 * @param headers Additional headers.
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
 * Allows requests with the header `Authorization: Bearer <token>` and answers others with 401.
 * Prometheus sends this header if its configuration has `authorization: { credentials: … }`. See
 * {@link https://www.rfc-editor.org/rfc/rfc6750 | RFC 6750}.
 *
 * The duration of the comparison reveals neither the length of the right token nor how much of it a
 * client has guessed.
 *
 * @param tokens The token. While you replace a token by another, pass both in an array.
 * @returns The function for the option `authorize` of {@linkcode metricsHandler}.
 * @throws {TypeError} If there is no token, or if one is empty or contains white space or control
 * characters, such as the line break at the end of a file.
 *
 * @example Protect the metrics with a token
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
  const secrets = all.map(utf8);
  return async (request) => {
    const credentials = readCredentials(request, "bearer");
    if (credentials === undefined) return unauthorized('Bearer realm="metrics"');
    return await isOneOf(secrets, headerBytes(credentials)) ||
      unauthorized('Bearer realm="metrics", error="invalid_token"');
  };
}

/**
 * Allows requests with a username and a password (HTTP basic authentication) and answers others
 * with 401. Prometheus sends them if its configuration has `basic_auth`. Both may contain non-ASCII
 * characters, which are sent in UTF-8. See
 * {@link https://www.rfc-editor.org/rfc/rfc7617 | RFC 7617}.
 *
 * The duration of the comparison reveals neither the length of the right password nor how much
 * of it a client has guessed.
 *
 * @param username The username.
 * @param password The password.
 * @returns The function for the option `authorize` of {@linkcode metricsHandler}.
 * @throws {TypeError} If one is not a string, is empty, or contains control characters, or if the
 * username contains a colon.
 *
 * @example Protect the metrics with a password
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
  const secrets = [utf8(`${username}:${password}`.normalize("NFC"))];
  return async (request) => {
    const pair = decodePair(readCredentials(request, "basic") ?? "");
    return pair !== undefined && await isOneOf(secrets, utf8(pair.normalize("NFC"))) ||
      unauthorized('Basic realm="metrics", charset="UTF-8"');
  };
}

/**
 * Throws if a value cannot be a secret. The error does not contain the value. Control characters,
 * and white space in a token, would not survive in a header.
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
 * Returns the credentials in the `Authorization` header if it has the wanted scheme. Several such
 * headers are joined by commas, which occur neither in a token nor in base64.
 */
function readCredentials(request: Request, wanted: string): string | undefined {
  const header = request.headers.get("authorization")?.trim() ?? "";
  const [, scheme = "", credentials] = CREDENTIALS_REGEXP.exec(header) ?? [];
  return scheme.toLowerCase() === wanted ? credentials : undefined;
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

/** Returns the bytes of a header as they were sent: runtimes decode each byte to a character. */
function headerBytes(text: string): Uint8Array<ArrayBuffer> {
  const codes = Array.from(text, (character) => character.codePointAt(0)!);
  // Some runtimes decode UTF-8, against the specification of `Headers`.
  return codes.some((code) => code > 255) ? utf8(text) : Uint8Array.from(codes);
}

/** Decodes base64 of UTF-8. Returns `undefined` unless both are in their canonical form. */
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
 * Returns whether bytes are one of the secrets. It compares salted hashes, not the bytes
 * themselves. The salt is random and used once. So a client cannot choose bytes whose hash begins
 * like that of a secret, and the duration of the comparison reveals nothing. It compares all bytes
 * of all hashes anyway. This needs no module of a runtime, and works for bytes of any length.
 */
async function isOneOf(
  secrets: readonly Uint8Array<ArrayBuffer>[],
  bytes: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const salt = crypto.getRandomValues(new Uint8Array(32));
  const hash = async (text: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array([...salt, ...text])));
  const actual = await hash(bytes);
  let found = false;
  for (const expected of await Promise.all(secrets.map(hash))) {
    let difference = 0;
    for (let i = 0; i < expected.length; i++) difference |= expected[i]! ^ actual[i]!;
    if (difference === 0) found = true;
  }
  return found;
}

function unauthorized(challenge: string): Response {
  return plainResponse(401, "Cannot answer scrape: credentials are missing or wrong", {
    "www-authenticate": challenge,
  });
}
