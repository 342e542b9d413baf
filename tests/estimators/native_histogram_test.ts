import { test } from "node:test";
import assert from "node:assert/strict";
import {
  checkNativeOptions,
  NativeHistogramEstimator,
  type NativeHistogramOptions,
} from "../../estimators/native_histogram.ts";

const DEFAULT_ZERO = 2 ** -128;

interface Expected {
  schema: number;
  zeroThreshold?: number; // default: 2^-128
  zeroCount?: number;
  positive?: Record<number, number>;
  negative?: Record<number, number>;
  resetAt?: number; // seconds; default: never
}

interface Case {
  name: string;
  options: NativeHistogramOptions;
  values: number[]; // observed at 60 s, 120 s, …
  expected: Expected;
}

function create(options: NativeHistogramOptions, now: () => number): NativeHistogramEstimator {
  return new NativeHistogramEstimator(checkNativeOptions(options, "Cannot test"), now);
}

function sorted(buckets: Map<number, number>): [number, number][] {
  return [...buckets].sort(([a], [b]) => a - b);
}

function entries(buckets: Record<number, number> = {}): [number, number][] {
  return sorted(new Map(Object.entries(buckets).map(([index, count]) => [Number(index), count])));
}

const CASES: Case[] = [
  {
    name: "no observations",
    options: {},
    values: [],
    expected: { schema: 3 },
  },
  {
    name: "a zero threshold of 0 counts exact zeros only",
    options: { zeroThreshold: 0, bucketFactor: 2 },
    values: [0, -0, Number.MIN_VALUE, -Number.MIN_VALUE],
    expected: {
      schema: 0,
      zeroThreshold: 0,
      zeroCount: 2,
      positive: { [-1074]: 1 },
      negative: { [-1074]: 1 },
    },
  },
  {
    name: "the zero threshold itself counts as zero",
    options: { zeroThreshold: 1, bucketFactor: 2 },
    values: [1, -1, 1.5, -1.5],
    expected: {
      schema: 0,
      zeroThreshold: 1,
      zeroCount: 2,
      positive: { 1: 1 },
      negative: { 1: 1 },
    },
  },
  {
    name: "positive and negative buckets",
    options: { bucketFactor: 1.2 },
    values: [0, -1, -1.2, -1.4, -1.8, -2, 1, 1.2, 1.4, 1.8, 2],
    expected: {
      schema: 2,
      zeroCount: 1,
      positive: { 0: 1, 2: 2, 4: 2 },
      negative: { 0: 1, 2: 2, 4: 2 },
    },
  },
  {
    name: "a coarse schema",
    options: { bucketFactor: 17 },
    values: [0.0156251, 0.0625, 0.1, 0.25, 0.5, 1, 1.5, 2, 3, 3.5, 5, 6, 7, 33.33],
    expected: {
      schema: -2,
      positive: { [-1]: 2, 0: 4, 1: 7, 2: 1 },
    },
  },
  {
    name: "NaN is in no bucket",
    options: { bucketFactor: 2 },
    values: [0, 1, NaN],
    expected: { schema: 0, zeroCount: 1, positive: { 0: 1 } },
  },
  {
    name: "infinities are in the bucket after the last",
    options: { bucketFactor: 1.2 },
    values: [Infinity, Number.MAX_VALUE, Infinity],
    expected: { schema: 2, positive: { 4096: 1, 4097: 2 } },
  },
  {
    name: "negative infinity",
    options: { bucketFactor: 1.2 },
    values: [1, -Infinity],
    expected: { schema: 2, positive: { 0: 1 }, negative: { 4097: 1 } },
  },
  {
    name: "as many buckets as allowed trigger nothing",
    options: { bucketFactor: 1.2, maxBuckets: 5 },
    values: [0, 1, 1.1, 1.2, 1.4, 1.8],
    expected: {
      schema: 2,
      zeroCount: 1,
      positive: { 0: 1, 1: 1, 2: 2, 4: 1 },
    },
  },
  {
    name: "buckets limited by halving the resolution",
    options: { bucketFactor: 1.2, maxBuckets: 4 },
    values: [0, 1, 1.1, 1.2, 1.4, 1.8, 2, 3],
    expected: {
      schema: 1,
      zeroCount: 1,
      positive: { 0: 1, 1: 3, 2: 2, 4: 1 },
    },
  },
  {
    name: "buckets below 1 are halved upwards",
    options: { bucketFactor: 2, maxBuckets: 2 },
    values: [0.125, 0.25, 0.5, 0.75],
    expected: { schema: -1, positive: { [-1]: 2, 0: 2 } },
  },
  {
    name: "infinities stay in the bucket after the last when the resolution is halved",
    options: { bucketFactor: 2, maxBuckets: 2 },
    values: [1, Number.MAX_VALUE, -Infinity],
    expected: {
      schema: -1,
      positive: { 0: 1, 512: 1 },
      negative: { 513: 1 },
    },
  },
  {
    name: "the resolution ends at schema -4, whatever the limit",
    options: { bucketFactor: 65536, maxBuckets: 1 },
    values: [1, 2, 1e6, 1e12],
    expected: { schema: -4, positive: { 0: 1, 1: 1, 2: 1, 3: 1 } },
  },
  {
    name: "each observation takes one step, even in an existing bucket and at zero",
    options: { bucketFactor: 2, maxBuckets: 1 },
    values: [1, 2 ** 40, 1, 0, NaN],
    expected: {
      schema: -3,
      zeroCount: 1,
      positive: { 0: 2, 5: 1 },
    },
  },
  {
    name: "buckets limited by widening the zero bucket twice",
    options: { bucketFactor: 1.2, maxBuckets: 4, maxZeroThreshold: 1.2 },
    values: [0, 1, 1.1, 1.2, 1.4, 1.8, 2, 3, 4],
    expected: {
      schema: 2,
      zeroThreshold: 1.189207115002721,
      zeroCount: 3,
      positive: { 2: 2, 4: 2, 7: 1, 8: 1 },
    },
  },
  {
    name: "widening takes the closest bucket of both signs",
    options: { bucketFactor: 2, maxBuckets: 4, maxZeroThreshold: 1 },
    values: [-1, 1, -4, 4, 8],
    expected: {
      schema: 0,
      zeroThreshold: 1,
      zeroCount: 2,
      positive: { 2: 1, 3: 1 },
      negative: { 2: 1 },
    },
  },
  {
    name: "the resolution is halved when widening would exceed the maximum zero threshold",
    options: { bucketFactor: 2, maxBuckets: 2, maxZeroThreshold: 0.75 },
    values: [1, 2, 4],
    expected: { schema: -1, positive: { 0: 1, 1: 2 } },
  },
  {
    name: "buckets limited by a reset that keeps only this observation",
    options: { bucketFactor: 2, maxBuckets: 2, minResetDurationSeconds: 180 },
    values: [1, 2, 4],
    expected: { schema: 0, positive: { 2: 1 }, resetAt: 180 },
  },
  {
    name: "a histogram that is too young for a reset is reset when it is old enough",
    options: { bucketFactor: 2, maxBuckets: 2, minResetDurationSeconds: 300 },
    values: [1, 2, 4, 4, 0.5, 0.25],
    expected: { schema: 0, positive: { [-1]: 1, [-2]: 1 }, resetAt: 300 },
  },
  {
    name: "an observation of NaN triggers a due reset",
    options: { bucketFactor: 2, maxBuckets: 2, minResetDurationSeconds: 240 },
    values: [1, 2, 4, NaN],
    expected: { schema: 0, resetAt: 240 },
  },
  {
    name: "a reset undoes the widening of the zero bucket",
    options: {
      bucketFactor: 2,
      maxBuckets: 2,
      maxZeroThreshold: 1,
      minResetDurationSeconds: 300,
    },
    values: [1, 2, 4, 8, 1],
    expected: { schema: 0, positive: { 0: 1 }, resetAt: 300 },
  },
];

