/**
 * The buckets of native (sparse exponential) histograms: the index of the bucket of a value, and
 * the upper bound of a bucket.
 *
 * In schema s, bucket i holds the values in (2^((i−1)·2^−s), 2^(i·2^−s)]. Two programs agree only
 * if they put a value that is *on* a bound into the same bucket. So the bounds are bit by bit those
 * of the Go client and of Prometheus. Nothing here computes a logarithm or a power, because engines
 * may round them differently. The bounds of coarser schemas are a subset of the finest bounds, so
 * one lookup serves all thirteen schemas.
 *
 * See https://prometheus.io/docs/specs/native_histograms/#buckets
 *
 * @module
 */
import { checkBounds } from "../model.ts";

/** The coarsest schema: each upper bound is 65536 times the one below. */
export const MIN_SCHEMA: number = -4;

/** The finest schema: 256 buckets for each power of two. */
export const MAX_SCHEMA: number = 8;

/** The number of buckets between two powers of two in the finest schema. */
const FINEST = 1 << MAX_SCHEMA;

/**
 * The index, in the finest schema, of the bucket that ends at 2^1024. It holds `Number.MAX_VALUE`.
 * The next bucket holds the infinities.
 */
const LAST_FINITE = 1024 * FINEST;

/**
 * The number of cells of equal width in [1, 2). A cell is narrower than the distance of any two
 * bounds. Its number is the upper 9 of the 20 fraction bits in the upper word of a double.
 */
const CELLS = 512;

/**
 * The growth of the buckets of schemas 1 to 8: 2^(1/2), 2^(1/4), … as in the Go client. The first
 * is one unit in the last place below √2. The others are correctly rounded.
 */
// deno-fmt-ignore
const GROWTH = [
  1.414213562373095, 1.189207115002721, 1.0905077326652577, 1.0442737824274138,
  1.0218971486541166, 1.0108892860517005, 1.0054299011128027, 1.0027112750502025,
];

/** `BOUNDS[i]` is 2^(i/256), as in the Go client. The last one is 2. */
const BOUNDS = new Float64Array(FINEST + 1);

/** The fraction of each bound, after the leading 1, as an integer of 52 bits. */
const FRACTIONS = new Float64Array(FINEST + 1);

/** For each cell, the first bound that is not below it. */
const FIRST_BOUND = new Uint16Array(CELLS);

/** One double, and its bits as two words. */
const DOUBLE = Float64Array.of(1);
const WORDS = new Uint32Array(DOUBLE.buffer);

/** The word with sign, exponent and the upper 20 fraction bits: 1 on little-endian machines. */
const HIGH = WORDS[1] === 0 ? 0 : 1;
const LOW = 1 - HIGH;

/**
 * Fills the tables, in a fraction of a millisecond.
 *
 * The Go client has its bounds as literals. They follow from this rule: a schema has the bounds of
 * the coarser one, and each bound between two of them is the one below it times the growth. The
 * rounding errors of these products, up to 4 units in the last place, have become the standard.
 * With better bounds, values would be counted in other buckets than everywhere else. (IEEE 754
 * defines a product to the last bit, so all engines get the same bounds.)
 */
function fillTables(): void {
  BOUNDS[0] = 1;
  BOUNDS[FINEST] = 2;
  let step = FINEST;
  for (const growth of GROWTH) {
    step /= 2;
    for (let i = step; i < FINEST; i += 2 * step) BOUNDS[i] = BOUNDS[i - step]! * growth;
  }
  for (let i = 0; i <= FINEST; i++) FRACTIONS[i] = (BOUNDS[i]! - 1) * 2 ** 52;
  let index = 0;
  for (let cell = 0; cell < CELLS; cell++) {
    const start = 1 + cell / CELLS;
    while (BOUNDS[index]! < start) index++;
    FIRST_BOUND[cell] = index;
  }
}

fillTables();

/**
 * Returns the index of the bucket of a value in the finest schema. This is the hot path of every
 * estimator, so it neither checks nor allocates. For a coarser schema, see
 * {@linkcode coarserIndex}.
 *
 * @param value Any number except 0 and NaN, which have no bucket. The sign does not matter.
 * @returns The index in schema 8: −274944 … 262144, and 262145 for the infinities.
 */
