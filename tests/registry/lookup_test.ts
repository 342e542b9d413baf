import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  DuplicateMetricError,
  Gauge,
  generateMetrics,
  generateOpenMetrics,
  Histogram,
  Info,
  type LabelValue,
  MetricFamily,
  StateSet,
  Summary,
} from "../../mod.ts";

function build(): CollectorRegistry {
  const registry = new CollectorRegistry({ prefix: "app", constLabels: { region: "eu" } });
  const labelNames = ["method", "code"] as const;
  new Counter("c_total", "C.", { registry, labelNames }).labels("GET", 200).inc(3);
  new Histogram("h", "H.", { registry, buckets: [0.5, 1, 1e6] }).observe(1);
  new Summary("s", "S.", { registry, quantiles: [0.99] }).observe(2);
  new Info("i", "I.", { registry }).info({ version: "1.2" });
  new StateSet("mode", "M.", { registry, states: ["on", "off"] }).state("off");
  new Gauge("unlabelled", "U.", { registry }).set(-1);
  return registry;
}

const LOOKUPS: [name: string, labels: Record<string, LabelValue>, value: number | undefined][] = [
  ["app_c_total", { region: "eu", method: "GET", code: "200" }, 3],
  ["app_c_total", { code: 200, method: "GET", region: "eu" }, 3],
  ["app_c_total", { region: "eu", method: "GET" }, undefined],
  ["app_c_total", { region: "eu", method: "GET", code: 200, more: 1 }, undefined],
  ["app_c_total", { region: "us", method: "GET", code: 200 }, undefined],
  ["app_c", { region: "eu", method: "GET", code: 200 }, undefined],
  ["c_total", { region: "eu", method: "GET", code: 200 }, undefined],
  ["app_h_bucket", { region: "eu", le: "0.5" }, 0],
  ["app_h_bucket", { region: "eu", le: 1 }, 1],
  ["app_h_bucket", { region: "eu", le: "1e+06" }, 1],
  ["app_h_bucket", { region: "eu", le: "+Inf" }, 1],
  ["app_h_bucket", { region: "eu", le: "1.0" }, undefined],
  ["app_h_sum", { region: "eu" }, 1],
  ["app_h_count", { region: "eu" }, 1],
  ["app_h", { region: "eu" }, undefined],
  ["app_s", { region: "eu", quantile: 0.99 }, 2],
  ["app_s_count", { region: "eu" }, 1],
  ["app_i_info", { region: "eu", version: "1.2" }, 1],
  ["app_mode", { region: "eu", app_mode: "off" }, 1],
  ["app_mode", { region: "eu", app_mode: "on" }, 0],
  ["app_mode", { region: "eu", mode: "on" }, undefined],
  ["app_unlabelled", { region: "eu" }, -1],
  ["app_unlabelled", {}, undefined],
  ["app_unlabelled", { region: true }, undefined],
  ["constructor", {}, undefined],
  ["", {}, undefined],
];

for (const [name, labels, value] of LOOKUPS) {
  test(`the value of ${name} with ${JSON.stringify(labels)} is ${value}`, () => {
    assert.equal(build().getSampleValue(name, labels), value);
  });
}

test("getSampleValue() throws on an invalid label value", () => {
  assert.throws(() => build().getSampleValue("x", { l: null as unknown as string }), {
    name: "TypeError",
    message: 'Cannot look up sample "x": value of label "l" must be a string, a number or a ' +
      "boolean: received null",
  });
});

test("getSampleValue() finds samples of custom collectors by any suffix, even _created", () => {
  const registry = new CollectorRegistry();
  registry.register({
    collect: () => [
      new MetricFamily("x_total", "", "counter")
        .addSample("x_total", { l: "\u{1f525}" }, 1)
        .addSample("x_created", { l: "\u{1f525}" }, 1000),
    ],
  });
  assert.equal(registry.getSampleValue("x_created", { l: "\u{1f525}" }), 1000);
});

const TARGET = "# HELP target_info Target metadata\n# TYPE target_info gauge\n";

