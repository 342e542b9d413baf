import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Redis } from "ioredis";
import {
  CollectorRegistry,
  type Gatherer,
  generateMetricsAsync,
  metricsHandler,
  REGISTRY,
} from "../../mod.ts";
import { type Backend, loadBackend } from "../../multiprocess/mod.ts";
import { redisBackend } from "../../multiprocess/redis/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";
import { workersBackend } from "../../multiprocess/workers/mod.ts";
import { type AnyMetricObject, COLLECTOR } from "../../prom_client/metric_object.ts";
import client from "../../prom_client/mod.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { testWithPrograms } from "../support/programs.ts";
import { startRedis } from "../support/redis.ts";

/** Counts through the entry point, shares the registry, and checks what both registries expose. */
async function share(backend: Backend): Promise<void> {
  const former = REGISTRY.setRegistry(new CollectorRegistry(), { collectors: "leave" });
  const shared = await loadBackend(backend, { intervalMs: 3_600_000 });
  try {
    const counter = new client.Counter({ name: "c_total", help: "C.", labelNames: ["a", "b"] });
    counter.inc({ b: "y", a: "x" }, 2);
    counter.inc({ b: "z" });
    const gauge = new client.Gauge({ name: "g", help: "G.", aggregator: "max" });
    gauge.set(4);
    new client.Gauge({ name: "own", help: "O.", aggregator: "omit" }).set(5);
    new client.Counter({ name: "own_total", help: "O.", aggregator: "omit" }).inc(6);
    const histogram = new client.Histogram({
      name: "h",
      help: "H.",
      buckets: [1],
      collect() {
        this.observe(0.5);
      },
    });
    new client.Summary({ name: "s", help: "S.", percentiles: [] }).observe(3);
    client.register.setDefaultLabels({ host: "h1" });
    await shared.flush();
    const request = new Request("http://localhost/metrics");
    for (
      const text of [
        await client.register.metrics(),
        await (await metricsHandler()(request)).text(),
        await generateMetricsAsync(),
      ]
    ) {
      for (
        const line of [
          'c_total{a="x",b="y",host="h1"} 2',
          'g{host="h1"} 4',
          's_sum{host="h1"} 3',
        ]
      ) assert.ok(text.includes(`\n${line}\n`), `${line}\n${text}`);
      // A missing label is empty in a store.
      assert.match(text, /^c_total\{(?:a="",)?b="z",(?:a="",)?host="h1"\} 1$/m);
      assert.match(text, /^h_count\{host="h1"\} \d+$/m);
      assert.doesNotMatch(text, /^own/m);
    }
    const own = await client.register.getSingleMetricAsString("own");
    assert.match(own, /^own\{host="h1"\} 5$/m);
    assert.ok(((await histogram.get()).values.at(-1)!).value > 0);
  } finally {
    await shared.close();
    client.register.clear();
    REGISTRY.setRegistry(former, { collectors: "leave" });
  }
}

test("drop-in metrics and late default labels are shared through SQLite", async () => {
  const folder = await mkdtemp(join(tmpdir(), "narthex-prom-client-"));
  try {
    await share(sqliteBackend(join(folder, "metrics.db")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("drop-in metrics and late default labels are shared between workers", () =>
  share(workersBackend()));

testWithPrograms(
  ["redis-server"],
  "drop-in metrics and late default labels are shared through Redis",
  async () => {
    const server = await startRedis();
    const redis = new Redis(server.port, "127.0.0.1");
    try {
      await share(redisBackend((command, ...args) => redis.call(command, ...args)));
    } finally {
      redis.disconnect();
      await server[Symbol.asyncDispose]();
    }
  },
);

/** Starts a process with a gauge of each aggregator. */
async function startProcess(store: MemoryStore, value: number) {
  const registry = new CollectorRegistry();
  const registers = [{
    contentType: client.prometheusContentType,
    registerMetric: (metric: object): void => {
      // Every drop-in metric has a collector.
      registry.register((metric as AnyMetricObject)[COLLECTOR]!);
    },
  }];
  for (const aggregator of ["sum", "min", "max", "first", "average", "omit"] as const) {
    new client.Gauge({ name: aggregator, help: "G.", aggregator, registers }).set(value);
  }
  const shared = await loadBackend(store.backend(), { registry, intervalMs: 3_600_000 });
  await shared.flush();
  return { registry, shared };
}

test("gauges of running processes are combined by their aggregators", async () => {
  const store = new MemoryStore();
  const [one, two, three] = [
    await startProcess(store, 4),
    await startProcess(store, 1),
    await startProcess(store, 10),
  ] as const;
  const linesOf = async (registry: Gatherer): Promise<string[]> =>
    (await generateMetricsAsync(registry)).split("\n").filter((line) => /^[a-z]+ /.test(line));
  assert.deepEqual(await linesOf(two.shared), [
    "sum 15",
    "min 1",
    "max 10",
    "first 4",
    "average 5",
  ]);
  // A scrape of one process has all of them.
  assert.deepEqual(await linesOf(two.registry), [
    "sum 1",
    "min 1",
    "max 1",
    "first 1",
    "average 1",
    "omit 1",
  ]);
  await one.shared.close();
  assert.deepEqual(await linesOf(two.shared), [
    "sum 11",
    "min 1",
    "max 10",
    "first 1",
    "average 5.5",
  ]);
  await two.shared.close();
  await three.shared.close();
});
