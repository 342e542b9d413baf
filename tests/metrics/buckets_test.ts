import assert from "node:assert/strict";
import { test } from "node:test";
import {
  DEFAULT_BUCKETS,
  exponentialBuckets,
  exponentialBucketsRange,
  Histogram,
  linearBuckets,
} from "../../mod.ts";

const registry = null;

function boundsOf(buckets: readonly number[] | undefined): readonly number[] {
  return new Histogram("h", "H.", { buckets, registry }).labels().bounds;
}

test("the default buckets are the 11 of the Go client", () => {
  const expected = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
  assert.deepEqual(DEFAULT_BUCKETS, expected);
  assert.deepEqual(boundsOf(undefined), expected);
});

const LEGAL: [given: number[], bounds: number[]][] = [
  [[], []],
  [[Infinity], []],
  [[1], [1]],
  [[1, 2, Infinity], [1, 2]],
  [[-1, 0, 1], [-1, 0, 1]],
  [[Number.MIN_VALUE, Number.MAX_VALUE], [Number.MIN_VALUE, Number.MAX_VALUE]],
];
for (const [given, bounds] of LEGAL) {
  test(`buckets [${given}] have the finite bounds [${bounds}]`, () => {
    assert.deepEqual(boundsOf(given), bounds);
  });
}

const ORDER = "buckets must be finite and strictly increasing";
const ILLEGAL: [given: unknown, name: string, rule: string][] = [
  [[2, 1], "RangeError", `${ORDER}: received [2, 1]`],
  [[1, 1], "RangeError", `${ORDER}: received [1, 1]`],
  [[-0, 0], "RangeError", `${ORDER}: received [-0, 0]`],
  [[1, NaN], "RangeError", `${ORDER}: received [1, NaN]`],
  [[NaN], "RangeError", `${ORDER}: received [NaN]`],
  [[-Infinity, 1], "RangeError", `${ORDER}: received [-Infinity, 1]`],
  [[1, Infinity, 2], "RangeError", `${ORDER}: received [1, Infinity, 2]`],
  [[1, Infinity, Infinity], "RangeError", `${ORDER}: received [1, Infinity, Infinity]`],
  [["1"], "TypeError", 'buckets must be numbers: received "1"'],
  [[1n], "TypeError", "buckets must be numbers: received 1n"],
  [[undefined], "TypeError", "buckets must be numbers: received undefined"],
  [5, "TypeError", "buckets must be an array: received 5"],
  ["1,2", "TypeError", 'buckets must be an array: received "1,2"'],
  [new Set([1]), "TypeError", "buckets must be an array: received Set"],
];
for (const [given, name, rule] of ILLEGAL) {
  test(`a histogram is refused: ${rule}`, () => {
    assert.throws(() => boundsOf(given as number[]), {
      name,
      message: `Cannot create histogram "h": ${rule}`,
    });
  });
}

test("buckets are copied", () => {
  const buckets = [1, 2];
  const histogram = new Histogram("h", "H.", { buckets, registry });
  buckets.push(3);
  buckets[0] = 5;
  histogram.observe(1);
  assert.deepEqual(histogram.labels().bounds, [1, 2]);
  assert.deepEqual(histogram.labels().cumulativeCounts(), [1, 1, 1]);
});

test("the count of the bucket helpers includes +Inf", () => {
  assert.deepEqual(linearBuckets(10, 10, 4), [10, 20, 30, Infinity]);
  assert.deepEqual(linearBuckets(-1, 0.5, 4), [-1, -0.5, 0, Infinity]);
  assert.deepEqual(linearBuckets(1, 1, 1), [Infinity]);
  assert.deepEqual(exponentialBuckets(1, 2, 5), [1, 2, 4, 8, Infinity]);
  assert.deepEqual(exponentialBuckets(1, 2, 1), [Infinity]);
  assert.deepEqual(exponentialBucketsRange(0.001, 1, 3), [0.001, 1, Infinity]);
  for (const helper of [linearBuckets, exponentialBuckets, exponentialBucketsRange]) {
    for (const count of [3, 10, 100]) assert.equal(helper(1, 2, count).length, count);
  }
});

