import { type LabelValue, MetricFamily, type MetricType } from "../mod.ts";
import type { JsonMetric, JsonValue } from "./metric_object.ts";

/** The types of families that a metric of another client can have. */
const TYPES: ReadonlySet<string> = new Set(["counter", "gauge", "histogram", "summary"]);

/**
 * Makes a family of a metric that comes as JSON: from another process, or from another client.
 *
 * @param metric The metric with its values.
 * @returns The family.
 * @throws {TypeError} If a name or a value is not legal.
 */
export function familyFromJson(metric: JsonMetric): MetricFamily {
  const { name, help, type, values = [] } = metric;
  const isKnown = TYPES.has(type);
  // Its set was just looked at.
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
    // NaN became null on its way between processes.
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

/**
 * Makes JSON of a family that is not of a metric of this folder.
 *
 * @param family The family, as exposed.
 * @returns The metric with its values.
 */
export function familyToJson(family: MetricFamily): JsonMetric {
  const { name, help, type } = family;
  const isKnown = TYPES.has(type);
  const values: JsonValue[] = [];
  for (const { name: series, labels, value } of family.samples) {
    values.push(series === name ? { value, labels } : { value, labels, metricName: series });
  }
  return { name, help, type: isKnown ? type : "gauge", values, aggregator: "sum" };
}
