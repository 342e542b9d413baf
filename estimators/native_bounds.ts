/**
 * Where the buckets of native (sparse exponential) histograms lie: from a value to the index of
 * its bucket, and from an index to its upper bound.
 *
 * In schema s, bucket i holds the values in (2^((i−1)·2^−s), 2^(i·2^−s)]. Two programs agree only
 * if they put a value that is *on* a bound into the same bucket, so the bounds are, bit by bit, those
 * of the Go client and of Prometheus, and nothing here takes a logarithm or a power that an engine
 * may round in its own way. The bounds of the coarser schemas are a subset of the finest ones', so
 * that one look-up serves all thirteen.
 *
 * See https://prometheus.io/docs/specs/native_histograms/#buckets
 *
 * @module
 */
import { checkBounds } from "../model.ts";

/** The coarsest schema: each bucket's upper bound is 65536 times the one below. */
export const MIN_SCHEMA: number = -4;

/** The finest schema: 256 buckets for each power of two. */
export const MAX_SCHEMA: number = 8;

/** Buckets between two powers of two in the finest schema. */
const FINEST = 1 << MAX_SCHEMA;

/**
 * Index, in the finest schema, of the bucket that ends at 2^1024 and so holds `Number.MAX_VALUE`.
 * The next one holds the infinities.
 */
const LAST_FINITE = 1024 * FINEST;

/**
 * [1, 2) is cut into 512 cells of equal width, narrower than the closest two bounds: the upper 9 of
 * the 20 bits of fraction that are in the upper word of a double tell the cell.
 */
const CELLS = 512;

/**
 * How much the buckets of schemas 1 to 8 grow: 2^(1/2), 2^(1/4), … as the Go client has them. The
 * first is one unit in the last place below √2; the others are correctly rounded.
 */
// deno-fmt-ignore
const GROWTH = [
  1.414213562373095, 1.189207115002721, 1.0905077326652577, 1.0442737824274138,
  1.0218971486541166, 1.0108892860517005, 1.0054299011128027, 1.0027112750502025,
];

/** `BOUNDS[i]` is 2^(i/256), as the Go client has it; the last one is 2. */
const BOUNDS = new Float64Array(FINEST + 1);

/** What is behind the leading 1 of each bound, as an integer of 52 bits. */
const FRACTIONS = new Float64Array(FINEST + 1);

/** For each cell, the first bound that is not below it. */
const FIRST_BOUND = new Uint16Array(CELLS);

/** One double, and its bits as two words. */
const DOUBLE = Float64Array.of(1);
const WORDS = new Uint32Array(DOUBLE.buffer);

/** Which of the words has sign, exponent and the upper 20 bits of the fraction: 1, if little-endian. */
const HIGH = WORDS[1] === 0 ? 0 : 1;
const LOW = 1 - HIGH;

/**
 * Fills the tables, in a fraction of a millisecond.
 *
 * The Go client has its bounds as literals, made by this rule: a schema takes over the bounds of
 * the coarser one, and each bound between two of them is the one below it times the growth. The
 * rounding errors of these products, up to 4 units in the last place, have become the standard:
 * with better bounds, buckets would not be those that everybody else counts in. (IEEE 754 defines
 * a product to the last bit, so all engines get the same.)
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
 * The bucket of a value in the finest schema. The hot path of every estimator: it neither checks
 * nor allocates. For a coarser schema, see {@linkcode coarserIndex}.
 *
 * @param value Any number but 0 and NaN, for which the index has no meaning. The sign does not
 * matter.
 * @returns The index in schema 8: −274944 … 262144, and 262145 for the infinities.
 */
export function finestIndex(value: number): number {
  DOUBLE[0] = value;
  const high = WORDS[HIGH]!;
  const exponent = high >>> 20 & 0x7ff;
  if (exponent === 0 || exponent === 0x7ff) return finestIndexOfRare(value);
  // At most one bound lies inside of a cell, so at most one step is missing.
  let index = FIRST_BOUND[high >>> 11 & 0x1ff]!;
  if (FRACTIONS[index]! < (high & 0xfffff) * 2 ** 32 + WORDS[LOW]!) index++;
  return index + (exponent - 1023) * FINEST;
}

/** The same for what is rare: subnormal values and infinities. */
function finestIndexOfRare(value: number): number {
  if (Math.abs(value) === Infinity) return LAST_FINITE + 1;
  // The fraction of a subnormal value has no leading 1 yet.
  return finestIndex(value * 2 ** 52) - 52 * FINEST;
}

/**
 * The bucket of a coarser schema that contains a bucket of a finer one. Each step to the next
 * coarser schema joins buckets 2i − 1 and 2i to i: a division by two that rounds up.
 *
 * @param index The bucket in the finer schema.
 * @param steps How many schemas coarser, 0 or more.
 * @returns The bucket in the coarser schema, never −0.
 */
export function coarserIndex(index: number, steps: number): number {
  return ((index - 1) >> steps) + 1;
}

/**
 * The upper bound (inclusive) of a bucket of positive values. A bucket of negative values has the
 * negated one as its lower bound (inclusive).
 *
 * @param schema −4 … 8.
 * @param index The index of the bucket, an integer.
 * @returns 2^(index·2^−schema), to within 4 units in the last place: the very double that the Go
 * client compares with. For the last bucket of finite values, whose bound of 2^1024 is no double,
 * `Number.MAX_VALUE`, and `Infinity` after it.
 * @throws {RangeError} If there is no such schema.
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
  // Half of the exponent at a time: 2 ** exponent may be too small for a double where the bound is
  // not, and only the second product, in the subnormal range, has to round.
  const half = exponent >> 1;
  return significand * 2 ** half * 2 ** (exponent - half);
}

/**
 * The coarsest schema whose buckets grow by no more than a factor: −⌊log₂(log₂(factor))⌋ within
 * −4 … 8, found by comparing and so the same on every engine.
 *
 * @param bucketFactor How many times its lower bound the upper bound of a bucket may be; greater
 * than 1. Below 1.0027 it can't be met, and gives schema 8.
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
