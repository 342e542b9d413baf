import assert from "node:assert/strict";
import { test } from "node:test";
import { type Exemplar, Histogram, type HistogramOptions } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;

const REFUSED: [value: unknown, spelled: string][] = [
  ["5", '"5"'],
  [undefined, "undefined"],
  [null, "null"],
  [1n, "1n"],
  [{}, "{}"],
];
const KINDS: Record<string, HistogramOptions<[]>> = {
  classic: { buckets: [1, 2] },
  native: { nativeHistogram: true },
  "classic and native": { buckets: [1, 2], nativeHistogram: {} },
};

for (const [kind, options] of Object.entries(KINDS)) {
  test(`Histogram.observe() throws on a value that is not a number: ${kind}`, () => {
    const histogram = new Histogram("h", "H.", { ...options, registry });
    histogram.observe(1);
    for (const [value, spelled] of REFUSED) {
      assert.throws(() => histogram.observe(value as number), {
        name: "TypeError",
        message: `Cannot observe histogram "h": value must be a number: received ${spelled}`,
      });
    }
    const { count, sum, native } = histogram.labels();
    assert.deepEqual([count, sum, native?.count ?? 1], [1, 1, 1]);
  });

  for (const value of [NaN, Infinity, -Infinity]) {
    test(`Histogram.observe(${value}) throws and counts nothing: ${kind}`, () => {
      const histogram = new Histogram("h", "H.", { ...options, registry });
      const error = {
        name: "RangeError",
        message: `Cannot observe histogram "h": value must be finite: received ${value}`,
      };
      histogram.observe(1);
      assert.throws(() => histogram.observe(value), error);
      assert.throws(() => histogram.observe(value, { trace: "a" }), error);
      const { count, sum, native, exemplars, nativeExemplars } = histogram.labels();
      assert.deepEqual([count, sum, native?.count ?? 1], [1, 1, 1]);
      assert.deepEqual([exemplars, nativeExemplars], [undefined, undefined]);
    });
  }

  test(`Histogram.clear() sets a histogram without labels to 0: ${kind}`, () => {
    const clock = new ManualClock();
    const histogram = new Histogram("h", "H.", { ...options, clock, registry });
    histogram.observe(1, { trace: "a" });
    clock.advance(5);
    histogram.clear();
    const child = histogram.labels();
    assert.deepEqual([child.count, child.sum, child.native?.count ?? 0], [0, 0, 0]);
    assert.equal(child.exemplars, undefined);
    assert.equal(child.nativeExemplars, undefined);
    assert.equal(child.created, clock.now());
    histogram.observe(2);
    assert.deepEqual([child.count, child.sum, child.native?.count ?? 1], [1, 2, 1]);
  });
}

test("a histogram without labels is exposed from its creation, at 0", () => {
  assert.deepEqual(seriesOf(new Histogram("h", "H.", { buckets: [1], registry })), [
    'h_bucket{le="1"} 0',
    'h_bucket{le="+Inf"} 0',
    "h_sum 0",
    "h_count 0",
  ]);
});

test("a value counts in the first bucket whose bound is not below it", () => {
  const histogram = new Histogram("h", "H.", { buckets: [-1, 0, 1.5], registry });
  for (const value of [-2, -1, -0.5, 0, -0, 1.5, 1.5000001, Number.MAX_VALUE]) {
    histogram.observe(value);
  }
  assert.deepEqual(histogram.labels().cumulativeCounts(), [2, 5, 6, 8]);
  histogram.observe(-Number.MAX_VALUE);
  assert.deepEqual(histogram.labels().cumulativeCounts(), [3, 6, 7, 9]);
});

test("finds the right bucket of any number of buckets", () => {
  for (const size of [0, 1, 2, 15, 16, 17, 31, 32, 33, 100, 255, 256, 1000]) {
    const buckets = Array.from({ length: size }, (_, i) => i);
    const child = new Histogram("h", "H.", { buckets, registry }).labels();
    for (let i = 0; i < size; i++) {
      child.observe(i);
      child.observe(i - 0.5);
    }
    child.observe(size);
    const expected = [...buckets.map((i) => 2 * (i + 1)), 2 * size + 1];
    assert.deepEqual(child.cumulativeCounts(), expected, `${size} buckets`);
  }
});

