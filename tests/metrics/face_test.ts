import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AnyCounter,
  type AnyGauge,
  type AnyHistogram,
  type AnySummary,
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  Histogram,
  Info,
  StateSet,
  Summary,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";

const registry = null;
const labelNames = ["a"] as const;

/** Creates a metric of each type and kind, with a written series. */
function createAll(expireAfterSeconds?: number) {
  const clock = new ManualClock(100);
  const options = { labelNames, clock, registry, expireAfterSeconds };
  const counter = new Counter("c_total", "C.", options);
  const gauge = new Gauge("g", "G.", { ...options, aggregation: "mostrecent" });
  const histogram = new Histogram("h_seconds", "H.", { ...options, unit: "seconds", buckets: [1] });
  const native = new Histogram("n", "N.", { ...options, nativeHistogram: true });
  const summary = new Summary("s", "S.", options);
  const quantiles = new Summary("q", "Q.", { ...options, quantiles: [0.5] });
  const info = new Info("i", "I.", options);
  const states = new StateSet("t", "T.", { ...options, states: ["x", "y"] });
  counter.labels("x").inc(2, { trace: "t" });
  gauge.labels("x").set(NaN);
  histogram.labels("x").observe(2, { trace: "t" });
  native.labels("x").observe(2, { trace: "t" });
  summary.labels("x").observe(2);
  quantiles.labels("x").observe(2);
  info.labels("x").info({ version: "1" });
  states.labels("x").state("y");
  return { counter, gauge, histogram, native, summary, quantiles, info, states };
}

/** Returns the names that `for in` visits. */
function enumerate(object: object): string[] {
  const names: string[] = [];
  for (const name in object) names.push(name);
  return names;
}

/** Returns all enumerable properties of an object, including symbols. */
function enumerableOf(object: object): PropertyKey[] {
  return Reflect.ownKeys(object).filter((key) =>
    Object.prototype.propertyIsEnumerable.call(object, key)
  );
}

for (const expireAfterSeconds of [undefined, 10]) {
  const how = expireAfterSeconds === undefined ? "" : ", if series expire";
  test(`metrics and series have no internals among their enumerable properties${how}`, () => {
    const metrics = createAll(expireAfterSeconds);
    for (const [name, metric] of Object.entries(metrics)) {
      const shown = ["name", "help", "type", "unit", "labelNames"];
      assert.deepEqual(enumerableOf(metric), shown, name);
      assert.deepEqual(enumerate(metric), shown, name);
      const series: object = metric.labels("x");
      const own = name === "states" ? ["states"] : [];
      assert.deepEqual(enumerableOf(series), own, name);
      assert.deepEqual(enumerate(series), own, name);
      const [family] = metric.collect();
      assert.deepEqual(enumerableOf(family!.metrics), [], name);
      assert.deepEqual(enumerate(family!.metrics), [], name);
      const partial: object = (metric as unknown as { labels(labels: object): object }).labels({});
      for (const key of enumerate(partial)) assert(["labels", "startTimer"].includes(key), key);
    }
    for (
      const timer of [
        metrics.histogram.startTimer(),
        metrics.gauge.labels("x").startTimer(),
        metrics.summary.labels({}).startTimer(),
      ]
    ) assert.deepEqual(enumerate(timer), []);
  });
}

test("the slot of a series is read-only", () => {
  const { counter } = createAll();
  const series = counter.labels("x") as unknown as Record<string, unknown>;
  for (const name of ["slot", "columns"]) {
    assert.throws(() => {
      series[name] = 5;
    }, TypeError);
  }
  assert.equal(counter.labels("x").value, 2);
});

