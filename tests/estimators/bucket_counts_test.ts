import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BucketCounts } from "../../estimators/bucket_counts.ts";

/** Returns the expected content of `BucketCounts` in ascending order. */
function ascending(counts: Map<number, number>): [number, number][] {
  return [...counts].sort(([a], [b]) => a - b);
}

/** Adds an amount to both, and asserts that both agree whether the index is new. */
function addToBoth(
  counts: BucketCounts,
  map: Map<number, number>,
  index: number,
  amount = 1,
): void {
  const before = map.get(index);
  map.set(index, (before ?? 0) + amount);
  assert.equal(counts.add(index, amount), before === undefined);
}

function assertAlike(counts: BucketCounts, map: Map<number, number>): void {
  assert.deepEqual([...counts.toMap()], ascending(map));
  assert.deepEqual(counts.indices().sort((a, b) => a - b), ascending(map).map(([index]) => index));
  assert.equal(counts.size, map.size);
}

test("BucketCounts has the same counts as a Map after any additions and removals", () => {
  const index = fc.oneof(
    fc.integer({ min: -8, max: 8 }),
    fc.integer({ min: -274_944, max: 262_145 }),
    fc.integer(),
    // These indices have the same place in the table.
    fc.integer({ min: -500, max: 500 }).map((i) => i * 1024),
    fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0),
  );
  const amount = fc.oneof(fc.constant(1), fc.integer({ min: 1 }), fc.constant(2 ** 53));
  const step = fc.oneof(
    { weight: 40, arbitrary: fc.tuple(index, amount) },
    { weight: 1, arbitrary: fc.constant("clear") },
  );
  fc.assert(fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
    const counts = new BucketCounts();
    const map = new Map<number, number>();
    for (const step of steps) {
      if (typeof step !== "string") {
        addToBoth(counts, map, ...step);
        continue;
      }
      counts.clear();
      map.clear();
    }
    assertAlike(counts, map);
  }));
});

/** Indices with equal low bits, or many of them. */
const RUNS: Record<string, number[]> = {
  "one run": Array.from({ length: 1000 }, (_, i) => i - 500),
  "a run backwards": Array.from({ length: 1000 }, (_, i) => 400 - i),
  "runs that overlap in the table": Array.from({ length: 600 }, (_, i) => (i % 4) * 4096 + i),
  "powers of two at the finest resolution": Array.from(
    { length: 2000 },
    (_, i) => (i - 1000) * 256,
  ),
  "indices with one place": Array.from({ length: 2000 }, (_, i) => (i - 1000) * 2 ** 20),
};

for (const [name, indices] of Object.entries(RUNS)) {
  test(`BucketCounts grows with its buckets: ${name}`, () => {
    const counts = new BucketCounts();
    const map = new Map<number, number>();
    for (const round of [1, 2, 3]) {
      for (const index of indices) addToBoth(counts, map, index, round);
    }
    assertAlike(counts, map);
  });
}

test("the map of BucketCounts is a copy", () => {
  const counts = new BucketCounts();
  counts.add(5, 2);
  const copy = counts.toMap();
  copy.set(6, 1);
  counts.add(5, 1);
  assert.deepEqual([...copy], [[5, 2], [6, 1]]);
  assert.deepEqual([...counts.toMap()], [[5, 3]]);
});
