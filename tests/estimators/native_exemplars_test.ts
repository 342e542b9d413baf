import { test } from "node:test";
import assert from "node:assert/strict";
import { NativeExemplars } from "../../estimators/native_exemplars.ts";

type Observation = [value: number, timestamp: number];

interface Case {
  name: string;
  maxExemplars: number;
  maxAgeSeconds?: number;
  observations: Observation[];
  kept: number[];
}

const CASES: Case[] = [
  {
    name: "keeps all in ascending order while there is room",
    maxExemplars: 3,
    observations: [[5, 0], [1, 1], [3, 2]],
    kept: [1, 3, 5],
  },
  {
    name: "replaces the neighbour that is closer to the new value than any pair",
    maxExemplars: 3,
    observations: [[1, 0], [3, 1], [5, 2], [4, 3]],
    kept: [1, 3, 4],
  },
  {
    name: "replaces the older of the closest pair if the new value is not closer to any",
    maxExemplars: 3,
    observations: [[1, 0], [3, 1], [4, 2], [100, 3]],
    kept: [1, 4, 100],
  },
  {
    name: "replaces the right one of the closest pair if it is older",
    maxExemplars: 3,
    observations: [[1, 0], [4, 1], [3, 2], [100, 3]],
    kept: [1, 3, 100],
  },
  {
    name: "measures distance as a ratio, not as a difference",
    maxExemplars: 3,
    observations: [[0.001, 0], [0.01, 1], [100, 2], [110, 3]],
    kept: [0.001, 0.01, 110],
  },
  {
    name: "replaces an equal value",
    maxExemplars: 2,
    observations: [[1, 0], [2, 1], [1, 2]],
    kept: [1, 2],
  },
  {
    name: "treats zero as far from everything",
    maxExemplars: 3,
    observations: [[1, 0], [3, 0.001], [4, 0.002], [0, 0.002]],
    kept: [0, 1, 4],
  },
  {
    name: "spreads negative values like positive ones",
    maxExemplars: 3,
    observations: [[-1, 0], [-3, 1], [-5, 2], [-4, 3]],
    kept: [-4, -3, -1],
  },
  {
    name: "replaces the oldest if no two are at a finite distance",
    maxExemplars: 3,
    observations: [[1, 1], [-1, 0], [0, 2], [Infinity, 3]],
    kept: [0, 1, Infinity],
  },
  {
    name: "replaces the oldest if it is too old",
    maxExemplars: 3,
    maxAgeSeconds: 10,
    observations: [[0, 0], [1, 0.001], [4, 0.002], [6, 10.5]],
    kept: [1, 4, 6],
  },
  {
    name: "keeps an exemplar of exactly the maximum age",
    maxExemplars: 3,
    maxAgeSeconds: 10,
    observations: [[0.001, 0], [3, 1], [4, 2], [100, 10]],
    kept: [0.001, 4, 100],
  },
  {
    name: "keeps only the last one if there is room for one",
    maxExemplars: 1,
    observations: [[1, 0], [1000, 1]],
    kept: [1000],
  },
  {
    name: "keeps none if there is no room",
    maxExemplars: 0,
    observations: [[1, 0]],
    kept: [],
  },
  {
    name: "ignores NaN",
    maxExemplars: 3,
    observations: [[1, 0], [NaN, 1]],
    kept: [1],
  },
];

for (const { name, maxExemplars, maxAgeSeconds, observations, kept } of CASES) {
  test(`NativeExemplars ${name}`, () => {
    const exemplars = new NativeExemplars({
      maxExemplars,
      ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
    });
    for (const [value, timestamp] of observations) exemplars.add({ labels: {}, value, timestamp });
    assert.deepEqual(exemplars.list(0).map(({ value }) => value), kept);
  });
}

test("NativeExemplars keeps 10 for 5 minutes by default", () => {
  const exemplars = new NativeExemplars();
  for (let i = 0; i < 20; i++) exemplars.add({ labels: {}, value: 2 ** i, timestamp: i });
  assert.equal(exemplars.list(20).length, 10);
  assert.deepEqual(exemplars.list(319).map(({ value }) => value), [2 ** 19]);
  assert.deepEqual(exemplars.list(320), []);
});

test("NativeExemplars returns the objects that were added", () => {
  const exemplars = new NativeExemplars<
    { labels: Record<string, string>; value: number; timestamp: number }
  >();
  const exemplar = { labels: { trace_id: "abc" }, value: 1, timestamp: 2 };
  exemplars.add(exemplar);
  assert.equal(exemplars.list(2)[0], exemplar);
  exemplars.clear();
  assert.deepEqual(exemplars.list(2), []);
});
