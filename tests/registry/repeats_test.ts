import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  Gauge,
  generateMetrics,
  MetricFamily,
} from "../../mod.ts";

const ERRORS = "narthex_collector_errors_total";

function withCollectors(...collectors: Collector[]): CollectorRegistry {
  const registry = new CollectorRegistry();
  for (const collector of collectors) registry.register(collector);
  return registry;
}

function linesOf(registry: CollectorRegistry, name: string): string[] {
  return generateMetrics(registry).split("\n").filter((line) => line.startsWith(name));
}

const EMPTY: [what: string, samples: [Record<string, string>, number][]][] = [
  ["before", [[{ a: "" }, 1], [{}, 2]]],
  ["after", [[{}, 1], [{ a: "" }, 2]]],
  ["beside others", [[{ a: "", b: "x" }, 1], [{ b: "x" }, 2]]],
  ["several", [[{ a: "", b: "" }, 1], [{}, 2]]],
];

for (const [what, samples] of EMPTY) {
  test(`a label with an empty value equals an absent label: ${what}`, () => {
    const family = new MetricFamily("m", "M.", "gauge");
    for (const [labels, value] of samples) family.addSample("m", labels, value);
    const registry = withCollectors({ collect: () => [family] });
    assert.deepEqual(linesOf(registry, "m").map((line) => line.split(" ").at(-1)), ["1"]);
    assert.equal(registry.getSampleValue(ERRORS, { collector: "m", cause: "duplicate" }), 2);
    assert.match(registry.lastErrors().get("m")?.message ?? "", /series \{.*\} is there already/);
  });
}

test("a label with an empty value equals an absent label across families of one name", () => {
  const gauge = new Gauge("m", "M.", { labelNames: ["a"], registry: null });
  gauge.labels("").set(1);
  const registry = withCollectors(gauge, {
    collect: () => [new MetricFamily("m", "M.", "gauge").addSample("m", {}, 2)],
  });
  assert.deepEqual(linesOf(registry, "m"), ['m{a=""} 1']);
  assert.equal(registry.getSampleValue(ERRORS, { collector: "m", cause: "duplicate" }), 2);
});

test("parts of a histogram with and without an empty label are duplicates", () => {
  const family = new MetricFamily("h", "H.", "histogram")
    .addSample("h_count", { a: "" }, 1)
    .addSample("h_count", {}, 2);
  const registry = withCollectors({ collect: () => [family] });
  assert.deepEqual(linesOf(registry, "h_count"), ['h_count{a=""} 1']);
  assert.equal(registry.getSampleValue(ERRORS, { collector: "h", cause: "duplicate" }), 2);
});
