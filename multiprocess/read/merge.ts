import {
  type Aggregation,
  type HistogramMetric,
  type Metric,
  MetricFamily,
  type MetricType,
  type NumberMetric,
  type StateSetMetric,
  type SummaryMetric,
} from "../../mod.ts";
import { aggregate } from "./gauges.ts";
import { hasProcessLabel, isTotal } from "../schema.ts";
import { commonBounds, earliest, histogramOf, sumHistograms, total } from "./totals.ts";

/** One series, from all sources. */
export interface Point {
  readonly labelNames: readonly string[];
  readonly labelValues: readonly string[];
  readonly metrics: Metric[];
}

/** One family, from all sources. */
interface Merging {
  readonly family: MetricFamily;
  readonly aggregation: Aggregation;
  readonly points: Map<string, Point>;
}

/**
 * Adds up families that several processes collected, or that were parsed from their
 * expositions. It does not change its arguments, and its result does not change later.
 *
 * - Counters, histograms, gaugehistograms, and the counts and sums of summaries add up.
 *   The result has the classic buckets that all sources have, and the coarsest native
 *   resolution. Quantiles and exemplars belong to one process, and are left out.
 * - Gauges follow their family's `aggregation`. Gauges without one, and statesets, get a
 *   label `process` with the number of the source: 0, 1, 2, …. A series that already has
 *   this label is unchanged.
 * - Equal infos become one.
 * - Timestamps are left out, because the numbers are not of one moment. Families are left
 *   out if their type or unit differs from the first one of the same name.
 *
 * @param sources The families of each process.
 * @returns The families, in the order of their first occurrence.
 *
 * @example Two processes
 * ```ts
 * import { CollectorRegistry, Counter, gather } from "@narthex/prometheus";
 * import { mergeFamilies } from "@narthex/prometheus/multiprocess";
 * import assert from "node:assert/strict";
 *
 * const [one, two] = [new CollectorRegistry(), new CollectorRegistry()];
 * new Counter("jobs_total", "Jobs.", { registry: one }).inc(2);
 * new Counter("jobs_total", "Jobs.", { registry: two }).inc(3);
 * const [jobs] = mergeFamilies(gather(one), gather(two));
 * assert.deepEqual([...jobs!.samples], [{ name: "jobs_total", labels: {}, value: 5 }]);
 * ```
 */
export function mergeFamilies(...sources: Iterable<MetricFamily>[]): MetricFamily[] {
  const all = new Map<string, Merging>();
  for (const [source, families] of sources.entries()) {
    for (const family of families) {
      const { name, type, unit } = family;
      let merging = all.get(name);
      if (merging === undefined) {
        const aggregation = family.aggregation ?? defaultAggregation(type);
        all.set(name, merging = { family, aggregation, points: new Map() });
      }
      if (type !== merging.family.type || unit !== merging.family.unit) continue;
      for (const metric of family.metrics) add(merging, metric, String(source));
    }
  }
  return Array.from(all.values(), ({ family, aggregation, points }) => {
    const { name, help, type, unit } = family;
    const isOmitted = aggregation === "omit";
    const metrics = Array.from(
      isOmitted ? [] : points.values(),
      (point) => mergeMetrics({ type, aggregation }, point),
    );
    return new MetricFamily(name, help, type, {
      unit,
      nameValidation: "utf8",
      metrics,
      createdSamples: family.createdSamples,
    });
  });
}

function defaultAggregation(type: MetricType): Aggregation {
  if (isTotal(type) || type === "gaugehistogram") return "sum";
  return type === "info" ? "max" : "all";
}

function add({ family, aggregation, points }: Merging, metric: Metric, source: string): void {
  let { labelNames, labelValues } = metric;
  if (
    family.type !== "gaugehistogram" && hasProcessLabel(aggregation, family.type) &&
    !labelNames.includes("process")
  ) {
    labelNames = [...labelNames, "process"];
    labelValues = [...labelValues, source];
  }
  const key = keyOf(labelNames, labelValues);
  const point = points.get(key);
  if (point === undefined) points.set(key, { labelNames, labelValues, metrics: [metric] });
  else point.metrics.push(metric);
}

/** Options of {@linkcode mergeMetrics}. */
export interface MergeOptions {
  readonly type: MetricType;
  readonly aggregation: Aggregation;
  /** The bounds of a histogram. @default {the bounds that all metrics have} */
  readonly bounds?: readonly number[] | undefined;
}

/** Merges the metrics of one series into one metric. */
export function mergeMetrics({ type, aggregation, bounds }: MergeOptions, point: Point): Metric {
  const { labelNames, labelValues, metrics } = point;
  const base = { labelNames, labelValues };
  // The type of the family determines the shape of its metrics.
  switch (type) {
    case "counter": {
      const created = earliest(metrics);
      const value = (metrics as NumberMetric[]).reduce((sum, { value }) => sum + value, 0);
      return { ...base, created, value };
    }
    case "histogram":
    case "gaugehistogram": {
      const all = (metrics as HistogramMetric[]).map((metric) => {
        const { bounds, sum, count, native, created } = metric;
        return { bounds, sum, count, native, created, cumulative: [...metric.cumulativeCounts()] };
      });
      const numbers = sumHistograms(all, bounds ?? commonBounds(all));
      return histogramOf(base, numbers);
    }
    case "summary": {
      const all = metrics as SummaryMetric[];
      const created = earliest(metrics);
      const [sum, count] = [total(all, "sum"), total(all, "count")];
      return { ...base, created, sum, count, quantiles: [], quantileValues: () => [] };
    }
    case "stateset": {
      const { states, stateValues } = metrics.at(-1) as StateSetMetric;
      return { ...base, states: [...states], stateValues: [...stateValues] };
    }
    default: {
      const values = (metrics as NumberMetric[]).map(({ value, changed = 0 }) => {
        return { value, changed };
      });
      const isApart = hasProcessLabel(aggregation, type);
      return { ...base, value: isApart ? values.at(-1)!.value : aggregate(aggregation, values) };
    }
  }
}

/** Returns a text that is the same for equal label sets, in any order, and only for them. */
export function keyOf(labelNames: readonly string[], labelValues: readonly string[]): string {
  const pairs = labelNames.map((name, i) => [name, labelValues[i]] as const)
    // A label without a value is the same as no label.
    .filter(([, value]) => value !== "");
  return JSON.stringify(pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0));
}
