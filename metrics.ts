/**
 * The metric types: {@linkcode Counter}, {@linkcode Gauge}, {@linkcode Histogram},
 * {@linkcode Summary}, {@linkcode Info} and {@linkcode StateSet}. A metric finds
 * the child for a label set; a child changes its own numbers and nothing else.
 *
 * ```ts
 * import { Counter } from "@narthex/prometheus";
 *
 * const hits = new Counter("hits_total", "Hits.", { labelNames: ["page"] });
 * hits.labels({ page: "home" }).inc();
 * ```
 *
 * @module
 */
export type { NativeHistogramOptions } from "./estimators/native_histogram.ts";
export {
  DEFAULT_BUCKETS,
  exponentialBuckets,
  exponentialBucketsRange,
  linearBuckets,
} from "./metrics/buckets.ts";
export { Child } from "./metrics/child.ts";
export type { Columns } from "./metrics/columns.ts";
export { Counter, CounterChild, type ErrorClass } from "./metrics/counter.ts";
export { type ExemplarSource, setExemplarSource } from "./metrics/exemplar_source.ts";
export { Gauge, GaugeChild, type GaugeOptions } from "./metrics/gauge.ts";
export { Histogram, HistogramChild, type HistogramOptions } from "./metrics/histogram.ts";
export { Info, InfoChild } from "./metrics/info.ts";
export type {
  IfObservable,
  Labelled,
  LabelsByName,
  LabelsByPosition,
  LabelsMissing,
  LabelsOf,
  LabelTimer,
  MetricTimer,
  Missing,
  NoLabels,
  Observable,
  OnlyLabels,
  PartialMetric,
  TimedPartialMetric,
  Timer,
  Wrap,
} from "./metrics/label_types.ts";
export { BaseMetric, type MetricKind } from "./metrics/base_metric.ts";
export type { MetricOptions } from "./metrics/options.ts";
export { StateSet, StateSetChild, type StateSetOptions } from "./metrics/state_set.ts";
export { Summary, SummaryChild, type SummaryOptions } from "./metrics/summary.ts";
export { MetricCore, type MetricCoreOptions, type WriteListener } from "./metrics/metric_core.ts";
export { TimedChild, TimedMetric } from "./metrics/timed_metric.ts";
export type { Clock } from "./time/clock.ts";
