import assert from "node:assert/strict";
import { test } from "node:test";
import { type Family, Store } from "../../live/client/store.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateProtobuf,
  Histogram,
  Info,
  MetricFamily,
  StateSet,
  Summary,
} from "../../mod.ts";
import { allTypes } from "../support/all_types.ts";

/** A registry that a store reads every three seconds. */
class Watched {
  readonly registry = new CollectorRegistry();
  readonly store = new Store(5);
  time = 0;

  async scrape(interrupted = false): Promise<void> {
    this.time += 3;
    const bytes = generateProtobuf(this.registry);
    await this.store.ingest(bytes, { time: this.time, interrupted, breathe: () => undefined });
  }

  family(name: string): Family {
    const family = this.store.families.get(name);
    assert.ok(family, name);
    return family;
  }
}

/** Returns the parts of a family that a page shows. */
function plain({ type, unit, help, series }: Family): unknown[] {
  return [type, unit, help, series.map(({ labels }) => Object.fromEntries(labels))];
}

test("a store has families of all types with their labels", async () => {
  const watched = new Watched();
  watched.registry.register({ collect: allTypes });
  await watched.scrape();
  const types = [...watched.store.families.values()].map(({ name, type }) => [name, type]);
  assert.deepEqual(types, [
    ["jobs_total", "counter"],
    ["odd", "counter"],
    ["temperature_celsius", "gauge"],
    ["latency_seconds", "histogram"],
    ["error", "histogram"],
    ["sizes", "gaugehistogram"],
    ["duration", "summary"],
    ["build_info", "info"],
    ["mode", "stateset"],
    ["something", "unknown"],
    ["empty", "gauge"],
  ]);
  const { series } = watched.family("temperature_celsius");
  assert.deepEqual(series.slice(0, 2).map(({ labels }) => labels), [
    [["at", 'quote " backslash \\ line\nfeed']],
    [["at", "\0 \r \ufeff \u2028 \u{1f525} é"]],
  ]);
  const { timeline } = watched.store;
  assert.deepEqual(series.map(({ values }) => timeline.now(values)), [
    -0.5,
    Infinity,
    -Infinity,
    NaN,
    5e-324,
  ]);
  assert.deepEqual(watched.family("latency_seconds").series[0]!.buckets, {
    kind: "classic",
    bounds: [1e-5, 0.25, 1, 1e6],
    counts: [0, 1, 1, 1, 1],
  });
  assert.deepEqual(watched.family("error").series[0]!.buckets, {
    kind: "classic",
    bounds: [-1, 0],
    counts: [1, 1, 0],
  });
  const [duration] = watched.family("duration").series;
  assert.deepEqual(duration!.quantiles, [[0.5, 0.1], [1, NaN]]);
  assert.equal(timeline.now(duration!.values), 17);
  assert.equal(timeline.now(duration!.sums!), 8.5);
});

test("a store has help texts, units and names in any alphabet", async () => {
  const watched = new Watched();
  const { registry } = watched;
  new Gauge("temp", "How <b>warm</b>.", { registry, unit: "celsius" }).set(1);
  new Gauge("odd", "", { registry, unit: "loaves" }).set(1);
  new Counter("read_bytes_total", "", { registry }).inc();
  new Info("build", "", { registry }).info({ version: "1" });
  new StateSet("oven", "", { registry, states: ["hot"] }).state("hot");
  await watched.scrape();
  assert.deepEqual(plain(watched.family("temp_celsius")), [
    "gauge",
    "celsius",
    "How <b>warm</b>.",
    [{}],
  ]);
  assert.equal(watched.family("odd_loaves").unit, "loaves");
  assert.equal(watched.family("read_bytes_total").unit, "bytes");
  assert.deepEqual(plain(watched.family("build_info")), ["info", "", "", [{ version: "1" }]]);
  assert.deepEqual(plain(watched.family("oven")), ["stateset", "", "", [{ oven: "hot" }]]);
});

test("the rate of a counter that decreases is not negative", async () => {
  const watched = new Watched();
  const { store } = watched;
  let value = 0;
  watched.registry.register({
    collect: () => [new MetricFamily("c_total", "", "counter").addSample("c_total", {}, value)],
  });
  for (value of [100, 130, 9, 12]) await watched.scrape();
  const { values } = watched.family("c_total").series[0]!;
  assert.deepEqual(store.timeline.rates(values), [10, 3, 1]);
  assert.equal(store.timeline.rate(values, 10), (30 + 9 + 3) / 9);
  assert.equal(store.timeline.now(values), 12);
});

test("a pause is a gap", async () => {
  const watched = new Watched();
  const { registry, store } = watched;
  const counter = new Counter("c_total", "", { registry });
  const histogram = new Histogram("h", "", { registry, buckets: [1] });
  await watched.scrape();
  counter.inc(6);
  await watched.scrape();
  counter.inc(1000);
  histogram.observe(0.5);
  watched.time += 600;
  await watched.scrape(true);
  counter.inc(12);
  histogram.observe(2);
  await watched.scrape();
  const { values } = watched.family("c_total").series[0]!;
  const { timeline } = store;
  assert.deepEqual(timeline.rates(values), [2, NaN, NaN, 4]);
  assert.equal(timeline.rate(values, 10), 3);
  assert.equal(timeline.covered(4), 6);
  const columns = timeline.read(watched.family("h").series[0]!.columns);
  assert.deepEqual(columns.map((column) => column?.kind === "classic" && column.counts), [
    false,
    [0, 0],
    false,
    false,
    [0, 1],
  ]);
});

