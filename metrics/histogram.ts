import { NativeExemplars } from "../estimators/native_exemplars.ts";
import {
  checkNativeOptions,
  NativeHistogramEstimator,
  type NativeHistogramOptions,
} from "../estimators/native_histogram.ts";
import {
  checkShape,
  type Exemplar,
  type HistogramMetric,
  type KnownOptions,
  type LabelSet,
  type NativeHistogram,
} from "../model.ts";
import type { Own } from "./base_metric.ts";
import { checkBuckets, DEFAULT_BUCKETS } from "./buckets.ts";
import type { Columns } from "./columns.ts";
import type { IfComplete, Timer, Wrap } from "./label_types.ts";
import { METRIC_OPTIONS, type MetricOptions, readOptions } from "./options.ts";
import { TimedChild, TimedMetric } from "./timed_metric.ts";
import { startLabelTimer } from "./timer.ts";

/** Up to this many bounds, a linear search is faster. */
const SHORT = 16;

/** A set of series of a histogram. */
export interface HistogramSeries extends LabelSet {
  /**
   * Counts a value.
   *
   * @param value A finite number.
   * @param exemplarLabels Labels of an exemplar, at most 128 characters together.
   * @throws {TypeError} If the value is not a number.
   * @throws {RangeError} If the value is infinite or NaN, or the exemplar too long.
   */
  observe(value: number, exemplarLabels?: Record<string, string>): void;
  /**
   * Calls a function and counts how long it took, in seconds. If it returns a
   * promise, the time ends when that is settled. Failures are counted as well.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {TypeError} If it is not a function.
   */
  time<T>(fn: () => T): T;
  /**
   * Starts a timer that counts its duration, in seconds, when it is stopped.
   *
   * @returns The timer.
   */
  startTimer(): Timer;
  /** Makes a function whose calls are timed. Also a method decorator. */
  readonly wrap: Wrap;
  /** The finite upper bounds. The bucket of `+Inf` comes after them. */
  readonly bounds: readonly number[];
  /** The sum of all values. */
  readonly sum: number;
  /** The number of all values. */
  readonly count: number;
  /**
   * Returns the number of values at or below each bound, and of all values.
   *
   * @param into An array to overwrite and return. @default {a new one}
   * @returns One count more than there are bounds.
   */
  cumulativeCounts(into?: number[]): readonly number[];
  /** The last exemplar of each bucket. */
  readonly exemplars: readonly (Exemplar | undefined)[] | undefined;
  /** A copy of the native histogram in its current state, if there is one. */
  readonly native: NativeHistogram | undefined;
  /** The exemplars of the native histogram, by value. */
  readonly nativeExemplars: readonly Exemplar[] | undefined;
  /** When the series began to count, in seconds since 1970. */
  readonly created: number;
}

/** The set of series of a histogram: what `labels()` returns at run time. */
export class HistogramChild extends TimedChild implements HistogramSeries, HistogramMetric {
  // Its numbers are the counts of the buckets up to that of `+Inf`, not cumulative, and the sum.

  get bounds(): readonly number[] {
    return this.core.bounds;
  }

  observe(value: number, exemplarLabels?: Record<string, string>): void {
    if (
      Number.isFinite(value) && exemplarLabels === undefined && this.columns.core.extras === 0
    ) this.change("observe", value);
    else this.write("observe", value, exemplarLabels);
  }

  get sum(): number {
    const { columns, slot } = this;
    return columns.numbers[(slot + 1) * columns.core.width - 1]!;
  }

  get count(): number {
    const { columns, slot } = this;
    const { numbers } = columns;
    const { width } = columns.core;
    const end = (slot + 1) * width - 1;
    let count = 0;
    for (let at = slot * width; at < end; at++) count += numbers[at]!;
    return count;
  }

  get exemplars(): readonly (Exemplar | undefined)[] | undefined {
    // Nothing else is kept for a histogram.
    return this.core.kept?.get(this) as (Exemplar | undefined)[] | undefined;
  }

