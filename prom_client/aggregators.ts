import type { JsonMetric, JsonValue } from "./metric_object.ts";
import type { Aggregator } from "./types.ts";

/** Combines the metrics of several processes. Returns undefined to leave them out. */
export type AggregatorFunction = (metrics: JsonMetric[]) => JsonMetric | undefined;

/** Creates an aggregator that combines the values of each series. */
function aggregatorOf(combine: (values: number[]) => number): AggregatorFunction {
  return (metrics) => {
    const [first] = metrics;
    if (first === undefined) return undefined;
    const series = new Map<string, JsonValue[]>();
    // The series of one name are written together, in the order of their first values.
    const names = new Map<string, Set<string>>();
    for (const { values } of metrics) {
      for (const value of values) {
        const name = value.metricName ?? "";
        const key = JSON.stringify([name, ...labelsKey(value.labels ?? {})]);
        const same = series.get(key);
        if (same === undefined) series.set(key, [value]);
        else same.push(value);
        if (!names.has(name)) names.set(name, new Set());
        names.get(name)!.add(key);
      }
    }
    const values: JsonValue[] = [];
    for (const keys of names.values()) {
      for (const key of keys) {
        const same = series.get(key)!;
        const { labels = {}, metricName } = same[0]!;
        const value = combine(same.map((one) => one.value));
        values.push(metricName === undefined ? { value, labels } : { value, labels, metricName });
      }
    }
    const { help, name, type, aggregator } = first;
    return { help, name, type, values, aggregator };
  };
}

/** Returns the labels in an order that is the same for equal sets. */
function labelsKey(labels: Record<string, unknown>): string[] {
  return Object.keys(labels).sort()
    .filter((name) => labels[name] !== undefined)
    .flatMap((name) => [name, String(labels[name])]);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The functions that combine the metrics of several processes, by aggregator. */
export const aggregators: Record<Aggregator, AggregatorFunction> = {
  sum: aggregatorOf(sum),
  first: aggregatorOf((values) => values[0]!),
  omit: () => undefined,
  average: aggregatorOf((values) => sum(values) / values.length),
  min: aggregatorOf((values) => values.reduce((least, value) => Math.min(least, value), Infinity)),
  max: aggregatorOf((values) => values.reduce((most, value) => Math.max(most, value), -Infinity)),
};
