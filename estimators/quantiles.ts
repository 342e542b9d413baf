/**
 * Quantiles of recent observations.
 *
 * @module
 */

import { coarserIndex, finestIndex, MAX_SCHEMA, nativeUpperBound } from "./native_bounds.ts";

/**
 * The schema of the buckets: 32 for each power of two, each with an upper bound 2.2 % above the
 * lower one. It is the coarsest within the promised 2 %, because schema 4 has an error of 2.17 %.
 */
const SCHEMA = 5;

/** The ratio of the bounds of a bucket: 2^(1/32). */
const GAMMA = nativeUpperBound(SCHEMA, 1);

/** The factor from an upper bound to the value with the smallest maximum error in the bucket. */
const CENTER = 2 / (1 + GAMMA);

/**
 * One more than the number of bucket indices below 0, so that the keys of positive values start at
 * 1. Zero has the key 0, and negative values have negated keys. So keys are in the order of values.
 */
const KEY_OFFSET = 1 - coarserIndex(finestIndex(Number.MIN_VALUE), MAX_SCHEMA - SCHEMA);

/** The number of slots of a new estimator. It doubles when all are used. */
const INITIAL_SLOTS = 16;

/** Options of {@linkcode SlidingQuantiles}: the window. */
export interface SlidingQuantilesOptions {
  /** How long, in seconds, an observation counts at most. Positive and finite. */
  readonly maxAgeSeconds: number;
  /**
   * The number of parts of that time. At the end of each part the oldest one is dropped. With 5
   * parts of 10 minutes, quantiles are those of the last 8 to 10 minutes. Memory is proportional
   * to it.
   */
  readonly ageBuckets: number;
}

/**
 * Estimates quantiles over a sliding time window.
 *
 * The result is within 1.1 % (relative) of the exact nearest-rank quantile, which is the smallest
 * observation that at least q·n observations do not exceed. This holds for every distribution:
 * values may be negative, tiny, huge or mixed. Subnormal values are too coarse for that, and their
 * quantiles are within 2 %. Zeros, infinities, and the smallest and largest observation of the
 * window are exact. Observations of NaN have no rank, and are ignored.
 *
 * Observations are counted in buckets of exponential width, the buckets of a native histogram of
 * schema 5. This is the sketch of Masson, Rim and Lee: "DDSketch: A Fast and Fully-Mergeable
 * Quantile Sketch with Relative-Error Guarantees", PVLDB 12(12), 2019,
 * https://arxiv.org/abs/1908.10693. Buckets are never collapsed, so the error bound has no
 * exceptions. The window consists of `ageBuckets` sketches that take turns, as in the summary of
 * the Go client.
 *
 * Memory grows with the number of buckets in use, not with the number of observations. There are at
 * most 32 buckets for each power of two between the values of the window. Latencies from 1 ms to
 * 10 s need at most 427 buckets, and all doubles need 134,277. Each bucket takes 8 bytes for each
 * age bucket and about 40 more. The arrays have up to twice the needed size, or four times after
 * the values have moved.
 *
 * |               | time                                                    |
 * | ------------- | ------------------------------------------------------- |
 * | `observe()`   | O(1), allocates nothing unless a new bucket is needed   |
 * | `quantiles()` | O(buckets), and O(buckets·log(buckets)) after a new one |
 *
 * The caller passes the time, so any clock can be used. If the time goes back or far forward, the
 * window follows. A step back by up to an age bucket only delays the next drop. After a longer step
 * back, the current age bucket starts again at the new time.
 *
 * @example The median and the maximum of a minute
 * ```ts
 * import { SlidingQuantiles } from "./quantiles.ts";
 * import assert from "node:assert/strict";
 *
 * const latency = new SlidingQuantiles({ maxAgeSeconds: 60, ageBuckets: 5 });
 * for (const seconds of [0.1, 0.2, 0.4]) latency.observe(seconds, 1000);
 *
 * const [median, maximum] = latency.quantiles([0.5, 1], 1001);
 * assert(Math.abs(median! - 0.2) < 0.02 * 0.2);
 * assert.equal(maximum, 0.4);
 * assert.deepEqual(latency.quantiles([0.5], 1060), [NaN]);
 * ```
 */
export class SlidingQuantiles {
  readonly #ageBuckets: number;
  readonly #turnSeconds: number;
  /** The largest and the smallest observation of each age bucket. */
  readonly #maxima: Float64Array;
  readonly #minima: Float64Array;
  /** The age bucket for new observations, and the end of its turn (−Infinity: not known yet). */
  #current = 0;
  #turnEnd = -Infinity;
  /** The slots by key. The counts of a slot are `#counts[slot * #ageBuckets + age bucket]`. */
  readonly #slots = new Map<number, number>();
  #counts: Float64Array;
  /** The keys of all slots in ascending order. Undefined after a key was added. */
  #sortedKeys: Int32Array | undefined;

  /**
   * Starts with an empty window.
   *
   * @param options The window. The caller has checked it.
   */
  constructor({ maxAgeSeconds, ageBuckets }: SlidingQuantilesOptions) {
    this.#ageBuckets = ageBuckets;
    this.#turnSeconds = maxAgeSeconds / ageBuckets;
    this.#maxima = new Float64Array(ageBuckets).fill(-Infinity);
    this.#minima = new Float64Array(ageBuckets).fill(Infinity);
    this.#counts = new Float64Array(INITIAL_SLOTS * ageBuckets);
  }

