/**
 * Native histograms as rows of numbers, and their sums. Buckets of different
 * resolutions and zero thresholds are first converted to the coarser ones.
 *
 * @module
 */
import { nativeUpperBound } from "../estimators/native_bounds.ts";
import type { NativeHistogram } from "../mod.ts";
import type { NativePartName } from "./schema.ts";

/** The buckets of a native histogram. */
export type NativeBuckets = Pick<
  NativeHistogram,
  "schema" | "zeroThreshold" | "zeroCount" | "positive" | "negative"
>;

/** How many neighbouring buckets share a row. */
const CHUNK = 16;

/** Some buckets, in one row. */
export interface NativePart {
  readonly name: NativePartName;
  readonly numbers: readonly number[];
}

/** Returns an empty set of buckets. */
export function emptyBuckets(schema: number, zeroThreshold: number): NativeBuckets {
  return { schema, zeroThreshold, zeroCount: 0, positive: new Map(), negative: new Map() };
}

/** Returns a copy that does not change any more. */
export function copyBuckets(native: NativeBuckets): NativeBuckets {
  const { schema, zeroThreshold, zeroCount } = native;
  const positive = new Map(native.positive);
  return { schema, zeroThreshold, zeroCount, positive, negative: new Map(native.negative) };
}

/**
 * Returns the counts since `before`, in the current resolution.
 *
 * @param native The current histogram.
 * @param before Its former buckets, if any. They are converted to the current resolution.
 * @returns The parts that grew. Without former buckets, the zero bucket is always among them.
 * Undefined if the histogram cannot have grown from `before`.
 */
export function growthOf(
  native: NativeBuckets,
  before: NativeBuckets | undefined,
): NativePart[] | undefined {
  const { schema, zeroThreshold } = native;
  const base = before ?? emptyBuckets(schema, zeroThreshold);
  if (base.schema < schema || base.zeroThreshold > zeroThreshold) return undefined;
  // Before they are coarsened, each bucket is entirely on one side of the new threshold.
  if (base.zeroThreshold < zeroThreshold) moveToZero(base, zeroThreshold);
  coarsen(base, schema);
  const parts: NativePart[] = [];
  const zero = native.zeroCount - base.zeroCount;
  if (zero < 0) return undefined;
  if (zero > 0 || before === undefined) {
    parts.push({ name: [schema, zeroThreshold, 0, 0], numbers: [zero] });
  }
  for (const sign of [1, -1]) {
    const now = sign === 1 ? native.positive : native.negative;
    const old = sign === 1 ? base.positive : base.negative;
    const chunks = new Map<number, number[]>();
    for (const index of old.keys()) if (!now.has(index)) return undefined;
    for (const [index, count] of now) {
      const growth = count - (old.get(index) ?? 0);
      if (growth < 0) return undefined;
      if (growth === 0) continue;
      const chunk = Math.floor(index / CHUNK);
      let numbers = chunks.get(chunk);
      if (numbers === undefined) chunks.set(chunk, numbers = new Array<number>(CHUNK).fill(0));
      numbers[index - chunk * CHUNK]! += growth;
    }
    for (const [chunk, numbers] of chunks) {
      parts.push({ name: [schema, zeroThreshold, sign, chunk], numbers });
    }
  }
  return parts;
}

/** Adds a row to buckets of the same schema and zero threshold. */
export function addPart(buckets: NativeBuckets, part: NativePart): void {
  const [, , sign, chunk] = part.name;
  if (sign === 0) {
    buckets.zeroCount += part.numbers[0] ?? 0;
    return;
  }
  const list = sign === 1 ? buckets.positive : buckets.negative;
  for (const [i, count] of part.numbers.entries()) {
    const index = chunk * CHUNK + i;
    if (count !== 0) list.set(index, (list.get(index) ?? 0) + count);
  }
}

/**
 * Adds up native buckets, in the lowest resolution among them and with the widest zero
 * bucket, which includes whole buckets of the others.
 *
 * @param all The buckets, at least one. They are changed.
 * @returns The sum.
 */
export function sumBuckets(all: readonly NativeBuckets[]): NativeBuckets {
  let schema = Infinity;
  let zeroThreshold = 0;
  for (const buckets of all) {
    schema = Math.min(schema, buckets.schema);
    zeroThreshold = Math.max(zeroThreshold, buckets.zeroThreshold);
  }
  // A threshold inside a bucket that is not empty must move to its end. There it may be inside a
  // bucket of another histogram.
  for (let former = -1; former !== zeroThreshold;) {
    former = zeroThreshold;
    for (const buckets of all) zeroThreshold = Math.max(zeroThreshold, reach(buckets, former));
  }
  const sum = emptyBuckets(schema, zeroThreshold);
  for (const buckets of all) {
    if (buckets.zeroThreshold < zeroThreshold) moveToZero(buckets, zeroThreshold);
    coarsen(buckets, schema);
    sum.zeroCount += buckets.zeroCount;
    for (const side of ["positive", "negative"] as const) {
      for (const [index, count] of buckets[side]) {
        sum[side].set(index, (sum[side].get(index) ?? 0) + count);
      }
    }
  }
  return sum;
}

/** Returns where the zero bucket must end so that it includes only whole buckets. */
function reach(buckets: NativeBuckets, threshold: number): number {
  if (buckets.zeroThreshold >= threshold) return threshold;
  for (const side of [buckets.positive, buckets.negative]) {
    for (const index of side.keys()) {
      const upper = nativeUpperBound(buckets.schema, index);
      if (upper > threshold && nativeUpperBound(buckets.schema, index - 1) < threshold) {
        return upper;
      }
    }
  }
  return threshold;
}

function moveToZero(buckets: NativeBuckets, threshold: number): void {
  for (const side of [buckets.positive, buckets.negative]) {
    for (const [index, count] of side) {
      if (nativeUpperBound(buckets.schema, index) > threshold) continue;
      buckets.zeroCount += count;
      side.delete(index);
    }
  }
  buckets.zeroThreshold = threshold;
}

function coarsen(buckets: NativeBuckets, schema: number): void {
  const steps = buckets.schema - schema;
  if (steps <= 0) return;
  for (const side of [buckets.positive, buckets.negative]) {
    const finer = [...side];
    side.clear();
    for (const [index, count] of finer) {
      const coarser = (index + (1 << steps) - 1) >> steps;
      side.set(coarser, (side.get(coarser) ?? 0) + count);
    }
  }
  buckets.schema = schema;
}
