import { test } from "node:test";
import assert from "node:assert/strict";
import { SlidingQuantiles } from "../../estimators/quantiles.ts";

const WINDOW = { maxAgeSeconds: 600, ageBuckets: 5 };
const QUANTILES = [0, 0.001, 0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1];

/**
 * Returns a generator of pseudorandom numbers in (0, 1), always the same (Park and Miller, 1988).
 */
function createRandom(seed: number): () => number {
  return () => (seed = (seed * 48271) % 2147483647) / 2147483647;
}

const random = createRandom(20190812);

function normal(): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}

/** Returns the smallest value that at least q·n of the values do not exceed. */
function nearestRank(sorted: Float64Array, q: number): number {
  return sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
}

function assertClose(actual: number, exact: number, tolerance: number, message: string): void {
  const close = actual === exact || Math.abs(actual - exact) <= tolerance * Math.abs(exact);
  assert(close, `${message}: ${actual} is not within ${tolerance} of ${exact}`);
}

const DISTRIBUTIONS: Record<string, () => number> = {
  uniform: random,
  "uniform from 1000 to 1001": () => 1000 + random(),
  normal,
  "normal around 100": () => 100 + 10 * normal(),
  lognormal: () => Math.exp(normal() * 2 - 4),
  pareto: () => random() ** (-1 / 1.1),
  "pareto without a mean": () => random() ** -5,
  bimodal: () => (random() < 0.5 ? 0.001 + random() * 0.0001 : 10 + random()),
  constant: () => 0.3,
  zero: () => 0,
  negative: () => -Math.exp(normal()),
  "mixed signs over many magnitudes": () => Math.sign(random() - 0.5) * 10 ** (random() * 40 - 20),
  "mostly zero": () => (random() < 0.9 ? 0 : normal()),
  integers: () => Math.floor(random() * 20) - 5,
  "all magnitudes": () => 2 ** (random() * 2096 - 1073),
  subnormal: () => Math.ceil(random() * 300) * Number.MIN_VALUE,
  infinities: () => (random() < 0.2 ? -Infinity : random() < 0.2 ? Infinity : random()),
  "powers of two": () => 2 ** Math.floor(random() * 10),
  huge: () => Number.MAX_VALUE * (1 - random() / 4),
};

for (const [name, draw] of Object.entries(DISTRIBUTIONS)) {
  test(`quantiles are within 2 % of the exact ones: ${name}`, () => {
    for (const size of [1, 2, 3, 10, 101, 20000]) {
      const values = Float64Array.from({ length: size }, draw);
      const estimator = new SlidingQuantiles(WINDOW);
      // All values are in the window, spread over its age buckets.
      values.forEach((value, i) => estimator.observe(value, 1000 + 470 * i / size));
      values.sort();
      const estimates = estimator.quantiles(QUANTILES, 1470);
      const tolerance = name === "subnormal" ? 0.02 : 0.011;
      QUANTILES.forEach((q, i) => {
        assertClose(estimates[i]!, nearestRank(values, q), tolerance, `q ${q} of ${size}`);
      });
    }
  });
}

test("every subnormal value is within 2 %", () => {
  for (let units = 1; units < 300; units++) {
    const value = units * Number.MIN_VALUE;
    const estimator = new SlidingQuantiles(WINDOW);
    for (const v of [-1, value, 1]) estimator.observe(v, 0);
    assertClose(estimator.quantiles([0.5], 0)[0]!, value, 0.02, `${units} units`);
  }
});

test("the smallest and the largest observation, zeros and infinities are exact", () => {
  const estimator = new SlidingQuantiles(WINDOW);
  for (const value of [0.7, -0.3, 0, Infinity]) estimator.observe(value, 0);
  assert.deepEqual(estimator.quantiles([0, 0.5, 1], 0), [-0.3, 0, Infinity]);
  estimator.clear();
  estimator.observe(0.3, 0);
  assert.deepEqual(estimator.quantiles([0, 0.5, 1], 0), [0.3, 0.3, 0.3]);
});

test("quantiles are NaN before the first observation", () => {
  const estimator = new SlidingQuantiles(WINDOW);
  assert.equal(estimator.quantiles([0.5], 0)[0]!, NaN);
  assert.deepEqual(estimator.quantiles([0, 1], 0), [NaN, NaN]);
  assert.deepEqual(estimator.quantiles([], 0), []);
});

test("observations of NaN are ignored", () => {
  const estimator = new SlidingQuantiles(WINDOW);
  estimator.observe(NaN, 0);
  assert.equal(estimator.quantiles([1], 0)[0]!, NaN);
  estimator.observe(1, 0);
  estimator.observe(NaN, 0);
  assert.deepEqual(estimator.quantiles([0, 1], 0), [1, 1]);
});

test("quantiles() keeps the order of its argument", () => {
  const estimator = new SlidingQuantiles(WINDOW);
  for (const value of [1, 2, 3]) estimator.observe(value, 0);
  assert.deepEqual(estimator.quantiles([1, 0, 1], 0), [3, 1, 3]);
});

