/** Tests of the differences from the official client that docs/prom_client.md lists. */
import assert from "node:assert/strict";
import { test } from "node:test";
import client from "../../prom_client/mod.ts";

const { Counter, Gauge, Histogram, openMetricsContentType, Registry, Summary } = client;

test("quantiles are within 2 %, and 0 before the first value", async () => {
  const summary = new Summary({ name: "s", help: "S.", percentiles: [0.5], registers: [] });
  assert.deepEqual((await summary.get()).values[0], { labels: { quantile: 0.5 }, value: 0 });
  for (const value of [50, 50, 100, 100, 100]) summary.observe(value);
  const { value } = (await summary.get()).values[0]!;
  assert.ok(Math.abs(value - 100) <= 2, String(value));
});

test("NaN is written in the form that scrapers read", async () => {
  const registry = new Registry();
  new Gauge({ name: "g", help: "G.", registers: [registry] }).set(NaN);
  assert.equal(await registry.metrics(), "# HELP g G.\n# TYPE g gauge\ng NaN\n");
});

test("inc(NaN) counts nothing and creates no series", async () => {
  const counter = new Counter({ name: "c", help: "C.", labelNames: ["a"], registers: [] });
  counter.inc({ a: "x" }, NaN);
  counter.labels("y").inc(NaN);
  assert.deepEqual((await counter.get()).values, []);
  counter.inc({ a: "x" }, 2);
  counter.inc({ a: "x" }, NaN);
  assert.deepEqual((await counter.get()).values, [{ value: 2, labels: { a: "x" } }]);
  // @ts-expect-error There is no such label.
  assert.throws(() => counter.inc({ b: "x" }, NaN), /Added label "b"/);
});

