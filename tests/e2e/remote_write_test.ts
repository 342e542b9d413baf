import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { remoteWrite, RemoteWriter } from "../../bridges/remote_write.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  Histogram,
  Info,
  MetricFamily,
  StateSet,
  Summary,
} from "../../mod.ts";
import { freePort, waitFor } from "../support/processes.ts";
import { testWithPrograms } from "../support/programs.ts";
import { startReceivingPrometheus } from "../support/prometheus.ts";

const FEATURES = ["native-histograms", "exemplar-storage"];

/** Creates a folder that is removed when it is disposed of. */
async function temporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), "narthex-remote-write-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

testWithPrograms(["prometheus"], "Prometheus accepts all types by remote write", async (path) => {
  await using folder = await temporaryFolder();
  await using prometheus = await startReceivingPrometheus(path!, {
    folder: folder.path,
    port: await freePort(),
    features: FEATURES,
  });
  const registry = new CollectorRegistry();
  new Counter("jobs_total", "Jobs.", { registry }).inc(3, { trace_id: "counter" });
  new Gauge("temperature", "Now.", { registry, labelNames: ["room"] }).labels('ä"\n').set(-1.5);
  new Gauge("unknown_yet", "NaN.", { registry }).set(NaN);
  const classic = new Histogram("classic_seconds", "", { registry, buckets: [0.25, 1, 1e6] });
  for (const value of [0.1, 0.5, 2]) classic.observe(value);
  const native = new Histogram("native_seconds", "", { registry, nativeHistogram: true });
  for (let i = 1; i <= 1000; i++) native.observe(i / 1000);
  native.observe(0.5, { trace_id: "native" });
  new Summary("size_bytes", "", { registry, quantiles: [0.5] }).observe(512);
  new Info("build", "", { registry }).info({ version: "1.2.3" });
  new StateSet("oven", "", { registry, states: ["cold", "hot"] }).state("hot");
  registry.register({
    collect: () => [
      new MetricFamily("sizes", "", "gaugehistogram")
        .addSample("sizes_bucket", { le: 1 }, 2)
        .addSample("sizes_bucket", { le: "+Inf" }, 3)
        .addSample("sizes_gsum", {}, 4)
        .addSample("sizes_gcount", {}, 3),
      new MetricFamily("floating", "", "histogram").addSample("floating", {}, 0, {
        nativeHistogram: {
          schema: 0,
          zeroThreshold: 0,
          zeroCount: 0.5,
          positive: new Map([[1, 2.5]]),
          negative: new Map([[1, 1]]),
          sum: 3,
          count: 4,
        },
      }),
      new MetricFamily("old", "", "gauge")
        .addSample("old", {}, 7, { timestamp: Math.floor(Date.now() / 1000) - 60 }),
      new MetricFamily("anything", "", "unknown").addSample("anything", {}, 8),
    ],
  });
  await remoteWrite(prometheus.writeUrl, {
    registry,
    externalLabels: { job: "test", instance: "one" },
  });

  const expected: Record<string, number> = {
    'jobs_total{job="test",instance="one"}': 3,
    'temperature{room="ä\\"\\n"}': -1.5,
    'classic_seconds_bucket{le="0.25"}': 1,
    'classic_seconds_bucket{le="1"}': 2,
    'classic_seconds_bucket{le="1e+06"}': 3,
    'classic_seconds_bucket{le="+Inf"}': 3,
    "classic_seconds_sum": 2.6,
    "classic_seconds_count": 3,
    "histogram_count(native_seconds)": 1001,
    "histogram_sum(native_seconds)": 501,
    "histogram_count(floating)": 4,
    'size_bytes{quantile="0.5"}': 512,
    "size_bytes_count": 1,
    'build_info{version="1.2.3"}': 1,
    'oven{oven="hot"}': 1,
    'oven{oven="cold"}': 0,
    'sizes_bucket{le="1"}': 2,
    "sizes_gsum": 4,
    "sizes_gcount": 3,
    "old": 7,
    "anything": 8,
  };
  for (const [query, value] of Object.entries(expected)) {
    const found = await prometheus.query(query);
    assert.equal(found.length, 1, query);
    assert.ok(Math.abs(found[0]!.value - value) < 1e-9, `${query} is ${found[0]!.value}`);
  }
  assert.ok(Number.isNaN((await prometheus.query("unknown_yet"))[0]?.value), "NaN is not stale");
  const [quantile] = await prometheus.query("histogram_quantile(0.9, native_seconds)");
  assert.ok(Math.abs(quantile!.value / 0.9 - 1) < 0.1, `the quantile is ${quantile!.value}`);
  for (const name of ["jobs_total", "native_seconds"]) {
    const exemplars = await prometheus.exemplars(name);
    assert.deepEqual(
      exemplars.map(({ labels }) => labels),
      [{ trace_id: name === "jobs_total" ? "counter" : "native" }],
      name,
    );
  }
});

