import assert from "node:assert/strict";
import { test } from "node:test";
import { type HistogramMetric, MetricFamily, type NativeHistogram } from "../../model.ts";

const nativeHistogram: NativeHistogram = {
  schema: 0,
  zeroThreshold: 0,
  zeroCount: 1,
  positive: new Map([[0, 2]]),
  negative: new Map(),
  sum: 2.5,
  count: 3,
};

type Add = (family: MetricFamily) => MetricFamily;
const addNative: Add = (family) => family.addSample("h", {}, 0, { nativeHistogram });
const addParts: Add = (family) =>
  family.addSample("h_bucket", { le: "+Inf" }, 3).addSample("h_sum", {}, 2.5)
    .addSample("h_count", {}, 3);

const CASES: { name: string; order: Add[] }[] = [
  { name: "the native histogram comes first", order: [addNative, addParts] },
  { name: "the native histogram comes last", order: [addParts, addNative] },
  { name: "the native histogram comes alone", order: [addNative] },
];

for (const { name, order } of CASES) {
  test(`a native histogram and its classic samples are one metric: ${name}`, () => {
    const family = order.reduce(
      (family, add) => add(family),
      new MetricFamily("h", "", "histogram"),
    );
    // The family's type is histogram.
    const metrics = [...family.metrics as Iterable<HistogramMetric>];
    assert.equal(metrics.length, 1);
    assert.deepEqual(metrics[0]!.native, nativeHistogram);
    assert.deepEqual([...family.samples], [
      { name: "h_bucket", labels: { le: "+Inf" }, value: 3 },
      { name: "h_sum", labels: {}, value: 2.5 },
      { name: "h_count", labels: {}, value: 3 },
    ]);
  });
}

test("a repeated sample of a native histogram starts another metric", () => {
  const family = addNative(addParts(new MetricFamily("h", "", "histogram")))
    .addSample("h_count", {}, 4);
  assert.equal([...family.metrics].length, 2);
});
