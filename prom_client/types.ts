import type { NativeHistogramOptions } from "../mod.ts";
import type { Counter } from "./counter.ts";
import type { Gauge } from "./gauge.ts";
import type { Histogram } from "./histogram.ts";
import type { Registry } from "./registry.ts";
import type { Summary } from "./summary.ts";

/** The character set of both content types. */
export type Charset = "utf-8";
/** The media type of the Prometheus text format. */
export type PrometheusMIME = "text/plain";
/** The version of the Prometheus text format. */
export type PrometheusMetricsVersion = "0.0.4";
/** The media type of OpenMetrics. */
export type OpenMetricsMIME = "application/openmetrics-text";
/** The version of OpenMetrics. */
export type OpenMetricsVersion = "1.0.0";
/** The content type of OpenMetrics. */
export type OpenMetricsContentType =
  `${OpenMetricsMIME}; version=${OpenMetricsVersion}; charset=${Charset}`;
/** The content type of the Prometheus text format. */
export type PrometheusContentType =
  `${PrometheusMIME}; version=${PrometheusMetricsVersion}; charset=${Charset}`;
/** The formats that a registry can write. */
export type RegistryContentType = PrometheusContentType | OpenMetricsContentType;

/** A function without arguments or a result. */
export type Collector = () => void;

/** Called before a metric is read, with the metric as `this`. */
export type CollectFunction<T> = (this: T) => void | Promise<void>;

/** A metric of any of the four types. */
export type Metric<T extends string = string> =
  | Counter<T>
  | Gauge<T>
  | Summary<T>
  | Histogram<T>;

/** How the values of several processes become one. */
export type Aggregator = "omit" | "sum" | "first" | "min" | "max" | "average";

/** The types of metrics. */
export type MetricType = "counter" | "gauge" | "histogram" | "summary";

/** Label values by label name. Each may be missing. */
export type LabelValues<T extends string> = [T] extends [never] ? Partial<Record<string, never>>
  : Partial<Record<T, string | number>>;

/** What describes a metric. */
export interface MetricObject {
  /** The name. */
  name: string;
  /** The help text. */
  help: string;
  /** The type. */
  type: MetricType;
  /** How the values of several processes become one. */
  aggregator: Aggregator;
  /** Called before the metric is read. */
  // deno-lint-ignore no-explicit-any -- As in the official declarations, where plugins rely on it.
  collect: CollectFunction<any>;
}

/** A metric with its values. */
export interface MetricObjectWithValues<T extends MetricValue<string>> extends MetricObject {
  /** The values, one for each series. */
  values: T[];
}

/** The value of a series. */
export type MetricValue<T extends string> = {
  /** The value. */
  value: number;
  /** The labels of the series. */
  labels: LabelValues<T>;
};

/** The value of a series whose name may be longer than that of its metric. */
export type MetricValueWithName<T extends string> = MetricValue<T> & {
  /** The name of the series. */
  metricName?: string;
};

/** Options that every metric has. */
export interface MetricConfiguration<T extends string> {
  /** The name. */
  name: string;
  /** The help text. */
  help: string;
  /** The label names. @default {[]} */
  labelNames?: T[] | readonly T[];
  /** Where the metric is registered. @default {[register]} */
  registers?: (Registry<PrometheusContentType> | Registry<OpenMetricsContentType>)[];
  /** How the values of several processes become one. @default {"sum"} */
  aggregator?: Aggregator;
  /** Called before the metric is read. */
  // deno-lint-ignore no-explicit-any -- As in the official declarations; each type narrows it.
  collect?: CollectFunction<any>;
  /** Whether writes take an object with exemplar labels. @default {false} */
  enableExemplars?: boolean;
  /** The maximum number of series: see the option of this library's own metrics. */
  maxSeries?: number;
  /** After how many seconds without a write a series is no longer exposed. @default {never} */
  expireAfterSeconds?: number;
}

/** Options of a counter. */
export interface CounterConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Called before the counter is read. */
  collect?: CollectFunction<Counter<T>>;
}

/** Options of a gauge. */
export interface GaugeConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Called before the gauge is read. */
  collect?: CollectFunction<Gauge<T>>;
}

/** Options of a histogram. */
export interface HistogramConfiguration<T extends string> extends MetricConfiguration<T> {
  /** The upper bounds. @default {0.005 … 10} */
  buckets?: number[];
  /** Called before the histogram is read. */
  collect?: CollectFunction<Histogram<T>>;
  /** Whether there is a native histogram too; `true` for the defaults. @default {false} */
  nativeHistogram?: NativeHistogramOptions | boolean;
}

/** Options of a summary. */
export interface SummaryConfiguration<T extends string> extends MetricConfiguration<T> {
  /** The quantiles to track. @default {0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999} */
  percentiles?: number[];
  /** How long a value is among the quantiles, in seconds. @default {for ever} */
  maxAgeSeconds?: number;
  /** In how many steps the window of the quantiles moves on. */
  ageBuckets?: number;
  /** Whether series without a value in the window are removed when they are read. */
  pruneAgedBuckets?: boolean;
  /** Without effect: quantiles are always compressed. */
  compressCount?: number;
  /** Called before the summary is read. */
  collect?: CollectFunction<Summary<T>>;
}

/** An increment with an exemplar. */
export interface IncreaseDataWithExemplar<T extends string> {
  /** The amount. @default {1} */
  value?: number;
  /** The labels of the series. */
  labels?: LabelValues<T>;
  /** The labels of the exemplar. */
  exemplarLabels?: LabelValues<T>;
}

/** An observation with an exemplar. */
export interface ObserveDataWithExemplar<T extends string> {
  /** The value. */
  value: number;
  /** The labels of the series. */
  labels?: LabelValues<T>;
  /** The labels of the exemplar. */
  exemplarLabels?: LabelValues<T>;
}
