import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  gather,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
} from "../../mod.ts";

const OVERFLOWS = "narthex_series_overflow_total";

/** Creates a counter without room for series, and looks up the given number of label sets. */
function createFull(registry: CollectorRegistry, times: number): Counter<readonly ["a"]> {
  const counter = new Counter("c_total", "C.", { labelNames: ["a"], maxSeries: 0, registry });
  for (let i = 0; i < times; i++) counter.labels(i);
  return counter;
}

test("the metrics' own counts are in every format and every kind of read", async () => {
  const registry = new CollectorRegistry();
  createFull(registry, 3);
  const help = "Look-ups of label sets for which the metric had no room.";
  const text = `# HELP ${OVERFLOWS} ${help}\n# TYPE ${OVERFLOWS} counter\n` +
    `${OVERFLOWS}{metric="c_total"} 3\n`;
  assert(generateMetrics(registry).endsWith(text));
  assert((await generateMetricsAsync(registry)).endsWith(text));
  assert.match(generateOpenMetrics(registry), /^narthex_series_overflow_total{.*} 3$/m);
  assert.equal(registry.getSampleValue(OVERFLOWS, { metric: "c_total" }), 3);
});

test("a view of these counts alone includes all metrics", () => {
  const registry = new CollectorRegistry({ prefix: "app" });
  createFull(registry, 3);
  const [family, ...others] = gather(registry.restrictedRegistry([`app_${OVERFLOWS}`]));
  assert.deepEqual(others, []);
  assert.deepEqual([...family!.samples], [
    { name: `app_${OVERFLOWS}`, labels: { metric: "app_c_total" }, value: 3 },
  ]);
});

test("the names of these counts are always claimed", () => {
  for (const name of [OVERFLOWS, "narthex_exemplar_errors_total"]) {
    const registry = new CollectorRegistry();
    assert.throws(() => new Counter(name, "C.", { registry }), { name: "DuplicateMetricError" });
    registry.clear();
    assert.throws(() => new Counter(name, "C.", { registry }), { name: "DuplicateMetricError" });
  }
});
