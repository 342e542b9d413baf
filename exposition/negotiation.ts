import { type EscapingScheme, isEscapingScheme } from "../encoding/escaping.ts";

/** The Content-Type of Prometheus's text format. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The Content-Type of OpenMetrics. */
export const OPENMETRICS_CONTENT_TYPE =
  "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** The Content-Type of delimited protocol buffers. */
export const PROTOBUF_CONTENT_TYPE =
  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/** The formats of a scrape. */
export type ExpositionFormat = "text" | "openmetrics" | "protobuf";

/** All formats. The first is for scrapers that ask for none of them. */
export const ALL_FORMATS: readonly ExpositionFormat[] = ["text", "openmetrics", "protobuf"];

/** The format and spelling of a response. */
export interface Negotiated {
  /** The format. */
  readonly format: ExpositionFormat;
  /** How names outside the classic character set are spelled. */
  readonly escaping: EscapingScheme;
  /** The Content-Type of the response, which contains both. */
  readonly contentType: string;
}

/** A media type that a range of an `Accept` header may ask for. */
interface Offer {
  readonly format: ExpositionFormat;
  /** The type and the subtype. */
  readonly name: string;
  /** The parameters that a range must have. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The version of a range with this type and without a version. */
  readonly defaultVersion?: string;
}

/** An element of an `Accept` header. */
interface MediaRange {
  /** The type and the subtype. Both may be `*`. */
  readonly name: string;
  /** The parameters by their names in lower case. The last wins if a name is repeated. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The weight, from 0 to 1. */
  readonly q: number;
}

/**
 * A range without a version asks for OpenMetrics 0.0.1, the draft. Servers that ask only for 0.0.1
 * can read 1.0.0, so they get 1.0.0, with this version in the Content-Type.
 */
const OFFERS: readonly Offer[] = [
  {
    format: "openmetrics",
    name: "application/openmetrics-text",
    parameters: { version: "1.0.0" },
    defaultVersion: "0.0.1",
  },
  {
    format: "openmetrics",
    name: "application/openmetrics-text",
    parameters: { version: "0.0.1" },
    defaultVersion: "0.0.1",
  },
  {
    format: "protobuf",
    name: "application/vnd.google.protobuf",
    parameters: { proto: "io.prometheus.client.MetricFamily", encoding: "delimited" },
  },
  {
    format: "text",
    name: "text/plain",
    parameters: { version: "0.0.4" },
    defaultVersion: "0.0.4",
  },
];

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: PROMETHEUS_CONTENT_TYPE,
  openmetrics: OPENMETRICS_CONTENT_TYPE,
  protobuf: PROTOBUF_CONTENT_TYPE,
};

/**
 * Chooses the format of a scrape from the `Accept` header of its request.
 *
 * - Ranges are tried from the greatest `q` (at most 1) to the least. Among equal ones, ranges with
 *   wildcards come last; otherwise the order of the header counts. A range with `q=0` is skipped.
 * - The first range that asks for a format of this library with all its parameters wins. A bare
 *   wildcard asks for no format.
 * - If no range wins, or there is no header, the format is the first of `formats`. A scrape is
 *   always answered.
 * - The escaping scheme is that of the winning range. If it names none, it is that of the last
 *   range tried before it that names one, or the default.
 * - The Content-Type contains the scheme, except `"underscores"` when there was no header. It
 *   contains the version that is written, never the version that the header asks for.
 *
 * An invalid header is never an error: invalid parts are skipped. The complexity is that of reading
 * the header once and of sorting the ranges that ask for a format or for a scheme.
 *
 * {@link https://pkg.go.dev/github.com/prometheus/common/expfmt | Prometheus's own client}
 * negotiates in the same way. See also
 * {@link https://www.rfc-editor.org/rfc/rfc9110#name-accept | RFC 9110, section 12.5.1}.
 *
 * @param accept The header, or `null` if the request has none.
 * @param defaultEscaping The escaping scheme for scrapers that name none.
 * @param formats The formats to choose from. The first is for scrapers that accept none of them.
 * @returns The format, the escaping of names, and the Content-Type of the response.
 *
 * @example Negotiate with a server that reads OpenMetrics
 * ```ts
 * import assert from "node:assert/strict";
 *
 * const accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,*\/*;q=0.2";
 * const { format, escaping } = negotiate(accept);
 * assert.equal(format, "openmetrics");
 * assert.equal(escaping, "allow-utf-8");
 * assert.equal(negotiate(null).contentType, "text/plain; version=0.0.4; charset=utf-8");
 * ```
 */
export function negotiate(
  accept: string | null,
  defaultEscaping: EscapingScheme = "underscores",
  formats: readonly ExpositionFormat[] = ALL_FORMATS,
): Negotiated {
  let format: ExpositionFormat = formats[0] ?? "text";
  let escaping = defaultEscaping;
  if (accept === null && escaping === "underscores") {
    return { format, escaping, contentType: CONTENT_TYPES[format] };
  }

  const candidates: { range: MediaRange; offer: Offer | undefined }[] = [];
  for (const element of split(accept ?? "", ",")) {
    const range = parseMediaRange(element);
    if (range === undefined || range.q === 0) continue;
    const offer = OFFERS.find((offer) => formats.includes(offer.format) && matches(range, offer));
    if (offer !== undefined || range.parameters.has("escaping")) candidates.push({ range, offer });
  }
  candidates.sort(({ range: a }, { range: b }) => b.q - a.q || stars(a) - stars(b));

  for (const { range, offer } of candidates) {
    const scheme = range.parameters.get("escaping") ?? "";
    if (isEscapingScheme(scheme)) escaping = scheme;
    if (offer !== undefined) {
      format = offer.format;
      break;
    }
  }
  return { format, escaping, contentType: `${CONTENT_TYPES[format]}; escaping=${escaping}` };
}

