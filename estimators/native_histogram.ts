/**
 * The numbers of a native (sparse exponential) histogram, kept in the same way as in the Go client.
 *
 * See https://prometheus.io/docs/specs/native_histograms/
 *
 * @module
 */
import { checkKnownOptions, checkNumber, type KnownOptions } from "../model.ts";
import { BucketCounts } from "./bucket_counts.ts";
import {
  coarserIndex,
  finestIndex,
  MAX_SCHEMA,
  MIN_SCHEMA,
  nativeUpperBound,
  pickSchema,
} from "./native_bounds.ts";

/** Options of a native histogram: its resolution, and its limits. */
export interface NativeHistogramOptions {
  /**
   * The maximum ratio of the bounds of a bucket, greater than 1. The histogram has the coarsest
   * schema that satisfies it.
   *
   * @default {1.1}
   */
  bucketFactor?: number;
  /**
   * The maximum number of buckets, positive and negative together, without the zero bucket. Beyond
   * it the histogram reduces them. 0 means no limit.
   *
   * @default {160}
   */
  maxBuckets?: number;
  /**
   * The largest magnitude that counts as zero. 0 means that only zeros do.
   *
   * @default {2 ** -128}
   */
  zeroThreshold?: number;
  /**
   * The maximum zero threshold, to which the zero bucket may be widened. 0 means not at all.
   *
   * @default {0}
   */
  maxZeroThreshold?: number;
  /**
   * The age, in seconds, from which the histogram may be reset to save buckets. 0 means that it is
   * never reset.
   *
   * @default {0}
   */
  minResetDurationSeconds?: number;
}

const KNOWN_OPTIONS: KnownOptions<NativeHistogramOptions> = {
  bucketFactor: true,
  maxBuckets: true,
  zeroThreshold: true,
  maxZeroThreshold: true,
  minResetDurationSeconds: true,
};

/**
 * Checks the options of a native histogram, and fills in the defaults.
 *
 * @param options The options.
 * @param doing The failing action, as in `Cannot create histogram "x": nativeHistogram`.
 * @returns All options.
 * @throws {TypeError} If one is unknown or not a number.
 * @throws {RangeError} If one is out of bounds.
 */
export function checkNativeOptions(
  options: NativeHistogramOptions,
  doing: string,
): Required<NativeHistogramOptions> {
  const {
    bucketFactor = 1.1,
    maxBuckets = 160,
    zeroThreshold = 2 ** -128,
    maxZeroThreshold = 0,
    minResetDurationSeconds = 0,
  } = checkKnownOptions(options, KNOWN_OPTIONS, doing);
  const isCount = (count: number): boolean => Number.isInteger(count) && count >= 0;
  checkNumber(bucketFactor, (factor) => factor > 1, "greater than 1", doing, "bucketFactor");
  checkNumber(maxBuckets, isCount, "an integer >= 0", doing, "maxBuckets");
  const amounts = { zeroThreshold, maxZeroThreshold, minResetDurationSeconds };
  for (const [name, amount] of Object.entries(amounts)) {
    checkNumber(amount, (a) => a >= 0 && a < Infinity, "finite and >= 0", doing, name);
  }
  return { bucketFactor, maxBuckets, ...amounts };
}

/**
 * The buckets of a native histogram. The owner counts the number and the sum of the observations.
 * Buckets are not cumulative.
 *
 * If there are more than `maxBuckets` buckets after an observation, one step is taken. Each further
 * observation takes another step, until there are few enough:
 *
 * 1. If the histogram is at least `minResetDurationSeconds` old, it is reset, and has this
 *    observation as its only one.
 * 2. Otherwise, the bucket closest to zero (or two, on both sides) is merged into the zero bucket,
 *    if its bound is within `maxZeroThreshold`.
 * 3. Otherwise, the resolution is halved: pairs of buckets are merged, and the schema decreases by
 *    one, unless it is −4 already.
 *
 * If a histogram took step 2 or 3 because it was too young for a reset, it is reset by the first
 * observation after it is old enough. So it regains its resolution.
 *
 * |             | time                                       |
 * | ----------- | ------------------------------------------ |
 * | `observe()` | O(1); O(buckets) when a limit step is due  |
 * | `reset()`   | O(1)                                       |
 *
 * @example Four observations in three buckets
 * ```ts
 * import { checkNativeOptions, NativeHistogramEstimator } from "./native_histogram.ts";
 * import assert from "node:assert/strict";
 *
 * const options = checkNativeOptions({ bucketFactor: 2 }, "Cannot count");
 * const histogram = new NativeHistogramEstimator(options, () => Date.now() / 1000);
 * for (const value of [0, 1.5, 2, 3]) histogram.observe(value);
 *
 * assert.equal(histogram.schema, 0);
 * assert.equal(histogram.zeroCount, 1);
 * assert.deepEqual(histogram.positive, new Map([[1, 2], [2, 1]]));
 * ```
 */
export class NativeHistogramEstimator {
  readonly #positive = new BucketCounts();
  readonly #negative = new BucketCounts();
  readonly #initialSteps: number;
  readonly #initialZeroThreshold: number;
  readonly #maxBuckets: number;
  readonly #maxZeroThreshold: number;
  readonly #minResetDuration: number;
  readonly #now: () => number;

