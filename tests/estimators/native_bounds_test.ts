import { test } from "node:test";
import assert from "node:assert/strict";
import { nativeUpperBound, pickSchema } from "../../estimators/native_bounds.ts";
import { findBucket } from "../support/native_buckets.ts";

const view = new DataView(new ArrayBuffer(8));

function bitsOf(value: number): bigint {
  view.setFloat64(0, value);
  return view.getBigUint64(0);
}

/** Returns the double at this distance in units in the last place. */
function neighbour(value: number, units: number): number {
  view.setBigUint64(0, bitsOf(value) + BigInt(units));
  return view.getFloat64(0);
}

const SCHEMAS = [-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8];
const FRACTION = (1n << 52n) - 1n;

test("the finest bounds equal those of the Go client bit by bit", () => {
  // A polynomial hash over the 52 fraction bits of all 256 literals of client_golang.
  let hash = 0n;
  for (let i = 0; i < 256; i++) {
    hash = BigInt.asUintN(64, hash * 31n + (bitsOf(nativeUpperBound(8, i)) & FRACTION));
  }
  assert.equal(hash.toString(16), "acf6c159a056d65f");
});

test("the finest bounds follow from the growth factors in exact integer arithmetic", () => {
  // Significands as integers: a product has 105 or 106 bits, and rounds half to even.
  const bound = (i: number): bigint => (bitsOf(nativeUpperBound(8, i)) & FRACTION) | (1n << 52n);
  const product = (a: bigint, b: bigint): bigint => {
    const quotient = (a * b) >> 52n;
    const rest = (a * b) & FRACTION;
    const half = 1n << 51n;
    return rest > half || (rest === half && quotient % 2n === 1n) ? quotient + 1n : quotient;
  };
  for (let step = 128; step >= 1; step /= 2) {
    for (let i = 3 * step; i < 256; i += 2 * step) {
      assert.equal(bound(i), product(bound(i - step), bound(step)), `bound ${i}`);
    }
  }
});

test("the finest bounds are at most 4 units in the last place from the powers of 2", () => {
  for (let i = 0; i < 256; i++) {
    const bound = (bitsOf(nativeUpperBound(8, i)) & FRACTION) | (1n << 52n);
    const power = 1n << BigInt(i + 52 * 256); // (2^(i/256) · 2^52) ^ 256
    assert((bound - 4n) ** 256n < power && power < (bound + 5n) ** 256n, `bound ${i}`);
  }
});

test("nativeUpperBound() returns known bounds", () => {
  const table: [schema: number, index: number, upperBound: number][] = [
    [-4, 0, 1],
    [-4, 1, 65536],
    [-4, -67, 2 ** -1072],
    [-4, -68, 0],
    [-4, 64, Number.MAX_VALUE],
    [-4, 65, Infinity],
    [-1, -1, 0.25],
    [-1, 512, Number.MAX_VALUE],
    [-1, 513, Infinity],
    [0, -1074, Number.MIN_VALUE],
    [0, -1022, 2 ** -1022],
    [0, -1, 0.5],
    [0, 0, 1],
    [0, 1023, 2 ** 1023],
    [0, 1024, Number.MAX_VALUE],
    [0, 1025, Infinity],
    [1, 1, 1.414213562373095], // not Math.SQRT2, which is one unit greater
    [1, -1, 0.7071067811865475],
    [2, -1, 0.8408964152537144],
    [2, 1, 1.189207115002721],
    [2, 4096, Number.MAX_VALUE],
    [2, 4097, Infinity],
    [3, 1, 1.0905077326652577],
    [8, 1, 1.0027112750502025],
    [8, 19, 1.052790773004626],
    [8, 255, 1.9945921121709396],
    [8, 262143, 1.7928322734501122e308],
    [8, 262144, Number.MAX_VALUE],
    [8, 262145, Infinity],
  ];
  for (const [schema, index, upperBound] of table) {
    assert.equal(nativeUpperBound(schema, index), upperBound, `schema ${schema}, index ${index}`);
  }
});

test("nativeUpperBound() returns exact powers of two for all exponents", () => {
  for (let exponent = -1022; exponent < 1024; exponent++) {
    const bits = BigInt(exponent + 1023) << 52n;
    assert.equal(bitsOf(nativeUpperBound(0, exponent)), bits, `2^${exponent}`);
  }
});

