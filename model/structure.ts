import { ILLEGAL_IN_METRIC_NAME_REGEXP, isLegacyMetricName } from "./names.ts";
import type { MetricType } from "./sample.ts";

/**
 * Spells a bucket bound or a quantile as a label value the way Go's `%g` does,
 * which is what Prometheus and its other clients write: `1`, `0.25`, `1e+06`.
 *
 * @param value The number.
 * @returns The text of format 0.0.4. OpenMetrics adds `.0` to whole numbers.
 */
export function formatBound(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  const magnitude = Math.abs(value);
  if (magnitude === 0) return "0";
  // Go switches to an exponent below 1e-4 and from 1e6 (21 digits in JavaScript),
  // and writes at least two digits of it.
  if (!(magnitude < 1e-4 || magnitude >= 1e6)) return String(value);
  const text = value.toExponential();
  const e = text.indexOf("e") + 2;
  return e === text.length - 1 ? `${text.slice(0, e)}0${text.slice(e)}` : text;
}

/** The farthest time from 1970 that is written, in seconds: more milliseconds fit no int64. */
export const MAX_TIME = 9e15;

/**
 * The name that OpenMetrics gives to a family: a counter's without `_total`, an
 * info's without `_info`.
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

/** What stands behind the family's name in the names of its samples, `_created` left out. */
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
 * The names of the series of a family.
 *
 * @param name The name of the family.
 * @param type The type of the family.
 * @returns The names, `_created` left out.
 */
export function sampleNames(name: string, type: MetricType): string[] {
  return SAMPLE_SUFFIXES[type].map((suffix) => name + suffix);
}

/**
 * The name of the series that tells since when a family counts, if its type has
 * one.
 *
 * @param name The name of the family.
 * @param type The type of the family.
 * @returns The name, or nothing.
 */
export function createdName(name: string, type: MetricType): string | undefined {
  if (type === "counter" || type === "histogram" || type === "summary") {
    return `${openMetricsName(name, type)}_created`;
  }
  return undefined;
}

/**
 * The name of the label that a type keeps for itself, if it has one.
 *
 * @param type The type of the family.
 * @param familyName The name of the family as exposed.
 * @returns `"le"`, `"quantile"`, a stateset's own name, or nothing.
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
 * @returns The names, `_created` left out.
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
