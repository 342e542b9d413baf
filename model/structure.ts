import { checkBounds, checkShape } from "./checks.ts";
import { ILLEGAL_IN_METRIC_NAME_REGEXP, isLegacyMetricName } from "./names.ts";
import type { MetricType } from "./sample.ts";

/**
 * Returns a bucket bound or a quantile as a label value, spelled like Go's `%g`: `1`, `0.25`,
 * `1e+06`. Prometheus and its other clients spell it so.
 *
 * @param value The number.
 * @returns The text of format 0.0.4. OpenMetrics adds `.0` to whole numbers.
 */
export function formatBound(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  const magnitude = Math.abs(value);
  if (magnitude === 0) return "0";
  // Go writes an exponent below 1e-4 and from 1e6 on (JavaScript from 1e21 on), and always with at
  // least two digits.
  if (!(magnitude < 1e-4 || magnitude >= 1e6)) return String(value);
  const text = value.toExponential();
  const e = text.indexOf("e") + 2;
  return e === text.length - 1 ? `${text.slice(0, e)}0${text.slice(e)}` : text;
}

/**
 * The latest time that is taken for one in seconds: the year 5138. Prometheus drops samples of the
 * far future without a word, and a time beyond this is one in milliseconds.
 */
const MAX_SECONDS = 1e11;

/**
 * Checks a time in seconds.
 *
 * @param time The time as it was given.
 * @param doing The action, for error messages, such as `Cannot add sample "x" to gauge "x"`.
 * @param what What the time is called, as in `timestamp`.
 * @throws {TypeError} If it is not a finite number.
 * @throws {RangeError} If it cannot be a time in seconds.
 */
export function checkSeconds(time: unknown, doing: string, what: string): void {
  const isTime = typeof time === "number" && Number.isFinite(time);
  checkShape(isTime, doing, `${what} must be a finite number of seconds`, time);
  const rule = `${what} must be in seconds since 1970, not in milliseconds`;
  checkBounds(Math.abs(time) <= MAX_SECONDS, doing, rule, time);
}

/**
 * Returns the name of a family in OpenMetrics: that of a counter without `_total`, and that of an
 * info without `_info`.
 *
 * @param name The name as registered.
 * @param type The type of the family.
 * @returns The name for `# TYPE` in OpenMetrics.
 */
export function openMetricsName(name: string, type: MetricType): string {
  if (type === "counter" && name.endsWith("_total")) return name.slice(0, -6);
  if (type === "info" && name.endsWith("_info")) return name.slice(0, -5);
  return name;
}

/** The suffixes of the sample names of each type, without `_created`. */
export const SAMPLE_SUFFIXES: Readonly<Record<MetricType, readonly string[]>> = {
  counter: [""],
  gauge: [""],
  unknown: [""],
  info: [""],
  stateset: [""],
  histogram: ["_bucket", "_sum", "_count"],
  gaugehistogram: ["_bucket", "_gsum", "_gcount"],
  summary: ["", "_sum", "_count"],
};

/**
 * Returns whether a value is one of the eight metric types.
 *
 * @param type The value.
 * @returns Whether it is one.
 */
export function isMetricType(type: unknown): type is MetricType {
  return typeof type === "string" && Object.hasOwn(SAMPLE_SUFFIXES, type);
}

/**
 * Returns the names of the series of a family.
 *
 * @param name The name of the family.
 * @param type The type of the family.
 * @returns The names, without `_created`.
 */
export function sampleNames(name: string, type: MetricType): string[] {
  return SAMPLE_SUFFIXES[type].map((suffix) => name + suffix);
}

/**
 * Returns the name of the series with the time when a family began to count, if its type has one.
 *
 * @param name The name of the family.
 * @param type The type of the family.
 * @returns The name, or undefined.
 */
export function createdName(name: string, type: MetricType): string | undefined {
  if (type === "counter" || type === "histogram" || type === "summary") {
    return `${openMetricsName(name, type)}_created`;
  }
  return undefined;
}

/**
 * Returns the name of the label that a type reserves for itself, if it has one.
 *
 * @param type The type of the family.
 * @param familyName The name of the family as exposed.
 * @returns `"le"`, `"quantile"`, the name of a stateset, or undefined.
 */
export function reservedLabelName(type: MetricType, familyName: string): string | undefined {
  switch (type) {
    case "histogram":
    case "gaugehistogram":
      return "le";
    case "summary":
      return "quantile";
    case "stateset":
      return familyName;
    default:
      return undefined;
  }
}

/**
 * Determines the names that no other family of a scrape may have: those of the family's series, its
 * own, and, if they are not of the classic alphabet, what older scrapers get instead. The shorter
 * name that OpenMetrics gives to a counter or an info is not among them, because the encoder gives
 * it up when another family has it.
 *
 * @param name The name of the family.
 * @param type The type of the family.
 * @returns The names, without `_created`.
 */
export function exposedNames(name: string, type: MetricType): Set<string> {
  const names = new Set([name, ...sampleNames(name, type)]);
  if (!isLegacyMetricName(name)) {
    for (const exposed of [...names]) {
      names.add(exposed.replace(ILLEGAL_IN_METRIC_NAME_REGEXP, "_"));
    }
  }
  return names;
}
