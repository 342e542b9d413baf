/**
 * The exemplars of a native histogram.
 *
 * @module
 */

/** An exemplar that {@linkcode NativeExemplars} can keep. */
export interface TimedExemplar {
  /** The labels, such as a trace id. They do not matter here. */
  labels: Record<string, string>;
  /** The observed value. */
  value: number;
  /** The time of the observation, in Unix seconds. */
  timestamp: number;
}

/** Options of {@linkcode NativeExemplars}. */
export interface NativeExemplarsOptions {
  /**
   * The maximum number of exemplars. 0 or less means none.
   *
   * @default {10}
   */
  maxExemplars?: number;
  /**
   * The age, in seconds, from which an exemplar is the first to be replaced.
   *
   * @default {300}
   */
  maxAgeSeconds?: number;
}

/**
 * A small set of exemplars, recent and well spread over the values.
 *
 * There are too many native buckets for an exemplar in each. So the histogram keeps a few, and a
 * new one is always added. While there is room, nothing is replaced. After that, the new one
 * replaces:
 *
 * 1. the oldest, if it is more than `maxAgeSeconds` older than the new one;
 * 2. otherwise one of the closest pair, by the ratio of the values, the new one included. Of a pair
 *    with the new one, its neighbour is replaced. Of another pair, the older one is replaced.
 *
 * Values of different sign are infinitely far from each other, and so are zero and all other
 * values. This is the algorithm of the Go client (`prometheus/histogram.go` in client_golang 1.24),
 * except that the Go client knows no distance between negative values.
 *
 * @typeParam E The exemplars. They are kept by reference.
 *
 * @example The closest pair is thinned out
 * ```ts
 * import { NativeExemplars } from "./native_exemplars.ts";
 * import assert from "node:assert/strict";
 *
 * const exemplars = new NativeExemplars({ maxExemplars: 2 });
 * for (const value of [1, 100, 99]) exemplars.add({ labels: {}, value, timestamp: 0 });
 * assert.deepEqual(exemplars.list(0).map(({ value }) => value), [1, 99]);
 * ```
 */
export class NativeExemplars<E extends TimedExemplar = TimedExemplar> {
  readonly #maxExemplars: number;
  readonly #maxAge: number;
  readonly #exemplars: E[] = []; // in ascending order of their values

  /**
   * Starts with no exemplars.
   *
   * @param options The number and the age of the exemplars.
   */
  constructor(options: NativeExemplarsOptions = {}) {
    this.#maxExemplars = options.maxExemplars ?? 10;
    this.#maxAge = options.maxAgeSeconds ?? 300;
  }

  /**
   * Adds an exemplar, and replaces another one if there is no room.
   *
   * @param exemplar The exemplar. The ages of the others are measured from its timestamp. An
   * exemplar of NaN, which is in no bucket, is ignored.
   */
  add(exemplar: E): void {
    const exemplars = this.#exemplars;
    if (this.#maxExemplars <= 0 || Number.isNaN(exemplar.value)) return;
    if (exemplars.length >= this.#maxExemplars) exemplars.splice(this.#leastUseful(exemplar), 1);
    exemplars.splice(this.#place(exemplar.value), 0, exemplar);
  }

  /**
   * Returns the exemplars to expose.
   *
   * @param now The time, in Unix seconds.
   * @returns The exemplars that are not too old, in ascending order of their values.
   */
  list(now: number): E[] {
    return this.#exemplars.filter(({ timestamp }) => !(now - timestamp > this.#maxAge));
  }

  /** Removes all exemplars. */
  clear(): void {
    this.#exemplars.length = 0;
  }

  /** Returns the index of the first exemplar whose value is not below the given one. */
  #place(value: number): number {
    let place = 0;
    for (const exemplar of this.#exemplars) {
      if (value <= exemplar.value) break;
      place++;
    }
    return place;
  }

  /** Returns the index of the exemplar that the new one replaces. */
  #leastUseful(added: E): number {
    const exemplars = this.#exemplars;
    let oldest = 0;
    let candidate = 0;
    let closest = Infinity;
    for (let i = 1; i < exemplars.length; i++) {
      const left = exemplars[i - 1]!;
      const right = exemplars[i]!;
      if (right.timestamp < exemplars[oldest]!.timestamp) oldest = i;
      const distance = logDistance(left.value, right.value);
      if (distance < closest) {
        closest = distance;
        candidate = right.timestamp < left.timestamp ? i : i - 1;
      }
    }
    if (added.timestamp - exemplars[oldest]!.timestamp > this.#maxAge) return oldest;
    // If no pair has a finite distance, the age decides.
    if (closest === Infinity) candidate = oldest;
    const place = this.#place(added.value);
    for (const i of [place - 1, place]) {
      const neighbour = exemplars[i];
      if (neighbour === undefined) continue;
      const distance = logDistance(neighbour.value, added.value);
      if (distance < closest) {
        closest = distance;
        candidate = i;
      }
    }
    return candidate;
  }
}

/** Returns the distance of two values on a logarithmic scale. */
function logDistance(a: number, b: number): number {
  if (a === b) return 0;
  return a * Math.sign(b) > 0 ? Math.abs(Math.log(Math.abs(a)) - Math.log(Math.abs(b))) : Infinity;
}
