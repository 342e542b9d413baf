/**
 * A service that measures through `@opentelemetry/api` and with metrics of this library. It listens
 * on port 8000, unless the environment variable `PORT` names another one.
 *
 * - `deno run --allow-net --allow-env=PORT examples/opentelemetry.ts`
 * - `bun examples/opentelemetry.ts`
 * - `node examples/opentelemetry.ts`
 *
 * If `OTEL_EXPORTER_OTLP_ENDPOINT` is set, everything is also sent to a collector. On Deno this
 * needs `--allow-env`.
 *
 * @module
 */
import process from "node:process";
import { metrics } from "@opentelemetry/api";
import { Gauge, metricsHandler, REGISTRY } from "@narthex/prometheus";
import { meterProvider } from "@narthex/prometheus/opentelemetry";
import { OtlpExporter } from "@narthex/prometheus/otlp";
import { serve } from "./serve.ts";

// This must come first, because instruments that are created earlier do not count.
metrics.setGlobalMeterProvider(meterProvider({
  resource: { "service.name": "bakery" },
  views: [{ instrumentName: "bakery.bake.duration", buckets: [0.001, 0.01, 0.1, 1] }],
}));

// A library that knows nothing of Prometheus measures like this.
const meter = metrics.getMeter("bakery", "1.0.0");
const loaves = meter.createCounter("bakery.loaves", { description: "Loaves sold." });
const duration = meter.createHistogram("bakery.bake.duration", {
  description: "How long baking takes.",
  unit: "s",
});
const started = performance.now();
meter.createObservableGauge("bakery.uptime", { description: "Since it opened.", unit: "s" })
  .addCallback((result) => result.observe((performance.now() - started) / 1000));

// A metric of this library, in the same registry.
const heat = new Gauge("oven_temperature_celsius", "Heat of the oven.", { registry: REGISTRY });
heat.set(220);

const answerMetrics = metricsHandler();
let exporter: OtlpExporter | undefined;

const server = await serve(async (request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/metrics") return answerMetrics(request);
  const began = performance.now();
  loaves.add(1, { kind: "rye", sliced: true });
  await Promise.resolve();
  duration.record((performance.now() - began) / 1000, { kind: "rye" });
  return new Response("A loaf of rye\n");
}, Number(process.env["PORT"] ?? 8000));

console.log(`http://localhost:${server.port}/metrics`);
if (isSendingWanted()) exporter = new OtlpExporter();

/**
 * Returns whether the environment names a collector, or false if the environment cannot be read.
 */
function isSendingWanted(): boolean {
  try {
    return process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] !== undefined;
  } catch {
    return false;
  }
}

process.on("SIGTERM", async () => {
  await exporter?.close();
  await server.stop();
  process.exit(0);
});
