/**
 * The metric types: {@linkcode Counter}, {@linkcode Gauge}, {@linkcode Histogram},
 * {@linkcode Summary}, {@linkcode Info} and {@linkcode StateSet}. A metric finds the series of a
 * label set. A series changes its own numbers and nothing else.
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
export type {
  AnyCounter,
  AnyGauge,
  AnyHistogram,
  AnyMetric,
  AnySummary,
} from "./metrics/any_metric.ts";
export { BaseMetric } from "./metrics/base_metric.ts";
export {
  DEFAULT_BUCKETS,
  exponentialBuckets,
  exponentialBucketsRange,
  linearBuckets,
} from "./metrics/buckets.ts";
export { Counter, type CounterSeries } from "./metrics/counter.ts";
export { setExemplarSource } from "./metrics/exemplar_source.ts";
export { Gauge, type GaugeOptions, type GaugeSeries } from "./metrics/gauge.ts";
export { Histogram, type HistogramOptions, type HistogramSeries } from "./metrics/histogram.ts";
export { Info, type InfoSeries } from "./metrics/info.ts";
export type { IfComplete, LegalLabels, PartialMetric, Timer, Wrap } from "./metrics/label_types.ts";
export type { MetricOptions } from "./metrics/options.ts";
export { StateSet, type StateSetOptions, type StateSetSeries } from "./metrics/state_set.ts";
export { Summary, type SummaryOptions, type SummarySeries } from "./metrics/summary.ts";
export { TimedMetric } from "./metrics/timed_metric.ts";
export type { Clock } from "./time/clock.ts";
