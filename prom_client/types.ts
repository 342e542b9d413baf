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

/** How the values of several processes are combined. */
export type Aggregator = "omit" | "sum" | "first" | "min" | "max" | "average";

/** The types of metrics. */
export type MetricType = "counter" | "gauge" | "histogram" | "summary";

/** Label values by label name. Each may be missing. */
export type LabelValues<T extends string> = [T] extends [never] ? Partial<Record<string, never>>
  : Partial<Record<T, string | number>>;

/** The description of a metric. */
export interface MetricObject {
  /** The name. */
  name: string;
  /** The help text. */
  help: string;
  /** The type. */
  type: MetricType;
  /** How the values of several processes are combined. */
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

/** Where a metric can be registered: a registry of this entry point, or of prom-client. */
export interface MetricRegistry {
  /** The format of the registry's text. */
  readonly contentType: string;
  /** Registers a metric. */
  registerMetric(metric: object): void;
}

/** Options that every metric has. */
export interface MetricConfiguration<T extends string> {
  /** The name. */
  name: string;
  /** The help text. */
  help: string;
  /** The label names. @default {[]} */
  labelNames?: T[] | readonly T[];
  /** Where the metric is registered. @default {[register]} */
  registers?: MetricRegistry[];
  /** How the values of several processes are combined. @default {"sum"} */
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
