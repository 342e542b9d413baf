import { type Aggregation, Gauge as NativeGauge, type GaugeSeries } from "../mod.ts";
import { SYSTEM_CLOCK } from "../time/clock.ts";
import { checkGauge, isObject, startTimer } from "./amounts.ts";
import { BaseMetric, readConfiguration } from "./base_metric.ts";
import { Handle } from "./handle.ts";
import type { JsonValue } from "./metric_object.ts";
import { type Given, readLabels, SeriesStore } from "./series_store.ts";
import type {
  Aggregator,
  CollectFunction,
  LabelValues,
  MetricConfiguration,
  MetricValue,
} from "./types.ts";

/** How a store combines the values of several processes, by the aggregator of prom-client. */
const AGGREGATIONS: Readonly<Record<Aggregator, Aggregation>> = {
  sum: "livesum",
  min: "livemin",
  max: "livemax",
  first: "livefirst",
  average: "liveaverage",
  omit: "omit",
};

/** Options of a gauge. */
export interface GaugeConfiguration<T extends string> extends MetricConfiguration<T> {
  /** Called before the gauge is read. */
  collect?: CollectFunction<Gauge<T>>;
}

/**
 * A value that goes up and down.
 *
 * @typeParam T The label names.
 */
export class Gauge<T extends string = string> extends BaseMetric<T, MetricValue<T>> {
  readonly #store: SeriesStore<GaugeSeries>;

  /** Creates a gauge and registers it. The options `name` and `help` are required. */
  constructor(configuration: GaugeConfiguration<T>) {
    const options = readConfiguration(configuration);
    const { name, help, aggregator = "sum" } = configuration;
    // An aggregator of the program itself is known to its own registry alone.
    const aggregation = AGGREGATIONS[aggregator] ?? "liveall";
    const gauge = new NativeGauge(name, String(help), { ...options, aggregation });
    const store = new SeriesStore<GaugeSeries>(gauge);
    super(configuration, "gauge", store);
    this.#store = store;
    this.register();
  }

  /** Adds to the series of some labels. The default value is 1. */
  inc(labels: LabelValues<T>, value?: number): void;
  /** Adds to the value. The default is 1. */
  inc(value?: number): void;
  inc(labels?: unknown, value?: unknown): void {
    const given = isObject(labels) ? labels : null;
    const amount = checkGauge((given === null ? labels : value) ?? 1, "Delta");
    this.#store.at(given).inc(amount);
  }

  /** Subtracts from the series of some labels. The default value is 1. */
  dec(labels: LabelValues<T>, value?: number): void;
  /** Subtracts from the value. The default is 1. */
  dec(value?: number): void;
  dec(labels?: unknown, value?: unknown): void {
    // As in prom-client, where `-value` makes a number of a text.
    if (isObject(labels)) this.inc(labels as LabelValues<T>, -((value ?? 1) as number));
    else this.inc(-((labels ?? 1) as number));
  }

  /** Sets the value of the series of some labels. */
  set(labels: LabelValues<T>, value: number): void;
  /** Sets the value. */
  set(value: number): void;
  set(labels?: unknown, value?: unknown): void {
    const given = isObject(labels) ? labels : null;
    const checked = checkGauge(given === null ? labels : value, "Value");
    this.#store.at(given).set(checked);
  }

  /** Sets the value to the time of day, in seconds since 1970. */
  setToCurrentTime(labels?: LabelValues<T>): void {
    const now = SYSTEM_CLOCK.now();
    if (labels === undefined) this.set(now);
    else this.set(labels, now);
  }

  /** Starts a timer. The returned function sets the value to the elapsed seconds. */
  startTimer(labels?: LabelValues<T>): (labels?: LabelValues<T>) => number {
    return startTimer(labels, (all, seconds) => this.set(all as LabelValues<T>, seconds));
  }

  /** Returns a handle for the series of these values, one for each label name. */
  labels(...values: string[]): Gauge.Internal<T>;
  /** Returns a handle for the series of some labels. Its first write makes the series. */
  labels(labels: LabelValues<T>): Gauge.Internal<T>;
  labels(...args: unknown[]): Gauge.Internal<T> {
    return new GaugeHandle<T>(this.#store, readLabels(this.labelNames, args), this);
  }

  /** @ignore */
  protected override values(): JsonValue[] {
    return this.#store.numberValues();
  }
}

/** The types that go with {@linkcode Gauge}. */
export declare namespace Gauge {
  /**
   * The handle that `labels()` returns.
   *
   * @typeParam T The label names.
   */
  interface Internal<T extends string> {
    /** Adds to the value. The default is 1. */
    inc(value?: number): void;
    /** Subtracts from the value. The default is 1. */
    dec(value?: number): void;
    /** Sets the value. */
    set(value: number): void;
    /** Sets the value to the time of day, in seconds since 1970. */
    setToCurrentTime(): void;
    /** Starts a timer. The returned function sets the value to the elapsed seconds. */
    startTimer(): (labels?: LabelValues<T>) => number;
  }
}

/** Its methods are functions of their own each time, so that they can be taken off the handle. */
class GaugeHandle<T extends string> extends Handle<GaugeSeries> implements Gauge.Internal<T> {
  readonly #gauge: Gauge<T>;

  constructor(store: SeriesStore<GaugeSeries>, given: Given | null, gauge: Gauge<T>) {
    super(store, given);
    this.#gauge = gauge;
  }

  get inc(): (value?: number) => void {
    return (value) => {
      const amount = checkGauge(value ?? 1, "Delta");
      (this.found ?? this.open()).inc(amount);
    };
  }

  get dec(): (value?: number) => void {
    return (value) => {
      const amount = checkGauge(-(value ?? 1), "Delta");
      (this.found ?? this.open()).inc(amount);
    };
  }

  get set(): (value: number) => void {
    return (value) => {
      checkGauge(value, "Value");
      (this.found ?? this.open()).set(value);
    };
  }

  get setToCurrentTime(): () => void {
    return () => this.set(Date.now() / 1000);
  }

  get startTimer(): () => (labels?: LabelValues<T>) => number {
    return () => this.#gauge.startTimer(this.labelObject as LabelValues<T>);
  }
}