test("cumulativeCounts() overwrites the given array", () => {
  const child = new Histogram("h", "H.", { buckets: [1], registry }).labels();
  child.observe(0);
  child.observe(5);
  const into = [7, 7, 7, 7];
  assert.equal(child.cumulativeCounts(into), into);
  assert.deepEqual(into, [1, 2]);
  assert.notEqual(child.cumulativeCounts(), child.cumulativeCounts());
});

test("a histogram with buckets: [] has only the +Inf bucket", () => {
  const histogram = new Histogram("h", "H.", { buckets: [], registry });
  histogram.observe(5);
  assert.deepEqual(seriesOf(histogram), ['h_bucket{le="+Inf"} 1', "h_sum 5", "h_count 1"]);
  assert.equal(histogram.labels().native, undefined);
});

test("a native histogram has no classic buckets by default", () => {
  const alone = new Histogram("h", "H.", { nativeHistogram: { bucketFactor: 2 }, registry });
  const beside = new Histogram("h", "H.", {
    buckets: [1],
    nativeHistogram: { bucketFactor: 2 },
    registry,
  });
  for (const histogram of [alone, beside]) {
    for (const value of [0, 1, 1.5, -3]) histogram.observe(value);
    const { native } = histogram.labels();
    assert.deepEqual(native, {
      schema: 0,
      zeroThreshold: 2 ** -128,
      zeroCount: 1,
      positive: new Map([[0, 1], [1, 1]]),
      negative: new Map([[2, 1]]),
      sum: -0.5,
      count: 4,
    });
  }
  assert.deepEqual(seriesOf(alone), ['h_bucket{le="+Inf"} 4', "h_sum -0.5", "h_count 4"]);
  assert.deepEqual(seriesOf(beside), [
    'h_bucket{le="1"} 3',
    'h_bucket{le="+Inf"} 4',
    "h_sum -0.5",
    "h_count 4",
  ]);
});

test("native is a copy", () => {
  const child = new Histogram("h", "H.", { nativeHistogram: true, registry }).labels();
  child.observe(1);
  const before = child.native!;
  child.observe(2);
  assert.deepEqual([before.count, before.sum, [...before.positive]], [1, 1, [[0, 1]]]);
  assert.deepEqual([...child.native!.positive], [[0, 1], [8, 1]]);
});

test("each series has its own native histogram", () => {
  const histogram = new Histogram("h", "H.", {
    labelNames: ["path"],
    nativeHistogram: true,
    registry,
  });
  histogram.labels("a").observe(1);
  histogram.labels("b").observe(2);
  histogram.labels("b").observe(3);
  assert.equal(histogram.labels("a").native?.count, 1);
  assert.equal(histogram.labels("b").native?.count, 2);
});

test("nativeHistogram: false creates no native histogram", () => {
  const histogram = new Histogram("h", "H.", { nativeHistogram: false, registry });
  assert.equal(histogram.labels().native, undefined);
  assert.equal(histogram.labels().bounds.length, 11);
});

test("a native histogram that is reset to save buckets resets its classic buckets", () => {
  const clock = new ManualClock();
  const histogram = new Histogram("h", "H.", {
    buckets: [10],
    nativeHistogram: { bucketFactor: 2, maxBuckets: 2, minResetDurationSeconds: 60 },
    clock,
    registry,
  });
  for (const value of [1, 2]) histogram.observe(value, { trace: "a" });
  clock.advance(61);
  histogram.observe(100);
  const child = histogram.labels();
  assert.equal(child.native?.count, 1);
  assert.equal(child.count, 1);
  assert.equal(child.sum, 100);
  assert.equal(child.exemplars, undefined);
  assert.deepEqual(child.cumulativeCounts(), [0, 1]);
  assert.equal(child.created, clock.now());
});

test("a reset of a native histogram does not reset other series", () => {
  const clock = new ManualClock();
  const histogram = new Histogram("h", "H.", {
    labelNames: ["a"],
    buckets: [10],
    nativeHistogram: { bucketFactor: 2, maxBuckets: 2, minResetDurationSeconds: 60 },
    clock,
    registry,
  });
  for (const a of ["x", "y", "z"]) for (const value of [1, 20]) histogram.labels(a).observe(value);
  clock.advance(61);
  histogram.labels("y").observe(500);
  for (
    const [a, counts, sum] of [["x", [1, 2], 21], ["y", [0, 1], 500], ["z", [1, 2], 21]] as const
  ) {
    const child = histogram.labels(a);
    assert.deepEqual([child.cumulativeCounts(), child.sum], [counts, sum], a);
  }
});