test("the target info comes first, without prefix and constant labels, in every format", () => {
  const registry = new CollectorRegistry({ prefix: "app", constLabels: { region: "eu" } });
  new Gauge("g", "G.", { registry });
  registry.setTargetInfo({ version: 1.5, canary: true, name: "a\nb" });
  assert.equal(
    generateMetrics(registry),
    `${TARGET}target_info{version="1.5",canary="true",name="a\\nb"} 1
# HELP app_g G.
# TYPE app_g gauge
app_g{region="eu"} 0
`,
  );
  assert.match(
    generateOpenMetrics(registry),
    /^# HELP target Target metadata\n# TYPE target info\ntarget_info\{version="1.5"/,
  );
  assert.equal(
    registry.getSampleValue("target_info", { version: "1.5", canary: "true", name: "a\nb" }),
    1,
  );
});

test("the target info can be set, read, replaced and removed", () => {
  const registry = new CollectorRegistry({ targetInfo: { a: "1" } });
  assert.deepEqual(registry.getTargetInfo(), { a: "1" });
  const labels: Record<string, string> = { b: "2" };
  registry.setTargetInfo(labels);
  labels["b"] = "changed later";
  const copy = registry.getTargetInfo();
  copy!["b"] = "changed too";
  assert.deepEqual(registry.getTargetInfo(), { b: "2" });
  assert.equal(generateMetrics(registry), `${TARGET}target_info{b="2"} 1\n`);
  registry.setTargetInfo({});
  assert.equal(generateMetrics(registry), `${TARGET}target_info 1\n`);
  registry.setTargetInfo(null);
  registry.setTargetInfo(null);
  assert.equal(registry.getTargetInfo(), null);
  assert.equal(generateMetrics(registry), "");
  assert.equal(new CollectorRegistry({ targetInfo: null }).getTargetInfo(), null);
});

test("setTargetInfo() throws on invalid labels and changes nothing", () => {
  const registry = new CollectorRegistry({ targetInfo: { a: "1" } });
  for (const labels of [undefined, "x", ["x"], { "a b": 1 }, { __a: 1 }, { a: null }]) {
    assert.throws(() => registry.setTargetInfo(labels as unknown as null), TypeError);
  }
  assert.deepEqual(registry.getTargetInfo(), { a: "1" });
});

test("the target info claims its name", () => {
  const registry = new CollectorRegistry({ targetInfo: { a: "1" } });
  assert.throws(() => new Info("target", "T.", { registry }), DuplicateMetricError);
  registry.setTargetInfo(null);
  const info = new Info("target", "T.", { registry });
  assert.throws(() => registry.setTargetInfo({ a: "1" }), DuplicateMetricError);
  assert.equal(registry.getTargetInfo(), null);
  registry.unregister(info);
  registry.setTargetInfo({ a: "2" });
  assert.deepEqual(registry.getTargetInfo(), { a: "2" });
});

for (const onDuplicate of ["keep", "reuse"] as const) {
  test(`setTargetInfo() throws on a clash under onDuplicate "${onDuplicate}" too`, () => {
    const registry = new CollectorRegistry({ onDuplicate });
    new Info("target", "T.", { registry });
    assert.throws(() => registry.setTargetInfo({ a: "1" }), DuplicateMetricError);
  });
}

test("unregistering the collector of the target info removes the target info", () => {
  const registry = new CollectorRegistry({ targetInfo: { a: "1" } });
  try {
    new Info("target", "T.", { registry });
  } catch (error) {
    assert.ok(error instanceof DuplicateMetricError);
    assert.equal(registry.unregister(error.existing), true);
  }
  assert.equal(registry.getTargetInfo(), null);
  assert.equal(generateMetrics(registry), "");
});

test("getSampleValue() takes bounds and quantiles as numbers", () => {
  const registry = build();
  for (const le of [0.5, 1, 1e6, Infinity]) {
    assert.ok(registry.getSampleValue("app_h_bucket", { region: "eu", le }) !== undefined, `${le}`);
  }
  assert.ok(registry.getSampleValue("app_s", { region: "eu", quantile: 0.99 }) !== undefined);
});
