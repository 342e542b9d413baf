// A Cloudflare Worker. Everything at its top level runs in global scope, where Workers refuse
// timers, requests and cryptographic randomness.
import {
  Counter,
  Gauge,
  Histogram,
  Info,
  MetricFamily,
  metricsHandler,
  REGISTRY,
  StateSet,
  Summary,
} from "@narthex/prometheus";
import { instrument } from "@narthex/prometheus/http";
import { livePage } from "@narthex/prometheus/live";
import { meterProvider } from "@narthex/prometheus/opentelemetry";
import { exportOtlp } from "@narthex/prometheus/otlp";
import { remoteWrite } from "@narthex/prometheus/remote-write";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";

registerRuntimeMetrics();
const loaves = new Counter("loaves_baked_total", "Loaves baked.", {
  labelNames: ["kind"],
  maxSeries: 10,
  expireAfterSeconds: 3600,
});
new Gauge("oven_temperature_celsius", "Temperature of the oven.").set(220);
new Histogram("baking_seconds", "Time in the oven.", { nativeHistogram: true }).observe(0.25);
const weight = new Summary("loaf_weight_grams", "Weight of a loaf.", { quantiles: [0.5] });
new Info("build", "What runs.").info({ version: "1.2.3" });
new StateSet("oven", "What the oven does.", { states: ["cold", "hot"] }).state("hot");

// As code does that measures through OpenTelemetry's API.
meterProvider().getMeter("bakery").createCounter("bakery.visits").add(1, { kind: "first" });

// An asynchronous collector with more lines than fit into one chunk.
REGISTRY.register({
  async collect() {
    await new Promise((resolve) => setTimeout(resolve, 1));
    const family = new MetricFamily("shelf_items", "Items on a shelf.", "gauge");
    for (let shelf = 0; shelf < 5000; shelf++) {
      family.addSample("shelf_items", { shelf }, shelf);
    }
    return [family];
  },
});

const metrics = metricsHandler({ live: livePage() });
const bake = instrument((request) => {
  loaves.labels({ kind: new URL(request.url).searchParams.get("kind") ?? "rye" }).inc();
  weight.observe(750);
  return new Response("baked");
}, { route: () => "/bake" });

export default {
  fetch(request) {
    return new URL(request.url).pathname === "/metrics" ? metrics(request) : bake(request);
  },
  // A Worker has no address that Prometheus could scrape: a schedule sends its metrics.
  async scheduled(_event, env) {
    await remoteWrite(env.REMOTE_WRITE_URL, { externalLabels: { job: "worker" } });
    await exportOtlp(new URL("/v1/metrics", env.REMOTE_WRITE_URL), {
      resource: { "service.name": "worker" },
      compression: "gzip",
    });
  },
};
