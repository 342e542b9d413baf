import {
  checkShape,
  ILLEGAL_IN_LABEL_NAME_REGEXP,
  ILLEGAL_IN_METRIC_NAME_REGEXP,
  isLegacyLabelName,
  isLegacyMetricName,
} from "../model.ts";

/**
 * The spelling of names outside the classic alphabet for a scraper:
 *
 * - `"underscores"`: every other character becomes `_`. This cannot be undone.
 * - `"dots"`: `.` becomes `_dot_`. `_` and every other character become `__`, so only names of the
 *   classic alphabet and dots can be read back.
 * - `"values"`: `U__`, then other characters as hexadecimal code points, such as `_2e_` for a dot.
 *   This can be undone.
 * - `"allow-utf-8"`: names are not changed. They are quoted in the text formats.
 *
 * See {@link https://prometheus.io/docs/instrumenting/escaping_schemes/ | the specification}.
 */
export type EscapingScheme = "underscores" | "dots" | "values" | "allow-utf-8";

const ESCAPING_SCHEMES: ReadonlySet<string> = new Set<EscapingScheme>([
  "underscores",
  "dots",
  "values",
  "allow-utf-8",
]);

/** The code points that have to be escaped in a kind of name. */
interface Alphabet {
  /** A code point that is not allowed at its place. */
  readonly illegal: RegExp;
  /** The same, and `_`, for schemes that double it. */
  readonly illegalOrUnderscore: RegExp;
}

const METRIC_ALPHABET: Alphabet = {
  illegal: ILLEGAL_IN_METRIC_NAME_REGEXP,
  illegalOrUnderscore: /^[0-9]|[^a-zA-Z0-9:]/gu,
};
const LABEL_ALPHABET: Alphabet = {
  illegal: ILLEGAL_IN_LABEL_NAME_REGEXP,
  illegalOrUnderscore: /^[0-9]|[^a-zA-Z0-9]/gu,
};

/**
 * Returns whether a text is the name of an escaping scheme.
 *
 * @param text The text, as in an `Accept` header.
 * @returns Whether it is a name in lower case.
 */
export function isEscapingScheme(text: string): text is EscapingScheme {
  return ESCAPING_SCHEMES.has(text);
}

/**
 * Checks an option that is an escaping scheme.
 *
 * @param scheme The scheme.
 * @param doing The failing action, as in `Cannot answer scrape`.
 * @throws {TypeError} If it is not the name of a scheme.
 */
export function checkEscapingScheme(
  scheme: unknown,
  doing: string,
): asserts scheme is EscapingScheme {
  const rule = 'escaping must be "underscores", "dots", "values" or "allow-utf-8"';
  checkShape(typeof scheme === "string" && isEscapingScheme(scheme), doing, rule, scheme);
}

/**
 * Escapes the name of a metric family for the wire. Names in the classic alphabet are the same in
 * every scheme.
 *
 * Escape the name of the family with its suffix. Suffixes of its series (`_bucket`, `_created`) are
 * appended after the escaping, and OpenMetrics removes `_total` from `# TYPE` after it. So a series
 * has the same name in every format.
 *
 * Linear in the length of the name. For a legal name, one test of a regular expression.
 *
 * @param name The name.
 * @param scheme The scheme that the scraper accepts.
 * @returns The name to write.
 *
 * @example Names inside and outside the classic alphabet
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(escapeMetricName("http.requests_total", "underscores"), "http_requests_total");
 * assert.equal(escapeMetricName("http.requests_total", "dots"), "http_dot_requests__total");
 * assert.equal(escapeMetricName("http.requests_total", "values"), "U__http_2e_requests__total");
 * assert.equal(escapeMetricName("http_requests_total", "dots"), "http_requests_total");
 * ```
 */
export function escapeMetricName(name: string, scheme: EscapingScheme): string {
  if (scheme === "allow-utf-8" || isLegacyMetricName(name)) return name;
  return escapeCharacters(name, scheme, METRIC_ALPHABET);
}

/**
 * Escapes the name of a label for the wire. Names in the classic alphabet are the same in every
 * scheme. A colon, which is only legal in metric names, is escaped, because a scraper that accepts
 * a scheme could not read it.
 *
 * Linear in the length of the name. For a legal name, one test of a regular expression.
 *
 * @param name The name.
 * @param scheme The scheme that the scraper accepts.
 * @returns The name to write.
 *
 * @example A dotted name and a colon
 * ```ts
 * import assert from "node:assert/strict";
 *
 * assert.equal(escapeLabelName("service.name", "underscores"), "service_name");
 * assert.equal(escapeLabelName("a:b", "values"), "U__a_3a_b");
 * ```
 */
export function escapeLabelName(name: string, scheme: EscapingScheme): string {
  if (scheme === "allow-utf-8" || isLegacyLabelName(name)) return name;
  return escapeCharacters(name, scheme, LABEL_ALPHABET);
}

/** Escapes a name that is not legal. */
function escapeCharacters(
  name: string,
  scheme: Exclude<EscapingScheme, "allow-utf-8">,
  { illegal, illegalOrUnderscore }: Alphabet,
): string {
  switch (scheme) {
    case "underscores":
      return name.replace(illegal, "_");
    case "dots":
      return name.replace(illegalOrUnderscore, (character) => character === "." ? "_dot_" : "__");
    case "values":
      // A lone surrogate cannot be encoded in UTF-8, and is written as U+FFFD.
      return "U__" + name.toWellFormed().replace(
        illegalOrUnderscore,
        (character) => character === "_" ? "__" : `_${character.codePointAt(0)?.toString(16)}_`,
      );
  }
}
