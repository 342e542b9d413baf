/** A value of a label. It is written as `String(value)`. */
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
 * How the numbers of several processes are combined when they share a registry:
 * - `all`: each process has its own series, with a label `process`
 * - `sum`, `average`, `min`, `max`: the sum, the average, the smallest, the largest
 * - `first`: the number of the process that started first
 * - `mostrecent`: the number that was set last
 * - `omit`: no number is shown
 *
 * The forms with `live` ignore processes that have ended.
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

/** The legal names: `"legacy"` is Prometheus's classic alphabet, `"utf8"` is any text. */
export type NameValidation = "legacy" | "utf8";

/** A reference from a number to something outside the metrics, such as a trace. */
export interface Exemplar {
  /** The labels of the reference, for example `{ trace_id: "…" }`. */
  labels: Record<string, string>;
  /** The value that was observed. */
  value: number;
  /** The time of the observation, in seconds since 1970. */
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
  /** The time of the value, in seconds since 1970, if it was given. */
  timestamp?: number;
  /** The exemplar, if there is one. */
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
  /** Values up to this magnitude are counted in the zero bucket. */
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

/** The members that metrics of all types have. */
export interface LabelledMetric extends LabelSet {
  /** The time of the numbers, in seconds since 1970. Live metrics have none. */
  readonly timestamp?: number | undefined;
  /** The time when the metric began to count, in seconds since 1970. */
  readonly created?: number | undefined;
  /** The original, if this metric is a view or a copy. Readers recognize a metric by it. */
  readonly origin?: LabelledMetric | undefined;
}

/** A metric of a counter, gauge, info or unknown family: one number. */
export interface NumberMetric extends LabelledMetric {
  /** The number; 1 for an info. */
  readonly value: number;
  /** The exemplar of a counter. */
  readonly exemplar?: Exemplar | undefined;
  /** The time when the number was set, in seconds since 1970, for `mostrecent` families. */
  readonly changed?: number | undefined;
}

/**
 * The numbers of metrics that have one number each, side by side. The `metrics` of a family may
 * offer it as a property `numberColumn`, for readers that visit all of them. It is live, and stays
 * the same object as long as no metric changes its place.
 */
export interface NumberColumn {
  /** The metrics by place, with a hole for each removed one. New ones are appended. */
  readonly children: readonly (NumberMetric | undefined)[];
  /** The number of each metric, and NaN for a removed one. The array may be longer. */
  readonly numbers: Float64Array;
  /** Whether any of them may have an exemplar. */
  readonly hasExemplars: boolean;
}

/** A metric of a histogram or gaugehistogram family. */
export interface HistogramMetric extends LabelledMetric {
  /** The finite upper bounds, ascending. The bucket of `+Inf` comes after them. */
  readonly bounds: readonly number[];
  /** The sum of all values, if it is known. */
  readonly sum: number | undefined;
  /** The number of all values, if it is known. */
  readonly count: number | undefined;
  /** The last exemplar of each bucket, in the order of the buckets. */
  readonly exemplars?: readonly (Exemplar | undefined)[] | undefined;
  /** The native histogram, alone or beside the classic buckets. */
  readonly native?: NativeHistogram | undefined;
  /** The exemplars of the native histogram, by value. */
  readonly nativeExemplars?: readonly Exemplar[] | undefined;
  /**
   * Returns the number of values at or below each bound, and of all values for `+Inf`. Returns an
   * empty array if the metric came without buckets.
   *
   * @param into An array to overwrite and return, to save an allocation. Only metrics that must
   * compute their counts use it.
   * @returns One count more than there are bounds, or none.
   */
  cumulativeCounts(into?: number[]): readonly number[];
}

/** A metric of a summary family. */
export interface SummaryMetric extends LabelledMetric {
  /** The quantiles that are tracked, from 0 to 1. */
  readonly quantiles: readonly number[];
  /** The sum of all values, if it is known. */
  readonly sum: number | undefined;
  /** The number of all values, if it is known. */
  readonly count: number | undefined;
  /**
   * Returns the present values of the quantiles.
   *
   * @returns One value for each quantile. `NaN` if nothing was observed.
   */
  quantileValues(): readonly number[];
}

/** A metric of a stateset family. */
export interface StateSetMetric extends LabelledMetric {
  /** The states, in the order in which they are written. */
  readonly states: readonly string[];
  /** For each state, 1 if it is on and 0 if it is off. */
  readonly stateValues: readonly number[];
}

/** A metric of a family. The type of the family determines the shape. */
export type Metric = NumberMetric | HistogramMetric | SummaryMetric | StateSetMetric;
