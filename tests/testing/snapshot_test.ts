import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  gather,
  Gauge,
  generateMetrics,
  Histogram,
  Info,
  MetricFamily,
  REGISTRY,
  type Registry,
  StateSet,
  Summary,
} from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { snapshot, snapshotAsync } from "../../testing.ts";
import { allTypes } from "../support/all_types.ts";
import { arbitraryFamilies } from "../support/families.ts";
import { registryOf } from "../support/linting.ts";
import { MemoryStore } from "../support/memory_store.ts";

/** Returns a registry, and a gauge with one label. */
function withGauge() {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["l"] });
  return { registry, gauge };
}

test("diff() contains changed and new series with their differences", () => {
  const registry = new CollectorRegistry();
  const requests = new Counter("http_requests_total", "Requests.", {
    registry,
    labelNames: ["method", "status"],
  });
  const queue = new Gauge("queue_length", "Jobs.", { registry });
  new Gauge("rests", "Rests.", { registry }).set(7);
  requests.labels("GET", 200).inc(5);
  queue.set(3);

  const before = snapshot(registry);
  assert.deepEqual(before.diff(), {});
  requests.labels("GET", 200).inc(2);
  requests.labels("POST", 201).inc();
  queue.set(1);
  assert.deepEqual(before.diff(), {
    'http_requests_total{method="GET",status="200"}': 2,
    'http_requests_total{method="POST",status="201"}': 1,
    "queue_length": -2,
  });
});

test("diff() reads the current values at each call, and values() keeps the old ones", () => {
  const { registry, gauge } = withGauge();
  gauge.labels("a").set(1);
  const before = snapshot(registry);
  gauge.labels("a").set(2);
  assert.deepEqual(before.diff(), { 'g{l="a"}': 1 });
  gauge.labels("a").set(4);
  assert.deepEqual(before.diff(), { 'g{l="a"}': 3 });
  gauge.labels("a").set(1);
  assert.deepEqual(before.diff(), {});
  gauge.clear();
  assert.deepEqual(before.values(), { 'g{l="a"}': 1 });
});

test("diff() and values() return new objects", () => {
  const { registry, gauge } = withGauge();
  gauge.labels("a").set(1);
  const before = snapshot(registry);
  before.values()["g"] = 1;
  delete before.values()['g{l="a"}'];
  before.diff()["h"] = 1;
  assert.deepEqual(before.values(), { 'g{l="a"}': 1 });
  assert.deepEqual(before.diff(), {});
  assert.equal(Object.getPrototypeOf(before.diff()), Object.prototype);
});

/** The value of a series before and after, or `undefined` for no series, and the difference. */
const CHANGES: readonly (readonly [
  then: number | undefined,
  now: number | undefined,
  difference: number | undefined,
])[] = [
  [undefined, undefined, undefined],
  [undefined, 3, 3],
  [undefined, 0, undefined],
  [undefined, -0, undefined],
  [undefined, NaN, NaN],
  [undefined, -Infinity, -Infinity],
  [3, undefined, -3],
  [-3, undefined, 3],
  [0, undefined, undefined],
  [NaN, undefined, NaN],
  [Infinity, undefined, -Infinity],
  [3, 3, undefined],
  [3, 5, 2],
  [5, 3, -2],
  [0, -0, undefined],
  [NaN, NaN, undefined],
  [NaN, 1, NaN],
  [1, NaN, NaN],
  [Infinity, Infinity, undefined],
  [-Infinity, -Infinity, undefined],
  [Infinity, -Infinity, -Infinity],
  [1, Infinity, Infinity],
  [Infinity, 1, -Infinity],
  [0, 5e-324, 5e-324],
  [2 ** 53, 2 ** 53 + 2, 2],
  [1e21, 3e21, 2e21],
];
for (const [then, now, difference] of CHANGES) {
  test(`a series that was ${then} and is ${now} has a difference of ${difference}`, () => {
    const { registry, gauge } = withGauge();
    if (then !== undefined) gauge.labels("a").set(then);
    const before = snapshot(registry);
    if (now === undefined) gauge.clear();
    else gauge.labels("a").set(now);
    assert.deepEqual(before.diff(), difference === undefined ? {} : { 'g{l="a"}': difference });
  });
}

test("diff() is in the order of the exposition, with removed series last", () => {
  const registry = new CollectorRegistry();
  const second = new Gauge("z", "Z.", { registry, labelNames: ["l"] });
  const first = new Gauge("a", "A.", { registry, labelNames: ["l"] });
  for (const gauge of [first, second]) {
    for (const label of ["2", "1"]) gauge.labels(label).set(1);
  }
  const before = snapshot(registry);
  first.labels("1").set(2);
  first.labels("3").set(2);
  first.remove("2");
  second.remove("1");
  second.labels("2").set(3);
  assert.deepEqual(Object.entries(before.diff()), [
    ['z{l="2"}', 2],
    ['a{l="1"}', 1],
    ['a{l="3"}', 2],
    ['z{l="1"}', -1],
    ['a{l="2"}', -1],
  ]);
});

