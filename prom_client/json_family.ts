import { type LabelValue, MetricFamily, type MetricType } from "../mod.ts";
import type { JsonMetric, JsonValue } from "./metric_object.ts";

/** The types of families that a metric of another client can have. */
const TYPES: ReadonlySet<string> = new Set(["counter", "gauge", "histogram", "summary"]);

/**
 * Creates a family from the JSON of another process or of another client. Throws if a name or a
 * value is not legal.
 */
export function familyFromJson(metric: JsonMetric): MetricFamily {
  const { name, help, type, values = [] } = metric;
  const isKnown = TYPES.has(type);
  // It is in the set.
  const family = new MetricFamily(name, String(help), isKnown ? type as MetricType : "unknown", {
    nameValidation: "utf8",
  });
  for (const { value, labels = {}, metricName = name, exemplar } of values) {
    const texts: Record<string, LabelValue> = {};
    for (const [label, given] of Object.entries(labels)) {
      texts[label] = typeof given === "number" ? given : String(given);
    }
    const options = exemplar && (type === "counter" || metricName.endsWith("_bucket"))
      ? { exemplar: readExemplar(exemplar) }
      : {};
    // JSON has null for NaN.
    family.addSample(metricName, texts, value ?? NaN, options);
  }
  return family;
}

function readExemplar({ labelSet, value, timestamp }: NonNullable<JsonValue["exemplar"]>): {
  labels: Record<string, string>;
  value: number;
  timestamp?: number;
} {
  const entries = Object.entries(labelSet).map(([name, label]) => [name, String(label)]);
  const exemplar = { labels: Object.fromEntries(entries), value: value ?? 1 };
  return timestamp === undefined ? exemplar : { ...exemplar, timestamp };
}

/** Returns the JSON of a family that does not come from a metric of this folder. */
export function familyToJson(family: MetricFamily): JsonMetric {
  const { name, help, type } = family;
  const isKnown = TYPES.has(type);
  const values: JsonValue[] = [];
  for (const { name: series, labels, value } of family.samples) {
    values.push(series === name ? { value, labels } : { value, labels, metricName: series });
  }
  return { name, help, type: isKnown ? type : "gauge", values, aggregator: "sum" };
}