test("a counter's exemplar has the last increment, and handles of such a counter count their labels", async () => {
  const registry = new Registry(openMetricsContentType);
  const counter = new Counter({
    name: "c",
    help: "C.",
    labelNames: ["a"],
    enableExemplars: true,
    registers: [registry],
  });
  counter.inc({ labels: { a: "x" }, value: 5 });
  counter.inc({ labels: { a: "x" }, value: 2, exemplarLabels: { a: "t1" } });
  counter.labels("y").inc(3);
  const text = await registry.metrics();
  assert.match(text, /^c_total\{a="x"\} 7 # \{a="t1"\} 2 [\d.]+$/m);
  assert.match(text, /^c_total\{a="y"\} 3$/m);
});

test("an exemplar that is too long throws before anything is counted", async () => {
  const registry = new Registry(openMetricsContentType);
  const options = { help: "H.", enableExemplars: true, registers: [registry] };
  const counter = new Counter({ name: "c", ...options });
  const exemplarLabels = { trace: "x".repeat(130) };
  assert.throws(() => counter.inc({ value: 2, exemplarLabels }), {
    name: "RangeError",
    message: "Label set size must be smaller than 128 UTF-8 chars",
  });
  assert.deepEqual((await counter.get()).values, [{ value: 0, labels: {} }]);
});

test("label values with | are not mixed up", async () => {
  const counter = new Counter({ name: "c", help: "C.", labelNames: ["a", "b"], registers: [] });
  counter.inc({ a: "x|y", b: "z" });
  counter.inc({ a: "x", b: "y|z" });
  assert.equal((await counter.get()).values.length, 2);
});

test("an empty label equals a missing one, but null does not", async () => {
  const counter = new Counter({ name: "c", help: "C.", labelNames: ["a"], registers: [] });
  counter.inc();
  counter.inc({ a: "" });
  counter.inc({ a: null as unknown as string });
  assert.deepEqual((await counter.get()).values.map(({ value }) => value), [2, 1]);
});

test("a getter of a label object may write to another series of the metric", async () => {
  const counter = new Counter({ name: "c", help: "C.", labelNames: ["a", "b"], registers: [] });
  counter.inc({ a: "x" });
  counter.inc({ a: "x", b: "y" });
  const labels = {
    get a(): string {
      counter.inc({ b: "y" });
      return "x";
    },
  };
  counter.inc(labels);
  counter.inc(labels);
  const [first, second] = (await counter.get()).values;
  assert.deepEqual(first, { value: 3, labels: { a: "x" } });
  assert.deepEqual(second, { value: 1, labels: { a: "x", b: "y" } });
});

test("OpenMetrics removes _total only from the text, never from the metric", async () => {
  const registry = new Registry(openMetricsContentType);
  const counter = new Counter({ name: "c_total", help: "C.", registers: [registry] });
  const text = "# HELP c C.\n# TYPE c counter\nc_total 0";
  assert.equal(await registry.getSingleMetricAsString("c_total"), text);
  assert.equal(await registry.metrics(), `${text}\n# EOF\n`);
  assert.equal(counter.name, "c_total");
});

test("a bucket of -1 counts only its own values", async () => {
  const histogram = new Histogram({ name: "h", help: "H.", buckets: [-1, 5], registers: [] });
  histogram.observe(10);
  const counts = (await histogram.get()).values.map(({ value }) => value);
  assert.deepEqual(counts, [0, 0, 1, 10, 1]);
});

test("bounds are sorted and unique, and +Inf is written once", async () => {
  const registry = new Registry();
  const buckets = [5, 1, 1, Infinity];
  new Histogram({ name: "h", help: "H.", buckets, registers: [registry] }).observe(2);
  const lines = (await registry.metrics()).split("\n").filter((line) => line.includes("le="));
  assert.deepEqual(lines, [
    'h_bucket{le="1"} 0',
    'h_bucket{le="5"} 1',
    'h_bucket{le="+Inf"} 1',
  ]);
});

test("maxSeries, expireAfterSeconds and nativeHistogram work as in this library's own metrics", async () => {
  const registry = new Registry();
  const counter = new Counter({
    name: "c",
    help: "C.",
    labelNames: ["a"],
    maxSeries: 1,
    expireAfterSeconds: 60,
    registers: [registry],
  });
  for (const a of ["x", "y", "z"]) counter.inc({ a });
  const text = await registry.metrics();
  assert.match(text, /^c\{a="x"\} 1\nc\{a="overflow"\} 2$/m);
  assert.match(text, /^narthex_series_overflow_total\{metric="c"\} \d$/m);
  const histogram = new Histogram({
    name: "h",
    help: "H.",
    nativeHistogram: true,
    registers: [registry],
  });
  histogram.observe(1);
  const [family] = [...registry.collect({ names: ["h"] })];
  const [metric] = family!.metrics as Iterable<{ native?: { count: number } }>;
  assert.equal(metric!.native!.count, 1);
});

test("handles work when destructured, and create removed series again", async () => {
  const gauge = new Gauge({ name: "g", help: "G.", labelNames: ["a"], registers: [] });
  const { inc, dec, set, setToCurrentTime, startTimer } = gauge.labels("x");
  assert.deepEqual((await gauge.get()).values, []);
  set(5);
  inc(2);
  dec();
  assert.deepEqual((await gauge.get()).values, [{ value: 6, labels: { a: "x" } }]);
  gauge.remove("x");
  inc();
  assert.deepEqual((await gauge.get()).values, [{ value: 1, labels: { a: "x" } }]);
  gauge.reset();
  setToCurrentTime();
  startTimer()();
  assert.equal((await gauge.get()).values.length, 1);
});

test("a timer reads its labels when it ends, and each end records", async () => {
  const histogram = new Histogram({ name: "h", help: "H.", labelNames: ["a", "b"], registers: [] });
  const labels: Record<string, string> = { a: "1" };
  const end = histogram.startTimer(labels);
  labels.a = "2";
  assert.equal(typeof end({ b: "x" }), "number");
  end({ b: "x" });
  const { values } = await histogram.get();
  assert.deepEqual(values.at(-1), {
    value: 2,
    metricName: "h_count",
    exemplar: undefined,
    labels: { a: "2", b: "x" },
  });
});
