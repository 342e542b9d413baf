/**
 * A program with instrumentations from npm: a server, calls to it, a database, the runtime and the
 * machine. Their metrics go to the default registry, and the same calls go to OpenTelemetry's SDK.
 * Prints the expositions of both.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import { metrics } from "@opentelemetry/api";
import { PrometheusExporter, PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { HostMetrics } from "@opentelemetry/host-metrics";
import { ExpressInstrumentation } from "@opentelemetry/instrumentation-express";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { PgInstrumentation } from "@opentelemetry/instrumentation-pg";
import { RuntimeNodeInstrumentation } from "@opentelemetry/instrumentation-runtime-node";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import { MeterProvider } from "@opentelemetry/sdk-metrics";
import type { Server } from "node:http";
import { meterProvider } from "../../collectors/opentelemetry.ts";
import { Gauge, generateMetricsAsync } from "../../mod.ts";
import { teeProvider } from "./otel_tee.ts";
import { startPostgres } from "./postgres.ts";

process.env["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http,database";
const errors: string[] = [];
const exporter = new PrometheusExporter({ preventServerStart: true });
const provider = teeProvider([
  meterProvider({ onError: (error) => errors.push(String(error)) }),
  new MeterProvider({ readers: [exporter] }),
]);
metrics.setGlobalMeterProvider(provider);
for (
  const instrumentation of [
    new HttpInstrumentation(),
    new ExpressInstrumentation(),
    new UndiciInstrumentation(),
    new PgInstrumentation(),
    new RuntimeNodeInstrumentation({ monitoringPrecision: 10 }),
  ]
) {
  instrumentation.setMeterProvider(provider);
  instrumentation.enable();
}
new HostMetrics({ meterProvider: provider }).start();
new Gauge("native_metric", "Beside the others.").set(1);

// Only modules that are required after this point are instrumented.
const require = createRequire(import.meta.url);
const express = require("express");
const app = express();
app.get("/users/:id", (_request: unknown, response: { send(text: string): void }) => {
  response.send("hello");
});
const server: Server = require("node:http").createServer(app);
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const address = server.address();
const port = typeof address === "object" && address !== null ? address.port : 0;
for (let i = 0; i < 3; i++) {
  const response = await fetch(`http://127.0.0.1:${port}/users/${i}`);
  await response.text();
}

const { Pool } = require("pg");
await using postgres = await startPostgres();
const pool = new Pool({ host: "127.0.0.1", port: postgres.port, user: "postgres", max: 1 });
await Promise.all([1, 2, 3].map((id) => pool.query("SELECT $1::int AS id", [id])));
await pool.query("SELECT nothing FROM nowhere").catch(() => {});
// The connection stays in use while the metrics are read.
await pool.connect();

await new Promise((resolve) => setTimeout(resolve, 100));
const own = await generateMetricsAsync(undefined, { timeoutMs: 20_000 });
const { resourceMetrics } = await exporter.collect();
const sdk = new PrometheusSerializer().serialize(resourceMetrics);
console.log(JSON.stringify({ own, sdk, errors }));
process.exit(0);