test("SlidingQuantiles.clear() removes all observations, and counting continues", () => {
  const estimator = new SlidingQuantiles(WINDOW);
  for (let i = 1; i < 100; i++) estimator.observe(1.1 ** i, 0);
  estimator.clear();
  assert.equal(estimator.quantiles([0.5], 0)[0]!, NaN);
  estimator.observe(5, 0);
  assert.equal(estimator.quantiles([0.5], 0)[0]!, 5);
});

test("an observation is dropped after 4 to 5 fifths of the maximum age", () => {
  const table: [observedAt: number, readAt: number, forgotten: boolean][] = [
    [1000, 1000, false],
    [1000, 1099, false],
    [1000, 1100, true],
    [1010, 1099, false],
    [1010, 1100, true],
    [1019, 1099, false],
    [1019, 1100, true],
    [1020, 1119, false],
    [1020, 1120, true],
    [1000, 5000, true],
    [1000, 1e15, true],
  ];
  for (const [observedAt, readAt, forgotten] of table) {
    const estimator = new SlidingQuantiles({ maxAgeSeconds: 100, ageBuckets: 5 });
    estimator.quantiles([0.5], 1000)[0]!; // the first turn begins
    estimator.observe(7, observedAt);
    const expected = forgotten ? NaN : 7;
    assert.equal(
      estimator.quantiles([0.5], readAt)[0]!,
      expected,
      `${observedAt} read at ${readAt}`,
    );
  }
});

test("quantiles include only recent values", () => {
  const estimator = new SlidingQuantiles({ maxAgeSeconds: 100, ageBuckets: 5 });
  for (let now = 0; now < 1000; now++) {
    estimator.observe(now, now);
    const [oldest, newest] = estimator.quantiles([0, 1], now);
    assert.equal(newest, now);
    assert.equal(oldest, Math.max(0, Math.floor(now / 20) * 20 - 80));
  }
});

test("a single age bucket drops all values at the same time", () => {
  const estimator = new SlidingQuantiles({ maxAgeSeconds: 10, ageBuckets: 1 });
  estimator.observe(1, 0);
  estimator.observe(2, 9);
  assert.equal(estimator.quantiles([0], 9)[0]!, 1);
  estimator.observe(3, 10);
  assert.equal(estimator.quantiles([0], 10)[0]!, 3);
});

test("a clock that jumps does not break the window", () => {
  const jumps: Record<string, number[]> = {
    "a little back": [1000, 995, 999, 1001],
    "a day back": [100000, 13600, 13601],
    "a day forward and back": [100000, 186400, 100001],
    "to NaN": [1000, NaN, 1001],
    "to infinity and back": [1000, Infinity, 1001],
    "to minus infinity and back": [1000, -Infinity, 1001],
    "below zero": [10, -1000, -999],
  };
  for (const [name, times] of Object.entries(jumps)) {
    const estimator = new SlidingQuantiles({ maxAgeSeconds: 100, ageBuckets: 5 });
    let now = 0;
    for (now of times) {
      estimator.observe(3, now);
      assert.equal(estimator.quantiles([0.5], now)[0]!, 3, name);
    }
    // After the jumps, old observations expire in time, and new values count.
    for (let i = 1; i <= 140; i++) estimator.observe(8, now + i);
    assert.deepEqual(estimator.quantiles([0, 1], now + 140), [8, 8], name);
    assert.equal(estimator.quantiles([0.5], now + 241)[0]!, NaN, name);
  }
});

test("a small step back of the clock drops nothing", () => {
  const estimator = new SlidingQuantiles({ maxAgeSeconds: 100, ageBuckets: 5 });
  estimator.observe(1, 1000);
  for (let i = 0; i < 50; i++) {
    estimator.observe(2, 1020.5);
    estimator.observe(2, 1019.5);
  }
  assert.equal(estimator.quantiles([0], 1020)[0]!, 1);
});

test("memory is bounded when values cover all magnitudes", () => {
  const estimator = new SlidingQuantiles({ maxAgeSeconds: 100, ageBuckets: 5 });
  const recent: [now: number, value: number][] = [];
  for (let now = 0; now < 3000; now++) {
    const value = 2 ** (now / 2 - 750) * (1 + random());
    estimator.observe(value, now);
    recent.push([now, value]);
    if (now % 37 !== 0) continue;
    const start = Math.floor(now / 20) * 20 - 80;
    const window = recent.filter(([time]) => time >= start).map(([, v]) => v);
    const exact = Float64Array.from(window).sort();
    estimator.quantiles(QUANTILES, now).forEach((estimate, i) => {
      assertClose(
        estimate,
        nearestRank(exact, QUANTILES[i]!),
        0.011,
        `q ${QUANTILES[i]} at ${now}`,
      );
    });
  }
});
