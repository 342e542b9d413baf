import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Buckets,
  cells,
  type ClassicBuckets,
  countOf,
  heat,
  increase,
  knownQuantile,
  type NativeBuckets,
  quantile,
  total,
} from "../../live/client/buckets.ts";

function classic(bounds: number[], counts: number[]): ClassicBuckets {
  return { kind: "classic", bounds, counts };
}

function native(
  schema: number,
  positive: [number, number][],
  more: Partial<NativeBuckets> = {},
): NativeBuckets {
  return {
    kind: "native",
    schema,
    zeroThreshold: 2 ** -128,
    zeroCount: 0,
    positive: new Map(positive),
    negative: new Map(),
    ...more,
  };
}

test("increase() of classic buckets is the number of new observations", () => {
  assert.deepEqual(
    increase(classic([1, 2], [1, 0, 2]), classic([1, 2], [4, 0, 3])),
    classic([1, 2], [3, 0, 1]),
  );
});

test("increase() treats everything as new after a restart of the program", () => {
  const cases: [Buckets, Buckets][] = [
    [classic([1], [5, 5]), classic([1], [6, 4])],
    [classic([1], [5, 5]), classic([2], [6, 6])],
    [classic([1], [1, 1]), native(0, [[1, 5]])],
    [native(0, [[1, 5]]), classic([1], [1, 1])],
    [native(0, [[1, 5]]), native(0, [[1, 4]])],
    [native(0, [[1, 5]]), native(0, [[2, 9]])],
    [native(0, [], { zeroCount: 2 }), native(0, [[2, 9]])],
    [native(0, [[1, 5]]), native(1, [[1, 3], [2, 9]])],
    [native(0, [], { zeroThreshold: 1 }), native(0, [[1, 1]])],
  ];
  for (const [before, after] of cases) assert.deepEqual(increase(before, after), after);
});

test("increase() of native buckets works for a coarser schema and a wider zero bucket", () => {
  assert.deepEqual(
    increase(native(1, [[1, 1], [2, 2], [3, 4]]), native(0, [[1, 5], [2, 4]])),
    native(0, [[1, 2]]),
  );
  const wide = { zeroThreshold: 1, zeroCount: 4 };
  assert.deepEqual(
    increase(native(0, [[0, 3], [1, 1]]), native(0, [[1, 2]], wide)),
    native(0, [[1, 1]], { ...wide, zeroCount: 1 }),
  );
});

test("total() adds up histograms at the resolution of the coarsest", () => {
  assert.equal(total([undefined]), undefined);
  assert.deepEqual(
    total([classic([9], [1, 1]), undefined, classic([1], [1, 2]), classic([1], [3, 4])]),
    classic([1], [4, 6]),
  );
  assert.deepEqual(
    total([native(1, [[1, 1], [2, 1], [-1, 1]]), native(0, [[1, 5]])]),
    native(0, [[1, 7], [0, 1]]),
  );
  assert.equal(countOf(total([classic([1], [1, 2]), classic([1], [3, 4])])), 10);
});

test("cells() are in ascending order, with negative buckets mirrored", () => {
  const buckets = native(0, [[2, 1], [1, 2]], {
    zeroThreshold: 0.5,
    zeroCount: 3,
    negative: new Map([[1, 4], [2, 5]]),
  });
  assert.deepEqual(cells(buckets), [
    { lower: -4, upper: -2, count: 5 },
    { lower: -2, upper: -1, count: 4 },
    { lower: -0.5, upper: 0.5, count: 3 },
    { lower: 1, upper: 2, count: 2 },
    { lower: 2, upper: 4, count: 1 },
  ]);
});

const QUANTILES: { name: string; buckets: Buckets; q: number; value: number }[] = [
  { name: "in the middle of a bucket", buckets: classic([1, 2], [0, 4, 0]), q: 0.5, value: 1.5 },
  { name: "in the first bucket, from 0", buckets: classic([2, 4], [4, 0, 0]), q: 0.5, value: 1 },
  { name: "in a first bucket below 0", buckets: classic([-2, 4], [4, 0, 0]), q: 0.5, value: -2 },
  { name: "in +Inf", buckets: classic([1, 2], [1, 0, 9]), q: 0.9, value: 2 },
  { name: "in +Inf alone", buckets: classic([], [9]), q: 0.9, value: NaN },
  { name: "of nothing", buckets: classic([1, 2], [0, 0, 0]), q: 0.5, value: NaN },
  { name: "past empty buckets", buckets: classic([1, 2, 3], [2, 0, 2, 0]), q: 0.75, value: 2.5 },
  { name: "in a native bucket", buckets: native(0, [[3, 4]]), q: 0.5, value: 2 ** 2.5 },
  {
    name: "in a native bucket below 0",
    buckets: native(0, [], { negative: new Map([[3, 4]]) }),
    q: 0.25,
    value: -(2 ** 2.75),
  },
  {
    name: "in a zero bucket with nothing below it",
    buckets: native(0, [[1, 2]], { zeroThreshold: 0.5, zeroCount: 2 }),
    q: 0.25,
    value: 0.25,
  },
  {
    name: "in a zero bucket with nothing above it",
    buckets: native(0, [], { zeroThreshold: 0.5, zeroCount: 2, negative: new Map([[1, 2]]) }),
    q: 0.75,
    value: -0.25,
  },
];
for (const { name, buckets, q, value } of QUANTILES) {
  test(`a quantile ${name} is interpolated like in Prometheus`, () => {
    const asked = quantile(q, buckets);
    const isClose = Math.abs(asked - value) < 1e-12;
    assert.ok(Object.is(asked, value) || isClose, `${asked} is not ${value}`);
  });
}