/**
 * Chooses the coding of a response from the `Accept-Encoding` header of its request. It is gzip if
 * the header accepts it, by name or by `*`, and does not prefer `identity`. See
 * {@link https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding | RFC 9110, section 12.5.3}.
 *
 * @param acceptEncoding The header, or `null` if the request has none.
 * @returns `"gzip"`, or `"identity"` for no coding.
 *
 * @example Negotiate with and without compression
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(negotiateEncoding("gzip"), "gzip");
 * assert.equal(negotiateEncoding("gzip;q=0, *"), "identity");
 * assert.equal(negotiateEncoding(null), "identity");
 * ```
 */
export function negotiateEncoding(acceptEncoding: string | null): "gzip" | "identity" {
  let gzip: number | undefined;
  let identity: number | undefined;
  let others = 0;
  for (const element of split(acceptEncoding ?? "", ",")) {
    const [coding, parameters] = parseElement(element);
    const q = parseWeight(parameters.get("q"));
    if (coding === "gzip" || coding === "x-gzip") gzip = Math.max(q, gzip ?? 0);
    else if (coding === "identity") identity = q;
    else if (coding === "*") others = q;
  }
  const weight = gzip ?? others;
  return weight > 0 && weight >= (identity ?? 0) ? "gzip" : "identity";
}

/**
 * Returns whether an `Accept` header prefers HTML to all formats of a scrape, as that of a browser
 * does. It does if it names `text/html`, names no format with at least the same weight, and has no
 * wildcard with a greater weight. A header that does not name HTML, such as `*\/*`, does not prefer
 * it.
 *
 * @param accept The header, or `null` if the request has none.
 * @returns Whether the response is for a person.
 *
 * @example Recognize a browser
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(prefersHtml("text/html,application/xml;q=0.9,*\/*;q=0.8"), true);
 * assert.equal(prefersHtml("text/plain;version=0.0.4;q=0.5,*\/*;q=0.1"), false);
 * assert.equal(prefersHtml("*\/*"), false);
 * ```
 */
export function prefersHtml(accept: string | null): boolean {
  let html = 0;
  let named = 0;
  let wildcard = 0;
  for (const element of split(accept ?? "", ",")) {
    const range = parseMediaRange(element);
    if (range === undefined) continue;
    const { name, q } = range;
    if (name === "text/html") html = Math.max(html, q);
    else if (name.endsWith("/*")) wildcard = Math.max(wildcard, q);
    else if (OFFERS.some((offer) => offer.name === name)) named = Math.max(named, q);
  }
  return html > named && html >= wildcard;
}

/** Counts the wildcards of a range. */
function stars({ name }: MediaRange): number {
  return name.split("*").length - 1;
}

/** Returns whether a range asks for an offer, with all its parameters. */
function matches({ name, parameters }: MediaRange, offer: Offer): boolean {
  const isExact = name === offer.name;
  const isWildcard = name === "*/*" || name === offer.name.replace(/\/.*/, "/*");
  return (isExact || isWildcard) &&
    Object.entries(offer.parameters).every(([key, value]) => {
      const asked = parameters.get(key);
      if (asked === undefined && key === "version" && isExact) {
        return offer.defaultVersion === value;
      }
      return asked === value;
    });
}

/** Reads an element of an `Accept` header. Returns `undefined` if it has no media type. */
function parseMediaRange(element: string): MediaRange | undefined {
  const [name, parameters] = parseElement(element);
  // Old Java clients send a lone "*".
  const parts = (name === "*" ? "*/*" : name).split("/").map((part) => part.trim());
  if (parts.length !== 2 || parts.includes("")) return undefined;
  return { name: parts.join("/"), parameters, q: parseWeight(parameters.get("q")) };
}

/** Reads `name; parameter=value`. Puts names in lower case and skips empty parameters. */
function parseElement(element: string): [name: string, parameters: Map<string, string>] {
  const [name = "", ...rest] = split(element, ";");
  const parameters = new Map<string, string>();
  for (const parameter of rest) {
    const equals = parameter.indexOf("=");
    if (equals < 0) continue;
    const value = unquote(parameter.slice(equals + 1).trim());
    if (value !== "") parameters.set(parameter.slice(0, equals).trim().toLowerCase(), value);
  }
  return [name.trim().toLowerCase(), parameters];
}

/** Reads a weight. Some servers send weights over 1, which mean 1. */
function parseWeight(text = "1"): number {
  const q = Number(text);
  // A range with an invalid weight is tried last, but not excluded.
  return q >= 0 ? Math.min(q, 1) : Number.MIN_VALUE;
}

/** Returns the content of a quoted string, or the token itself. */
function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  return text.slice(1, text.endsWith('"') ? -1 : undefined).replace(/\\(.)/g, "$1");
}

/** Splits a text at a separator, except in quoted strings. */
function* split(text: string, separator: string): Generator<string> {
  let start = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const character = text[i];
    if (character === '"') quoted = !quoted;
    else if (character === "\\" && quoted) i++;
    else if (character === separator && !quoted) {
      yield text.slice(start, i);
      start = i + 1;
    }
  }
  yield text.slice(start);
}
