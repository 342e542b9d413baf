import assert from "node:assert/strict";
import { test } from "node:test";
import { Summary } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;

test("a summary without labels is exposed from its creation, at 0 and without quantiles", () => {
  const summary = new Summary("s", "S.", { registry });
  assert.deepEqual(seriesOf(summary), ["s_sum 0", "s_count 0"]);
  assert.deepEqual(summary.labels().quantiles, []);
  assert.deepEqual(summary.labels().quantileValues(), []);
});

test("Summary.observe() counts and sums", () => {
  const summary = new Summary("s", "S.", { labelNames: ["a"], registry });
  for (const value of [1, -3, 0.5]) summary.labels("x").observe(value);
  assert.deepEqual(seriesOf(summary), ['s_sum{a="x"} -1.5', 's_count{a="x"} 3']);
});

for (const quantiles of [[], [0.5]]) {
  test(`Summary.observe() throws on a value that is not a number, with ${quantiles.length} quantiles`, () => {
    const summary = new Summary("s", "S.", { quantiles, registry });
    summary.observe(2);
    for (const [value, spelled] of [["5", '"5"'], [1n, "1n"], [null, "null"], [{}, "{}"]]) {
      assert.throws(() => summary.observe(value as number), {
        name: "TypeError",
        message: `Cannot observe summary "s": value must be a number: received ${spelled}`,
      });
    }
    const { count, sum } = summary.labels();
    assert.deepEqual([count, sum, ...summary.labels().quantileValues()], [
      1,
      2,
      ...quantiles.map(() => 2),
    ]);
  });
}

for (const value of [NaN, Infinity, -Infinity]) {
  test(`Summary.observe(${value}) throws and counts nothing`, () => {
    for (const quantiles of [[], [0, 1]]) {
      const summary = new Summary("s", "S.", { quantiles, registry });
      summary.observe(5);
      assert.throws(() => summary.observe(value), {
        name: "RangeError",
        message: `Cannot observe summary "s": value must be finite: received ${value}`,
      });
      const child = summary.labels();
      assert.deepEqual([child.count, child.sum], [1, 5]);
      assert.deepEqual(child.quantileValues(), quantiles.map(() => 5));
    }
  });
}

test("quantiles are within 2 % of the exact ones", () => {
  const quantiles = [0, 0.25, 0.5, 0.9, 0.99, 1];
  const summary = new Summary("s", "S.", { quantiles, clock: new ManualClock(), registry });
  // Every number from 1 to 1000 once, unsorted.
  for (let i = 0; i < 1000; i++) summary.observe((i * 619) % 1000 + 1);
  const child = summary.labels();
  assert.deepEqual(child.quantiles, quantiles);
  child.quantileValues().forEach((value, i) => {
    const exact = Math.max(1, quantiles[i]! * 1000);
    assert(Math.abs(value - exact) <= 0.02 * exact, `quantile ${quantiles[i]}: ${value}`);
  });
  assert.deepEqual(
    [...summary.collect()[0]!.samples].map(({ labels }) => labels.quantile),
    ["0", "0.25", "0.5", "0.9", "0.99", "1", undefined, undefined],
  );
});

test("quantiles forget values older than the window, but count and sum keep them", () => {
  const clock = new ManualClock();
  const summary = new Summary("s", "S.", {
    quantiles: [1],
    maxAgeSeconds: 60,
    ageBuckets: 3,
    clock,
    registry,
  });
  summary.observe(9);
  clock.advance(39);
  summary.observe(4);
  assert.deepEqual(seriesOf(summary), ['s{quantile="1"} 9', "s_sum 13", "s_count 2"]);
  clock.advance(30);
  assert.deepEqual(seriesOf(summary), ['s{quantile="1"} 4', "s_sum 13", "s_count 2"]);
  clock.advance(60);
  assert.deepEqual(seriesOf(summary), ['s{quantile="1"} NaN', "s_sum 13", "s_count 2"]);
});

test("the window is 10 minutes by default", () => {
  const clock = new ManualClock();
  const summary = new Summary("s", "S.", { quantiles: [0.5], clock, registry });
  summary.observe(3);
  clock.advance(479);
  assert.deepEqual(summary.labels().quantileValues(), [3]);
  clock.advance(122);
  assert.deepEqual(summary.labels().quantileValues(), [NaN]);
});

test("Summary.clear() sets a summary without labels to 0", () => {
  const summary = new Summary("s", "S.", { quantiles: [0.5], registry });
  summary.observe(3);
  summary.clear();
  assert.deepEqual(seriesOf(summary), ['s{quantile="0.5"} NaN', "s_sum 0", "s_count 0"]);
});

test("quantiles are copied", () => {
  const quantiles = [0.5];
  const summary = new Summary("s", "S.", { quantiles, registry });
  quantiles.push(2);
  assert.deepEqual(summary.labels().quantiles, [0.5]);
});

const RULE = "quantiles must be from 0 to 1 and strictly increasing";
const ILLEGAL: [options: Record<string, unknown>, name: string, rule: string][] = [
  [{ quantiles: [1.1] }, "RangeError", `${RULE}: received [1.1]`],
  [{ quantiles: [-0.1] }, "RangeError", `${RULE}: received [-0.1]`],
  [{ quantiles: [NaN] }, "RangeError", `${RULE}: received [NaN]`],
  [{ quantiles: [0.9, 0.5] }, "RangeError", `${RULE}: received [0.9, 0.5]`],
  [{ quantiles: [0.5, 0.5] }, "RangeError", `${RULE}: received [0.5, 0.5]`],
  [{ quantiles: ["0.5"] }, "TypeError", 'quantiles must be numbers: received "0.5"'],
  [{ quantiles: 0.5 }, "TypeError", "quantiles must be an array: received 0.5"],
  [{ maxAgeSeconds: 0 }, "RangeError", "maxAgeSeconds must be a positive number: received 0"],
  [
    { maxAgeSeconds: Infinity },
    "RangeError",
    "maxAgeSeconds must be a positive number: received Infinity",
  ],
  [{ maxAgeSeconds: "60" }, "TypeError", 'maxAgeSeconds must be a number: received "60"'],
  [{ ageBuckets: 0 }, "RangeError", "ageBuckets must be a positive integer: received 0"],
  [{ ageBuckets: 1.5 }, "RangeError", "ageBuckets must be a positive integer: received 1.5"],
];
for (const [options, name, rule] of ILLEGAL) {
  test(`a summary is refused: ${rule}`, () => {
    assert.throws(() => new Summary("s", "S.", { ...options, registry }), {
      name,
      message: `Cannot create summary "s": ${rule}`,
    });
  });
}

test("a summary with labels throws when it is observed directly", () => {
  const loose = new Summary("s", "S.", { labelNames: ["a"], registry }) as unknown as Summary;
  for (const use of [() => loose.observe(1), () => loose.time(() => {}), () => loose.wrap]) {
    assert.throws(use, {
      name: "UnobservableMetricError",
      message: 'Cannot observe summary "s": labels are missing: "a"',
    });
  }
});
