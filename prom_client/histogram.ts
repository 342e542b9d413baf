import {
  Histogram as NativeHistogram,
  type HistogramSeries,
  type NativeHistogramOptions,
} from "../mod.ts";
import type { HistogramMetric } from "../model.ts";
import { checkObserved, isObject, startTimer } from "./amounts.ts";
import { BaseMetric, readConfiguration } from "./base_metric.ts";
import { exemplarTexts, exemplarToJson } from "./exemplars.ts";
import { Handle } from "./handle.ts";
import type { JsonValue } from "./metric_object.ts";
import { type Given, readLabels, SeriesStore } from "./series_store.ts";
import type {
  CollectFunction,
  LabelValues,
  MetricConfiguration,
  MetricValueWithName,
  ObserveDataWithExemplar,
} from "./types.ts";

const DEFAULT_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Options of a histogram. */
export interface HistogramConfiguration<T extends string> extends MetricConfiguration<T> {
  /** The upper bounds. @default {0.005 … 10} */
  buckets?: number[];
  /** Called before the histogram is read. */
  collect?: CollectFunction<Histogram<T>>;
  /** Whether there is a native histogram too; `true` for the defaults. @default {false} */
  nativeHistogram?: NativeHistogramOptions | boolean;
}

/**
 * Counts values in buckets.
 *
 * @typeParam T The label names.
 */
export class Histogram<T extends string = string> extends BaseMetric<T, MetricValueWithName<T>> {
  readonly #store: SeriesStore<HistogramSeries>;
  /** The upper bounds, ascending. */
  readonly buckets: readonly number[];

  /** Creates a histogram and registers it. The options `name` and `help` are required. */
  constructor(configuration: HistogramConfiguration<T>) {
    const options = readConfiguration(configuration, "le");
    const { name, help, nativeHistogram = false } = configuration;
    const buckets = readBounds(configuration.buckets ?? DEFAULT_BUCKETS);
    const histogram = new NativeHistogram(name, String(help), {
      ...options,
      buckets,
      nativeHistogram,
    });
    const store = new SeriesStore<HistogramSeries>(histogram);
    super(configuration, "histogram", store);
    this.#store = store;
    this.buckets = buckets;
    // Programs change which of the two it is by this option, and call either by one name.
    if (this.enableExemplars) this.observe = (data?: unknown) => this.#observeWithExemplar(data);
    this.register();
  }

  /** Counts a value. */
  observe(value: number): void;
  /** Counts a value in the series of some labels. */
  observe(labels: LabelValues<T>, value: number): void;
  /** Counts a value with an exemplar, if `enableExemplars` is set. */
  observe(data: ObserveDataWithExemplar<T>): void;
  observe(labels?: unknown, value?: unknown): void {
    if (typeof labels === "object" && labels !== null) {
      const series = typeof value === "number" && Number.isFinite(value)
        ? this.#store.find(labels)
        : undefined;
      // A series is found only if the value is a number.
      if (series !== undefined) series.observe(value as number);
      else this.#observe(labels as Given, value);
    } else {
      this.#observe(null, labels || labels === 0 ? labels : undefined);
    }
  }

  /**
   * Starts a timer. The returned function observes the elapsed seconds, with an exemplar if set.
   */
  startTimer(labels?: LabelValues<T>, exemplarLabels?: LabelValues<T>): (
    labels?: LabelValues<T>,
    exemplarLabels?: LabelValues<T>,
  ) => number {
    if (!this.enableExemplars) {
      return startTimer(labels, (all, seconds) => this.observe(all as LabelValues<T>, seconds));
    }
    let endExemplarLabels: object | undefined;
    const end = startTimer(labels, (all, value) => {
      const exemplar = { ...exemplarLabels, ...endExemplarLabels };
      this.observe({
        labels: all as LabelValues<T>,
        value,
        exemplarLabels: exemplar as LabelValues<T>,
      });
    });
    return (endLabels, more) => {
      endExemplarLabels = more;
      return end(endLabels);
    };
  }