for (const { name, options, values, expected } of CASES) {
  test(`native histogram: ${name}`, () => {
    let now = 0;
    let resetAt: number | undefined;
    const histogram = create(options, () => now);
    for (const value of values) {
      now += 60;
      if (histogram.observe(value)) resetAt = now;
    }
    assert.deepEqual({
      schema: histogram.schema,
      zeroThreshold: histogram.zeroThreshold,
      zeroCount: histogram.zeroCount,
      positive: sorted(histogram.positive),
      negative: sorted(histogram.negative),
      resetAt,
    }, {
      schema: expected.schema,
      zeroThreshold: expected.zeroThreshold ?? DEFAULT_ZERO,
      zeroCount: expected.zeroCount ?? 0,
      positive: entries(expected.positive),
      negative: entries(expected.negative),
      resetAt: expected.resetAt,
    });
  });
}

test("maxBuckets of 0 means no limit, and the default is 160", () => {
  const unlimited = create({ maxBuckets: 0 }, () => 0);
  const byDefault = create({}, () => 0);
  for (let i = 1; i <= 161; i++) {
    assert.equal(byDefault.schema, 3);
    unlimited.observe(1.5 ** i);
    byDefault.observe(1.5 ** i);
  }
  assert.equal(unlimited.positive.size, 161);
  assert.equal(unlimited.schema, 3);
  assert.equal(byDefault.schema, 2);
});

