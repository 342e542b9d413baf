import {
  checkShape,
  ILLEGAL_IN_LABEL_NAME_REGEXP,
  ILLEGAL_IN_METRIC_NAME_REGEXP,
  isLegacyLabelName,
  isLegacyMetricName,
} from "../model.ts";

/**
 * What becomes of names outside of the classic alphabet on their way to a scraper:
 *
 * - `"underscores"`: every other character becomes `_`. Cannot be undone.
 * - `"dots"`: `.` becomes `_dot_`, `_` becomes `__`, and so does everything else,
 *   so that only names of the classic alphabet and dots can be read back.
 * - `"values"`: `U__`, then the code points in hexadecimal, as in `_2e_` for a dot.
 *   Can be undone.
 * - `"allow-utf-8"`: nothing. Such names are quoted in the text formats.
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

/** What has to be escaped in a kind of names, as whole code points. */
interface Alphabet {
  /** A character that cannot stand where it stands. */
  readonly illegal: RegExp;
  /** The same, and `_`, for the schemes that double it. */
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
 * Tells whether a text names an escaping scheme.
 *
 * @param text The text, as it stands in an `Accept` header.
 * @returns Whether it is the name of one, in lower case.
 */
export function isEscapingScheme(text: string): text is EscapingScheme {
  return ESCAPING_SCHEMES.has(text);
}

/**
 * Checks an option that is an escaping scheme.
 *
 * @param scheme The scheme as it was given.
 * @param doing What is being done, as in `Cannot answer scrape`.
 * @throws {TypeError} If it is not the name of one.
 */
export function checkEscapingScheme(
  scheme: unknown,
  doing: string,
): asserts scheme is EscapingScheme {
  const rule = 'escaping must be "underscores", "dots", "values" or "allow-utf-8"';
  checkShape(typeof scheme === "string" && isEscapingScheme(scheme), doing, rule, scheme);
}

/**
 * Escapes the name of a metric family for the wire. Names of the classic alphabet
 * stay as they are in every scheme.
 *
 * The name to escape is that of the family as registered, suffix included. What is
 * appended or taken away for the names of its series (`_bucket`, `_created`, the
 * `_total` that OpenMetrics leaves out of `# TYPE`) comes after the escaping: so a
 * series has the same name in every format.
 *
 * Linear in the length of the name; a regular expression's test for a legal one.
 *
 * @param name The name.
 * @param scheme The scheme that the scraper asked for.
 * @returns The name to write.
 *
 * @example Names in and out of the classic alphabet
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
 * Escapes the name of a label for the wire. Names of the classic alphabet stay as
 * they are in every scheme. A colon, which only metric names may have, is escaped:
 * a scraper that asked for escaping could not read it.
 *
 * Linear in the length of the name; a regular expression's test for a legal one.
 *
 * @param name The name.
 * @param scheme The scheme that the scraper asked for.
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

/** Escapes a name that needs it. */
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
      // A lone surrogate has no UTF-8, and is written as U+FFFD.
      return "U__" + name.toWellFormed().replace(
        illegalOrUnderscore,
        (character) => character === "_" ? "__" : `_${character.codePointAt(0)?.toString(16)}_`,
      );
  }
}