test("the options of a native histogram are copied", () => {
  const options = { bucketFactor: 2 };
  const histogram = new Histogram("h", "H.", {
    labelNames: ["path"],
    nativeHistogram: options,
    registry,
  });
  options.bucketFactor = 1.01;
  assert.equal(histogram.labels("a").native?.schema, 0);
});

const BAD_NATIVE: [options: unknown, name: string, reason: string][] = [
  [5, "TypeError", "nativeHistogram must be an object or true: received 5"],
  ["yes", "TypeError", 'nativeHistogram must be an object or true: received "yes"'],
  [null, "TypeError", "nativeHistogram must be an object or true: received null"],
  [[], "TypeError", "nativeHistogram must be an object or true: received []"],
  [
    { bucketFactor: 1 },
    "RangeError",
    "nativeHistogram: bucketFactor must be greater than 1: received 1",
  ],
  [
    { bucketFactor: "2" },
    "TypeError",
    'nativeHistogram: bucketFactor must be a number: received "2"',
  ],
  [
    { buckets: 10 },
    "TypeError",
    'nativeHistogram: unknown option "buckets": known options are "bucketFactor", "maxBuckets", ' +
    '"zeroThreshold", "maxZeroThreshold", "minResetDurationSeconds"',
  ],
  [
    { maxBuckets: -1 },
    "RangeError",
    "nativeHistogram: maxBuckets must be an integer >= 0: received -1",
  ],
  [
    { zeroThreshold: NaN },
    "RangeError",
    "nativeHistogram: zeroThreshold must be finite and >= 0: received NaN",
  ],
];
for (const [options, name, reason] of BAD_NATIVE) {
  test(`a native histogram is refused: ${reason}`, () => {
    const create = () =>
      new Histogram("h", "H.", {
        nativeHistogram: options as boolean,
        labelNames: ["a"],
        registry,
      });
    assert.throws(create, { name, message: `Cannot create histogram "h": ${reason}` });
  });
}

test("each bucket keeps its last exemplar", () => {
  const clock = new ManualClock(100);
  const histogram = new Histogram("h", "H.", { buckets: [1, 2], clock, registry });
  histogram.observe(0.5);
  assert.equal(histogram.labels().exemplars, undefined);
  histogram.observe(0.6, { trace: "a" });
  clock.advance(1);
  histogram.observe(0.7, { trace: "b" });
  histogram.observe(3, { trace: "c" });
  assert.deepEqual(histogram.labels().exemplars, [
    { labels: { trace: "b" }, value: 0.7, timestamp: 101 },
    undefined,
    { labels: { trace: "c" }, value: 3, timestamp: 101 },
  ]);
  assert.equal(histogram.labels().nativeExemplars, undefined);
});

test("a native histogram keeps exemplars by value", () => {
  const clock = new ManualClock(100);
  const histogram = new Histogram("h", "H.", { nativeHistogram: true, clock, registry });
  assert.equal(histogram.labels().nativeExemplars, undefined);
  histogram.observe(3, { trace: "b" });
  histogram.observe(1, { trace: "a" });
  const expected: Exemplar[] = [
    { labels: { trace: "a" }, value: 1, timestamp: 100 },
    { labels: { trace: "b" }, value: 3, timestamp: 100 },
  ];
  assert.deepEqual(histogram.labels().nativeExemplars, expected);
});

test("a histogram with labels throws when it is observed directly", () => {
  const histogram = new Histogram("h", "H.", { labelNames: ["path"], registry });
  const loose = histogram as unknown as Histogram;
  const uses = [
    () => loose.observe(1),
    () => loose.time(() => {}),
    () => loose.wrap,
  ];
  for (const use of uses) {
    assert.throws(use, {
      name: "UnobservableMetricError",
      message: 'Cannot observe histogram "h": labels are missing: "path"',
    });
  }
  assert.deepEqual(seriesOf(histogram), []);
});
