import { type EscapingScheme, isEscapingScheme } from "../encoding/escaping.ts";

/** The Content-Type of Prometheus's text format. */
export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The Content-Type of OpenMetrics. */
export const OPENMETRICS_CONTENT_TYPE =
  "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** The Content-Type of delimited protocol buffers. */
export const PROTOBUF_CONTENT_TYPE =
  "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";

/** The formats that a scrape can be written in. */
export type ExpositionFormat = "text" | "openmetrics" | "protobuf";

/** All formats. The first is the one for scrapers that do not ask for another. */
export const ALL_FORMATS: readonly ExpositionFormat[] = ["text", "openmetrics", "protobuf"];

/** What a scraper and the program agreed on. */
export interface Negotiated {
  /** The format. */
  readonly format: ExpositionFormat;
  /** What is done to names outside of the classic alphabet. */
  readonly escaping: EscapingScheme;
  /** The Content-Type of the response, which says both. */
  readonly contentType: string;
}

/** A media type that a range of an `Accept` header may ask for. */
interface Offer {
  readonly format: ExpositionFormat;
  readonly type: string;
  readonly subtype: string;
  /** The parameters that a range must have. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** The version that a range means which names this type and no version. */
  readonly defaultVersion?: string;
}

/** An element of an `Accept` header. */
interface MediaRange {
  readonly type: string;
  readonly subtype: string;
  /** The parameters by their names in lower case; of equal names the last. */
  readonly parameters: ReadonlyMap<string, string>;
  /** The weight, from 0 to 1. */
  readonly q: number;
  /** How many of type and subtype are named, and not `*`. */
  readonly specificity: number;
}

/**
 * OpenMetrics 0.0.1, the draft, is what a range without a version means. Servers that
 * ask for it alone read 1.0.0, so that is what they get, under its own version.
 */
const OPENMETRICS: Omit<Offer, "parameters"> = {
  format: "openmetrics",
  type: "application",
  subtype: "openmetrics-text",
  defaultVersion: "0.0.1",
};

const OFFERS: readonly Offer[] = [
  { ...OPENMETRICS, parameters: [["version", "1.0.0"]] },
  { ...OPENMETRICS, parameters: [["version", "0.0.1"]] },
  {
    format: "protobuf",
    type: "application",
    subtype: "vnd.google.protobuf",
    parameters: [["proto", "io.prometheus.client.MetricFamily"], ["encoding", "delimited"]],
  },
  {
    format: "text",
    type: "text",
    subtype: "plain",
    parameters: [["version", "0.0.4"]],
    defaultVersion: "0.0.4",
  },
];

const CONTENT_TYPES: Readonly<Record<ExpositionFormat, string>> = {
  text: PROMETHEUS_CONTENT_TYPE,
  openmetrics: OPENMETRICS_CONTENT_TYPE,
  protobuf: PROTOBUF_CONTENT_TYPE,
};

/** The weight of a range whose `q` cannot be read: it comes last, and is not excluded. */
const UNREADABLE_Q = Number.MIN_VALUE;

/**
 * Chooses the format of a scrape from the `Accept` header of its request.
 *
 * The ranges are tried from the greatest `q` (at most 1) to the least; of equal ones,
 * those with wildcards last, then in the order of the header. The first that asks for
 * a format of this library with all its parameters decides; a bare wildcard
 * asks for none. A range with `q=0` is not considered. When no range decides, or there
 * is no header, it is the text format: a scrape is always answered.
 *
 * The escaping scheme is that of the deciding range or, when it names none, of the
 * last one tried before it that does, else the default one. The Content-Type names
 * the scheme, but for `"underscores"` when there was no header, and the version that
 * is written, never the one that was asked for.
 *
 * Nothing in a header is an error: what cannot be read is passed over. The time is
 * that of reading the header once, and of sorting the ranges that matter.
 *
 * This is how {@link https://pkg.go.dev/github.com/prometheus/common/expfmt | Prometheus's
 * own client} negotiates. See also
 * {@link https://www.rfc-editor.org/rfc/rfc9110#name-accept | RFC 9110, section 12.5.1}.
 *
 * @param accept The header, or `null` if the request has none.
 * @param defaultEscaping The escaping scheme for scrapers that name none.
 * @param formats The formats to choose from. The first is for scrapers that accept none of them.
 * @returns The format, the escaping of names, and the Content-Type of the response.
 *
 * @example A server that knows OpenMetrics
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
  candidates.sort(({ range: a }, { range: b }) => b.q - a.q || b.specificity - a.specificity);

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
 * Chooses the coding of a response from the `Accept-Encoding` header of its request:
 * gzip where it is asked for, by name or by `*`, unless the scraper would rather have
 * no coding. See
 * {@link https://www.rfc-editor.org/rfc/rfc9110#name-accept-encoding | RFC 9110, section 12.5.3}.
 *
 * @param acceptEncoding The header, or `null` if the request has none.
 * @returns `"gzip"`, or `"identity"` for no coding.
 *
 * @example A scraper, and one that wants no compression
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
 * Tells whether the `Accept` header of a request would rather have HTML than any format
 * of a scrape, as those of browsers do: `text/html` is named, no format is named with the
 * same weight or a greater one, and no wildcard has a greater one. What names no HTML,
 * as `*\/*`, wants none.
 *
 * @param accept The header, or `null` if the request has none.
 * @returns Whether a person is to read the answer.
 *
 * @example A browser, a scraper, and a tool
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
    const { type, subtype, q } = range;
    if (type === "text" && subtype === "html") html = Math.max(html, q);
    else if (type === "*" || subtype === "*") wildcard = Math.max(wildcard, q);
    else if (OFFERS.some((offer) => offer.type === type && offer.subtype === subtype)) {
      named = Math.max(named, q);
    }
  }
  return html > named && html >= wildcard;
}

/** Tells whether a range asks for what is offered, with all its parameters. */
function matches({ type, subtype, parameters }: MediaRange, offer: Offer): boolean {
  if (type !== "*" && type !== offer.type) return false;
  if (subtype !== "*" && subtype !== offer.subtype) return false;
  const exact = type === offer.type && subtype === offer.subtype;
  return offer.parameters.every(([name, value]) => {
    const asked = parameters.get(name);
    if (asked === undefined && name === "version" && exact) return offer.defaultVersion === value;
    return asked === value;
  });
}

/** Reads an element of an `Accept` header, or gives nothing if it names no media type. */
function parseMediaRange(element: string): MediaRange | undefined {
  const [name, parameters] = parseElement(element);
  // Old Java clients send a lone "*".
  const [type = "", subtype = "", ...rest] = (name === "*" ? "*/*" : name).split("/");
  if (type === "" || subtype === "" || rest.length > 0) return undefined;
  return {
    type: type.trimEnd(),
    subtype: subtype.trimStart(),
    parameters,
    q: parseWeight(parameters.get("q")),
    specificity: Number(type !== "*") + Number(subtype !== "*"),
  };
}

/** Reads `name; parameter=value`, with names in lower case, and leaves out empty parameters. */
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

/** Reads a weight. Some servers send weights over 1, which means 1. */
function parseWeight(text = "1"): number {
  const q = Number(text);
  return q >= 0 ? Math.min(q, 1) : UNREADABLE_Q;
}

/** Takes the quotes off a quoted string; leaves a token as it is. */
function unquote(text: string): string {
  if (!text.startsWith('"')) return text;
  return text.slice(1, text.endsWith('"') ? -1 : undefined).replace(/\\(.)/g, "$1");
}

/** Splits a text at a separator that stands in no quoted string. */
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
