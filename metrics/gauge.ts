import {
  type Aggregation,
  checkShape,
  type KnownOptions,
  type LabelSet,
  received,
} from "../model.ts";
import { BaseMetric, type Own } from "./base_metric.ts";
import type { IfComplete, Timer } from "./label_types.ts";
import { NumberChild } from "./number_child.ts";
import { METRIC_OPTIONS, type MetricOptions, readOptions } from "./options.ts";
import { checkFunction, settle, startChildTimer, startLabelTimer } from "./timer.ts";

/** A series of a gauge. */
export interface GaugeSeries extends LabelSet {
  /**
   * Sets the value.
   *
   * @param value Any number, `NaN` and the infinities included.
   * @throws {TypeError} If it is not a number, or the series reads a function.
   */
  set(value: number): void;
  /**
   * Adds to the value.
   *
   * @param value The amount. @default {1}
   * @throws {TypeError} If it is not a number, or the series reads a function.
   */
  inc(value?: number): void;
  /**
   * Subtracts from the value.
   *
   * @param value The amount. @default {1}
   * @throws {TypeError} If it is not a number, or the series reads a function.
   */
  dec(value?: number): void;
  /**
   * Sets the value to the time of day, in seconds since 1970.
   *
   * @throws {TypeError} If the series reads a function.
   */
  setToCurrentTime(): void;
  /**
   * Calls a function and counts it while it runs, or while its promise is
   * pending, whether it succeeds or fails.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {TypeError} If it is not a function, or the series reads one.
   */
  trackInProgress<T>(fn: () => T): T;
  /**
   * Calls a function and sets the value to how long it took, in seconds. If it
   * returns a promise, the time ends when that is settled.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {TypeError} If it is not a function, or the series reads one.
   */
  time<T>(fn: () => T): T;
  /**
   * Starts a timer that sets the value, in seconds, when it is stopped.
   *
   * @returns The timer.
   */
  startTimer(): Timer;
  /**
   * Reads the value from a function from now on, at each scrape. Later writes
   * throw. A scrape for which the function throws leaves the series out.
   *
   * @param fn Returns the value.
   * @throws {TypeError} If it is not a function.
   */
  setFunction(fn: () => number): void;
  /** The value now. */
  readonly value: number;
}

/** The series of a gauge: what `labels()` returns at run time. */
export class GaugeChild extends NumberChild implements GaugeSeries {
  set(value: number): void {
    const { columns, slot } = this;
    if (typeof value === "number" && columns.core.extras === 0) columns.numbers[slot] = value;
    else this.write("set", value);
  }

  inc(value = 1): void {
    const { columns, slot } = this;
    if (typeof value === "number" && columns.core.extras === 0) columns.add(slot, value);
    else this.write("increment", value);
  }

  dec(value = 1): void {
    const { columns, slot } = this;
    if (typeof value === "number" && columns.core.extras === 0) columns.add(slot, -value);
    else this.write("decrement", value);
  }

  setToCurrentTime(): void {
    this.set(this.core.now());
  }

  trackInProgress<T>(fn: () => T): T {
    const doing = this.core.doing("track progress with");
    checkFunction(fn, doing);
    this.inc();
    return settle(fn, () => this.dec(), doing);
  }

  time<T>(fn: () => T): T {
    // Checked before the function is called, so that no result of the function is lost.
    const doing = this.core.doing("time");
    if (this.isComputed) throw new TypeError(`${doing}: its value comes from a function`);
    const timer = this.startTimer();
    return settle(fn, () => timer.stop(), doing);
  }

  startTimer(): Timer {
    return startChildTimer(this.core, this);
  }

  /** Called at the end of a timer. */
  recordDuration(seconds: number, exemplarLabels?: Record<string, string>): void {
    this.write("set", seconds, exemplarLabels);
  }

  /** When it was last set, in seconds since 1970, if the metric keeps that. */
  get changed(): number | undefined {
    const { core } = this;
    if (!core.keepsTimes) return undefined;
    // Nothing else is kept for a gauge.
    return this.isComputed ? core.now() : core.kept?.get(this) as number | undefined;
  }

  protected override checkResult(value: unknown): number {
    if (typeof value === "number") return value;
    checkShape(false, this.core.doing("read"), "its function must return a number", value);
  }

  protected override change(verb: string, value: number): void {
    if (this.core.keepsTimes) this.keep(this.core.now());
    const { columns, slot } = this;
    if (verb === "set") columns.numbers[slot] = value;
    else columns.add(slot, verb === "decrement" ? -value : value);
  }
}

/** The ways to combine the gauges of several processes, those of running ones only at the end. */
const WAYS = ["all", "sum", "average", "min", "max", "first", "mostrecent"] as const;
const AGGREGATIONS: readonly Aggregation[] = [
  ...WAYS,
  "omit",
  ...WAYS.map((way) => `live${way}` as const),
];

/** Options of {@linkcode Gauge}. */
export interface GaugeOptions<
  Names extends readonly string[] = readonly string[],
  Defaulted extends Names[number] = Names[number],