test("heat() has a row for each classic bucket and a column for each scrape", () => {
  const { rows, columns, max } = heat(
    [undefined, classic([1, 2], [1, 0, 7]), classic([1], [1, 0]), classic([1, 2], [0, 3, 0])],
    24,
  );
  assert.deepEqual(rows.map(({ lower, upper }) => [lower, upper]), [
    [-Infinity, 1],
    [1, 2],
    [2, Infinity],
  ]);
  assert.deepEqual(columns.map((column) => column && [...column]), [
    undefined,
    [1, 0, 7],
    [0, 0, 0],
    [0, 3, 0],
  ]);
  assert.equal(max, 7);
});

test("heat() merges native buckets to the number of rows", () => {
  const wide = native(3, [[1, 1], [64, 2]]);
  const { rows, columns } = heat([wide, undefined, native(3, [[33, 5]])], 8);
  assert.equal(rows.length, 8);
  assert.deepEqual(rows[0], { lower: 1, upper: 2 });
  assert.deepEqual(rows.at(-1), { lower: 128, upper: 256 });
  assert.deepEqual(columns.map((column) => column && [...column]), [
    [1, 0, 0, 0, 0, 0, 0, 2],
    undefined,
    [0, 0, 0, 0, 5, 0, 0, 0],
  ]);
});

test("heat() puts native buckets below zero under the zero bucket", () => {
  const buckets = native(0, [[1, 1]], {
    zeroThreshold: 0.25,
    zeroCount: 2,
    negative: new Map([[1, 3], [3, 4]]),
  });
  const { rows, columns } = heat([buckets], 24);
  assert.deepEqual(rows.map(({ lower }) => lower), [-8, -4, -2, -0.25, 1]);
  assert.deepEqual([...columns[0]!], [4, 0, 3, 2, 1]);
});

test("heat() of nothing is empty", () => {
  assert.deepEqual(heat([undefined], 24), { rows: [], columns: [undefined], max: 0 });
});

const KNOWN: { name: string; q: number; buckets: Buckets; sign: string; value: number }[] = [
  {
    name: "in a first bucket",
    q: 0.5,
    buckets: classic([100, 200], [9, 1, 0]),
    sign: "≤",
    value: 100,
  },
  {
    name: "in a narrow bucket",
    q: 0.95,
    buckets: classic([100, 200], [9, 1, 0]),
    sign: "",
    value: 150,
  },
  { name: "in a wide bucket", q: 0.95, buckets: classic([1, 10], [9, 1, 0]), sign: "≤", value: 10 },
  {
    name: "in the bucket of +Inf",
    q: 0.99,
    buckets: classic([1, 2], [1, 0, 9]),
    sign: ">",
    value: 2,
  },
  {
    name: "in the only bucket with observations",
    q: 0.9,
    buckets: classic([1, 2], [0, 7, 0]),
    sign: "≤",
    value: 2,
  },
  { name: "around zero", q: 0.9, buckets: classic([-1, 1, 2], [1, 9, 0, 0]), sign: "≤", value: 1 },
  {
    name: "below zero",
    q: 0.2,
    buckets: classic([-4, -2, 1], [0, 4, 4, 0]),
    sign: "",
    value: -3.2,
  },
  { name: "of nothing", q: 0.5, buckets: classic([1], [0, 0]), sign: "", value: NaN },
];
for (const { name, q, buckets, sign, value } of KNOWN) {
  test(`a quantile ${name} is shown as ${sign}${value}`, () => {
    const known = knownQuantile(q, buckets);
    assert.equal(known.sign, sign);
    if (Number.isNaN(value)) assert.ok(Number.isNaN(known.value));
    else assert.ok(Math.abs(known.value - value) < 1e-9, `${known.value}`);
  });
}

test("a quantile of a native histogram is shown with its interpolated value", () => {
  const buckets = native(3, [[4, 5]]);
  assert.deepEqual(knownQuantile(0.5, buckets), { sign: "", value: quantile(0.5, buckets) });
});
