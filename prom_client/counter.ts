import { Counter as NativeCounter, type CounterSeries } from "../mod.ts";
import { checkIncrement, isObject } from "./amounts.ts";
import { BaseMetric, readConfiguration } from "./base_metric.ts";
import { exemplarTexts } from "./exemplars.ts";
import type { JsonValue } from "./metric_object.ts";
import { type Given, readLabels, SeriesStore } from "./series_store.ts";
import type {
  CollectFunction,
  IncreaseDataWithExemplar,
  LabelValues,
  MetricConfiguration,
  MetricValue,
} from "./types.ts";

/** Options of a counter. */
export interface CounterConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Called before the counter is read. */
  collect?: CollectFunction<Counter<T>>;
}

/**
 * A value that only goes up.
 *
 * @typeParam T The label names.
 */
export class Counter<T extends string = string> extends BaseMetric<T, MetricValue<T>> {
  readonly #store: SeriesStore<CounterSeries>;

  /** Creates a counter and registers it. The options `name` and `help` are required. */
  constructor(configuration: CounterConfiguration<T>) {
    const options = readConfiguration(configuration);
    const { name, help } = configuration;
    const store = new SeriesStore<CounterSeries>(new NativeCounter(name, String(help), options));
    super(configuration, "counter", store);
    this.#store = store;
    // Programs change which of the two it is by this option, and call either by one name.
    if (this.enableExemplars) this.inc = (data?: unknown) => this.#addWithExemplar(data);
    this.register();
  }

  /** Counts up the series of some labels. The default value is 1. */
  inc(labels: LabelValues<T>, value?: number): void;
  /** Counts up. The default value is 1. */
  inc(value?: number): void;
  /** Counts up with an exemplar, if `enableExemplars` is set. */
  inc(data: IncreaseDataWithExemplar<T>): void;
  inc(labels?: unknown, value?: unknown): void {
    if (typeof labels === "object" && labels !== null) {
      const amount = value ?? 1;
      if (typeof amount === "number" && amount >= 0 && amount < Infinity) {
        const series = this.#store.find(labels);
        if (series !== undefined) return series.inc(amount);
      }
      this.#add(labels as Given, value);
    } else {
      this.#add(null, labels);
    }
  }

  /** Returns a handle for the series of these values, one for each label name. */
  labels(...values: string[]): Counter.Internal;
  /** Returns a handle for the series of some labels. Its first write makes the series. */
  labels(labels: LabelValues<T>): Counter.Internal;
  labels(...args: unknown[]): Counter.Internal {
    return handleOf(this.#store, readLabels(this.labelNames, args));
  }

  /** @ignore */
  protected override values(): JsonValue[] {
    return this.#store.numberValues();
  }

  #add(given: Given | null, value: unknown, exemplar?: Record<string, string>): void {
    const amount = checkIncrement(value);
    if (Number.isNaN(amount)) return this.#store.check(given);
    this.#store.at(given).inc(amount, exemplar);
  }

  #addWithExemplar(data: unknown): void {
    const { labels = {}, value = 1, exemplarLabels } = (data ?? {}) as Record<string, unknown>;
    const texts = exemplarTexts(exemplarLabels);
    if (isObject(labels)) this.#add(labels, value, texts);
    else this.#add(null, labels, texts);
  }
}

/** The types that go with {@linkcode Counter}. */
export declare namespace Counter {
  /** The handle that `labels()` returns. */
  interface Internal {
    /** Counts up. The default value is 1. */
    inc(value?: number): void;
  }
}

/** Makes what `labels()` returns. Its function can be taken off it. */
function handleOf(
  store: SeriesStore<CounterSeries>,
  given: Given | null,
): Counter.Internal {
  // Variables of a function cost less than fields of an object, and handles are made by the million.
  let series = Array.isArray(given) ? store.findInOrder(given) : undefined;
  let { generation } = store;
  return {
    inc: (value) => {
      const amount = value ?? 1;
      if (
        series !== undefined && generation === store.generation &&
        typeof amount === "number" && amount >= 0 && amount < Infinity
      ) return series.inc(amount);
      const checked = checkIncrement(value);
      if (Number.isNaN(checked)) return store.check(given);
      series = store.at(given);
      generation = store.generation;
      series.inc(checked);
    },
  };
}
