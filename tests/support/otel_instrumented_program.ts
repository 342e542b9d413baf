/**
 * A program with instrumentations from npm, whose metrics are in the default registry: a server, calls
 * to it, the runtime and the machine. Prints its metrics.
 *
 * @module
 */
import { createRequire } from "node:module";
import process from "node:process";
import { metrics } from "@opentelemetry/api";
import { HostMetrics } from "@opentelemetry/host-metrics";
import { ExpressInstrumentation } from "@opentelemetry/instrumentation-express";
import { HttpInstrumentation } from "@opentelemetry/instrumentation-http";
import { RuntimeNodeInstrumentation } from "@opentelemetry/instrumentation-runtime-node";
import { UndiciInstrumentation } from "@opentelemetry/instrumentation-undici";
import type { Server } from "node:http";
import { meterProvider } from "../../collectors/opentelemetry.ts";
import { Gauge, generateMetricsAsync } from "../../mod.ts";

process.env["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http";
const errors: unknown[] = [];
const provider = meterProvider({ onError: (error) => errors.push(error) });
metrics.setGlobalMeterProvider(provider);
for (
  const instrumentation of [
    new HttpInstrumentation(),
    new ExpressInstrumentation(),
    new UndiciInstrumentation(),
    new RuntimeNodeInstrumentation({ monitoringPrecision: 10 }),
  ]
) {
  instrumentation.setMeterProvider(provider);
  instrumentation.enable();
}
new HostMetrics({ meterProvider: provider }).start();
new Gauge("native_metric", "Beside the others.").set(1);

// What is required after the instrumentations is instrumented.
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
await new Promise((resolve) => setTimeout(resolve, 100));
console.log(await generateMetricsAsync(undefined, { timeoutMs: 20_000 }));
for (const error of errors) console.log(`# error ${error}`);
process.exit(0);