test("series are written as in text 0.0.4, with any labels", () => {
  const { registry, gauge } = withGauge();
  const before = snapshot(registry);
  for (
    const label of ["", " ", "a b", '"', "\\", "\n", "} 5", '"} 5 6', "{", "\r", "é火\ud800", "#"]
  ) {
    gauge.labels(label).set(1);
  }
  const series = Object.keys(before.diff());
  assert.deepEqual(series, [
    'g{l=""}',
    'g{l=" "}',
    'g{l="a b"}',
    'g{l="\\""}',
    'g{l="\\\\"}',
    'g{l="\\n"}',
    'g{l="} 5"}',
    'g{l="\\"} 5 6"}',
    'g{l="{"}',
    'g{l="\r"}',
    'g{l="é火\ufffd"}',
    'g{l="#"}',
  ]);
  const lines = generateMetrics(registry).split("\n");
  for (const text of series) assert.ok(lines.includes(`${text} 1`), text);
});

test("names such as __proto__ and constructor are allowed", () => {
  const registry = new CollectorRegistry();
  const names = ["__proto__", "constructor", "toString"];
  const gauges = names.map((name) => new Gauge(name, "Odd.", { registry }));
  const before = snapshot(registry);
  for (const gauge of gauges) gauge.set(1);
  assert.deepEqual(before.diff(), { ["__proto__"]: 1, constructor: 1, toString: 1 });
  assert.deepEqual(Object.keys(before.diff()), names);
  registry.clear();
  assert.deepEqual(Object.keys(snapshot(registry).diff()), []);
});

test("every type has all of its series", () => {
  const registry = new CollectorRegistry();
  const histogram = new Histogram("h", "H.", { registry, buckets: [1, 2.5] });
  const native = new Histogram("n", "N.", { registry, nativeHistogram: true });
  const summary = new Summary("s", "S.", { registry, quantiles: [0.5] });
  const info = new Info("i", "I.", { registry });
  const state = new StateSet("st", "St.", { registry, states: ["on", "off"] });
  const before = snapshot(registry);
  assert.deepEqual(before.values(), {
    'h_bucket{le="1"}': 0,
    'h_bucket{le="2.5"}': 0,
    'h_bucket{le="+Inf"}': 0,
    "h_sum": 0,
    "h_count": 0,
    'n_bucket{le="+Inf"}': 0,
    "n_sum": 0,
    "n_count": 0,
    's{quantile="0.5"}': NaN,
    "s_sum": 0,
    "s_count": 0,
    'st{st="on"}': 1,
    'st{st="off"}': 0,
  });
  histogram.observe(2);
  native.observe(2);
  native.observe(3);
  summary.observe(4);
  info.info({ version: "1.2.3" });
  state.state("off");
  assert.deepEqual(before.diff(), {
    'h_bucket{le="2.5"}': 1,
    'h_bucket{le="+Inf"}': 1,
    "h_sum": 2,
    "h_count": 1,
    'n_bucket{le="+Inf"}': 2,
    "n_sum": 5,
    "n_count": 2,
    's{quantile="0.5"}': NaN,
    "s_sum": 4,
    "s_count": 1,
    'i_info{version="1.2.3"}': 1,
    'st{st="on"}': -1,
    'st{st="off"}': 1,
  });
});

test("timestamps, exemplars and created timestamps are left out", () => {
  const values = snapshot(registryOf(allTypes())).values();
  assert.equal(values['jobs_total{queue="mail"}'], 12);
  assert.equal(values['temperature_celsius{at="past"}'], -Infinity);
  assert.equal(values['temperature_celsius{at="1969",also="x"}'], 5e-324);
  assert.equal(values['something{big="true"}'], 2 ** 53);
  assert.deepEqual(Object.keys(values).filter((series) => series.includes("_created")), []);
});

test("a new timestamp of the same value is not a difference", () => {
  let timestamp = 1;
  const registry = new CollectorRegistry();
  registry.register({
    collect: () => [
      new MetricFamily("a", "A.", "gauge").addSample("a", {}, 5, { timestamp: timestamp++ }),
    ],
  });
  assert.deepEqual(snapshot(registry).diff(), {});
});

test("values() has each sample of random families once, under the start of its line", () => {
  fc.assert(
    fc.property(arbitraryFamilies({ legal: false }), (families) => {
      const registry = registryOf(families);
      const values = snapshot(registry).values();
      const lines = generateMetrics(registry).split("\n")
        .filter((line) => line !== "" && !line.startsWith("#"));
      const entries = Object.entries(values);
      assert.equal(entries.length, lines.length);
      for (const [i, [series]] of entries.entries()) {
        assert.ok(lines[i]!.startsWith(`${series} `), lines[i]);
        assert.match(lines[i]!.slice(series.length), /^ [^ ]+(?: -?\d+)?$/);
      }
      const samples = [...gather(registry)].flatMap(({ samples }) => [...samples])
        .filter(({ name }) => !name.endsWith("_created"));
      // Counts of omissions increase with each read.
      const sorted = (numbers: (readonly [string, number])[]) =>
        numbers.filter(([name]) => !name.startsWith("narthex_"))
          .map(([, value]) => String(value)).sort();
      assert.deepEqual(
        sorted(entries),
        sorted(samples.map(({ name, value }) => [name, value])),
      );
    }),
    { seed: 42, numRuns: 200 },
  );
});

