// Uses each entry point of the installed package once, on whatever runtime runs it.
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import process from "node:process";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  generateOpenMetrics,
  generateProtobuf,
  Histogram,
  metricsHandler,
} from "@narthex/prometheus";
import { instrument } from "@narthex/prometheus/http";
import { livePage } from "@narthex/prometheus/live";
import { loadBackend } from "@narthex/prometheus/multiprocess";
import { parseOpenMetrics, parsePrometheusText } from "@narthex/prometheus/parse";
import { pushToGateway } from "@narthex/prometheus/pushgateway";
import { redisBackend } from "@narthex/prometheus/redis";
import { remoteWrite } from "@narthex/prometheus/remote-write";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import { sqliteBackend } from "@narthex/prometheus/sqlite";
import { lintMetrics, snapshot } from "@narthex/prometheus/testing";
import { workersBackend } from "@narthex/prometheus/workers";

// The core, in its three formats.
const loaves = new Counter("loaves_baked_total", "Loaves baked.", { labelNames: ["kind"] });
const before = snapshot();
loaves.labels({ kind: "rye" }).inc(2);
assert.deepEqual(before.diff(), { 'loaves_baked_total{kind="rye"}': 2 });
new Gauge("oven_temperature_celsius", "Temperature of the oven.").set(220);
new Histogram("baking_seconds", "Time in the oven.", { nativeHistogram: true }).observe(0.25);
assert.deepEqual(lintMetrics(), []);
assert.match(generateMetrics(), /^loaves_baked_total\{kind="rye"\} 2$/m);
assert.equal(parsePrometheusText(generateMetrics()).length, 3);
assert.equal(parseOpenMetrics(generateOpenMetrics()).length, 3);
assert.ok(generateProtobuf().length > 100);

// What the library says about itself when something is wrong still has its class and its text.
assert.throws(() => loaves.labels({ kind: "rye" }).inc(-1), RangeError);

// Scrapes, by a program and by a person.
const handler = metricsHandler({ live: livePage() });
const scrape = await handler(
  new Request("http://localhost/metrics", { headers: { "accept-encoding": "gzip" } }),
);
assert.equal(scrape.headers.get("content-encoding"), "gzip");
const stream = scrape.body.pipeThrough(new DecompressionStream("gzip"));
assert.match(await new Response(stream).text(), /^loaves_baked_total\{kind="rye"\} 2$/m);
const page = await handler(
  new Request("http://localhost/metrics", { headers: { accept: "text/html" } }),
);
assert.match(await page.text(), /^<!doctype html>/i);

// Requests that are measured.
const service = instrument(() => new Response("hello"), { route: () => "/" });
assert.equal(await (await service(new Request("http://localhost/"))).text(), "hello");

// The runtime's own metrics.
registerRuntimeMetrics();
assert.match(generateMetrics(), /^runtime_info\{runtime="\w+",version="\d+\.\d+\.\d+.*"\} 1$/m);
assert.match(generateMetrics(), /^process_resident_memory_bytes [1-9]\d*$/m);

// Metrics that are sent.
const requests = [];
const server = createServer((request, response) => {
  requests.push(`${request.method} ${request.url}`);
  request.resume().on("end", () => response.end());
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = `http://127.0.0.1:${server.address().port}`;
await pushToGateway(address, { job: "bakery" });
await remoteWrite(`${address}/api/v1/write`);
assert.deepEqual(requests, ["PUT /metrics/job/bakery", "POST /api/v1/write"]);
server.close();
server.closeAllConnections();

// Registries that are shared: by workers, in a file, and in Redis, as far as without a server.
const registry = new CollectorRegistry();
const workers = await loadBackend(workersBackend(), { registry });
await workers.close();
const path = `${tmpdir()}/narthex-package-${process.pid}.db`;
const [major, minor] = (process.versions.node ?? "0.0").split(".").map(Number);
if (major > 22 || minor >= 13) {
  const shared = await loadBackend(sqliteBackend(path));
  await shared.flush();
  const response = await handler(new Request("http://localhost/metrics"));
  assert.match(await response.text(), /^loaves_baked_total\{kind="rye"\} 2$/m);
  await shared.close();
} else {
  // Node.js 22.12 has it behind a flag.
  await assert.rejects(loadBackend(sqliteBackend(path)), /node:sqlite/);
}
for (const suffix of ["", "-shm", "-wal"]) rmSync(path + suffix, { force: true });
assert.equal(typeof redisBackend(() => Promise.reject(new Error("no server"))).open, "function");

console.log("all entry points work");
