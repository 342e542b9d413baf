import { PlainText } from "./plain_text.ts";
import { reasonOf } from "./reason.ts";

/** Headers that the protocols set themselves. Their values are no secrets. */
const PUBLIC_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "content-encoding",
  "content-type",
  "user-agent",
  "x-prometheus-remote-write-version",
]);

/** A part of a header that is shorter is no secret by itself. */
const MIN_PART_LENGTH = 4;

/** The address and the headers of a request. */
export interface SentWith {
  /** The address. */
  readonly url: string;
  /** All headers. */
  readonly headers: Headers;
}

/**
 * Removes secrets from a text: credentials, the values of the user's headers and the query of the
 * address, in each spelling in which a server may repeat them. Servers, proxies and the user's own
 * `fetch` often repeat their input in errors.
 *
 * @param text The text.
 * @param sent The request.
 * @returns The text, with `…` in their place.
 */
export function hideSecrets(text: string, sent: SentWith): string {
  const plain = new PlainText(text);
  const ranges = secretsOf(sent).flatMap((secret) => [...plain.find(secret)]);
  let rest = "";
  let end = 0;
  for (const range of ranges.sort((a, b) => a.start - b.start)) {
    if (range.start >= end) rest += `${text.slice(end, range.start)}…`;
    end = Math.max(end, range.end);
  }
  return rest + text.slice(end);
}

/**
 * Returns the reason of an error without secrets.
 *
 * @param error The thrown value.
 * @param sent The request.
 * @returns The text.
 */
export function safeReasonOf(error: unknown, sent: SentWith): string {
  return hideSecrets(reasonOf(error), sent);
}

/** Returns all texts to hide. */
function secretsOf({ url, headers }: SentWith): string[] {
  const secrets = new Set<string>();
  const { search, searchParams } = new URL(url);
  if (search !== "") {
    const query = search.slice(1);
    for (const text of [url, query, decode(query), ...searchParams.values()]) secrets.add(text);
    // Parameters as they stand there, if they are not valid percent-encoding.
    for (const part of query.split("&")) secrets.add(part.slice(part.indexOf("=") + 1));
  }
  for (const [name, value] of headers) {
    if (PUBLIC_HEADERS.has(name)) continue;
    addHeader(secrets, value);
    // The scheme is no secret there.
    if (name !== "authorization") secrets.add(value);
  }
  return [...secrets];
}

/** Adds the value of a header, and each part of it that a server may read from it. */
function addHeader(secrets: Set<string>, value: string): void {
  const [, scheme = "", credentials = value] = /^([\w-]+)\s+(.*)$/s.exec(value) ?? [];
  secrets.add(credentials);
  // Several values, or parameters as in a cookie. The short ones are flags and numbers.
  for (const part of credentials.split(/[,;]\s*/)) {
    const parameter = /^[^=]+=(.*[^=].*)$/s.exec(part)?.[1]?.replace(/^"|"$/g, "") ?? "";
    for (const text of [part, parameter]) if (text.length >= MIN_PART_LENGTH) secrets.add(text);
  }
  if (scheme.toLowerCase() !== "basic") return;
  const unpadded = credentials.replace(/={1,2}$/, "");
  secrets.add(unpadded);
  secrets.add(unpadded.replaceAll("+", "-").replaceAll("/", "_"));
  const pair = fromBase64(credentials);
  secrets.add(pair);
  secrets.add(pair.slice(pair.indexOf(":") + 1));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function fromBase64(text: string): string {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    return "";
  }
}
