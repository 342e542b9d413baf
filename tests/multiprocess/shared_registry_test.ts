import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Aggregation,
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  gatherAsync,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  Histogram,
  type HistogramMetric,
  Info,
  MetricFamily,
  metricsResponse,
  type Registry,
  StateSet,
} from "../../mod.ts";
import { type Backend, loadBackend, type LoadBackendOptions } from "../../multiprocess/mod.ts";
import { copyLibrary } from "../support/library_copy.ts";
import { ManualClock, settle } from "../support/clock.ts";
import { type Faults, MemoryStore } from "../support/memory_store.ts";

/** No flush but those that a test asks for. */
const MANUAL = { intervalMs: 1e9, deadAfterMs: 60_000 } as const;

/** The lines of a scrape, without those that describe families and the backend. */
async function linesOf(registry: Registry): Promise<string[]> {
  const text = await generateMetricsAsync(registry);
  return text.split("\n").filter((line) => line !== "" && !/^#|^narthex_backend/.test(line));
}

/** Starts a process that shares the metrics of `define`. */
async function share<T>(
  store: MemoryStore,
  define: (registry: CollectorRegistry) => T,
  options: LoadBackendOptions & { faults?: Faults } = {},
) {
  const registry = new CollectorRegistry();
  const metrics = define(registry);
  const backend = store.backend(options.faults);
  const shared = await loadBackend(backend, { ...MANUAL, registry, ...options });
  return { shared, metrics };
}

test("the proxy forwards to the shared registry until it is closed", async () => {
  const proxy = new CollectorRegistryProxy(new CollectorRegistry({ prefix: "app" }));
  const inner = proxy.getRegistry();
  const early = new Counter("early_total", "Early.", { registry: proxy });
  early.inc(2);
  const shared = await loadBackend(new MemoryStore().backend(), { ...MANUAL, registry: proxy });
  assert.equal(proxy.getRegistry(), shared);
  const late = new Gauge("late", "Late.", { registry: proxy, aggregation: "sum" });
  late.set(3);
  assert.equal(
    await generateMetricsAsync(proxy),
    "# HELP app_early_total Early.\n# TYPE app_early_total counter\napp_early_total 2\n" +
      "# HELP app_late Late.\n# TYPE app_late gauge\napp_late 3\n" +
      "# HELP narthex_backend_up Whether the store of the shared metrics answers.\n" +
      "# TYPE narthex_backend_up gauge\nnarthex_backend_up 1\n",
  );
  assert.throws(() => generateMetrics(proxy), /^TypeError: .*generateMetricsAsync\(\)/);
  await shared.close();
  assert.equal(proxy.getRegistry(), inner);
  assert.match(generateMetrics(proxy), /^app_early_total 2$/m);
  await assert.rejects(generateMetricsAsync(shared), /it is closed/);
  assert.equal(await shared.flush(), false);
  await shared.close();
});

test("shared names and labels are those of the exposition", async () => {
  const store = new MemoryStore();
  for (const region of ["eu", "us"]) {
    const registry = new CollectorRegistry({ prefix: "app", constLabels: { region } });
    new Counter("jobs_total", "Jobs.", { registry }).inc();
    const shared = await loadBackend(store.backend(), { ...MANUAL, registry });
    await shared.flush();
    if (region === "eu") continue;
    assert.deepEqual(await linesOf(shared), [
      'app_jobs_total{region="eu"} 1',
      'app_jobs_total{region="us"} 1',
    ]);
    const only = await metricsResponse(
      new Request("http://localhost/?name[]=app_jobs_total"),
      { registry: shared },
    );
    assert.match(await only.text(), /^# HELP app_jobs_total .*\n.*\n.*"eu"} 1\n.*"us"} 1\n$/);
    assert.equal(await shared.getSampleValueAsync("app_jobs_total", { region: "us" }), 1);
    assert.equal(await shared.getSampleValueAsync("app_jobs_total", {}), undefined);
  }
});

test("a scrape flushes first and contains all earlier counts", async () => {
  const store = new MemoryStore();
  const define = (registry: CollectorRegistry) => new Counter("a_total", "A.", { registry });
  const one = await share(store, define);
  const two = await share(store, define);
  one.metrics.inc();
  await one.shared.flush();
  for (let expected = 2; expected < 10; expected++) {
    two.metrics.inc();
    assert.deepEqual(await linesOf(two.shared), [`a_total ${expected}`]);
  }
});

test("help and type are written for a family without series", async () => {
  const store = new MemoryStore();
  await share(store, (registry) => {
    return new Counter("far_total", "Far.", { registry, labelNames: ["a"] });
  }).then(({ shared }) => shared.flush());
  const { shared } = await share(store, (registry) => {
    new Histogram("near", "Near.", { registry, labelNames: ["a"] });
  });
  const text = await generateMetricsAsync(shared);
  assert.match(text, /^# HELP near Near\.\n# TYPE near histogram\n# HELP far_total Far\.\n/);
});

/** Three processes set 1, 2, 3 in this order; the second one ends, by leaving or in silence. */
const MODES: [aggregation: Aggregation, alive: string[], afterwards: string[]][] = [
  ["all", ['g{process="p1"} 1', 'g{process="p2"} 2', 'g{process="p3"} 3'], [
    'g{process="p1"} 1',
    'g{process="p2"} 2',
    'g{process="p3"} 3',
  ]],
  ["liveall", ['g{process="p1"} 1', 'g{process="p2"} 2', 'g{process="p3"} 3'], [
    'g{process="p1"} 1',
    'g{process="p3"} 3',
  ]],
  ["sum", ["g 6"], ["g 6"]],
  ["livesum", ["g 6"], ["g 4"]],
  ["min", ["g 1"], ["g 1"]],
  ["livemin", ["g 1"], ["g 1"]],
  ["max", ["g 3"], ["g 3"]],
  ["livemax", ["g 3"], ["g 3"]],
  ["mostrecent", ["g 2"], ["g 2"]],
  ["livemostrecent", ["g 2"], ["g 3"]],
];
for (const [aggregation, alive, afterwards] of MODES) {
  for (const end of ["leaves", "falls silent"]) {
    test(`a gauge that aggregates by ${aggregation} when a process ${end}`, async () => {
      const store = new MemoryStore();
      // The second one is set last.
      const times = [10, 30, 20];
      const processes = [];
      for (const i of [0, 1, 2]) {
        const clock = { now: () => times[i]!, monotonic: () => 0 };
        const process = await share(store, (registry) => {
          return new Gauge("g", "G.", { registry, aggregation, clock });
        }, { process: `p${i + 1}` });
        process.metrics.set(i + 1);
        await process.shared.flush();
        processes.push(process);
      }
      const [first, second] = processes;
      assert.deepEqual(await linesOf(first!.shared), alive);
      if (end === "leaves") {
        await second!.shared.close();
      } else {
        const [, silent] = store.instances.values();
        silent!.seen -= 120_000;
      }
      assert.deepEqual(await linesOf(first!.shared), afterwards);
    });
  }
}

test("of two processes of one name, the running one is shown, or else the younger one", async () => {
  const store = new MemoryStore();
  const define = (registry: CollectorRegistry) => new Gauge("g", "G.", { registry });
  const old = await share(store, define, { process: "worker" });
  old.metrics.set(1);
  await old.shared.flush();
  const young = await share(store, define, { process: "worker" });
  young.metrics.set(2);
  assert.deepEqual(await linesOf(young.shared), ['g{process="worker"} 2']);
  await young.shared.close();
  assert.deepEqual(await linesOf(old.shared), ['g{process="worker"} 1']);
});

test("infos and states are those of running processes", async () => {
  const store = new MemoryStore();
  const define = (version: string) => (registry: CollectorRegistry) => {
    new Info("build", "Build.", { registry }).info({ version });
    return new StateSet("mode", "Mode.", { registry, states: ["on", "off"] });
  };
  const one = await share(store, define("1"), { process: "p1" });
  const two = await share(store, define("2"), { process: "p2" });
  const three = await share(store, define("2"), { process: "p3" });
  two.metrics.state("off");
  await one.shared.flush();
  await two.shared.flush();
  const state = (process: string, on: number) => [
    `mode{process="${process}",mode="on"} ${on}`,
    `mode{process="${process}",mode="off"} ${1 - on}`,
  ];
  assert.deepEqual(await linesOf(three.shared), [
    'build_info{version="1"} 1',
    'build_info{version="2"} 1',
    ...state("p1", 1),
    ...state("p2", 0),
    ...state("p3", 1),
  ]);
  await one.shared.close();
  await two.shared.close();
  assert.deepEqual(await linesOf(three.shared), ['build_info{version="2"} 1', ...state("p3", 1)]);
});

test("a removed series of a gauge leaves the store, and later values arrive", async () => {
  const store = new MemoryStore();
  const { shared, metrics } = await share(store, (registry) => {
    return new Gauge("g", "G.", { registry, labelNames: ["a"], aggregation: "sum" });
  });
  for (const value of [NaN, Infinity, -Infinity, -0, 5e-324, 0.1]) {
    metrics.labels("x").set(value);
    assert.ok(Object.is(await shared.getSampleValueAsync("g", { a: "x" }), value));
  }
  metrics.labels("y").set(1);
  metrics.remove("x");
  assert.deepEqual(await linesOf(shared), ['g{a="y"} 1']);
  metrics.clear();
  assert.deepEqual(await linesOf(shared), []);
});

test("a gauge has no series while its function throws", async () => {
  let fails = false;
  const { shared } = await share(new MemoryStore(), (registry) => {
    new Gauge("g", "G.", { registry, aggregation: "sum" }).setFunction(() => {
      if (fails) throw new Error("fails");
      return 7;
    });
  });
  assert.deepEqual(await linesOf(shared), ["g 7"]);
  fails = true;
  assert.equal(await shared.getSampleValueAsync("g"), undefined);
  fails = false;
  assert.equal(await shared.getSampleValueAsync("g"), 7);
});

test("custom collectors are read in the scraped process and not by a flush", async () => {
  const store = new MemoryStore();
  let asked = 0;
  const define = (value: number) => (registry: CollectorRegistry) => {
    new Counter("a_total", "A.", { registry });
    registry.register({
      collect: async () => {
        asked++;
        await Promise.resolve();
        return [new MetricFamily("local", "Local.", "gauge").addSample("local", {}, value)];
      },
    });
    new Counter("z_total", "Z.", { registry });
  };
  const one = await share(store, define(1));
  const two = await share(store, define(2));
  await one.shared.flush();
  await two.shared.flush();
  assert.equal(asked, 0);
  assert.deepEqual(await linesOf(one.shared), ["a_total 0", "local 1", "z_total 0"]);
  assert.deepEqual(await linesOf(two.shared), ["a_total 0", "local 2", "z_total 0"]);
  assert.equal(asked, 2);
});

test("series of a custom collector are beside the shared series of the same name", async () => {
  const store = new MemoryStore();
  const { shared } = await share(store, (registry) => {
    new Counter("jobs_total", "Jobs.", { registry, labelNames: ["queue"] }).labels("a").inc(5);
    const collect = () => [
      new MetricFamily("jobs_total", "Other jobs.", "counter")
        .addSample("jobs_total", { queue: "a" }, 9)
        .addSample("jobs_total", { queue: "b" }, 7),
    ];
    registry.register({ collect });
    registry.register({ collect: () => [null as unknown as MetricFamily] });
  });
  const other = await share(store, (registry) => {
    registry.register({
      collect: () => [new MetricFamily("jobs_total", "J.", "gauge").addSample("jobs_total", {}, 1)],
    });
  });
  const lines = await linesOf(shared);
  assert.deepEqual(lines.slice(0, 2), ['jobs_total{queue="a"} 5', 'jobs_total{queue="b"} 7']);
  const errors = "narthex_collector_errors_total";
  // Each is counted once by the first scrape, and shown by the second one.
  assert.deepEqual((await linesOf(shared)).slice(2), [
    `${errors}{collector="anonymous",cause="invalid"} 1`,
    `${errors}{collector="jobs_total",cause="duplicate"} 1`,
  ]);
  // What comes first says what the family is, as in any registry.
  assert.equal((await linesOf(other.shared))[0], "jobs_total 1");
});

for (const fault of ["losesRequest", "hangs"] as const) {
  test(`a store that is down (${fault}) is a gap, not a fall`, async () => {
    let down = false;
    const clock = new ManualClock();
    const { shared, metrics } = await share(new MemoryStore(), (registry) => {
      registry.register({
        collect: () => [new MetricFamily("local", "L.", "gauge").addSample("local", {}, 1)],
      });
      new Gauge("g", "G.", { registry });
      return new Counter("a_total", "A.", { registry });
    }, { faults: { [fault]: () => down }, process: "p", timeoutMs: 250, timers: clock });
    metrics.inc(3);
    assert.equal(await shared.getSampleValueAsync("a_total"), 3);
    down = true;
    metrics.inc();
    const response = await settle(clock, metricsResponse(undefined, { registry: shared }));
    assert.equal(response.status, 200);
    const [text, errors] = (await response.text()).split("# HELP narthex_backend_errors_total");
    assert.equal(
      text,
      "# HELP local L.\n# TYPE local gauge\nlocal 1\n" +
        "# HELP g G.\n# TYPE g gauge\n# HELP a_total A.\n# TYPE a_total counter\n" +
        "# HELP narthex_backend_up Whether the store of the shared metrics answers.\n" +
        "# TYPE narthex_backend_up gauge\nnarthex_backend_up 0\n",
    );
    assert.match(errors!, /^narthex_backend_errors_total\{operation="read",process="p"\} 1$/m);
    down = false;
    assert.equal(await shared.getSampleValueAsync("a_total"), 4);
    assert.equal(await shared.getSampleValueAsync("narthex_backend_up"), 1);
    await shared.close();
  });
}

test("onCollect runs for each scrape, and for flushes only now and then", async () => {
  const clock = new ManualClock();
  let [sync, asynchronous] = [0, 0];
  const { shared } = await share(new MemoryStore(), (registry) => {
    const given = { registry, aggregation: "sum", clock } as const;
    new Gauge("sync", "S.", { ...given, onCollect: (gauge) => gauge.set(++sync) });
    new Gauge("asynchronous", "A.", {
      ...given,
      onCollect: async (gauge) => {
        await Promise.resolve();
        gauge.set(++asynchronous);
      },
    });
  }, { timers: clock, intervalMs: 1000 });
  assert.deepEqual([sync, asynchronous], [1, 1]);
  for (let second = 0; second < 30; second++) {
    await clock.advanceSlowly(1);
    // The interval has started it.
    await shared.flush();
  }
  assert.ok(sync >= 2 && sync <= 4, `${sync} calls in 30 s`);
  assert.equal(asynchronous, sync);
  const before = sync;
  for (let i = 1; i <= 3; i++) {
    const values = [
      await shared.getSampleValueAsync("sync"),
      await shared.getSampleValueAsync("asynchronous"),
    ];
    assert.equal(values[0], sync - 1, "two scrapes, each of which has run it once");
  }
  assert.equal(sync, before + 6);
  assert.equal(await shared.getSampleValueAsync("narthex_collector_errors_total"), undefined);
});

test("a total does not fall to that of one process while onCollect fails", async () => {
  const store = new MemoryStore();
  let fails = false;
  const onCollect = () => {
    if (fails) throw new Error("flaky");
  };
  const start = (count: number) =>
    share(store, (registry) => {
      new Counter("jobs_total", "J.", { registry, onCollect }).inc(count);
      new Gauge("level", "L.", { registry, aggregation: "sum", onCollect }).set(count);
    });
  const [one, two] = [await start(10), await start(5)];
  await two.shared.flush();
  for (let i = 0; i < 4; i++) {
    fails = i % 2 === 1;
    const lines = (await linesOf(one.shared)).filter((line) => !line.startsWith("narthex_"));
    assert.deepEqual(lines, ["jobs_total 15", `level ${fails ? 5 : 15}`]);
  }
  for (const { shared } of [one, two]) await shared.close();
});

test("an onCollect that never settles keeps no other metric from the store", async () => {
  const failures: unknown[] = [];
  const { shared, metrics: jobs } = await share(
    new MemoryStore(),
    (registry) => new Counter("jobs_total", "J.", { registry }),
    // The time of the store stands still. That of the collector does not.
    { timers: new ManualClock(), timeoutMs: 20, onError: (error) => failures.push(error) },
  );
  const given = { registry: shared, aggregation: "sum" } as const;
  new Gauge("stuck", "S.", { ...given, onCollect: () => new Promise<void>(() => {}) });
  for (let expected = 1; expected <= 3; expected++) {
    jobs.inc();
    assert.equal(await shared.flush(), true);
    const samples = new Map<string, number>();
    for await (const family of gatherAsync(shared, { timeoutMs: 20 })) {
      for (const { name, value } of family.samples) samples.set(name, value);
    }
    assert.equal(samples.get("jobs_total"), expected);
    assert.equal(samples.get("narthex_collector_errors_total"), 1);
  }
  assert.deepEqual(failures, []);
  await shared.close();
});

test("a scrape with too little time is no failure of the store", async () => {
  const clock = new ManualClock();
  const failures: unknown[] = [];
  let hangs = false;
  const { shared, metrics } = await share(new MemoryStore(), (registry) => {
    return new Counter("a_total", "A.", { registry });
  }, {
    faults: { hangs: () => hangs },
    timers: clock,
    timeoutMs: 5000,
    onError: (e) => failures.push(e),
  });
  metrics.inc();
  const read = async (options: { timeoutMs?: number; signal?: AbortSignal }) => {
    const families: string[] = [];
    for await (const family of shared.collectAsync(options)) {
      for (const { name, value } of family.samples) families.push(`${name} ${value}`);
    }
    return families;
  };
  assert.deepEqual(await read({}), ["a_total 1", "narthex_backend_up 1"]);
  hangs = true;
  for (let i = 0; i < 5; i++) {
    assert.deepEqual(await settle(clock, read({ timeoutMs: 10 })), ["narthex_backend_up 1"]);
    const left = AbortSignal.abort(new Error("the client has left"));
    assert.deepEqual(await settle(clock, read({ signal: left })), ["narthex_backend_up 1"]);
  }
  assert.deepEqual(failures, []);
  const [up] = await settle(clock, read({ timeoutMs: 10_000 }), 6);
  assert.equal(up, "narthex_backend_up 0");
  assert.ok(failures.length > 0, "the store had all of its time");
  hangs = false;
});

test("onError gets each failure, and its own errors are ignored", async () => {
  const told: string[] = [];
  let down = false;
  const { shared } = await share(new MemoryStore(), () => {}, {
    faults: { losesRequest: () => down },
    onError: (error, operation) => {
      told.push(`${operation}: ${error instanceof Error ? error.message : error}`);
      throw new Error("of the listener");
    },
  });
  await shared.flush();
  down = true;
  await generateMetricsAsync(shared);
  assert.deepEqual(told, ["read: Cannot call the store: request lost"]);
  down = false;
  await shared.close();
});

test("flush() calls during a flush share the next one, even during close()", async () => {
  const store = new MemoryStore();
  const { shared, metrics } = await share(store, (registry) => {
    return new Counter("a_total", "A.", { registry });
  });
  metrics.inc();
  const flushes = [shared.flush(), shared.flush(), shared.flush()];
  assert.equal(flushes[1], flushes[2]);
  metrics.inc();
  const closed = shared.close();
  assert.deepEqual(await Promise.all(flushes), [true, true, true]);
  await closed;
  assert.deepEqual(Array.from(store.totals.values(), ({ numbers }) => numbers), [[2]]);
});

test("close() never rejects, even if the store is down", async () => {
  const proxy = new CollectorRegistryProxy();
  const inner = proxy.getRegistry();
  let down = false;
  const backend = new MemoryStore().backend({ losesRequest: () => down });
  const shared = await loadBackend(backend, { ...MANUAL, registry: proxy });
  down = true;
  await shared.close();
  assert.equal(proxy.getRegistry(), inner);
});

test('a metric with a label "process" of its own is rejected', async () => {
  const store = new MemoryStore();
  const labelNames = ["process"] as const;
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "G.", { registry, labelNames });
  await assert.rejects(
    loadBackend(store.backend(), { registry }),
    /^TypeError: Cannot load backend: gauge "g" has a label "process", .* by "all"$/,
  );
  registry.unregister(gauge);
  const shared = await loadBackend(store.backend(), { ...MANUAL, registry });
  assert.throws(
    () => new Gauge("g", "G.", { registry: shared, labelNames, aggregation: "liveall" }),
    /^TypeError: Cannot register collector: gauge "g" has a label "process"/,
  );
  new Gauge("h", "H.", { registry: shared, labelNames, aggregation: "sum" }).labels("x").set(1);
  new Counter("c_total", "C.", { registry: shared, labelNames }).labels("x").inc();
  assert.deepEqual(await linesOf(shared), ['h{process="x"} 1', 'c_total{process="x"} 1']);
});

test("counts of former buckets are added at the new bounds, and nothing falls", async () => {
  const store = new MemoryStore();
  const define = (buckets: number[]) => (registry: CollectorRegistry) =>
    new Histogram("size", "Sizes.", { registry, buckets });
  const old = await share(store, define([1, 2, 5]));
  for (const value of [0.5, 1.5, 3, 9]) old.metrics.observe(value);
  assert.deepEqual((await linesOf(old.shared)).slice(0, 4), [
    'size_bucket{le="1"} 1',
    'size_bucket{le="2"} 2',
    'size_bucket{le="5"} 3',
    'size_bucket{le="+Inf"} 4',
  ]);
  const young = await share(store, define([2, 3, 10]));
  young.metrics.observe(2.5);
  const expected = [
    'size_bucket{le="2"} 2',
    'size_bucket{le="3"} 3',
    'size_bucket{le="10"} 4',
    'size_bucket{le="+Inf"} 5',
    "size_sum 16.5",
    "size_count 5",
  ];
  assert.deepEqual(await linesOf(young.shared), expected);
  assert.deepEqual(await linesOf(old.shared), expected, "both answer the same");
});

test("series of former labels stay beside the new ones", async () => {
  const store = new MemoryStore();
  const old = await share(store, (registry) => {
    return new Counter("a_total", "A.", { registry, labelNames: ["x", "y"] });
  });
  old.metrics.labels("1", "2").inc();
  await old.shared.flush();
  const swapped = await share(store, (registry) => {
    return new Counter("a_total", "A.", { registry, labelNames: ["y", "x"] });
  });
  swapped.metrics.labels("2", "1").inc();
  await swapped.shared.flush();
  const young = await share(store, (registry) => {
    return new Counter("a_total", "New.", { registry, labelNames: ["x"] });
  });
  young.metrics.labels("1").inc();
  const lines = ['a_total{x="1",y="2"} 2', 'a_total{x="1"} 1'];
  assert.deepEqual(await linesOf(young.shared), lines);
  assert.deepEqual(await linesOf(old.shared), lines);
});

test("a series of an empty label is the series without that label", async () => {
  const store = new MemoryStore();
  const old = await share(store, (registry) => new Counter("a_total", "A.", { registry }));
  old.metrics.inc(7);
  await old.shared.flush();
  const young = await share(store, (registry) => {
    return new Counter("a_total", "A.", { registry, labelNames: ["x"] });
  });
  young.metrics.labels("").inc(2);
  young.metrics.labels("1").inc(1);
  assert.deepEqual(await linesOf(young.shared), ["a_total 9", 'a_total{x="1"} 1']);
});

test("native buckets are left out if a process counted without them", async () => {
  const store = new MemoryStore();
  const define = (nativeHistogram?: true) => (registry: CollectorRegistry) =>
    new Histogram("size", "Sizes.", { registry, buckets: [1], nativeHistogram });
  const old = await share(store, define());
  old.metrics.observe(0.5);
  await old.shared.flush();
  const young = await share(store, define(true));
  young.metrics.observe(3);
  for await (const { name, metrics } of young.shared.collectAsync()) {
    if (name !== "size") continue;
    const [{ count, native }] = [...metrics] as [HistogramMetric];
    assert.deepEqual({ count, native }, { count: 2, native: undefined });
  }
  assert.deepEqual(await linesOf(young.shared), [
    'size_bucket{le="1"} 1',
    'size_bucket{le="+Inf"} 2',
    "size_sum 3.5",
    "size_count 2",
    'narthex_collector_errors_total{collector="size",cause="conflict"} 1',
  ]);
});

test("no batch is larger than the store allows, even if all series are removed", async () => {
  const store = new MemoryStore();
  const sizes: number[] = [];
  const inner = store.backend();
  const backend: Backend = {
    name: "memory",
    open: async (options) => {
      const session = await inner.open(options);
      const push: typeof session.push = (id, batch, options) => {
        const { families, adds, sets, deletes } = batch;
        sizes.push(families.length + adds.length + sets.length + deletes.length);
        return session.push(id, batch, options);
      };
      return { ...session, maxNumbers: 100, push };
    },
  };
  const registry = new CollectorRegistry();
  for (let i = 0; i < 500; i++) new Counter(`a${i}_total`, "A.", { registry, labelNames: ["x"] });
  const level = new Gauge("level", "Level.", { registry, labelNames: ["x"] });
  for (let i = 0; i < 1000; i++) level.labels(i).set(i);
  const shared = await loadBackend(backend, { ...MANUAL, registry });
  assert.equal(await shared.flush(), true);
  level.clear();
  assert.equal(await shared.flush(), true);
  assert.ok(Math.max(...sizes) <= 101, `${Math.max(...sizes)} rows`);
  assert.deepEqual(await linesOf(shared), []);
});

test("the last type of a family is shown to all processes", async () => {
  const store = new MemoryStore();
  const old = await share(store, (registry) => new Counter("a", "A.", { registry }));
  old.metrics.inc(5);
  await old.shared.flush();
  const young = await share(store, (registry) => {
    return new Gauge("a", "A.", { registry, aggregation: "sum" });
  });
  young.metrics.set(2);
  const error = 'narthex_collector_errors_total{collector="a",cause="conflict"} 1';
  assert.deepEqual(await linesOf(young.shared), ["a 2"]);
  assert.deepEqual((await linesOf(old.shared))[0], "a 2");
  assert.ok((await linesOf(young.shared)).some((line) => line.startsWith(error.slice(0, -1))));
});

test("a store can be read without writing to it", async () => {
  const store = new MemoryStore();
  const { shared, metrics } = await share(store, (registry) => {
    return new Counter("a_total", "A.", { registry });
  });
  metrics.inc(4);
  await shared.flush();
  const { pushes } = store;
  const reader = await share(store, (registry) => {
    new Counter("own_total", "Own.", { registry }).inc();
    registry.register({
      collect: () => [new MetricFamily("local", "L.", "gauge").addSample("local", {}, 1)],
    });
  }, { readOnly: true });
  assert.deepEqual(await linesOf(reader.shared), ["local 1", "a_total 4"]);
  assert.equal(await reader.shared.flush(), false);
  await reader.shared.close();
  assert.equal(store.pushes, pushes);
  assert.equal(store.instances.size, 1);
});

test("the shared registry has the methods of the inner one", async () => {
  const proxy = new CollectorRegistryProxy();
  const shared = await loadBackend(new MemoryStore().backend(), { ...MANUAL, registry: proxy });
  proxy.setTargetInfo({ service: "x" });
  assert.deepEqual(proxy.getTargetInfo(), { service: "x" });
  assert.match(await generateMetricsAsync(proxy), /^target_info\{service="x"\} 1$/m);
  const counter = new Counter("a_total", "A.", { registry: proxy });
  assert.throws(() => new Counter("a_total", "Other.", { registry: proxy }), /claimed/);
  assert.equal(proxy.unregister(counter), true);
  assert.equal(proxy.unregister(counter), false);
  proxy.clear();
  assert.throws(() => proxy.getSampleValue("a_total"), /generateMetricsAsync/);
  await shared.close();
});

test("a custom registry can be shared", async () => {
  const collectors = new Set<Counter>();
  const own: Registry = {
    prefix: "own",
    register: (collector) => void collectors.add(collector as Counter),
    unregister: (collector) => collectors.delete(collector as Counter),
    *collect() {
      for (const collector of collectors) yield* collector.collect();
    },
  };
  const store = new MemoryStore();
  const one = await loadBackend(store.backend(), { ...MANUAL, registry: own });
  new Counter("a_total", "A.", { registry: one }).inc(2);
  const two = await share(store, () => {});
  await one.flush();
  assert.deepEqual(await linesOf(two.shared), ["own_a_total 2"]);
  assert.throws(() => one.clear(), /^TypeError: Cannot call clear\(\)/);
});

test("metrics and the default registry of another package copy are shared", async () => {
  const copy = await copyLibrary();
  const there: typeof import("../../mod.ts") = await import(copy.url);
  const other: typeof import("../../multiprocess/mod.ts") = await import(
    copy.url.replace("mod.ts", "multiprocess/mod.ts")
  );
  const store = new MemoryStore();
  const registry = new CollectorRegistry();
  const counter = new there.Counter("a_total", "A.", { registry });
  new there.Info("build", "B.", { registry }).info({ version: "1" });
  counter.inc(2);
  const shared = await other.loadBackend(store.backend(), { ...MANUAL, registry });
  assert.deepEqual(await linesOf(shared), ["a_total 2", 'build_info{version="1"} 1']);
  const again = await loadBackend(store.backend(), { ...MANUAL, registry: shared });
  assert.equal(await shared.flush(), false, "it is closed");
  counter.inc();
  assert.equal(await again.getSampleValueAsync("a_total"), 3);
  await again.close();
  await copy[Symbol.asyncDispose]();
});

const REFUSED: [options: Record<string, unknown>, error: RegExp][] = [
  [{ intervalMs: 0 }, /^RangeError: .*intervalMs must be > 0 and <= 2147483547: received 0$/],
  [{ intervalMs: "5" }, /^TypeError: .*intervalMs must be a number: received 5$/],
  [{ timeoutMs: Infinity }, /^RangeError: .*timeoutMs/],
  [{ deadAfterMs: NaN }, /^RangeError: .*deadAfterMs/],
  [{ retentionMs: -1 }, /^RangeError: .*retentionMs/],
  [{ namespace: "" }, /^TypeError: .*namespace must be a string, not empty: received $/],
  [{ process: 5 }, /^TypeError: .*process must be a string/],
];
for (const [options, error] of REFUSED) {
  test(`loadBackend() rejects ${JSON.stringify(options)}`, async () => {
    const registry = new CollectorRegistry();
    const given = { registry, ...options } as LoadBackendOptions;
    await assert.rejects(loadBackend(new MemoryStore().backend(), given), error);
  });
}

test("loadBackend() rejects if the backend rejects or never opens, and changes nothing", async () => {
  const proxy = new CollectorRegistryProxy();
  const inner = proxy.getRegistry();
  const failing = { name: "x", open: () => Promise.reject(new Error("no disk")) };
  await assert.rejects(loadBackend(failing, { registry: proxy }), /^Error: no disk$/);
  const hanging = { name: "x", open: () => new Promise<never>(() => {}) };
  const clock = new ManualClock();
  const options = { registry: proxy, timeoutMs: 10, timers: clock };
  await assert.rejects(
    settle(clock, loadBackend(hanging, options)),
    /^Error: Cannot load backend: x did not open: waited 10 ms$/,
  );
  const closing = Promise.withResolvers<void>();
  const opening = Promise.withResolvers<void>();
  const late: Backend = {
    name: "x",
    open: async (options) => {
      await opening.promise;
      const session = await new MemoryStore().backend().open(options);
      return { ...session, close: () => Promise.resolve(closing.resolve()) };
    },
  };
  await assert.rejects(settle(clock, loadBackend(late, options)), /did not open/);
  opening.resolve();
  await closing.promise;
  // @ts-expect-error It is none.
  await assert.rejects(loadBackend({}, { registry: proxy }), /^TypeError: .* must have open\(\)/);
  assert.equal(proxy.getRegistry(), inner);
});

test("a backend replaces the first one while another one fails to open", async () => {
  const store = new MemoryStore();
  const registry = new CollectorRegistry();
  const level = new Gauge("level", "L.", { registry, aggregation: "livesum" });
  level.set(1);
  const options = { ...MANUAL, registry };
  const first = await loadBackend(store.backend(), options);
  const opening = Promise.withResolvers<never>();
  const failing = loadBackend({ name: "broken", open: () => opening.promise }, options);
  const loading = loadBackend(store.backend(), options);
  opening.reject(new Error("broken"));
  await assert.rejects(failing, /broken/);
  const second = await loading;
  assert.equal(await first.flush(), false, "it is closed");
  assert.deepEqual(await linesOf(second), ["level 1"]);
  const third = await loadBackend(store.backend(), options);
  assert.equal(await second.flush(), false, "it is closed");
  assert.deepEqual(await linesOf(third), ["level 1"]);
  await third.close();
});

test("samples are looked up as in other registries", async () => {
  const { shared, metrics } = await share(new MemoryStore(), (registry) => {
    return new Histogram("size", "Sizes.", { registry, buckets: [0.5, 1e6] });
  });
  metrics.observe(3);
  assert.equal(await shared.getSampleValueAsync("size_bucket", { le: 1e6 }), 1);
  assert.equal(await shared.getSampleValueAsync("size_bucket", { le: 0.5 }), 0);
  assert.equal(await shared.getSampleValueAsync("size_bucket"), undefined);
  assert.equal(await shared.getSampleValueAsync("nothing"), undefined);
});