  /**
   * Counts a value. NaN is ignored.
   *
   * @param value The observed value.
   * @param now The time, in seconds.
   */
  observe(value: number, now: number): void {
    if (now >= this.#turnEnd || now < this.#turnEnd - 2 * this.#turnSeconds) this.#turn(now);
    let key = 0;
    if (value > 0) {
      key = coarserIndex(finestIndex(value), MAX_SCHEMA - SCHEMA) + KEY_OFFSET;
    } else if (value < 0) {
      key = -coarserIndex(finestIndex(value), MAX_SCHEMA - SCHEMA) - KEY_OFFSET;
    } else if (value !== 0) {
      return;
    }
    const current = this.#current;
    let slot = this.#slots.get(key);
    if (slot === undefined) slot = this.#addSlot(key);
    this.#counts[slot * this.#ageBuckets + current]! += 1;
    if (value > this.#maxima[current]!) this.#maxima[current] = value;
    if (value < this.#minima[current]!) this.#minima[current] = value;
  }

  /**
   * Estimates several quantiles of the same window.
   *
   * @param qs The quantiles: 0 … 1, in any order.
   * @param now The time, in seconds.
   * @returns The values in the same order. All are NaN if nothing was observed in the window.
   */
  quantiles(qs: readonly number[], now: number): number[] {
    if (now >= this.#turnEnd || now < this.#turnEnd - 2 * this.#turnSeconds) this.#turn(now);
    const keys = this.#sortedKeys ??= Int32Array.from(this.#slots.keys()).sort();
    // The number of observations in the bucket of each key and in all buckets before it.
    const ranks = new Float64Array(keys.length);
    let rank = 0;
    for (let i = 0; i < keys.length; i++) {
      rank += this.#countOf(this.#slots.get(keys[i]!)!);
      ranks[i] = rank;
    }
    if (rank === 0) return qs.map(() => NaN);
    const minimum = this.#minima.reduce((a, b) => Math.min(a, b));
    const maximum = this.#maxima.reduce((a, b) => Math.max(a, b));
    return qs.map((q) => {
      const wanted = Math.ceil(q * rank);
      if (wanted <= 1) return minimum;
      if (wanted >= rank) return maximum;
      const value = valueOf(keys[ranks.findIndex((reached) => reached >= wanted)]!);
      return Math.min(Math.max(value, minimum), maximum);
    });
  }

  /** Removes all observations. */
  clear(): void {
    this.#maxima.fill(-Infinity);
    this.#minima.fill(Infinity);
    this.#slots.clear();
    this.#counts = new Float64Array(INITIAL_SLOTS * this.#ageBuckets);
    this.#sortedKeys = undefined;
  }

  /** Moves the window to a time that is not within the turn of the current age bucket. */
  #turn(now: number): void {
    const turnSeconds = this.#turnSeconds;
    const turns = Math.floor((now - this.#turnEnd) / turnSeconds) + 1;
    if (turns > 0 && turns < this.#ageBuckets) {
      for (let i = 0; i < turns; i++) this.#forgetOldest();
      this.#turnEnd += turns * turnSeconds;
      this.#dropEmptySlots();
    } else {
      if (turns > 0) this.clear();
      this.#turnEnd = now + turnSeconds;
    }
  }

  /** Empties the oldest age bucket, and makes it the current one. */
  #forgetOldest(): void {
    const ageBuckets = this.#ageBuckets;
    const oldest = this.#current = (this.#current + 1) % ageBuckets;
    this.#maxima[oldest] = -Infinity;
    this.#minima[oldest] = Infinity;
    const counts = this.#counts;
    for (let i = oldest; i < counts.length; i += ageBuckets) counts[i] = 0;
  }

  /** Packs the counts if most slots are empty, as they are after the values have moved. */
  #dropEmptySlots(): void {
    const ageBuckets = this.#ageBuckets;
    const counts = this.#counts;
    const used = [...this.#slots].filter(([, slot]) => this.#countOf(slot) > 0);
    if (used.length * 2 >= this.#slots.size) return;
    this.#slots.clear();
    this.#sortedKeys = undefined;
    this.#counts = new Float64Array(Math.max(INITIAL_SLOTS, used.length * 2) * ageBuckets);
    for (const [key, slot] of used) {
      const from = slot * ageBuckets;
      this.#counts.set(counts.subarray(from, from + ageBuckets), this.#slots.size * ageBuckets);
      this.#slots.set(key, this.#slots.size);
    }
  }

  #addSlot(key: number): number {
    const slot = this.#slots.size;
    this.#slots.set(key, slot);
    this.#sortedKeys = undefined;
    const counts = this.#counts;
    if (slot * this.#ageBuckets === counts.length) {
      this.#counts = new Float64Array(counts.length * 2);
      this.#counts.set(counts);
    }
    return slot;
  }

  /** Returns the number of observations in a slot. */
  #countOf(slot: number): number {
    const counts = this.#counts;
    const start = slot * this.#ageBuckets;
    let count = 0;
    for (let i = start; i < start + this.#ageBuckets; i++) count += counts[i]!;
    return count;
  }
}

/** Returns the value that represents the bucket of a key. */
function valueOf(key: number): number {
  if (key === 0) return 0;
  // The bound is scaled by 2^64 at first, because only the last step may round to a subnormal.
  const index = Math.abs(key) - KEY_OFFSET;
  const scale = index < 0 ? 64 : 0;
  const center = nativeUpperBound(SCHEMA, index + scale * 2 ** SCHEMA) * CENTER;
  return Math.sign(key) * center * 2 ** -scale;
}
