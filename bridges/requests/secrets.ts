import { reasonOf } from "./reason.ts";

/** Headers that the protocols set themselves. Their values are no secrets. */
const PUBLIC_HEADERS: ReadonlySet<string> = new Set([
  "accept",
  "content-encoding",
  "content-type",
  "user-agent",
  "x-prometheus-remote-write-version",
]);

/** A shorter text is part of too many words. It is hidden only where it stands alone. */
const MIN_LENGTH = 4;

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
 * @param sent What was sent.
 * @returns The text, with `…` in their place.
 */
export function hideSecrets(text: string, sent: SentWith): string {
  let rest = text;
  for (const secret of secretsOf(sent)) {
    rest = secret.length >= MIN_LENGTH ? rest.replaceAll(secret, "…") : rest.replace(
      new RegExp(`(?<![\\p{L}\\p{N}])${escape(secret)}(?![\\p{L}\\p{N}])`, "gu"),
      "…",
    );
  }
  return rest;
}

/**
 * Returns the reason of an error without secrets.
 *
 * @param error What was thrown.
 * @param sent What was sent.
 * @returns The text.
 */
export function safeReasonOf(error: unknown, sent: SentWith): string {
  return hideSecrets(reasonOf(error), sent);
}

/** Returns all texts to hide, the longest first, so that none leaves a part of another. */
function secretsOf({ url, headers }: SentWith): string[] {
  const secrets = new Set<string>();
  const add = (text: string): void => {
    for (const form of [text, encodeURIComponent(text), JSON.stringify(text).slice(1, -1)]) {
      if (form !== "") secrets.add(form);
    }
  };
  const { search, searchParams } = new URL(url);
  if (search !== "") {
    add(url);
    add(search.slice(1));
    add(decode(search.slice(1)));
    for (const value of searchParams.values()) add(value);
    // Parameters as they stand there, in whatever spelling.
    for (const part of search.slice(1).split("&")) add(part.slice(part.indexOf("=") + 1));
  }
  for (const [name, value] of headers) {
    if (PUBLIC_HEADERS.has(name)) continue;
    const [, scheme = "", credentials = value] = name === "authorization"
      ? /^(\S+)\s+(.*)$/s.exec(value) ?? []
      : [];
    add(credentials);
    if (scheme.toLowerCase() !== "basic") continue;
    const pair = fromBase64(credentials);
    add(pair);
    add(pair.slice(pair.indexOf(":") + 1));
  }
  return [...secrets].sort((a, b) => b.length - a.length);
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

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