> extends MetricOptions<Names, Defaulted, Gauge<Names, Defaulted>> {
  /**
   * How to combine the values of several processes that share a registry by `loadBackend()`.
   * `"all"` keeps them apart by a label `process`. @default {"all"}
   */
  aggregation?: Aggregation | undefined;
}

const KNOWN_OPTIONS: KnownOptions<GaugeOptions> = { ...METRIC_OPTIONS, aggregation: true };

/**
 * A number that goes up and down: a temperature, the length of a queue, requests in progress.
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted The label names that have a default value.
 *
 * @example A gauge that is set, and one that reads a function
 * ```ts
 * import { Gauge, REGISTRY } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const workers = new Gauge("workers", "Workers that run.");
 * workers.set(4);
 * workers.dec();
 * assert.equal(workers.value, 3);
 *
 * const jobs: string[] = ["a", "b"];
 * new Gauge("queue_length", "Jobs that wait.").setFunction(() => jobs.length);
 * assert.equal(REGISTRY.getSampleValue("queue_length"), 2);
 * ```
 */
export class Gauge<
  const Names extends readonly string[] = readonly [],
  const Defaulted extends Names[number] = never,
> extends BaseMetric<Names, Defaulted, GaugeSeries> {
  /**
   * Creates a gauge and registers it.
   *
   * @param name The name.
   * @param help The help text: what is measured.
   * @param options Options.
   * @throws {TypeError} If a name or an option is not legal.
   * @throws {RangeError} If `maxSeries` or `expireAfterSeconds` is out of bounds.
   * @throws {DuplicateMetricError} If the registry has a collector of that name.
   */
  constructor(name: string, help: string, options: GaugeOptions<Names, Defaulted> = {}) {
    const { options: known, doing } = readOptions("gauge", name, options, KNOWN_OPTIONS);
    const { aggregation = "all" } = known;
    if (!AGGREGATIONS.includes(aggregation)) {
      const rule = `aggregation must be one of ${received(AGGREGATIONS)}`;
      checkShape(false, doing, rule, aggregation);
    }
    super(name, help, known, {
      type: "gauge",
      definition: aggregation,
      aggregation,
      core: { keepsTimes: aggregation.endsWith("mostrecent") },
      canDrop: true,
      startTimer: startLabelTimer,
      create: (columns) => new GaugeChild(columns),
    });
  }

  /**
   * Sets the value. Only if no label is missing.
   *
   * @param value Any number, `NaN` and the infinities included.
   * @throws {TypeError} If it is not a number, or the metric reads a function.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  set(this: IfComplete<Names, Defaulted>, value: number): void {
    (this as unknown as Own<GaugeSeries>).own.set(value);
  }

  /**
   * Adds to the value.
   *
   * @param value The amount. @default {1}
   * @throws {TypeError} If it is not a number, or the metric reads a function.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  inc(this: IfComplete<Names, Defaulted>, value = 1): void {
    (this as unknown as Own<GaugeSeries>).own.inc(value);
  }

  /**
   * Subtracts from the value.
   *
   * @param value The amount. @default {1}
   * @throws {TypeError} If it is not a number, or the metric reads a function.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  dec(this: IfComplete<Names, Defaulted>, value = 1): void {
    (this as unknown as Own<GaugeSeries>).own.dec(value);
  }

  /**
   * Sets the value to the time of day, in seconds since 1970.
   *
   * @throws {UnobservableMetricError} If a label is missing.
   */
  setToCurrentTime(this: IfComplete<Names, Defaulted>): void {
    (this as unknown as Own<GaugeSeries>).own.setToCurrentTime();
  }

  /**
   * Calls a function and counts it while it runs. See
   * {@linkcode GaugeSeries.trackInProgress}.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  trackInProgress<T>(this: IfComplete<Names, Defaulted>, fn: () => T): T {
    return (this as unknown as Own<GaugeSeries>).own.trackInProgress(fn);
  }

  /**
   * Calls a function and sets the value to how long it took, in seconds.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  time<T>(this: IfComplete<Names, Defaulted>, fn: () => T): T {
    return (this as unknown as Own<GaugeSeries>).own.time(fn);
  }

  /**
   * Starts a timer that sets the value, in seconds, when it is stopped. Labels that are missing are
   * given at its end.
   *
   * @returns The timer.
   */
  startTimer(): Timer<Names, Defaulted> {
    // The type says which labels are needed at the end.
    return this.startLabelTimer() as Timer<Names, Defaulted>;
  }

  /**
   * Reads the value from a function from now on. See {@linkcode GaugeSeries.setFunction}.
   *
   * @param fn Returns the value.
   * @throws {TypeError} If it is not a function.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  setFunction(this: IfComplete<Names, Defaulted>, fn: () => number): void {
    (this as unknown as Own<GaugeSeries>).own.setFunction(fn);
  }

  /** The value now. Reading it throws if a label is missing. */
  get value(): IfComplete<Names, Defaulted, number> {
    // `own` has thrown by now if a label is missing.
    return this.own.value as IfComplete<Names, Defaulted, number>;
  }
}