test("JSON.stringify() writes a series with its own samples", () => {
  const { counter, gauge, histogram, summary, info, states } = createAll();
  counter.labels("y").inc();
  const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
  assert.deepEqual(json(counter.labels("x")), {
    name: "c_total",
    type: "counter",
    help: "C.",
    unit: "",
    samples: [{
      name: "c_total",
      labels: { a: "x" },
      value: 2,
      exemplar: { labels: { trace: "t" }, value: 2, timestamp: 100 },
    }],
  });
  assert.deepEqual(json(gauge.labels("x")), {
    name: "g",
    type: "gauge",
    help: "G.",
    unit: "",
    samples: [{ name: "g", labels: { a: "x" }, value: "NaN" }],
  });
  assert.deepEqual(json(histogram.labels("x")), {
    name: "h_seconds",
    type: "histogram",
    help: "H.",
    unit: "seconds",
    samples: [
      { name: "h_seconds_bucket", labels: { a: "x", le: "1" }, value: 0 },
      {
        name: "h_seconds_bucket",
        labels: { a: "x", le: "+Inf" },
        value: 1,
        exemplar: { labels: { trace: "t" }, value: 2, timestamp: 100 },
      },
      { name: "h_seconds_sum", labels: { a: "x" }, value: 2 },
      { name: "h_seconds_count", labels: { a: "x" }, value: 1 },
    ],
  });
  const samplesOf = (value: unknown): unknown => (json(value) as { samples: unknown }).samples;
  assert.deepEqual(samplesOf(summary.labels("x")), [
    { name: "s_sum", labels: { a: "x" }, value: 2 },
    { name: "s_count", labels: { a: "x" }, value: 1 },
  ]);
  assert.deepEqual(samplesOf(info.labels("x")), [
    { name: "i_info", labels: { a: "x", version: "1" }, value: 1 },
  ]);
  assert.deepEqual(samplesOf(info.labels("new")), []);
  assert.deepEqual(samplesOf(states.labels("x")), [
    { name: "t", labels: { a: "x", t: "x" }, value: 0 },
    { name: "t", labels: { a: "x", t: "y" }, value: 1 },
  ]);
});

test("JSON.stringify() writes a metric with all its samples, and infinities as text", () => {
  const gauge = new Gauge("g", "G.", { labelNames, registry });
  gauge.labels("x").set(Infinity);
  gauge.labels("y").set(-Infinity);
  gauge.labels("z").setFunction(() => 3);
  assert.equal(
    JSON.stringify(gauge),
    '{"name":"g","type":"gauge","help":"G.","unit":"","samples":[' +
      '{"name":"g","labels":{"a":"x"},"value":"+Inf"},' +
      '{"name":"g","labels":{"a":"y"},"value":"-Inf"},' +
      '{"name":"g","labels":{"a":"z"},"value":3}]}',
  );
  for (const metric of Object.values(createAll())) {
    const [family] = metric.collect();
    assert.equal(JSON.stringify(metric), JSON.stringify(family));
  }
});

test("JSON.stringify() works for a removed, a hidden and a dropped series", () => {
  const clock = new ManualClock();
  const options = { labelNames, expireAfterSeconds: 10, clock, maxSeries: 1, registry };
  const gauge = new Gauge("g", "G.", options);
  const held = gauge.labels("x");
  held.set(1);
  const dropped = gauge.labels("y");
  clock.advance(10);
  assert.equal(gauge.find("x"), undefined);
  const valueOf = (series: unknown): unknown => JSON.parse(JSON.stringify(series)).samples[0].value;
  assert.equal(valueOf(held), 1);
  assert.equal(valueOf(dropped), 0);
  gauge.remove("x");
  held.set(2);
  assert.equal(valueOf(held), 2);
});

test("AnyCounter and similar types accept a metric with any labels", () => {
  const own = new CollectorRegistry();
  const options = { registry: own };
  const count = (counter: AnyCounter, labels: Record<string, string>) =>
    counter.labels(labels).inc();
  const set = (gauge: AnyGauge) => gauge.labels("x").set(1);
  const observe = (metric: AnyHistogram | AnySummary) => metric.labels({ a: "x" }).observe(1);
  count(new Counter("plain_total", "P.", options), {});
  count(new Counter("c_total", "C.", { ...options, labelNames }), { a: "x" });
  count(
    new Counter("d_total", "D.", {
      ...options,
      labelNames: ["a", "b"],
      defaultLabels: { b: "y" },
    }),
    { a: "x" },
  );
  const names: string[] = ["a"];
  count(new Counter("e_total", "E.", { ...options, labelNames: names }), { a: "x" });
  set(new Gauge("g", "G.", { ...options, labelNames }));
  observe(new Histogram("h", "H.", { ...options, labelNames, buckets: [] }));
  observe(new Summary("s", "S.", { ...options, labelNames }));
  const values = generateMetrics(own).split("\n").filter((line) => / 1$/.test(line));
  assert.deepEqual(values, [
    "plain_total 1",
    'c_total{a="x"} 1',
    'd_total{a="x",b="y"} 1',
    'e_total{a="x"} 1',
    'g{a="x"} 1',
    'h_bucket{a="x",le="+Inf"} 1',
    'h_sum{a="x"} 1',
    'h_count{a="x"} 1',
    's_sum{a="x"} 1',
    's_count{a="x"} 1',
  ]);
});