  get native(): NativeHistogram | undefined {
    return undefined;
  }

  get nativeExemplars(): readonly Exemplar[] | undefined {
    return undefined;
  }

  cumulativeCounts(into: number[] = []): readonly number[] {
    const { columns, slot } = this;
    const { numbers } = columns;
    const { width } = columns.core;
    const at = slot * width;
    let cumulative = 0;
    for (let i = 0; i < width - 1; i++) into[i] = cumulative += numbers[at + i]!;
    if (into.length !== width - 1) into.length = width - 1;
    return into;
  }

  protected override change(_verb: string, value: number, exemplar?: Required<Exemplar>): void {
    const { columns, slot } = this;
    const { bounds } = columns.core;
    const i = bounds.length === 0 ? 0 : findBucket(bounds, value);
    if (exemplar !== undefined) this.keepOf(i, exemplar);
    const at = slot * (bounds.length + 2);
    columns.add(at + i, 1);
    columns.add(at + bounds.length + 1, value);
  }

  /** Keeps an exemplar as the last of its bucket. */
  private keepOf(bucket: number, exemplar: Required<Exemplar>): void {
    const exemplars = [...this.exemplars ?? new Array(this.bounds.length + 1).fill(undefined)];
    exemplars[bucket] = exemplar;
    this.keep(exemplars);
  }
}

/** The series of a native histogram, with or without classic buckets. */
class NativeHistogramChild extends HistogramChild {
  readonly #native: NativeHistogramEstimator;
  #exemplars: NativeExemplars<Required<Exemplar>> | undefined = undefined;

  constructor(columns: Columns<unknown>, options: Required<NativeHistogramOptions>) {
    super(columns);
    this.#native = new NativeHistogramEstimator(options, this.core.now);
  }

  /** Repeats the inherited method, because a call of one function only is faster. */
  override observe(value: number, exemplarLabels?: Record<string, string>): void {
    if (
      Number.isFinite(value) && exemplarLabels === undefined && this.columns.core.extras === 0
    ) this.change("observe", value);
    else this.write("observe", value, exemplarLabels);
  }

  override get native(): NativeHistogram {
    const { schema, zeroThreshold, zeroCount, positive, negative } = this.#native;
    // Both are kept with the classic buckets.
    const { sum, count } = this;
    return { schema, zeroThreshold, zeroCount, positive, negative, sum, count };
  }

  override get nativeExemplars(): readonly Exemplar[] | undefined {
    return this.#exemplars?.list(this.core.now());
  }

  override reset(): void {
    super.reset();
    this.#native.reset();
    this.#exemplars = undefined;
  }