test("prefix and constant labels are part of the series, and names are escaped", () => {
  const registry = new CollectorRegistry({ prefix: "app", constLabels: { zone: "eu" } });
  const options = { registry, nameValidation: "utf8" } as const;
  const gauge = new Gauge("room.size", "Size.", { ...options, labelNames: ["is.big"] });
  const before = snapshot(registry);
  gauge.labels(true).set(4);
  assert.deepEqual(before.diff(), { 'app_room_size{zone="eu",is_big="true"}': 4 });
});

test("a snapshot of a view has only the series of the view", () => {
  const registry = new CollectorRegistry();
  const a = new Counter("a_total", "A.", { registry });
  const b = new Counter("b_total", "B.", { registry });
  const before = snapshot(registry.restrictedRegistry(["a_total"]));
  a.inc();
  b.inc();
  assert.deepEqual(before.diff(), { a_total: 1 });
});

test("a snapshot reads the default registry by default", async () => {
  const counter = new Counter("snapshot_test_total", "Default.");
  try {
    const before = snapshot();
    const beforeAsync = await snapshotAsync();
    counter.inc(3);
    assert.deepEqual(before.diff(), { snapshot_test_total: 3 });
    assert.deepEqual(await beforeAsync.diff(), { snapshot_test_total: 3 });
  } finally {
    REGISTRY.unregister(counter);
  }
});

/**
 * Returns a registry with an asynchronous collector, whose value increases with each call of `add`.
 */
function withUsers() {
  let users = 1;
  const registry = new CollectorRegistry();
  registry.register({
    async *collect() {
      const family = new MetricFamily("users", "Users.", "gauge");
      yield family.addSample("users", {}, await Promise.resolve(users));
    },
  });
  return { registry, add: () => users++ };
}

test("snapshotAsync() and its diff() await collectors", async () => {
  const { registry, add } = withUsers();
  const before = await snapshotAsync(registry);
  add();
  add();
  assert.deepEqual(await before.diff(), { users: 2 });
  assert.deepEqual(before.values(), { users: 1 });
  assert.deepEqual(await before.diff(), { users: 2 });
});

test("snapshot() leaves out asynchronous collectors, and diff() has the error count", () => {
  const { registry } = withUsers();
  const before = snapshot(registry);
  const series = 'narthex_collector_errors_total{collector="anonymous",cause="async"}';
  assert.deepEqual(before.values(), { [series]: 1 });
  assert.deepEqual(before.diff(), { [series]: 1 });
});

test("snapshotAsync() takes a time limit", async () => {
  const registry = new CollectorRegistry();
  registry.register({ collect: () => new Promise<MetricFamily[]>(() => {}) });
  const before = await snapshotAsync(registry, { timeoutMs: 1 });
  assert.deepEqual(before.values(), {
    'narthex_collector_errors_total{collector="anonymous",cause="timeout"}': 1,
  });
});

test("snapshot() throws for a shared registry, and snapshotAsync() reads it", async () => {
  const registry = new CollectorRegistry();
  const visits = new Counter("visits_total", "Visits.", { registry });
  const proxy = new CollectorRegistryProxy(registry);
  const beforeSharing = snapshot(proxy);
  const shared = await loadBackend(new MemoryStore().backend(), { registry: proxy });
  const refusal = {
    name: "TypeError",
    message:
      "Cannot take a snapshot: the registry cannot be read synchronously: use snapshotAsync()",
  };
  try {
    for (const refusing of [shared, proxy, proxy.restrictedRegistry(["visits_total"])]) {
      assert.throws(() => snapshot(refusing), refusal);
    }
    assert.throws(() => beforeSharing.diff(), refusal);
    const before = await snapshotAsync(proxy);
    visits.inc(2);
    assert.deepEqual(await before.diff(), { visits_total: 2 });
  } finally {
    await shared.close();
  }
});

test("an error of a custom registry is rethrown", () => {
  const registry: Registry = {
    prefix: null,
    register: () => {},
    unregister: () => {},
    collect: () => {
      throw new RangeError("broken");
    },
  };
  assert.throws(() => snapshot(registry), { name: "RangeError", message: "broken" });
  const both = { ...registry, collectAsync: async function* () {} };
  assert.throws(() => snapshot(both), (error: Error) => {
    return error instanceof TypeError && (error.cause as Error).message === "broken";
  });
});