test("no observation is lost by widening and halving", () => {
  const histogram = create(
    { bucketFactor: 1.005, maxBuckets: 20, maxZeroThreshold: 1e-3 },
    () => 0,
  );
  let seed = 1;
  for (let i = 0; i < 5000; i++) {
    seed = (seed * 48271) % 2147483647;
    const sign = seed % 3 === 0 ? -1 : 1;
    histogram.observe(sign * 10 ** (seed / 2147483647 * 12 - 6));
  }
  let inBuckets = histogram.zeroCount;
  for (const count of histogram.positive.values()) inBuckets += count;
  for (const count of histogram.negative.values()) inBuckets += count;
  assert.equal(inBuckets, 5000);
  assert(histogram.positive.size + histogram.negative.size <= 20);
});

test("NativeHistogramEstimator.reset() restores the initial state", () => {
  const histogram = create({ bucketFactor: 2, maxBuckets: 1 }, () => 0);
  for (const value of [0, 1, 5, -9]) histogram.observe(value);
  assert.notEqual(histogram.schema, 0);
  histogram.reset();
  const { schema, zeroThreshold, zeroCount, positive, negative } = histogram;
  assert.deepEqual({ schema, zeroThreshold, zeroCount, positive, negative }, {
    schema: 0,
    zeroThreshold: DEFAULT_ZERO,
    zeroCount: 0,
    positive: new Map(),
    negative: new Map(),
  });
  histogram.observe(1);
  assert.equal(histogram.schema, 0);
});

test("the maps of a native histogram are copies in ascending order", () => {
  const histogram = create({ bucketFactor: 2 }, () => 0);
  for (const value of [8, 0.25, 2, 2, 1e9, -4, -0.5, -64]) histogram.observe(value);
  const { positive, negative } = histogram;
  assert.deepEqual([...positive], [[-2, 1], [1, 2], [3, 1], [30, 1]]);
  assert.deepEqual([...negative], [[-1, 1], [2, 1], [6, 1]]);
  positive.clear();
  histogram.observe(2);
  assert.equal(histogram.positive.get(1), 3);
  assert.equal(positive.size, 0);
});

test("NativeHistogramEstimator.reset() restarts the age of the histogram", () => {
  let now = 0;
  const histogram = create(
    { bucketFactor: 2, maxBuckets: 1, minResetDurationSeconds: 100 },
    () => now,
  );
  now = 90;
  histogram.reset();
  now = 110;
  assert.equal(histogram.observe(1), false);
  assert.equal(histogram.observe(2), false);
  now = 190;
  assert.equal(histogram.observe(1), true);
});

test("observe() reads the clock only when a reset is possible", () => {
  let asked = 0;
  const clock = (): number => asked++;
  const never = create({ bucketFactor: 2, maxBuckets: 1 }, clock);
  const later = create(
    { bucketFactor: 2, maxBuckets: 2, minResetDurationSeconds: 100 },
    clock,
  );
  assert.equal(asked, 2);
  for (const value of [1, 2, 3, 4]) never.observe(value);
  for (const value of [1, 2, 1, 2]) later.observe(value);
  assert.equal(asked, 2);
  later.observe(4);
  assert.equal(asked, 3);
});

test("invalid options throw an error that names them", () => {
  const table: [options: Record<string, unknown>, name: string, message: string][] = [
    [{ bucketFactor: 1 }, "RangeError", "bucketFactor must be greater than 1: received 1"],
    [{ bucketFactor: NaN }, "RangeError", "bucketFactor must be greater than 1: received NaN"],
    [{ bucketFactor: "2" }, "TypeError", 'bucketFactor must be a number: received "2"'],
    [{ maxBuckets: -1 }, "RangeError", "maxBuckets must be an integer >= 0: received -1"],
    [{ maxBuckets: 1.5 }, "RangeError", "maxBuckets must be an integer >= 0: received 1.5"],
    [{ maxBuckets: null }, "TypeError", "maxBuckets must be a number: received null"],
    [{ zeroThreshold: -1 }, "RangeError", "zeroThreshold must be finite and >= 0: received -1"],
    [
      { maxZeroThreshold: Infinity },
      "RangeError",
      "maxZeroThreshold must be finite and >= 0: received Infinity",
    ],
    [
      { minResetDurationSeconds: NaN },
      "RangeError",
      "minResetDurationSeconds must be finite and >= 0: received NaN",
    ],
  ];
  for (const [options, name, message] of table) {
    assert.throws(() => checkNativeOptions(options, "Cannot test"), {
      name,
      message: `Cannot test: ${message}`,
    });
  }
});