export function finestIndex(value: number): number {
  DOUBLE[0] = value;
  const high = WORDS[HIGH]!;
  const exponent = high >>> 20 & 0x7ff;
  if (exponent === 0 || exponent === 0x7ff) return finestIndexOfRare(value);
  // At most one bound is inside a cell, so at most one step is missing.
  let index = FIRST_BOUND[high >>> 11 & 0x1ff]!;
  if (FRACTIONS[index]! < (high & 0xfffff) * 2 ** 32 + WORDS[LOW]!) index++;
  return index + (exponent - 1023) * FINEST;
}

/** The same for rare values: subnormal ones and infinities. */
function finestIndexOfRare(value: number): number {
  if (Math.abs(value) === Infinity) return LAST_FINITE + 1;
  // The fraction of a subnormal value has no leading 1 yet.
  return finestIndex(value * 2 ** 52) - 52 * FINEST;
}

/**
 * Returns the bucket of a coarser schema that contains a bucket of a finer one. Each step to the
 * next coarser schema joins buckets 2i − 1 and 2i to i: a division by two that rounds up.
 *
 * @param index The bucket in the finer schema.
 * @param steps How many schemas coarser, 0 or more.
 * @returns The bucket in the coarser schema, never −0.
 */
export function coarserIndex(index: number, steps: number): number {
  return ((index - 1) >> steps) + 1;
}

/**
 * Returns the upper bound (inclusive) of a bucket of positive values. The negated bound is the
 * lower bound (inclusive) of the same bucket of negative values.
 *
 * @param schema −4 … 8.
 * @param index The index of the bucket, an integer.
 * @returns 2^(index·2^−schema), to within 4 units in the last place. It is the same double that the
 * Go client compares with. The bound of the last bucket of finite values would be 2^1024, which is
 * not a double: it is `Number.MAX_VALUE`. After it, the bound is `Infinity`.
 * @throws {RangeError} If the schema does not exist.
 *
 * @example The bounds of schema 0 are the powers of two
 * ```ts
 * import { nativeUpperBound } from "./native_bounds.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(nativeUpperBound(0, 3), 8);
 * ```
 */
export function nativeUpperBound(schema: number, index: number): number {
  checkSchema(schema);
  const finest = index * 2 ** (MAX_SCHEMA - schema);
  if (finest === LAST_FINITE) return Number.MAX_VALUE;
  const exponent = Math.floor(finest / FINEST);
  const significand = BOUNDS[finest - exponent * FINEST]!;
  // Half of the exponent at a time, because 2 ** exponent may be too small for a double even if the
  // bound is not. Only the second product, in the subnormal range, has to round.
  const half = exponent >> 1;
  return significand * 2 ** half * 2 ** (exponent - half);
}

/**
 * Returns the coarsest schema whose buckets grow by at most a factor: −⌊log₂(log₂(factor))⌋ within
 * −4 … 8. It is found by comparing, so it is the same on every engine.
 *
 * @param bucketFactor The maximum ratio of the bounds of a bucket, greater than 1. Below 1.0027 no
 * schema satisfies it, and the result is 8.
 * @returns The schema, −4 … 8.
 *
 * @example The default of 1.1 gives 8 buckets for each power of two
 * ```ts
 * import { pickSchema } from "./native_bounds.ts";
 * import assert from "node:assert/strict";
 *
 * assert.equal(pickSchema(1.1), 3);
 * ```
 */
export function pickSchema(bucketFactor: number): number {
  let schema = MIN_SCHEMA;
  while (schema < MAX_SCHEMA && nativeUpperBound(schema, 1) > bucketFactor) schema++;
  return schema;
}

function checkSchema(schema: number): void {
  const isSchema = schema >= MIN_SCHEMA && schema <= MAX_SCHEMA && Number.isInteger(schema);
  const rule = `schema must be an integer from ${MIN_SCHEMA} to ${MAX_SCHEMA}`;
  checkBounds(isSchema, "Cannot find the bound of a native histogram", rule, schema);
}
