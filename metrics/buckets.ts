import { checkBounds, checkNumber, checkShape } from "../model.ts";

/**
 * The upper bounds of a histogram without the option `buckets`, in seconds. They are those of the
 * Go client, for the response times of network services.
 */
export const DEFAULT_BUCKETS: readonly number[] = [
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  0.5,
  1,
  2.5,
  5,
  10,
];

/**
 * Checks and copies the upper bounds of a histogram.
 *
 * @param buckets The bounds as they were given.
 * @param doing The failing action, as in `Cannot create histogram "x"`.
 * @returns The finite bounds. A final `Infinity` is dropped.
 * @throws {TypeError} If they are not an array of numbers.
 * @throws {RangeError} If they are not finite and strictly increasing.
 */
export function checkBuckets(buckets: unknown, doing: string): readonly number[] {
  checkShape(Array.isArray(buckets), doing, "buckets must be an array", buckets);
  const bounds: number[] = [...buckets];
  if (bounds.at(-1) === Infinity) bounds.pop();
  for (const [i, bound] of bounds.entries()) {
    checkShape(typeof bound === "number", doing, "buckets must be numbers", bound);
    const isNext = Number.isFinite(bound) && (i === 0 || bound > bounds[i - 1]!);
    checkBounds(isNext, doing, "buckets must be finite and strictly increasing", buckets);
  }
  return bounds;
}

/**
 * Makes upper bounds at equal distances.
 *
 * @param start The lowest bound.
 * @param width The distance between two bounds, above 0.
 * @param count The number of buckets, with the one of `+Inf`; at least 1.
 * @returns The bounds, the last of them `Infinity`.
 * @throws {RangeError} If an argument is out of bounds.
 *
 * @example Buckets of ten
 * ```ts
 * import { linearBuckets } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(linearBuckets(10, 10, 4), [10, 20, 30, Infinity]);
 * ```
 */
export function linearBuckets(start: number, width: number, count: number): number[] {
  const doing = "Cannot create linear buckets";
  checkNumber(start, Number.isFinite, "finite", doing, "start");
  checkFinite(doing, "width", width, 0);
  checkCount(doing, count, 1);
  return buckets(doing, count, (i) => start + i * width);
}

/**
 * Makes upper bounds that grow by a constant factor.
 *
 * @param start The lowest bound, above 0.
 * @param factor The factor, above 1.
 * @param count The number of buckets, with the one of `+Inf`; at least 1.
 * @returns The bounds, the last of them `Infinity`.
 * @throws {RangeError} If an argument is out of bounds.
 *
 * @example Buckets that double
 * ```ts
 * import { exponentialBuckets } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(exponentialBuckets(1, 2, 5), [1, 2, 4, 8, Infinity]);
 * ```
 */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  const doing = "Cannot create exponential buckets";
  checkFinite(doing, "start", start, 0);
  checkFinite(doing, "factor", factor, 1);
  checkCount(doing, count, 1);
  return buckets(doing, count, (i) => start * factor ** i);
}

/**
 * Makes upper bounds from one number to another that grow by a constant factor.
 *
 * @param min The lowest bound, above 0.
 * @param max The highest finite bound, above `min`.
 * @param count The number of buckets, with the one of `+Inf`; at least 3.
 * @returns The bounds, the last of them `Infinity`.
 * @throws {RangeError} If an argument is out of bounds.
 *
 * @example From a millisecond to a second
 * ```ts
 * import { exponentialBucketsRange } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * assert.deepEqual(exponentialBucketsRange(0.001, 1, 3), [0.001, 1, Infinity]);
 * ```
 */
export function exponentialBucketsRange(min: number, max: number, count: number): number[] {
  const doing = "Cannot create exponential buckets";
  checkFinite(doing, "min", min, 0);
  checkFinite(doing, "max", max, min, "min");
  checkCount(doing, count, 3);
  const growth = Math.log(max / min);
  // The ends must be exact. The first one is, because exp(0) is 1.
  return buckets(doing, count, (i) => {
    return i === count - 2 ? max : min * Math.exp((growth * i) / (count - 2));
  });
}

function buckets(doing: string, count: number, bound: (i: number) => number): number[] {
  const bounds = Array.from({ length: count - 1 }, (_, i) => bound(i));
  bounds.push(Infinity);
  // Throws if a bound overflowed to Infinity before the last one.
  checkBuckets(bounds, doing);
  return bounds;
}

/** Throws if a number is not finite and above another one. */
function checkFinite(
  doing: string,
  name: string,
  value: number,
  low: number,
  lowName = `${low}`,
): void {
  const isLegal = (given: number) => given > low && given < Infinity;
  checkNumber(value, isLegal, `finite and > ${lowName}`, doing, name);
}

function checkCount(doing: string, count: number, least: number): void {
  const isLegal = (given: number) => Number.isInteger(given) && given >= least && given <= 10_000;
  checkNumber(count, isLegal, `an integer from ${least} to 10000`, doing, "count");
}