  /** Removes all series. That of a histogram without labels comes back with the next value. */
  override reset(): void {
    this.#store.clear(false);
  }

  /** Creates the series of some labels at zero. An existing one is reset. */
  zero(labels: LabelValues<T>): void {
    const series = this.#store.at(labels as Given);
    this.#store.zero(series);
    this.#store.relabel(series, labels);
  }

  /** Returns a handle for the series of these values, one for each label name. */
  labels(...values: string[]): Histogram.Internal<T>;
  /** Returns a handle for the series of some labels. Its first write makes the series. */
  labels(labels: LabelValues<T>): Histogram.Internal<T>;
  labels(...args: unknown[]): Histogram.Internal<T> {
    return new HistogramHandle<T>(this.#store, readLabels(this.labelNames, args), this);
  }

  /** @ignore */
  protected override values(): JsonValue[] {
    const values: JsonValue[] = [];
    // The series of a histogram are read as such.
    for (const metric of this.#store.metrics as Iterable<HistogramMetric>) {
      const labels = this.#store.labelsOf(metric);
      const counts = metric.cumulativeCounts();
      const { exemplars } = metric;
      for (const [i, value] of counts.entries()) {
        const le = metric.bounds[i] ?? "+Inf";
        const given = exemplarToJson(exemplars?.[i]);
        // prom-client has none for this bucket, not even null, if the histogram has exemplars.
        const isMissing = given === null && le === "+Inf" && this.enableExemplars;
        const exemplar = isMissing ? undefined : given;
        values.push({
          value,
          metricName: `${this.name}_bucket`,
          exemplar,
          labels: { le, ...labels },
        });
      }
      // The series of this library's own histograms always have both.
      const { sum, count } = metric as HistogramSeries;
      const exemplar = undefined;
      values.push({ value: sum, metricName: `${this.name}_sum`, exemplar, labels });
      values.push({
        value: count,
        metricName: `${this.name}_count`,
        exemplar,
        labels: { ...labels },
      });
    }
    return values;
  }

  #observe(given: Given | null, value: unknown, exemplar?: Record<string, string>): void {
    const checked = checkObserved(value);
    this.#store.at(given).observe(checked, exemplar);
  }

  #observeWithExemplar(data: unknown): void {
    const { labels = {}, value, exemplarLabels } = (data ?? {}) as Record<string, unknown>;
    const texts = exemplarTexts(exemplarLabels);
    if (isObject(labels)) this.#observe(labels, value, texts);
    else if (labels || labels === 0) this.#observe(null, labels, texts);
    else this.#observe(null, value, texts);
  }
}

/** The types that go with {@linkcode Histogram}. */
export declare namespace Histogram {
  /**
   * The handle that `labels()` returns.
   *
   * @typeParam T The label names.
   */
  interface Internal<T extends string> {
    /** Counts a value. */
    observe(value: number): void;
    /** Starts a timer. The returned function observes the elapsed seconds. */
    startTimer(): (labels?: LabelValues<T>) => void;
  }

  /** Options that only a histogram has. */
  interface Config {
    /** The upper bounds. */
    buckets?: number[];
  }
}

/** Its methods are functions of their own each time, so that they can be taken off the handle. */
class HistogramHandle<T extends string> extends Handle<HistogramSeries>
  implements Histogram.Internal<T> {
  readonly #histogram: Histogram<T>;

  constructor(
    store: SeriesStore<HistogramSeries>,
    given: Given | null,
    histogram: Histogram<T>,
  ) {
    super(store, given);
    this.#histogram = histogram;
  }

  get observe(): (value: number) => void {
    return (value) => {
      const checked = checkObserved(value);
      (this.found ?? this.open()).observe(checked);
    };
  }

  get startTimer(): () => (labels?: LabelValues<T>) => number {
    return () => this.#histogram.startTimer(this.labelObject as LabelValues<T>);
  }
}

/** The finite bounds in ascending order, each once. */
function readBounds(buckets: readonly unknown[]): number[] {
  const bounds = new Set(buckets.map(Number).filter(Number.isFinite));
  return [...bounds].sort((a, b) => a - b);
}
