/** A username and a password for basic authentication (RFC 7617). */
export interface BasicAuth {
  /** The username, without a colon. */
  readonly username: string;
  /** The password. */
  readonly password: string;
}

/** Options of {@linkcode createHeaders}. */
export interface HeadersOptions {
  readonly headers: RequestInit["headers"] | undefined;
  readonly basicAuth: BasicAuth | undefined;
  /** The credentials in the URL. */
  readonly credentials: BasicAuth | undefined;
  /** Whether there is a bearer token, which is added later. */
  readonly hasBearerToken?: boolean;
}

/**
 * Returns the headers of a request. Errors do not show their values.
 *
 * @param options Headers and credentials.
 * @param doing The failing action, as in `Cannot push to Pushgateway`.
 * @returns The headers.
 * @throws {TypeError} If a header or the credentials are invalid, or given twice.
 */
export function createHeaders(options: HeadersOptions, doing: string): Headers {
  const { basicAuth, credentials, hasBearerToken = false } = options;
  if (basicAuth !== undefined && (typeof basicAuth !== "object" || basicAuth === null)) {
    // The value is not shown, because it may be a password.
    throw new TypeError(`${doing}: basicAuth must be an object with a username and a password`);
  }
  let headers: Headers;
  try {
    headers = new Headers(options.headers);
  } catch {
    // The original error is not the cause, because it quotes the header.
    throw new TypeError(`${doing}: headers must be names and values that HTTP allows`);
  }
  const given = [
    basicAuth !== undefined,
    credentials !== undefined,
    hasBearerToken,
    headers.has("authorization"),
  ];
  if (given.filter(Boolean).length > 1) {
    throw new TypeError(
      `${doing}: credentials must be given once: in url, in an option or in headers`,
    );
  }
  const auth = basicAuth ?? credentials;
  if (auth === undefined) return headers;
  const { username, password } = auth;
  // RFC 7617 allows no colon in the username, because it ends there, and no control characters.
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

/**
 * Returns the credentials in a URL.
 *
 * @param url The URL.
 * @param doing The failing action, as in `Cannot push to Pushgateway`.
 * @returns The credentials, if there are any.
 * @throws {TypeError} If they are invalid.
 */
export function credentialsOf({ username, password }: URL, doing: string): BasicAuth | undefined {
  if (username === "" && password === "") return undefined;
  try {
    return { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  } catch {
    // The original error is not the cause, because it may quote the credentials.
    throw new TypeError(`${doing}: the credentials in url must be percent-encoded UTF-8`);
  }
}

/**
 * Encodes UTF-8 as {@link https://www.rfc-editor.org/rfc/rfc4648#section-4 | base64}.
 *
 * @param text The text.
 * @returns The padded base64.
 */
export function toBase64(text: string): string {
  const bytes = new TextEncoder().encode(text);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}
