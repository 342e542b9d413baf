// This file is compiled with each version of TypeScript, each module resolution, and each set of
// global types. Every compilation must refuse each line below `@ts-expect-error`.
import {
  type Collector,
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  Histogram,
  MetricFamily,
  metricsHandler,
  metricsResponse,
  type Registry,
  StateSet,
} from "@narthex/prometheus";
import { instrument, instrumentFetch } from "@narthex/prometheus/http";
import { livePage } from "@narthex/prometheus/live";
import { type Backend, loadBackend, mergeFamilies } from "@narthex/prometheus/multiprocess";
import { meterProvider, type View } from "@narthex/prometheus/opentelemetry";
import { exportOtlp, OtlpExporter } from "@narthex/prometheus/otlp";
import { ParseError, parsePrometheusText } from "@narthex/prometheus/parse";
import { pushToGateway } from "@narthex/prometheus/pushgateway";
import { redisBackend, type RedisCommand } from "@narthex/prometheus/redis";
import { remoteWrite, RemoteWriter } from "@narthex/prometheus/remote-write";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import { sqliteBackend } from "@narthex/prometheus/sqlite";
import { lintMetrics, snapshot } from "@narthex/prometheus/testing";
import { writeTextfile } from "@narthex/prometheus/textfile";
import { workersBackend } from "@narthex/prometheus/workers";

const registry: Registry = new CollectorRegistry({ prefix: "bakery" });
const requests = new Counter("http_requests_total", "Requests.", {
  labelNames: ["method", "code"],
  registry,
});
requests.labels({ method: "GET", code: 200 }).inc();
requests.labels("GET", 200).inc(2, { trace_id: "0af7651916cd43dd" });
requests.labels({ method: "GET" }).labels({ code: 200 }).inc();
// @ts-expect-error A misspelt label.
requests.labels({ methd: "GET", code: 200 });
// @ts-expect-error A label is missing.
requests.inc();
// @ts-expect-error Not a label value.
requests.labels({ method: "GET", code: {} });

const inProgress = new Gauge("requests_in_progress", "Requests in progress.");
inProgress.setFunction(() => 1);
const latency = new Histogram("latency_seconds", "Latency.", {
  buckets: [0.1, 1],
  nativeHistogram: { bucketFactor: 1.1 },
});
export async function measure(): Promise<number> {
  using _timer = latency.startTimer();
  const answer = await latency.time(() => Promise.resolve(new Response("hello")));
  return answer.status;
}
const state = new StateSet("state", "State.", { states: ["starting", "running"] });
state.state("running");
// @ts-expect-error An unknown state.
state.state("runing");

export class Queue implements Collector {
  *collect(): Iterable<MetricFamily> {
    yield new MetricFamily("queue_length", "Length.", "gauge").addSample("queue_length", {}, 1);
  }
}

export const handler: (request: Request) => Promise<Response> = metricsHandler({
  registry,
  live: livePage({ title: "Bakery" }),
});
export const service = instrument((_request: Request) => new Response("hello"), {
  route: (request: Request) => new URL(request.url).pathname,
});
export const measuredFetch: (url: string) => Promise<Response> = instrumentFetch(fetch);

export async function send(signal: AbortSignal): Promise<void> {
  await pushToGateway("http://localhost:9091", {
    job: "bakery",
    headers: { authorization: "Bearer x" },
    signal,
  });
  await pushToGateway("http://localhost:9091", { job: "bakery", headers: new Headers() });
  await remoteWrite("http://localhost:9090/api/v1/write", { registry, signal });
  await using writer = new RemoteWriter("http://localhost:9090/api/v1/write");
  await writer.close();
}

export async function share(command: RedisCommand): Promise<Response> {
  const backends: Backend[] = [
    workersBackend(),
    sqliteBackend("metrics.db"),
    redisBackend(command),
  ];
  await using shared = await loadBackend(backends[0]!, { registry });
  await shared.flush();
  return await metricsResponse(undefined, { registry: shared });
}

export function read(text: string): MetricFamily[] {
  try {
    return mergeFamilies(parsePrometheusText(text));
  } catch (error) {
    if (error instanceof ParseError) return [];
    throw error;
  }
}

registerRuntimeMetrics(registry);
const difference: Record<string, number> = snapshot(registry).diff();
export const all: unknown[] = [difference, lintMetrics(registry), generateMetrics(registry)];

const view: View = { instrumentName: "wait", buckets: [1, 2] };
const meter = meterProvider({ registry, views: [view] }).getMeter("bakery");
meter.createCounter("visits").add(1, { page: "/" });
export async function sendByOtlp(): Promise<void> {
  await exportOtlp("http://localhost:4318/v1/metrics", { protocol: "http/json", registry });
  await using _exporter = new OtlpExporter(undefined, { autoStart: false, registry });
  await writeTextfile("metrics.prom", { registry });
  // @ts-expect-error An unknown protocol.
  await exportOtlp(undefined, { protocol: "grpc" });
}