  #steps: number; // the difference to the finest schema
  #zeroThreshold: number;
  #zeroCount = 0;
  #lastReset: number;
  #resetDue = Infinity; // Infinity: no reset is scheduled
  #buckets = 0; // the sizes of both tables, which are slower to read
  #isStrained = false; // whether there are too many buckets, or a reset is scheduled

  /**
   * Starts with no observations.
   *
   * @param options Resolution and limits, as {@linkcode checkNativeOptions} returns them.
   * @param now The clock, in Unix seconds. The constructor and `reset()` read it. `observe()` reads
   * it only if there is a `minResetDurationSeconds`, and the number of buckets exceeds the limit,
   * or did so too early for a reset.
   */
  constructor(options: Required<NativeHistogramOptions>, now: () => number) {
    const { maxBuckets, zeroThreshold } = options;
    this.#initialSteps = this.#steps = MAX_SCHEMA - pickSchema(options.bucketFactor);
    this.#initialZeroThreshold = this.#zeroThreshold = zeroThreshold;
    this.#maxBuckets = maxBuckets === 0 ? Infinity : maxBuckets;
    this.#maxZeroThreshold = options.maxZeroThreshold;
    this.#minResetDuration = options.minResetDurationSeconds;
    this.#now = now;
    this.#lastReset = now();
  }

  /** The resolution, −4 … 8: the upper bound of bucket i is 2^(i·2^−schema). */
  get schema(): number {
    return MAX_SCHEMA - this.#steps;
  }

  /** The largest magnitude that is counted in the zero bucket. */
  get zeroThreshold(): number {
    return this.#zeroThreshold;
  }

  /** The number of observations in the zero bucket. */
  get zeroCount(): number {
    return this.#zeroCount;
  }

  /** The counts of positive buckets by index: a copy, in ascending order. */
  get positive(): Map<number, number> {
    return this.#positive.toMap();
  }

  /** The counts of negative buckets by the index of the magnitude: a copy, in ascending order. */
  get negative(): Map<number, number> {
    return this.#negative.toMap();
  }

  /**
   * Counts a value. NaN is in no bucket. The infinities are in the bucket after that of the largest
   * finite values.
   *
   * @param value The observed value.
   * @returns Whether the histogram was reset, so that this value is its first. The owner then has
   * to reset its classic buckets and created timestamp before it counts the value there.
   */
  observe(value: number): boolean {
    if (Math.abs(value) > this.#zeroThreshold) {
      const index = coarserIndex(finestIndex(value), this.#steps);
      const isNew = (value > 0 ? this.#positive : this.#negative).add(index, 1);
      if (isNew && ++this.#buckets > this.#maxBuckets) this.#isStrained = true;
    } else if (value === value) {
      this.#zeroCount++;
    }
    return this.#isStrained && this.#relieve(value);
  }

  /** Removes all observations, and restores the first resolution and zero threshold. */
  reset(): void {
    this.#steps = this.#initialSteps;
    this.#zeroThreshold = this.#initialZeroThreshold;
    this.#zeroCount = 0;
    this.#positive.clear();
    this.#negative.clear();
    this.#lastReset = this.#now();
    this.#resetDue = Infinity;
    this.#buckets = 0;
    this.#isStrained = false;
  }

  /** Takes a step if there are too many buckets, or resets if due. Returns whether it was reset. */
  #relieve(value: number): boolean {
    // NaN is in no bucket, so it takes no step.
    const isOver = this.#buckets > this.#maxBuckets && value === value;
    if (isOver && this.#minResetDuration > 0 && this.#resetDue === Infinity) {
      this.#resetDue = this.#lastReset + this.#minResetDuration;
    }
    if (this.#resetDue !== Infinity && this.#now() >= this.#resetDue) {
      this.reset();
      this.observe(value);
      return true;
    }
    if (isOver && !this.#widenZeroBucket()) this.#halveResolution();
    this.#buckets = this.#positive.size + this.#negative.size;
    this.#isStrained = this.#buckets > this.#maxBuckets || this.#resetDue !== Infinity;
    return false;
  }

  #widenZeroBucket(): boolean {
    if (this.#zeroThreshold >= this.#maxZeroThreshold) return false;
    let closest = Infinity;
    for (const buckets of [this.#positive, this.#negative]) {
      for (const index of buckets.indices()) closest = Math.min(closest, index);
    }
    const zeroThreshold = nativeUpperBound(this.schema, closest);
    if (zeroThreshold > this.#maxZeroThreshold) return false;
    this.#zeroThreshold = zeroThreshold;
    for (const buckets of [this.#positive, this.#negative]) {
      const all = buckets.toMap();
      buckets.clear();
      for (const [index, count] of all) {
        if (index === closest) this.#zeroCount += count;
        else buckets.add(index, count);
      }
    }
    return true;
  }

  #halveResolution(): void {
    if (this.schema === MIN_SCHEMA) return;
    this.#steps++;
    for (const buckets of [this.#positive, this.#negative]) {
      const finer = buckets.toMap();
      buckets.clear();
      for (const [index, count] of finer) buckets.add(coarserIndex(index, 1), count);
    }
  }
}