testWithPrograms(["prometheus"], "an error contains the response of Prometheus", async (path) => {
  await using folder = await temporaryFolder();
  await using prometheus = await startReceivingPrometheus(path!, {
    folder: folder.path,
    port: await freePort(),
  });
  const { writeUrl } = prometheus;
  const registry = new CollectorRegistry();
  new Histogram("native_seconds", "", { registry, nativeHistogram: true }).observe(1);
  await assert.rejects(remoteWrite(writeUrl, { registry, retryForMs: 1 }), {
    status: 500,
    body: "native histograms are disabled",
  });
  await remoteWrite(writeUrl, { registry, nativeHistograms: false });
  assert.equal((await prometheus.query("native_seconds_count"))[0]?.value, 1);

  const timed = new CollectorRegistry();
  new Gauge("beside", "", { registry: timed }).set(1);
  let timestamp = Date.now() / 1000 - 10;
  timed.register({
    collect: () => [new MetricFamily("t", "", "gauge").addSample("t", {}, 1, { timestamp })],
  });
  await remoteWrite(writeUrl, { registry: timed });
  timestamp -= 5;
  await assert.rejects(remoteWrite(writeUrl, { registry: timed }), {
    status: 400,
    body: "out of order sample",
    samples: 1,
    retryable: false,
  });
  assert.equal((await prometheus.query("count_over_time(beside[1m])"))[0]?.value, 2);
});

testWithPrograms(
  ["prometheus"],
  "a writer survives a restart of Prometheus, and marks vanished series as stale",
  async (path) => {
    await using folder = await temporaryFolder();
    const port = await freePort();
    const options = { folder: folder.path, port, features: FEATURES };
    const registry = new CollectorRegistry();
    const jobs = new Counter("jobs_total", "", { registry });
    const busy = new Gauge("busy", "", { registry, labelNames: ["worker"] });
    const native = new Histogram("work_seconds", "", {
      registry,
      labelNames: ["worker"],
      nativeHistogram: true,
    });
    for (const worker of ["a", "b"]) {
      busy.labels({ worker }).set(1);
      native.labels({ worker }).observe(1);
    }
    const errors: unknown[] = [];
    let first = await startReceivingPrometheus(path!, options);
    await using writer = new RemoteWriter(first.writeUrl, {
      registry,
      intervalMs: 100,
      minBackoffMs: 50,
      maxBackoffMs: 200,
      onError: (error) => errors.push(error),
    });
    try {
      jobs.inc(5);
      await first.waitForValue("jobs_total", (value) => value === 5);
      busy.remove("a");
      native.remove("a");
      // Without the markers, the series would stay for five more minutes.
      await first.waitForValue("count(busy)", (value) => value === 1);
      await first.waitForValue("count(work_seconds)", (value) => value === 1);
      assert.deepEqual(errors, []);
    } finally {
      await first[Symbol.asyncDispose]();
    }
    for (let i = 0; i < 10; i++) jobs.inc();
    await waitFor(
      "failures, and snapshots that wait",
      () => writer.retries >= 3 && writer.bufferedBytes > 500 || undefined,
    );
    first = await startReceivingPrometheus(path!, options);
    try {
      await first.waitForValue("jobs_total", (value) => value === 15);
      await waitFor("an empty buffer", () => writer.bufferedBytes < 2000 || undefined);
      assert.equal(writer.droppedSamples, 0);
      assert.equal(writer.refusedSamples, 0, String(errors.at(-1)));
      jobs.inc(100);
      await writer.close();
      assert.equal((await first.query("jobs_total"))[0]?.value, 115);
    } finally {
      await first[Symbol.asyncDispose]();
    }
  },
);
