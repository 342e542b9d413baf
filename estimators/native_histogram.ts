/**
 * The numbers of a native (sparse exponential) histogram, kept as the Go client keeps them.
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

/** How fine a native histogram is, and what it gives up first when it has too many buckets. */
export interface NativeHistogramOptions {
  /**
   * How many times its lower bound the upper bound of a bucket may be; greater than 1. The schema
   * is the coarsest that satisfies it.
   *
   * @default {1.1}
   */
  bucketFactor?: number;
  /**
   * How many buckets, positive and negative together and without the zero bucket, there may be
   * before the histogram makes them fewer. 0 means no limit.
   *
   * @default {160}
   */
  maxBuckets?: number;
  /**
   * The greatest magnitude that counts as zero. 0 means that only zeros do.
   *
   * @default {2 ** -128}
   */
  zeroThreshold?: number;
  /**
   * How far the zero bucket may be widened to save buckets. 0 means not at all.
   *
   * @default {0}
   */
  maxZeroThreshold?: number;
  /**
   * How long, in seconds, the histogram has to live before it may start again at zero to save
   * buckets. 0 means that it never does.
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
 * Checks the options of a native histogram, and fills in what is left out.
 *
 * @param options The options as they were given.
 * @param doing The failing action, as in `Cannot create histogram "x": nativeHistogram`.
 * @returns All of them.
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
 * The buckets of a native histogram, counting observations. Their number and sum are for its owner
 * to count. Buckets are not cumulative.
 *
 * When an observation leaves more than `maxBuckets` buckets, one step is taken (by the next one
 * the next, until they are few enough):
 *
 * 1. If the histogram is at least `minResetDurationSeconds` old, it starts again with this
 *    observation as its only one.
 * 2. Else, the bucket closest to zero (or two, on both sides) is merged into the zero bucket, if
 *    its bound is within `maxZeroThreshold`.
 * 3. Else, the resolution is halved: bucket pairs are merged, and the schema is one less, unless it
 *    is −4 already.
 *
 * A histogram that took step 2 or 3 because it was too young for a reset makes up for it: it starts
 * again with the first observation after it came of age, and so regains its resolution.
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

  #steps: number; // how many schemas coarser than the finest
  #zeroThreshold: number;
  #zeroCount = 0;
  #lastReset: number;
  #resetDue = Infinity; // Infinity: none is scheduled
  #buckets = 0; // the sizes of both, which are slower to ask
  #isStrained = false; // whether there are too many buckets, or a reset is scheduled

  /**
   * Starts with no observations.
   *
   * @param options Resolution and limits, as {@linkcode checkNativeOptions} returns them.
   * @param now The clock, in Unix seconds. It is asked at construction and by `reset()`, and by
   * `observe()` only if there is a `minResetDurationSeconds` and the bucket limit is exceeded, or
   * was exceeded too early for a reset.
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

  /** The greatest magnitude that is counted in the zero bucket. */
  get zeroThreshold(): number {
    return this.#zeroThreshold;
  }

  /** How many observations are in the zero bucket. */
  get zeroCount(): number {
    return this.#zeroCount;
  }

  /** Counts of observations above the zero threshold, by bucket index; a copy, in ascending order. */
  get positive(): Map<number, number> {
    return this.#positive.toMap();
  }

  /**
   * Counts of observations below the negated zero threshold, by the bucket index of their
   * magnitude; a copy, in ascending order.
   */
  get negative(): Map<number, number> {
    return this.#negative.toMap();
  }

  /**
   * Counts a value. NaN is in no bucket. The infinities have a bucket of their own, after that of
   * the greatest finite values.
   *
   * @param value The observed value.
   * @returns Whether the histogram was reset, and this value is its first. What the owner keeps
   * beside it (classic buckets, created timestamp) then has to be reset before the value is
   * counted there.
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

  /** Starts again: no observations, the resolution and zero threshold of the beginning. */
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

  /**
   * Takes one step towards fewer buckets, if there are too many, or starts again, if that is due.
   *
   * @param value The value that was counted last.
   * @returns Whether the histogram started again.
   */
  #relieve(value: number): boolean {
    // NaN is in no bucket, and takes no step.
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
