import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as here from "../../mod.ts";
import { copyLibrary, type LibraryCopy } from "../support/library_copy.ts";

let copy: LibraryCopy;
let there: typeof here;

before(async () => {
  copy = await copyLibrary();
  there = await import(copy.url);
});

after(async () => {
  await copy[Symbol.asyncDispose]();
});

test("two copies of the package have their own classes, but share the default registry", () => {
  assert.notEqual(there.Counter, here.Counter);
  assert.notEqual(there.MetricFamily, here.MetricFamily);
  assert.equal(there.REGISTRY, here.REGISTRY);
});

test("metrics of one copy are collected by the other, in every format", async () => {
  const [mine, theirs] = [new here.CollectorRegistry(), new here.CollectorRegistry()];
  for (
    const [{ Counter, Gauge, Histogram, Info, StateSet, Summary }, registry] of [[here, mine], [
      there,
      theirs,
    ]] as const
  ) {
    const clock = { now: () => 1000, monotonic: () => 0 };
    const options = { registry, labelNames: ["l"], clock } as const;
    new Counter("c_total", "C.", options).labels("v").inc(2, { trace_id: "t" });
    new Gauge("g", "G.", options).labels("v").set(-0.5);
    new Gauge("f", "F.", options).labels("v").setFunction(() => 7);
    new Histogram("h", "H.", { ...options, buckets: [1], nativeHistogram: true })
      .labels("v").observe(0.5, { trace_id: "t" });
    new Summary("s", "S.", { ...options, quantiles: [0.5] }).labels("v").observe(3);
    new Info("i", "I.", options).labels("v").info({ version: "1" });
    new StateSet("m", "M.", { ...options, states: ["on", "off"] }).labels("v").state("off");
  }
  const text = here.generateMetrics(mine);
  assert.equal(here.generateMetrics(theirs), text);
  assert.equal(there.generateMetrics(theirs), text);
  assert.equal(there.generateMetrics(mine), text);
  assert.equal(await here.generateMetricsAsync(theirs), text);
  const openMetrics = here.generateOpenMetrics(mine);
  assert.equal(here.generateOpenMetrics(theirs), openMetrics);
  assert.equal(there.generateOpenMetrics(mine), openMetrics);
  assert.deepEqual(here.generateProtobuf(theirs), here.generateProtobuf(mine));
  assert.deepEqual(there.generateProtobuf(mine), here.generateProtobuf(mine));
  assert.equal(theirs.getSampleValue("h_count", { l: "v" }), 1);
});

test("a registry of one copy holds metrics of the other, with prefix and constant labels", () => {
  const registry = new there.CollectorRegistry({ prefix: "app", constLabels: { region: "eu" } });
  new here.Counter("c_total", "C.", { registry }).inc();
  assert.match(here.generateMetrics(registry), /^app_c_total\{region="eu"\} 1$/m);
  const view = registry.restrictedRegistry(["app_c_total"]);
  assert.match(here.generateMetrics(view), /^app_c_total\{region="eu"\} 1$/m);
  here.REGISTRY.setRegistry(registry);
  try {
    new here.Gauge("g", "G.");
    assert.equal(there.REGISTRY.getSampleValue("app_g", { region: "eu" }), 0);
  } finally {
    here.REGISTRY.setRegistry(new here.CollectorRegistry(), { collectors: "leave" });
  }
});

test("names are claimed across copies", () => {
  const registry = new here.CollectorRegistry();
  const existing = new there.Summary("s", "S.", { registry });
  assert.throws(
    () => new here.Counter("s_count", "C.", { registry }),
    (error) => error instanceof here.DuplicateMetricError && error.existing === existing,
  );
});

test('onDuplicate "reuse" reuses across copies', () => {
  const registry = new here.CollectorRegistry({ onDuplicate: "reuse" });
  const options = { registry, labelNames: ["l"] } as const;
  const first = new there.Counter("c_total", "C.", options);
  first.labels("v").inc();
  const second = new here.Counter("c_total", "C.", options);
  second.labels("v").inc();
  assert.equal(second as unknown, first);
  assert.equal(registry.getSampleValue("c_total", { l: "v" }), 2);
  assert.throws(
    () => new here.Counter("c_total", "Other.", options),
    here.DuplicateMetricError,
  );
});

test("families of both copies are merged", () => {
  const registry = new here.CollectorRegistry();
  registry.register({
    collect: () =>
      [here, there].map(({ MetricFamily }, n) =>
        new MetricFamily("m", "M.", "gauge").addSample("m", { n }, n)
      ),
  });
  assert.match(here.generateMetrics(registry), /^m\{n="0"\} 0\nm\{n="1"\} 1$/m);
});

test("setRegistry() moves metrics of modules that were imported earlier", async () => {
  const former = here.REGISTRY.getRegistry();
  await copy.write(
    "setup.ts",
    `import { CollectorRegistry, REGISTRY } from "./mod.ts";
REGISTRY.setRegistry(new CollectorRegistry({ prefix: "app" }));
`,
  );
  await copy.write(
    "early.ts",
    `import { Counter } from "./mod.ts";
export const early = new Counter("early_total", "Registered before the exchange.");
`,
  );
  await copy.write(
    "late.ts",
    `import { Counter } from "./mod.ts";
export const late = new Counter("late_total", "Registered after the exchange.");
`,
  );
  const main = await copy.write(
    "main.ts",
    `import { early } from "./early.ts";
import "./setup.ts";
import { late } from "./late.ts";
export { early, late };
`,
  );
  try {
    const { early, late } = await import(main);
    early.inc();
    late.inc();
    assert.equal(here.REGISTRY.prefix, "app");
    assert.equal(here.REGISTRY.getSampleValue("app_late_total"), 1);
    assert.equal(here.REGISTRY.getSampleValue("app_early_total"), 1);
    assert.doesNotMatch(here.generateMetrics(former), /early_total/);
    here.REGISTRY.unregister(early);
    here.REGISTRY.unregister(late);
  } finally {
    here.REGISTRY.setRegistry(former);
  }
});
