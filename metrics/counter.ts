import { checkBounds, checkShape, type Exemplar, type LabelSet } from "../model.ts";
import { BaseMetric, type Own } from "./base_metric.ts";
import type { IfComplete } from "./label_types.ts";
import { NumberChild } from "./number_child.ts";
import { METRIC_OPTIONS, type MetricOptions, readOptions } from "./options.ts";
import { checkFunction, settle } from "./timer.ts";

/** A series of a counter. */
export interface CounterSeries extends LabelSet {
  /**
   * Counts up.
   *
   * @param value The amount, at least 0. @default {1}
   * @param exemplarLabels Labels of an exemplar, at most 128 characters together.
   * @throws {TypeError} If the value is not a number, or the series reads a function.
   * @throws {RangeError} If the value is negative, infinite or NaN, or the exemplar too long.
   */
  inc(value?: number, exemplarLabels?: Record<string, string>): void;
  /**
   * Calls a function and counts 1 if it throws, or if the promise that it returns
   * rejects. The error goes on to the caller.
   *
   * @param fn The function.
   * @param errorClasses Count only errors that are instances of one of these.
   * @returns What the function returns.
   * @throws {TypeError} If `fn` or an error class is not a function, or the series reads
   * a function.
   */
  countExceptions<T>(
    fn: () => T,
    ...errorClasses: (abstract new (...args: never[]) => unknown)[]
  ): T;
  /**
   * Reads the value from a function from now on, at each scrape. Later calls of
   * `inc()` throw. A scrape for which the function throws, or returns a negative or infinite
   * number or NaN, leaves the series out.
   *
   * @param fn Returns the value. Prometheus takes a lower value for a restart.
   * @throws {TypeError} If it is not a function.
   */
  setFunction(fn: () => number): void;
  /** The value now. */
  readonly value: number;
  /** The last exemplar. */
  readonly exemplar: Exemplar | undefined;
  /** When the series began to count, in seconds since 1970. */
  readonly created: number;
}

/** The series of a counter: what `labels()` returns at run time. */
export class CounterChild extends NumberChild implements CounterSeries {
  inc(value = 1, exemplarLabels?: Record<string, string>): void {
    const { columns, slot } = this;
    if (
      typeof value === "number" && value >= 0 && value < Infinity &&
      exemplarLabels === undefined && columns.core.extras === 0
    ) columns.add(slot, value);
    else this.write("increment", value, exemplarLabels);
  }

  countExceptions<T>(
    fn: () => T,
    ...errorClasses: (abstract new (...args: never[]) => unknown)[]
  ): T {
    const doing = this.core.doing("count exceptions with");
    for (const errorClass of errorClasses) checkErrorClass(errorClass, doing);
    // Checked before the function is called, so that no error of the function is hidden.
    this.check("increment", 1);
    return settle(fn, (failed, error) => {
      if (!failed) return;
      if (errorClasses.length > 0 && !errorClasses.some((type) => error instanceof type)) return;
      this.inc();
    }, doing);
  }

  get exemplar(): Exemplar | undefined {
    // Nothing else is kept for a counter.
    return this.core.kept?.get(this) as Exemplar | undefined;
  }

  protected override checkResult(value: unknown): number {
    if (typeof value === "number" && value >= 0 && value < Infinity) return value;
    const rule = "its function must return a finite number >= 0";
    checkBounds(false, this.core.doing("read"), rule, value);
  }

  protected override check(verb: string, value: number): void {
    super.check(verb, value);
    if (value >= 0 && value < Infinity) return;
    const rule = value === Infinity ? "finite" : ">= 0";
    checkBounds(false, this.core.doing(verb), `value must be ${rule}`, value);
  }

  protected override change(_verb: string, value: number, exemplar?: Required<Exemplar>): void {
    if (exemplar !== undefined) this.keep(exemplar);
    this.columns.add(this.slot, value);
  }
}

/** Throws if `instanceof` would throw later, in place of the error that is counted. */
function checkErrorClass(errorClass: unknown, doing: string): void {
  checkFunction(errorClass, doing);
  try {
    // Bound functions and others without a prototype make `instanceof` throw.
    if ({} instanceof (errorClass as abstract new () => unknown)) return;
  } catch {
    checkShape(false, doing, "an error class is needed", errorClass);
  }
}

/**
 * A number that only goes up: requests served, bytes sent, errors. Name it with
 * the suffix `_total`.
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted The label names that have a default value.
 *
 * @example A counter with labels
 * ```ts
 * import { Counter, REGISTRY } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const requests = new Counter("http_requests_total", "Requests served.", {
 *   labelNames: ["method", "status"],
 * });
 * requests.labels({ method: "GET", status: 200 }).inc();
 * requests.labels("GET", 200).inc(2);
 * assert.equal(REGISTRY.getSampleValue("http_requests_total", { method: "GET", status: 200 }), 3);
 * ```
 */
export class Counter<
  const Names extends readonly string[] = readonly [],
  const Defaulted extends Names[number] = never,
> extends BaseMetric<Names, Defaulted, CounterSeries> {
  /**
   * Creates a counter and registers it.
   *
   * @param name The name, with the suffix `_total`.
   * @param help The help text: what is counted.
   * @param options Options.
   * @throws {TypeError} If a name or an option is not legal.
   * @throws {RangeError} If `maxSeries` or `expireAfterSeconds` is out of bounds.
   * @throws {DuplicateMetricError} If the registry has a collector of that name.
   */
  constructor(
    name: string,
    help: string,
    options: MetricOptions<Names, Defaulted, Counter<Names, Defaulted>> = {},
  ) {
    super(name, help, readOptions("counter", name, options, METRIC_OPTIONS).options, {
      type: "counter",
      core: { hasExemplars: true },
      create: (columns) => new CounterChild(columns),
    });
  }

  /**
   * Counts up. Only if no label is missing.
   *
   * @param value The amount, at least 0. @default {1}
   * @param exemplarLabels Labels of an exemplar, at most 128 characters together.
   * @throws {TypeError} If the value is not a number, or the metric reads a function.
   * @throws {RangeError} If the value is negative, infinite or NaN, or the exemplar too long.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  inc(
    this: IfComplete<Names, Defaulted>,
    value = 1,
    exemplarLabels?: Record<string, string>,
  ): void {
    (this as unknown as Own<CounterSeries>).own.inc(value, exemplarLabels);
  }

  /**
   * Calls a function and counts 1 if it throws or rejects. See
   * {@linkcode CounterSeries.countExceptions}.
   *
   * @param fn The function.
   * @param errorClasses Count only errors that are instances of one of these.
   * @returns What the function returns.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  countExceptions<T>(
    this: IfComplete<Names, Defaulted>,
    fn: () => T,
    ...errorClasses: (abstract new (...args: never[]) => unknown)[]
  ): T {
    return (this as unknown as Own<CounterSeries>).own.countExceptions(fn, ...errorClasses);
  }

  /**
   * Reads the value from a function from now on. See {@linkcode CounterSeries.setFunction}.
   *
   * @param fn Returns the value.
   * @throws {TypeError} If it is not a function.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  setFunction(this: IfComplete<Names, Defaulted>, fn: () => number): void {
    (this as unknown as Own<CounterSeries>).own.setFunction(fn);
  }

  /** The value now. Reading it throws if a label is missing. */
  get value(): IfComplete<Names, Defaulted, number> {
    // `own` has thrown by now if a label is missing.
    return this.own.value as IfComplete<Names, Defaulted, number>;
  }
}
