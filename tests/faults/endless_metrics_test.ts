import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  gather,
  Gauge,
  generateMetrics,
  type Metric,
  MetricFamily,
} from "../../mod.ts";
import { type LiveMetrics, TRUSTED } from "../../model.ts";

/** Creates endless metrics. */
function endless(create: (n: number) => Metric): { metrics: Iterable<Metric>; walked(): number } {
  let walked = 0;
  const metrics = {
    *[Symbol.iterator](): Generator<Metric> {
      for (let n = 0;; n++) {
        walked++;
        yield create(n);
      }
    },
  };
  return { metrics, walked: () => walked };
}

const SAME: Metric = { labelNames: [], labelValues: [], value: 1 };

for (const how of ["as they are", "with constant labels"]) {
  test(`endless metrics are cut off and counted, including duplicates, ${how}`, () => {
    const registry = new CollectorRegistry(
      how === "as they are" ? {} : { constLabels: { zone: "eu" } },
    );
    const { metrics, walked } = endless(() => SAME);
    registry.register({
      collect: () => [new MetricFamily("m", "M.", "gauge", { metrics })],
    });
    new Gauge("after", "A.", { registry }).set(1);
    const lines = generateMetrics(registry).split("\n").filter((line) => !line.startsWith("#"));
    const zone = how === "as they are" ? "" : '{zone="eu"}';
    assert.deepEqual(lines.slice(0, 2), [`m${zone} 1`, `after${zone} 1`]);
    assert.equal(walked(), 1_000_001);
    assert.ok(
      lines.some((line) => /collector="m",cause="duplicate"\} 999999$/.test(line)),
      `${lines}`,
    );
    assert.ok(lines.some((line) => /collector="m",cause="error"\} 1$/.test(line)), `${lines}`);
  });
}

test("a metric's own series are never cut off, even if they have to be checked", () => {
  const own: LiveMetrics = {
    // The mark of library metrics whose values come from a function of the program.
    [TRUSTED]: undefined,
    *[Symbol.iterator](): Generator<Metric> {
      for (let n = 0; n <= 1_000_000; n++) {
        yield { ...SAME, labelNames: ["n"], labelValues: [`${n}`] };
      }
    },
  };
  const registry = new CollectorRegistry();
  registry.register({
    collect: () => [new MetricFamily("m", "M.", "gauge", { metrics: own })],
  });
  const [family] = gather(registry);
  let count = 0;
  for (const _ of family!.metrics) count++;
  assert.equal(count, 1_000_001);
  assert.equal(registry.lastErrors().size, 0);
});