test("finestIndex() and coarserIndex() find known buckets", () => {
  const { MAX_VALUE, MIN_VALUE } = Number;
  const MIN_NORMAL = 2 ** -1022;
  const table: [schema: number, value: number, index: number][] = [
    [-4, MIN_VALUE, -67],
    [-4, MIN_NORMAL, -63],
    [-4, 0.1, 0],
    [-4, neighbour(1, 1), 1],
    [-4, 65536, 1],
    [-4, neighbour(65536, 1), 2],
    [-4, MAX_VALUE, 64],
    [-4, Infinity, 65],
    [-1, 4, 1],
    [-1, neighbour(4, 1), 2],
    [0, MIN_VALUE, -1074],
    [0, 3 * MIN_VALUE, -1072],
    [0, neighbour(MIN_NORMAL, -1), -1022],
    [0, MIN_NORMAL, -1022],
    [0, neighbour(MIN_NORMAL, 1), -1021],
    [0, 0.5, -1],
    [0, 1, 0],
    [0, 1.5, 1],
    [0, 2, 1],
    [0, neighbour(2, 1), 2],
    [0, MAX_VALUE, 1024],
    [0, Infinity, 1025],
    [1, neighbour(1.414213562373095, -1), 1],
    [1, 1.414213562373095, 1],
    [1, Math.SQRT2, 2],
    [1, Math.SQRT1_2, 0],
    [2, 1.2, 2],
    [2, 1.8, 4],
    [3, 1, 0],
    [3, 1.0905077326652577, 1],
    [3, neighbour(1.0905077326652577, 1), 2],
    [8, MIN_VALUE, -274944],
    [8, neighbour(1, -1), 0],
    [8, 1, 0],
    [8, neighbour(1, 1), 1],
    [8, MAX_VALUE, 262144],
    [8, Infinity, 262145],
  ];
  for (const [schema, value, index] of table) {
    assert.equal(findBucket(schema, value), index, `schema ${schema}, value ${value}`);
    assert.equal(findBucket(schema, -value), index, `schema ${schema}, value ${-value}`);
  }
});

test("in every schema, a bound is in the bucket below it, and the next double in the one above", () => {
  for (const schema of SCHEMAS) {
    const perOctave = 2 ** schema;
    for (const octave of [-1021, -512, -1, 0, 1, 700, 1022]) {
      const first = Math.ceil(octave * perOctave) + 0; // + 0: never −0
      for (let index = first; index < first + Math.max(perOctave, 1); index++) {
        const bound = nativeUpperBound(schema, index);
        if (bound < 2 ** -1021 || bound === Number.MAX_VALUE) continue;
        assert.equal(findBucket(schema, neighbour(bound, -1)), index);
        assert.equal(findBucket(schema, bound), index);
        assert.equal(findBucket(schema, neighbour(bound, 1)), index + 1);
      }
    }
  }
});

test("the index of a subnormal value is that of 2^52 times the value, minus 52 octaves", () => {
  for (let units = 1; units < 2 ** 51; units = units * 3 + 1) {
    const value = units * Number.MIN_VALUE;
    for (const schema of [0, 3, 8]) {
      const normal = findBucket(schema, value * 2 ** 52);
      assert.equal(findBucket(schema, value), normal - 52 * 2 ** schema);
    }
  }
});

test("pickSchema() picks the coarsest sufficient schema", () => {
  const table: [bucketFactor: number, schema: number][] = [
    [1 + Number.EPSILON, 8],
    [1.0001, 8],
    [1.005, 8],
    [1.01, 7],
    [1.02, 6],
    [1.03, 5],
    [1.05, 4],
    [1.1, 3],
    [1.2, 2],
    [1.5, 1],
    [neighbour(2, -1), 1],
    [2, 0],
    [4, -1],
    [16, -2],
    [17, -2],
    [256, -3],
    [65536, -4],
    [1e9, -4],
    [Infinity, -4],
  ];
  for (const [bucketFactor, schema] of table) {
    assert.equal(pickSchema(bucketFactor), schema, `factor ${bucketFactor}`);
  }
});

test("nativeUpperBound() throws a RangeError for a schema that does not exist", () => {
  for (const schema of [-5, 9, 0.5, NaN]) {
    assert.throws(() => nativeUpperBound(schema, 1), {
      name: "RangeError",
      message: "Cannot find the bound of a native histogram: " +
        `schema must be an integer from -4 to 8: received ${schema}`,
    });
  }
});