test("missing series are blank, and later removed", async () => {
  const watched = new Watched();
  const { registry, store } = watched;
  const gauge = new Gauge("g", "", { registry, labelNames: ["at"] });
  for (const at of ["a", "b", "c"]) gauge.labels({ at }).set(1);
  await watched.scrape();
  const [, b] = watched.family("g").series;
  const { version } = store;
  gauge.remove({ at: "b" });
  await watched.scrape();
  assert.ok(store.version > version);
  assert.deepEqual(watched.family("g").series.map(({ labels }) => labels[0]![1]), ["a", "c", "b"]);
  assert.equal(store.timeline.now(b!.values), NaN);
  gauge.labels({ at: "b" }).set(2);
  await watched.scrape();
  assert.equal(watched.family("g").series[2], b);
  assert.equal(store.timeline.now(b!.values), 2);
  registry.unregister(gauge);
  for (let i = 0; i < 11; i++) await watched.scrape();
  assert.equal(store.families.size, 0);
  assert.equal(store.seriesCount, 0);
});

test("only the last scrapes are shown", async () => {
  const watched = new Watched();
  const gauge = new Gauge("g", "", { registry: watched.registry });
  for (let i = 1; i <= 20; i++) {
    gauge.set(i);
    await watched.scrape();
  }
  const { timeline } = watched.store;
  const { values } = watched.family("g").series[0]!;
  assert.deepEqual(timeline.read(values), [16, 17, 18, 19, 20]);
});

test("native histograms are read bucket by bucket", async () => {
  const watched = new Watched();
  const { registry } = watched;
  const histogram = new Histogram("h", "", { registry, nativeHistogram: { bucketFactor: 2 } });
  for (const value of [0, 1.5, 3, 1000, -1.5, -100]) histogram.observe(value);
  await watched.scrape();
  assert.deepEqual(watched.family("h").series[0]!.buckets, {
    kind: "native",
    schema: 0,
    zeroThreshold: 2 ** -128,
    zeroCount: 1,
    positive: new Map([[1, 1], [2, 1], [10, 1]]),
    negative: new Map([[1, 1], [7, 1]]),
  });
  histogram.observe(3);
  await watched.scrape();
  const { columns } = watched.family("h").series[0]!;
  const [column] = watched.store.timeline.read(columns).slice(-1);
  assert.deepEqual(column?.kind === "native" && [...column.positive], [[2, 1]]);
});

test("a scrape that ends in the middle changes nothing", async () => {
  const watched = new Watched();
  const { registry, store } = watched;
  new Summary("s", "", { registry, quantiles: [0.5] }).observe(1);
  new Gauge("g", "", { registry }).set(5);
  await watched.scrape();
  const bytes = generateProtobuf(registry);
  const options = { time: 9, interrupted: true, breathe: () => undefined };
  for (let length = 1; length < bytes.length; length++) {
    const half = bytes.subarray(0, length);
    const isWhole = await store.ingest(half, options).then(() => true, () => false);
    // The scrape may end exactly after its first family.
    if (!isWhole) assert.equal(store.families.size, 2);
  }
  await assert.rejects(store.ingest(bytes.subarray(0, 5), options), SyntaxError);
});

test("a store yields to the event loop while it reads", async () => {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "", { registry, labelNames: ["i"] });
  for (let i = 0; i < 1000; i++) gauge.labels({ i }).set(i);
  const store = new Store(5);
  let breaths = 0;
  const breathe = () => {
    breaths++;
    assert.equal(store.timeline.latest, -1); // An incomplete scrape is not visible.
    return Promise.resolve();
  };
  await store.ingest(generateProtobuf(registry), { time: 1, interrupted: false, breathe });
  assert.ok(breaths >= 10);
  assert.equal(store.seriesCount, 1000);
});

test("all scrapes are shown until there are more than the maximum", async () => {
  const watched = new Watched();
  const gauge = new Gauge("g", "G.", { registry: watched.registry });
  const { timeline } = watched.store;
  const shown: number[][] = [];
  for (let i = 1; i <= 7; i++) {
    gauge.set(i);
    await watched.scrape();
    shown.push(timeline.read(watched.family("g").series[0]!.values));
  }
  assert.deepEqual(shown.slice(0, 3), [[NaN, 1], [1, 2], [1, 2, 3]]);
  assert.deepEqual(shown.at(-1), [3, 4, 5, 6, 7]);
  assert.deepEqual([0, 1, 4].map((back) => timeline.age(back)), [0, 3, 12]);
});

test("a family changes in a scrape with a changed, new or removed series", async () => {
  const watched = new Watched();
  const { registry } = watched;
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["id"] });
  const histogram = new Histogram("h", "H.", { registry });
  new Gauge("still", "Still.", { registry }).set(NaN);
  const changes = async () => {
    await watched.scrape();
    return ["g", "h", "still"].map((name) => watched.family(name).changed);
  };
  gauge.labels(1).set(5);
  assert.deepEqual(await changes(), [0, 0, 0]);
  assert.deepEqual(await changes(), [0, 0, 0]);
  gauge.labels(1).set(6);
  histogram.observe(1);
  assert.deepEqual(await changes(), [2, 2, 0]);
  gauge.labels(2).set(1);
  assert.deepEqual(await changes(), [3, 2, 0]);
  gauge.remove(1);
  assert.deepEqual(await changes(), [4, 2, 0]);
  assert.deepEqual(await changes(), [4, 2, 0]);
});
