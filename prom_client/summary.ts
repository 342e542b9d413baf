import { Summary as NativeSummary, type SummarySeries } from "../mod.ts";
import type { SummaryMetric } from "../model.ts";
import { checkObserved, isObject, startTimer } from "./amounts.ts";
import { BaseMetric, readConfiguration } from "./base_metric.ts";
import { Handle } from "./handle.ts";
import type { JsonValue } from "./metric_object.ts";
import { type Given, readLabels, SeriesStore } from "./series_store.ts";
import type {
  CollectFunction,
  LabelValues,
  MetricConfiguration,
  MetricValueWithName,
} from "./types.ts";

/** The quantiles that are tracked by default. */
export const DEFAULT_PERCENTILES: number[] = [0.01, 0.05, 0.5, 0.9, 0.95, 0.99, 0.999];

/** The window of a summary that has none, in seconds: longer than any program runs. */
const FOR_EVER = 2 ** 40;

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

/**
 * Counts and adds up values, and estimates their quantiles.
 *
 * @typeParam T The label names.
 */
export class Summary<T extends string = string> extends BaseMetric<T, MetricValueWithName<T>> {
  readonly #store: SeriesStore<SummarySeries>;
  /** The quantiles that are tracked, ascending. */
  readonly percentiles: readonly number[];
  /** Whether series without a value in the window are removed when they are read. */
  readonly pruneAgedBuckets: boolean;

  /** Creates a summary and registers it. The options `name` and `help` are required. */
  constructor(configuration: SummaryConfiguration<T>) {
    const options = readConfiguration(configuration, "quantile");
    const { name, help, percentiles, maxAgeSeconds, ageBuckets, pruneAgedBuckets } = configuration;
    const quantiles = readQuantiles(percentiles ?? DEFAULT_PERCENTILES);
    const window = maxAgeSeconds && ageBuckets
      ? { maxAgeSeconds, ageBuckets }
      : { maxAgeSeconds: FOR_EVER, ageBuckets: 1 };
    const summary = new NativeSummary(name, String(help), { ...options, ...window, quantiles });
    const store = new SeriesStore<SummarySeries>(summary, true);
    super(configuration, "summary", store);
    this.#store = store;
    this.percentiles = quantiles;
    this.pruneAgedBuckets = pruneAgedBuckets ?? false;
    this.register();
  }

  /** Counts a value. */
  observe(value: number): void;
  /** Counts a value in the series of some labels. */
  observe(labels: LabelValues<T>, value: number): void;
  observe(labels?: unknown, value?: unknown): void {
    if (typeof labels === "object" && labels !== null && typeof value === "number") {
      const series = Number.isFinite(value) ? this.#store.find(labels) : undefined;
      if (series !== undefined) return series.observe(value);
    }
    this.#observe(labels === 0 ? 0 : labels || {}, value);
  }

  /** Starts a timer. The returned function observes the elapsed seconds. */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    return startTimer(labels, (all, seconds) => this.observe(all as LabelValues<T>, seconds));
  }

  /** Sets all series to zero. They stay. */
  override reset(): void {
    this.#store.reset();
  }

  /** Returns a handle for the series of these values, one for each label name. */
  labels(...values: string[]): Summary.Internal<T>;
  /** Returns a handle for the series of some labels. Its first write makes the series. */
  labels(labels: LabelValues<T>): Summary.Internal<T>;
  labels(...args: unknown[]): Summary.Internal<T> {
    return new SummaryHandle<T>(this.#store, readLabels(this.labelNames, args), this);
  }

  /** @ignore */
  protected override prepare(): void {
    if (!this.pruneAgedBuckets) return;
    // The series of a summary are read as such.
    for (const metric of [...this.#store.metrics] as (SummaryMetric & SummarySeries)[]) {
      // Without quantiles nothing tells how old the values are.
      const isEmpty = metric.count === 0 ||
        (metric.quantiles.length > 0 && Number.isNaN(metric.quantileValues()[0]!));
      if (isEmpty) this.#store.remove(this.#store.labelsOf(metric));
    }
  }

  /** @ignore */
  protected override values(): JsonValue[] {
    const values: JsonValue[] = [];
    // The series of a summary are read as such.
    for (const metric of this.#store.metrics as Iterable<SummaryMetric & SummarySeries>) {
      const labels = this.#store.labelsOf(metric);
      const quantileValues = metric.quantileValues();
      for (const [i, quantile] of metric.quantiles.entries()) {
        // Without values it is 0, as in prom-client.
        values.push({ labels: { quantile, ...labels }, value: quantileValues[i] || 0 });
      }
      values.push({ metricName: `${this.name}_sum`, labels, value: metric.sum });
      values.push({ metricName: `${this.name}_count`, labels: { ...labels }, value: metric.count });
    }
    return values;
  }

  #observe(labels: unknown, value: unknown): void {
    // As in prom-client: one argument is the value, and any first one is looked at as labels.
    this.#store.check((isObject(labels) ? labels : Object(labels)) as Given);
    const checked = checkObserved(value === undefined ? labels : value);
    const given = value !== undefined && isObject(labels) ? labels : null;
    this.#store.at(given).observe(checked);
  }
}

/** The types that go with {@linkcode Summary}. */
export declare namespace Summary {
  /**
   * The handle that `labels()` returns.
   *
   * @typeParam T The label names.
   */
  interface Internal<T extends string> {
    /** Counts a value. */
    observe(value: number): void;
    /** Starts a timer. The returned function observes the elapsed seconds. */
    startTimer(): (labels?: LabelValues<T>) => number;
  }

  /** Options that only a summary has. */
  interface Config {
    /** The quantiles to track. */
    percentiles?: number[];
  }
}

/** Its methods are functions of their own each time, so that they can be taken off the handle. */
class SummaryHandle<T extends string> extends Handle<SummarySeries> implements Summary.Internal<T> {
  readonly #summary: Summary<T>;

  constructor(store: SeriesStore<SummarySeries>, given: Given | null, summary: Summary<T>) {
    super(store, given);
    this.#summary = summary;
  }

  get observe(): (value: number) => void {
    return (value) => {
      const checked = checkObserved(value === undefined ? this.labelObject : value);
      (this.found ?? this.open()).observe(checked);
    };
  }

  get startTimer(): () => (labels?: LabelValues<T>) => number {
    return () => this.#summary.startTimer(this.labelObject as LabelValues<T>);
  }
}

/** The quantiles from 0 to 1 in ascending order, each once. */
function readQuantiles(percentiles: readonly unknown[]): number[] {
  const quantiles = new Set(
    percentiles.map(Number).filter((quantile) => quantile >= 0 && quantile <= 1),
  );
  return [...quantiles].sort((a, b) => a - b);
}
