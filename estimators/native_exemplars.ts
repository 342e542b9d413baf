/**
 * Which exemplars a native histogram keeps.
 *
 * @module
 */

/** What an exemplar must have to be kept by {@linkcode NativeExemplars}. */
export interface TimedExemplar {
  /** The labels, such as a trace id. Not looked at. */
  labels: Record<string, string>;
  /** The observed value. */
  value: number;
  /** When it was observed, in Unix seconds. */
  timestamp: number;
}

/** How many exemplars a native histogram keeps, and how long. */
export interface NativeExemplarsOptions {
  /**
   * How many are kept. 0 or less means none.
   *
   * @default {10}
   */
  maxExemplars?: number;
  /**
   * The age, in seconds, from which on an exemplar is the first to go.
   *
   * @default {300}
   */
  maxAgeSeconds?: number;
}

/**
 * A small set of exemplars, recent and well spread over the values.
 *
 * Native buckets are too many to keep an exemplar for each. So the histogram has a few, and a new
 * one always gets in. While there is room, nothing is lost. After that, the new one replaces:
 *
 * 1. the oldest, if that is more than `maxAgeSeconds` older than the new one;
 * 2. else one of the two, the new one included, that are closest to each other, by the ratio of
 *    their values: the neighbour of the new one, or the older one of an old pair.
 *
 * Values of different sign, and zero and all others, are infinitely far from each other. This is
 * the algorithm of the Go client (`prometheus/histogram.go` in client_golang 1.24), which however
 * measures no distance between negative values.
 *
 * @typeParam E The exemplars; they are kept by reference.
 *
 * @example The closest pair makes room
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
   * @param options How many and how long, see there.
   */
  constructor(options: NativeExemplarsOptions = {}) {
    this.#maxExemplars = options.maxExemplars ?? 10;
    this.#maxAge = options.maxAgeSeconds ?? 300;
  }

  /**
   * Keeps an exemplar, if need be in the place of another one.
   *
   * @param exemplar The exemplar. Its own timestamp is the clock by which others are too old. One
   * of NaN, which is in no bucket, is ignored.
   */
  add(exemplar: E): void {
    const exemplars = this.#exemplars;
    if (this.#maxExemplars <= 0 || Number.isNaN(exemplar.value)) return;
    if (exemplars.length >= this.#maxExemplars) exemplars.splice(this.#leastUseful(exemplar), 1);
    exemplars.splice(this.#place(exemplar.value), 0, exemplar);
  }

  /**
   * The exemplars to expose.
   *
   * @param now The time, in Unix seconds.
   * @returns In ascending order of their values, without those that are too old.
   */
  list(now: number): E[] {
    return this.#exemplars.filter(({ timestamp }) => !(now - timestamp > this.#maxAge));
  }

  /** Forgets all exemplars. */
  clear(): void {
    this.#exemplars.length = 0;
  }

  /** The index of the first exemplar whose value is not below the given one. */
  #place(value: number): number {
    let place = 0;
    for (const exemplar of this.#exemplars) {
      if (value <= exemplar.value) break;
      place++;
    }
    return place;
  }

  /** The index of the exemplar that the new one replaces. */
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
    // Without any pair at a finite distance, age decides.
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

/** How far two values are from each other on a logarithmic scale. */
function logDistance(a: number, b: number): number {
  if (a === b) return 0;
  return a * Math.sign(b) > 0 ? Math.abs(Math.log(Math.abs(a)) - Math.log(Math.abs(b))) : Infinity;
}
