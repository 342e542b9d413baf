import { type Aggregation, checkShape, type NumberMetric, received } from "../model.ts";
import { Child } from "./child.ts";
import type { IfObservable, MetricTimer, Observable, Timer } from "./label_types.ts";
import { BaseMetric } from "./base_metric.ts";
import type { MetricOptions } from "./options.ts";
import { checkFunction, settle, startChildTimer } from "./timer.ts";

/** One series of a gauge. */
export class GaugeChild extends Child implements NumberMetric {
  /**
   * Sets the value.
   *
   * @param value Any number, `NaN` and the infinities included.
   * @throws {TypeError} If it is not a number, or the value comes from a function.
   */
  set(value: number): void {
    const { columns, slot } = this;
    if (typeof value === "number" && columns.core.isSimple) columns.numbers[slot] = value;
    else this.write("set", value);
  }

  /**
   * Adds to the value.
   *
   * @param value How much. @default {1}
   * @throws {TypeError} If it is not a number, or the value comes from a function.
   */
  inc(value = 1): void {
    const { columns, slot } = this;
    if (typeof value === "number" && columns.core.isSimple) columns.add(slot, value);
    else this.write("increment", value);
  }

  /**
   * Takes from the value.
   *
   * @param value How much. @default {1}
   * @throws {TypeError} If it is not a number, or the value comes from a function.
   */
  dec(value = 1): void {
    const { columns, slot } = this;
    if (typeof value === "number" && columns.core.isSimple) columns.add(slot, -value);
    else this.write("decrement", value);
  }

  /**
   * Sets the value to the time of day, in seconds since 1970.
   *
   * @throws {TypeError} If the value comes from a function.
   */
  setToCurrentTime(): void {
    this.set(this.core.now());
  }

  /**
   * Calls a function and counts it for as long as it runs, or as its promise is
   * not settled, whether it succeeds or fails.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {TypeError} If it is not a function, or the value comes from one.
   */
  trackInProgress<T>(fn: () => T): T {
    const doing = this.core.doing("track progress with");
    checkFunction(fn, doing);
    this.inc();
    return settle(fn, () => this.dec(), doing);
  }

  /**
   * Calls a function and sets the value to how long it took, in seconds; when it
   * returns a promise, until that is settled.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {TypeError} If it is not a function, or the value comes from one.
   */
  time<T>(fn: () => T): T {
    // Said before the function is called, so that no result of it is lost.
    const doing = this.core.doing("time");
    if (this.computed) throw new TypeError(`${doing}: its value comes from a function`);
    const timer = this.startTimer();
    return settle(fn, () => timer.stop(), doing);
  }

  /**
   * Starts a timer that sets the value, in seconds, when it is stopped.
   *
   * @returns The timer.
   */
  startTimer(): Timer {
    return startChildTimer(this.core, (seconds) => this.set(seconds));
  }

  /**
   * Reads the value from a function from now on, at each scrape. Later writes
   * throw. A scrape for which the function throws leaves the series out.
   *
   * @param fn Returns the value.
   * @throws {TypeError} If it is not a function.
   */
  setFunction(fn: () => number): void {
    this.setSource(fn);
  }

  /** The value now. */
  get value(): number {
    const source = this.core.sources?.get(this);
    if (source === undefined) return this.columns.numbers[this.slot]!;
    const value: unknown = source();
    if (value instanceof Promise) value.catch(() => {});
    if (typeof value !== "number") {
      checkShape(false, this.core.doing("read"), "its function must return a number", value);
    }
    return value;
  }

  /**
   * What a timer does at its end.
   *
   * @param seconds The duration.
   */
  recordDuration(seconds: number): void {
    this.set(seconds);
  }

  /** When it was set last, in seconds since 1970, if the metric keeps that. */
  get changed(): number | undefined {
    const { core } = this;
    if (!core.keepsTimes) return undefined;
    // Nothing else is kept for a gauge.
    return this.computed ? core.now() : core.kept?.get(this) as number | undefined;
  }

  protected override change(verb: string, value: number): void {
    if (this.core.keepsTimes) this.keep(this.core.now());
    const { columns, slot } = this;
    if (verb === "set") columns.numbers[slot] = value;
    else columns.add(slot, verb === "decrement" ? -value : value);
  }
}

/** The ways in which gauges of several processes become one. */
const AGGREGATIONS: ReadonlySet<unknown> = new Set<Aggregation>([
  "all",
  "sum",
  "average",
  "min",
  "max",
  "first",
  "mostrecent",
  "omit",
  "liveall",
  "livesum",
  "liveaverage",
  "livemin",
  "livemax",
  "livefirst",
  "livemostrecent",
]);

