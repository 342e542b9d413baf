import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  gather,
  Gauge,
  generateMetrics,
  MetricFamily,
} from "../../mod.ts";

const ERRORS = "narthex_collector_errors_total";
const labelNames = ["queue"] as const;

/** Functions that fail, by type. */
const FAILING: [type: "counter" | "gauge", how: string, fn: () => unknown][] = [
  ["counter", "throws", () => assert.fail("no")],
  ["counter", "returns a negative number", () => -1],
  ["counter", "returns NaN", () => NaN],
  ["counter", "returns Infinity", () => Infinity],
  ["counter", "returns a string", () => "5"],
  ["gauge", "throws", () => assert.fail("no")],
  ["gauge", "returns a string", () => "5"],
  ["gauge", "returns a promise", () => Promise.resolve(5)],
];
for (const [type, how, fn] of FAILING) {
  test(`a ${type} whose function ${how} loses only that series, and the error is counted`, () => {
    const registry = new CollectorRegistry();
    const metric = type === "counter"
      ? new Counter("m_total", "M.", { labelNames, registry })
      : new Gauge("m_total", "M.", { labelNames, registry });
    metric.labels("good").inc(1);
    // A program without type checks may pass any function.
    metric.labels("bad").setFunction(fn as () => number);
    metric.labels("better").setFunction(() => 3);
    for (let reads = 1; reads <= 2; reads++) {
      const samples = [...gather(registry)].flatMap((family) => [...family.samples])
        .filter(({ name }) => name !== ERRORS);
      assert.deepEqual(samples.map(({ labels, value }) => [labels.queue, value]), [
        ["good", 1],
        ["better", 3],
      ]);
      const errors = [...gather(registry)].find(({ name }) => name === ERRORS);
      const [sample] = errors!.samples;
      assert.deepEqual(sample!.labels, { collector: "m_total", cause: "error" });
    }
    metric.remove("bad");
    const before = registry.getSampleValue(ERRORS, { collector: "m_total", cause: "error" });
    const after = registry.getSampleValue(ERRORS, { collector: "m_total", cause: "error" });
    assert.equal(after, before);
  });
}

test("a function is called once per read", () => {
  const registry = new CollectorRegistry();
  let asked = 0;
  new Gauge("g", "G.", { registry }).setFunction(() => ++asked);
  const families = [...gather(registry)];
  for (let reads = 0; reads < 3; reads++) {
    assert.deepEqual(families.flatMap((family) => [...family.samples]), [
      { name: "g", labels: {}, value: 1 },
    ]);
  }
  assert.equal(asked, 1);
});

for (const how of ["without changes", "with a prefix", "with constant labels"]) {
  test(`functions are called once per read, and a failing one loses only its series, ${how}`, () => {
    const registry = new CollectorRegistry(
      how === "with a prefix"
        ? { prefix: "p" }
        : how === "with constant labels"
        ? { constLabels: { zone: "eu" } }
        : {},
    );
    const gauge = new Gauge("g", "G.", { labelNames, registry });
    gauge.labels("plain").set(7);
    let asked = 0;
    gauge.labels("computed").setFunction(() => ++asked);
    gauge.labels("failing").setFunction(() => assert.fail("no"));
    const [family] = gather(registry);
    for (let reads = 0; reads < 2; reads++) {
      assert.deepEqual([...family!.samples].map(({ labels, value }) => [labels.queue, value]), [
        ["plain", 7],
        ["computed", 1],
      ]);
    }
    const zone = how === "with constant labels" ? { zone: "eu" } : {};
    const errors = how === "with a prefix" ? `p_${ERRORS}` : ERRORS;
    const labels = { collector: "g", cause: "error", ...zone };
    assert.equal(registry.getSampleValue(errors, labels), 2);
    assert.equal(registry.lastErrors().get("g")?.message, "no");
  });
}

test("a family with computed metrics is merged with other families of its name", () => {
  const registry = new CollectorRegistry();
  let asked = 0;
  const gauge = new Gauge("g", "G.", { labelNames, registry });
  gauge.labels("a").set(1);
  gauge.labels("b").setFunction(() => ++asked);
  registry.register({
    collect: () => [
      new MetricFamily("g", "G.", "gauge")
        .addSample("g", { queue: "b" }, 5)
        .addSample("g", { queue: "c" }, 6),
    ],
  });
  assert.equal(
    generateMetrics(registry).split("# HELP narthex")[0],
    `# HELP g G.
# TYPE g gauge
g{queue="a"} 1
g{queue="b"} 1
g{queue="c"} 6
`,
  );
  assert.equal(asked, 1);
});

test("the value of a counter's function may decrease", () => {
  const registry = new CollectorRegistry();
  let value = 5;
  new Counter("c_total", "C.", { registry }).setFunction(() => value);
  assert.equal(registry.getSampleValue("c_total"), 5);
  value = 2;
  assert.equal(registry.getSampleValue("c_total"), 2);
});

test("a function that returns a rejected promise loses only its series", async () => {
  const unheard: unknown[] = [];
  const listener = (reason: unknown) => void unheard.push(reason);
  process.on("unhandledRejection", listener);
  const fn = () => Promise.reject(new Error("no")) as unknown as number;
  const registry = new CollectorRegistry();
  new Gauge("g", "G.", { registry }).setFunction(fn);
  new Counter("c_total", "C.", { registry }).setFunction(fn);
  assert.equal(registry.getSampleValue("g"), undefined);
  await new Promise((resolve) => setTimeout(resolve, 0));
  process.off("unhandledRejection", listener);
  assert.deepEqual(unheard, []);
});
