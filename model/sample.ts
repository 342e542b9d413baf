/** A value that a label takes: written as `String(value)`. Others are refused. */
export type LabelValue = string | number | boolean;

/** The types of metric families, as OpenMetrics names them. */
export type MetricType =
  | "counter"
  | "gauge"
  | "histogram"
  | "gaugehistogram"
  | "summary"
  | "info"
  | "stateset"
  | "unknown";

/**
 * How the numbers of several processes become one when they share a registry:
 * - `all`: they stay apart, by a label `process`
 * - `sum`, `average`, `min`, `max`: their sum, average, smallest, greatest
 * - `first`: that of the process that started first
 * - `mostrecent`: the one that was set last
 * - `omit`: none is shown
 *
 * The forms with `live` leave out the processes that have ended.
 */
export type Aggregation =
  | "all"
  | "sum"
  | "average"
  | "min"
  | "max"
  | "first"
  | "mostrecent"
  | "omit"
  | "liveall"
  | "livesum"
  | "liveaverage"
  | "livemin"
  | "livemax"
  | "livefirst"
  | "livemostrecent";

/** The limits of a metric, which also hold for what several processes share. */
export interface SeriesLimits {
  /** How many series there are at most, the overflow series apart. */
  readonly maxSeries?: number | undefined;
  /** After how long without a change a series expires, in seconds. */
  readonly expireAfterSeconds?: number | undefined;
}

/** Which names are legal: `"legacy"` is Prometheus's classic alphabet, `"utf8"` any text. */
export type NameValidation = "legacy" | "utf8";

/** A reference from a number to something outside of the metrics, such as a trace. */
export interface Exemplar {
  /** What is referred to, for example `{ trace_id: "…" }`. */
  labels: Record<string, string>;
  /** The value that was observed. */
  value: number;
  /** When it was observed, in seconds since 1970. */
  timestamp?: number;
}

/** One line of a scrape: a series and its value. */
export interface Sample {
  /** The name of the series, with its suffix if it has one. */
  name: string;
  /** The labels of the series. */
  labels: Record<string, string>;
  /** The value. */
  value: number;
  /** When the value was taken, in seconds since 1970, when it was given. */
  timestamp?: number;
  /** The exemplar, when there is one. */
  exemplar?: Exemplar;
}

/**
 * A sparse histogram with exponential bucket bounds, as Prometheus stores it.
 * Bucket `i` of schema `s` holds the values in `(2^((i-1)·2^-s), 2^(i·2^-s)]`.
 * See {@link https://prometheus.io/docs/specs/native_histograms/ | the specification}.
 */
export interface NativeHistogram {
  /** The resolution, from -4 (coarse) to 8 (fine): `2^schema` buckets double a value. */
  schema: number;
  /** Values of at most this magnitude count in the zero bucket. */
  zeroThreshold: number;
  /** The number of values in the zero bucket. */
  zeroCount: number;
  /** The number of positive values by bucket index, not cumulative. */
  positive: Map<number, number>;
  /** The number of negative values by bucket index of their magnitude. */
  negative: Map<number, number>;
  /** The sum of all values. */
  sum: number;
  /** The number of all values. */
  count: number;
}

/** A label set: names and values in the same order, of the same length. */
export interface LabelSet {
  /** The names, in the order in which they are written. */
  readonly labelNames: readonly string[];
  /** The values, one for each name. */
  readonly labelValues: readonly string[];
}

/** What all metrics of a family have, whatever its type. */
export interface LabelledMetric extends LabelSet {
  /** When the numbers were taken, in seconds since 1970; live metrics have none. */
  readonly timestamp?: number | undefined;
  /** When the metric began to count, in seconds since 1970. */
  readonly created?: number | undefined;
  /** The metric that this one is a view or a copy of, by which it is known again. */
  readonly origin?: LabelledMetric | undefined;
}

/** A metric of a counter, gauge, info or unknown family: one number. */
export interface NumberMetric extends LabelledMetric {
  /** The number; 1 for an info. */
  readonly value: number;
  /** The exemplar of a counter. */
  readonly exemplar?: Exemplar | undefined;
  /** When the number was set, in seconds since 1970, for families that want the most recent. */
  readonly changed?: number | undefined;
}

/**
 * Metrics of one number each, side by side: what the `metrics` of a family may offer,
 * as a property `numberColumn`, to readers that go over all of them at once. It is as
 * live as they are, and stays the same object as long as no metric changes its place.
 */
export interface NumberColumn {
  /** The metrics by place; a hole where one was removed. New ones come at the end. */
  readonly children: readonly (NumberMetric | undefined)[];
  /** The number of each, and NaN in place of one that was removed; there may be more of them. */
  readonly numbers: Float64Array;
  /** Whether any of them may have an exemplar. */
  readonly hasExemplars: boolean;
}

/** A metric of a histogram or gaugehistogram family. */
export interface HistogramMetric extends LabelledMetric {
  /** The finite upper bounds, ascending. The bucket of `+Inf` comes after them. */
  readonly bounds: readonly number[];
  /** The sum of all values, when it is known. */
  readonly sum: number | undefined;
  /** The number of all values, when it is known. */
  readonly count: number | undefined;
  /** The last exemplar of each bucket, in the order of the buckets. */
  readonly exemplars?: readonly (Exemplar | undefined)[] | undefined;
  /** The native histogram, alone or beside the classic buckets. */
  readonly native?: NativeHistogram | undefined;
  /** The exemplars of the native histogram, by value. */
  readonly nativeExemplars?: readonly Exemplar[] | undefined;
  /**
   * The number of values at or below each bound, and of all values for `+Inf`;
   * empty when the metric came without buckets.
   *
   * @param into An array to overwrite and return, to save an allocation. It is
   * only used by metrics that must compute their answer.
   * @returns One count more than there are bounds, or none.
   */
  cumulativeCounts(into?: number[]): readonly number[];
}

/** A metric of a summary family. */
export interface SummaryMetric extends LabelledMetric {
  /** The quantiles that are tracked, from 0 to 1. */
  readonly quantiles: readonly number[];
  /** The sum of all values, when it is known. */
  readonly sum: number | undefined;
  /** The number of all values, when it is known. */
  readonly count: number | undefined;
  /**
   * The values of the quantiles now.
   *
   * @returns One value for each quantile; `NaN` where nothing was observed.
   */
  quantileValues(): readonly number[];
}

/** A metric of a stateset family. */
export interface StateSetMetric extends LabelledMetric {
  /** The states, in the order in which they are written. */
  readonly states: readonly string[];
  /** For each state 1 if it is on, else 0. */
  readonly stateValues: readonly number[];
}

/** A point of a metric family; which of the shapes is told by the family's type. */
export type Metric = NumberMetric | HistogramMetric | SummaryMetric | StateSetMetric;