/** Options of {@linkcode Gauge}. */
export interface GaugeOptions<
  Names extends readonly string[] = readonly string[],
  Defaulted extends Names[number] = Names[number],
> extends MetricOptions<Names, Defaulted> {
  /**
   * How the values of several processes become one, when they share a registry by
   * `loadBackend()`. `"all"` tells them apart by a label `process`. @default {"all"}
   */
  aggregation?: Aggregation | undefined;
}

/**
 * A number that goes up and down: a temperature, a queue's length, requests in
 * progress.
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted Those of them that have a default value.
 *
 * @example A gauge that is set, and one that is read from elsewhere
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
> extends BaseMetric<Names, Defaulted, GaugeChild> {
  /**
   * Creates a gauge and registers it.
   *
   * @param name The name.
   * @param help What is measured.
   * @param options Options.
   * @throws {TypeError} If a name or an option is not legal.
   * @throws {RangeError} If `maxSeries` or `expireAfterSeconds` is out of bounds.
   * @throws {DuplicateMetricError} If the registry has a collector of that name.
   */
  constructor(name: string, help: string, options: GaugeOptions<Names, Defaulted> = {}) {
    const { aggregation = "all" } = options ?? {};
    if (!AGGREGATIONS.has(aggregation)) {
      const rule = `aggregation must be one of ${received([...AGGREGATIONS])}`;
      checkShape(false, `Cannot create gauge ${received(name)}`, rule, aggregation);
    }
    super(name, help, options, {
      type: "gauge",
      definition: aggregation,
      aggregation,
      keepsTimes: aggregation.endsWith("mostrecent"),
      canDrop: true,
      create: (columns) => new GaugeChild(columns),
    });
  }

  /**
   * Sets the value. Needs all labels to have defaults, or to be none.
   *
   * @param value Any number, `NaN` and the infinities included.
   * @throws {TypeError} If it is not a number, or the value comes from a function.
   * @throws {UnobservableMetricError} If a label has no value.
   */
  set(this: Observable<Names, Defaulted>, value: number): void;
  set(value: number): void {
    this.own.set(value);
  }

  /**
   * Adds to the value.
   *
   * @param value How much. @default {1}
   * @throws {TypeError} If it is not a number, or the value comes from a function.
   * @throws {UnobservableMetricError} If a label has no value.
   */
  inc(this: Observable<Names, Defaulted>, value?: number): void;
  inc(value = 1): void {
    this.own.inc(value);
  }

  /**
   * Takes from the value.
   *
   * @param value How much. @default {1}
   * @throws {TypeError} If it is not a number, or the value comes from a function.
   * @throws {UnobservableMetricError} If a label has no value.
   */
  dec(this: Observable<Names, Defaulted>, value?: number): void;
  dec(value = 1): void {
    this.own.dec(value);
  }

  /**
   * Sets the value to the time of day, in seconds since 1970.
   *
   * @throws {UnobservableMetricError} If a label has no value.
   */
  setToCurrentTime(this: Observable<Names, Defaulted>): void;
  setToCurrentTime(): void {
    this.own.setToCurrentTime();
  }

  /**
   * Calls a function and counts it for as long as it runs. See
   * {@linkcode GaugeChild.trackInProgress}.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {UnobservableMetricError} If a label has no value.
   */
  trackInProgress<T>(this: Observable<Names, Defaulted>, fn: () => T): T;
  trackInProgress<T>(fn: () => T): T {
    return this.own.trackInProgress(fn);
  }

  /**
   * Calls a function and sets the value to how long it took, in seconds.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {UnobservableMetricError} If a label has no value.
   */
  time<T>(this: Observable<Names, Defaulted>, fn: () => T): T;
  time<T>(fn: () => T): T {
    return this.own.time(fn);
  }

  /**
   * Starts a timer that sets the value, in seconds, when it is stopped. It can be
   * started while labels are missing; they are given at its end.
   *
   * @returns The timer.
   */
  startTimer(): MetricTimer<Names, Defaulted> {
    // The type tells which labels are needed at the end.
    return this.startLabelTimer() as MetricTimer<Names, Defaulted>;
  }

  /**
   * Reads the value from a function from now on. See {@linkcode GaugeChild.setFunction}.
   *
   * @param fn Returns the value.
   * @throws {TypeError} If it is not a function.
   * @throws {UnobservableMetricError} If a label has no value.
   */
  setFunction(this: Observable<Names, Defaulted>, fn: () => number): void;
  setFunction(fn: () => number): void {
    this.own.setFunction(fn);
  }

  /** The value now; reading it throws while a label has no value. */
  get value(): IfObservable<Names, Defaulted, number> {
    // `own` has thrown by now if the type is `never`.
    return this.own.value as IfObservable<Names, Defaulted, number>;
  }
}