  protected override change(verb: string, value: number, exemplar?: Required<Exemplar>): void {
    // If it starts again to save buckets, the classic buckets do, too.
    if (this.#native.observe(value)) super.reset();
    super.change(verb, value, exemplar);
    if (exemplar !== undefined) this.keepNative(exemplar);
  }

  /** Keeps an exemplar among those of the native histogram. */
  private keepNative(exemplar: Required<Exemplar>): void {
    this.#exemplars ??= new NativeExemplars();
    this.#exemplars.add(exemplar);
  }
}

/** Finds the bucket of a value. */
function findBucket(bounds: readonly number[], value: number): number {
  let i = 0;
  let end = bounds.length;
  while (end - i > SHORT) {
    const middle = (i + end) >>> 1;
    if (value <= bounds[middle]!) end = middle;
    else i = middle + 1;
  }
  while (i < end && !(value <= bounds[i]!)) i++;
  return i;
}

/** Options of {@linkcode Histogram}. */
export interface HistogramOptions<
  Names extends readonly string[] = readonly string[],
  Defaulted extends Names[number] = Names[number],
> extends MetricOptions<Names, Defaulted, Histogram<Names, Defaulted>> {
  /**
   * The upper bounds, strictly increasing. The bucket of `+Inf` is always there, and `[]` means that
   * it is the only one. @default {DEFAULT_BUCKETS; none for a native histogram}
   */
  buckets?: readonly number[] | undefined;
  /**
   * Options of a native histogram, which needs no choice of bounds; `true` for the defaults. Only
   * the protobuf format carries it. In the text formats a histogram without classic buckets has
   * only the bucket of `+Inf`. @default {false}
   */
  nativeHistogram?: NativeHistogramOptions | boolean | undefined;
}

const KNOWN_OPTIONS: KnownOptions<HistogramOptions> = {
  ...METRIC_OPTIONS,
  buckets: true,
  nativeHistogram: true,
};

/**
 * A distribution of values in buckets: durations, sizes. Prometheus computes quantiles from it,
 * for any number of processes together.
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted The label names that have a default value.
 *
 * @example Timing an asynchronous function
 * ```ts
 * import { Histogram, REGISTRY } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const duration = new Histogram("job_duration_seconds", "How long a job takes.", {
 *   labelNames: ["job"],
 *   buckets: [0.1, 1, 10],
 * });
 * const child = duration.labels({ job: "mail" });
 * assert.equal(await child.time(() => Promise.resolve("done")), "done");
 * child.observe(2);
 * assert.equal(REGISTRY.getSampleValue("job_duration_seconds_count", { job: "mail" }), 2);
 * ```
 */
export class Histogram<
  const Names extends readonly string[] = readonly [],
  const Defaulted extends Names[number] = never,
> extends TimedMetric<Names, Defaulted, HistogramSeries> {
  /**
   * Creates a histogram and registers it.
   *
   * @param name The name, with its unit.
   * @param help The help text: what is measured.
   * @param options Options.
   * @throws {TypeError} If a name or an option is not legal.
   * @throws {RangeError} If the buckets are not finite and strictly increasing, or
   * `maxSeries` or `expireAfterSeconds` is out of bounds.
   * @throws {DuplicateMetricError} If the registry has a collector of that name.
   */
  constructor(name: string, help: string, options: HistogramOptions<Names, Defaulted> = {}) {
    const { options: known, doing } = readOptions("histogram", name, options, KNOWN_OPTIONS);
    const { nativeHistogram = false, buckets } = known;
    const native = checkNative(nativeHistogram, doing);
    const bounds = checkBuckets(buckets ?? (native ? [] : DEFAULT_BUCKETS), doing);
    super(name, help, known, {
      type: "histogram",
      startTimer: startLabelTimer,
      definition: [bounds, native],
      core: { bounds, width: bounds.length + 2, hasExemplars: true },
      create: native === undefined
        ? (columns) => new HistogramChild(columns)
        : (columns) => new NativeHistogramChild(columns, native),
    });
  }

  /**
   * Counts a value. Only if no label is missing.
   *
   * @param value A finite number.
   * @param exemplarLabels Labels of an exemplar, at most 128 characters together.
   * @throws {TypeError} If the value is not a number.
   * @throws {RangeError} If the value is infinite or NaN, or the exemplar too long.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  observe(
    this: IfComplete<Names, Defaulted>,
    value: number,
    exemplarLabels?: Record<string, string>,
  ): void {
    (this as unknown as Own<HistogramSeries>).own.observe(value, exemplarLabels);
  }
}

/** Checks the options of the native histogram. Returns undefined if there is none. */
function checkNative(
  options: NativeHistogramOptions | boolean,
  doing: string,
): Required<NativeHistogramOptions> | undefined {
  if (options === false) return undefined;
  if (options === true) return checkNativeOptions({}, doing);
  const isObject = typeof options === "object" && options !== null && !Array.isArray(options);
  checkShape(isObject, doing, "nativeHistogram must be an object or true", options);
  return checkNativeOptions(options, `${doing}: nativeHistogram`);
}