test("exponentialBucketsRange() returns min and max exactly", () => {
  for (const [min, max] of [[0.003, 7], [1e-9, 1e9], [0.1, 0.3]] as const) {
    const buckets = exponentialBucketsRange(min, max, 20);
    assert.equal(buckets[0], min);
    assert.equal(buckets[18], max);
    const ratio = buckets[1]! / buckets[0]!;
    for (let i = 1; i < 19; i++) {
      assert(Math.abs(buckets[i]! / buckets[i - 1]! / ratio - 1) < 1e-9);
    }
  }
});

const HELPERS = { linearBuckets, exponentialBuckets, exponentialBucketsRange };
const LINEAR = "Cannot create linear buckets";
const EXPONENTIAL = "Cannot create exponential buckets";
const REFUSED: [keyof typeof HELPERS, args: unknown[], name: string, message: string][] = [
  ["linearBuckets", [NaN, 1, 3], "RangeError", `${LINEAR}: start must be finite: received NaN`],
  ["linearBuckets", [0, 0, 3], "RangeError", `${LINEAR}: width must be finite and > 0: received 0`],
  [
    "linearBuckets",
    [0, -1, 3],
    "RangeError",
    `${LINEAR}: width must be finite and > 0: received -1`,
  ],
  ["linearBuckets", ["0", 1, 3], "TypeError", `${LINEAR}: start must be a number: received "0"`],
  [
    "linearBuckets",
    [0, 1, 0],
    "RangeError",
    `${LINEAR}: count must be an integer from 1 to 10000: received 0`,
  ],
  [
    "linearBuckets",
    [0, 1, 1.5],
    "RangeError",
    `${LINEAR}: count must be an integer from 1 to 10000: received 1.5`,
  ],
  [
    "linearBuckets",
    [0, 1, 1e9],
    "RangeError",
    `${LINEAR}: count must be an integer from 1 to 10000: received 1000000000`,
  ],
  ["linearBuckets", [0, 1], "TypeError", `${LINEAR}: count must be a number: received undefined`],
  [
    "linearBuckets",
    [1e20, 1, 3],
    "RangeError",
    `${LINEAR}: ${ORDER}: received [100000000000000000000, 100000000000000000000, Infinity]`,
  ],
  // An overflow to Infinity must not pass for the +Inf bucket.
  [
    "linearBuckets",
    [1e308, 1e308, 3],
    "RangeError",
    `${LINEAR}: ${ORDER}: received [1e+308, Infinity, Infinity]`,
  ],
  [
    "exponentialBuckets",
    [1e300, 1e10, 3],
    "RangeError",
    `${EXPONENTIAL}: ${ORDER}: received [1e+300, Infinity, Infinity]`,
  ],
  [
    "exponentialBuckets",
    [0, 2, 3],
    "RangeError",
    `${EXPONENTIAL}: start must be finite and > 0: received 0`,
  ],
  [
    "exponentialBuckets",
    [1, 1, 3],
    "RangeError",
    `${EXPONENTIAL}: factor must be finite and > 1: received 1`,
  ],
  [
    "exponentialBuckets",
    [1, Infinity, 3],
    "RangeError",
    `${EXPONENTIAL}: factor must be finite and > 1: received Infinity`,
  ],
  [
    "exponentialBuckets",
    [1, 2, 0],
    "RangeError",
    `${EXPONENTIAL}: count must be an integer from 1 to 10000: received 0`,
  ],
  [
    "exponentialBucketsRange",
    [0, 2, 3],
    "RangeError",
    `${EXPONENTIAL}: min must be finite and > 0: received 0`,
  ],
  [
    "exponentialBucketsRange",
    [2, 2, 3],
    "RangeError",
    `${EXPONENTIAL}: max must be finite and > min: received 2`,
  ],
  [
    "exponentialBucketsRange",
    [2, Infinity, 4],
    "RangeError",
    `${EXPONENTIAL}: max must be finite and > min: received Infinity`,
  ],
  [
    "exponentialBucketsRange",
    [1, 2, 2],
    "RangeError",
    `${EXPONENTIAL}: count must be an integer from 3 to 10000: received 2`,
  ],
];
for (const [helper, args, name, message] of REFUSED) {
  test(`${helper}(${args.map(String)}) is refused`, () => {
    const call = HELPERS[helper] as (...args: unknown[]) => number[];
    assert.throws(() => call(...args), { name, message });
  });
}
