/**
 * A small bakery as a service: some routes, a queue of orders, simulated visitors, and `/metrics`.
 *
 * - `deno task demo`
 * - `bun examples/demo.ts`
 * - `node examples/demo.ts`
 *
 * It listens on port 8000 of loopback. `--port N` or the environment variable `PORT` change the port,
 * and `--host 0.0.0.0` listens on all addresses. `--no-visitors` sends no requests. Bakeries with the
 * same `REDIS_URL` in the environment share their counts.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import {
  Counter,
  exponentialBuckets,
  Gauge,
  Histogram,
  Info,
  metricsHandler,
  setExemplarSource,
  StateSet,
  Summary,
} from "@narthex/prometheus";
import { instrument, instrumentFetch } from "@narthex/prometheus/http";
import { livePage } from "@narthex/prometheus/live";
import { loadBackend } from "@narthex/prometheus/multiprocess";
import { redisBackend } from "@narthex/prometheus/redis";
import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
import { type RunningServer, serve } from "./serve.ts";

const namespace = "bakery";

// Metrics that every program can have with one line. The others are specific to the bakery.
registerRuntimeMetrics();

const requests = new Counter("http_requests_total", "Requests served.", {
  namespace,
  labelNames: ["route", "status"],
  exemplars: true,
});
const requestsInProgress = new Gauge("http_requests_in_progress", "Requests being served.", {
  namespace,
});
const requestDuration = new Histogram("http_request_duration", "Time to serve a request.", {
  namespace,
  unit: "seconds",
  labelNames: ["route"],
  buckets: exponentialBuckets(0.0001, 2, 15),
  nativeHistogram: true,
  exemplars: true,
});
const responseSize = new Summary("http_response_size", "Size of response bodies.", {
  namespace,
  unit: "bytes",
  labelNames: ["route"],
  quantiles: [0.5, 0.99],
});
const ordersRefused = new Counter("orders_refused_total", "Orders the oven had no room for.", {
  namespace,
});
const ordersWaiting = new Gauge("orders_waiting", "Orders that wait for a baker.", {
  namespace,
});
const oven = new StateSet("oven_state", "What the oven is doing.", {
  namespace,
  states: ["idle", "baking"],
});
const build = new Info("build", "The version that is running, and on what.", { namespace });

/** An expected error: the order is refused, and the visitor gets status 503. */
class OvenFullError extends Error {
  override readonly name = "OvenFullError";
}

/** An unexpected error. The visitor gets status 500. */
class DroppedPieError extends Error {
  override readonly name = "DroppedPieError";
}

const routes = new Map<string, { about: string; serve: () => string | Promise<string> }>([
  ["/", { about: "this page", serve: index }],
  ["/bread", { about: "ready at once", serve: () => "Here is your bread.\n" }],
  ["/cake", { about: "slow: a quarter of a second, or more", serve: decorateCake }],
  ["/pie", { about: "dropped now and then, which is an error", serve: bringPie }],
  ["/order", {
    about: "refused now and then",
    serve: () => ordersRefused.countExceptions(takeOrder),
  }],
]);

/** The trace of the current request. Exemplars lead to it. */
const trace = new AsyncLocalStorage<{ trace_id: string }>();
setExemplarSource(() => trace.getStore());

const scrape = metricsHandler({ live: livePage({ title: "A small bakery" }) });
const waiting: number[] = [];
let orders = 0;
let pies = 0;

function index(): string {
  const items = [...routes].map(([path, { about }]) =>
    `<li><a href="${path}"><code>${path}</code></a> ${about}</li>`
  );
  items.push(
    `<li><a href="/metrics"><code>/metrics</code></a> the metrics, as a live page</li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Narthex demo</title>
<h1>Narthex demo: a small bakery</h1>
<p>Simulated visitors keep it busy. Its routes:</p>
<ul>
${items.join("\n")}
</ul>
</html>
`;
}

async function decorateCake(): Promise<string> {
  await sleep(250 + 250 * Math.random());
  return "Here is your cake, with a candle on it.\n";
}

function bringPie(): string {
  pies += 1;
  if (pies % 5 === 0) throw new DroppedPieError(`Cannot bring pie ${pies}: it fell`);
  return "Here is your pie.\n";
}

function takeOrder(): string {
  orders += 1;
  if (orders % 7 === 0) throw new OvenFullError(`Cannot take order ${orders}: the oven is full`);
  waiting.push(orders);
  return `Order ${orders} will be ready soon.\n`;
}

/** Bakes waiting orders one by one until stopped. */
async function bake(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    oven.state(waiting.shift() === undefined ? "idle" : "baking");
    await sleep(150 + 300 * Math.random(), undefined, { signal });
  }
}

async function respond(route: string): Promise<Response> {
  const page = routes.get(route);
  if (page === undefined) return new Response("There is no such page.\n", { status: 404 });
  try {
    const body = await page.serve();
    responseSize.labels({ route }).observe(new TextEncoder().encode(body).length);
    const type = route === "/" ? "text/html" : "text/plain";
    return new Response(body, { headers: { "content-type": `${type}; charset=utf-8` } });
  } catch (error) {
    if (error instanceof OvenFullError) return new Response(`${error.message}\n`, { status: 503 });
    throw error;
  }
}

/** Serves a request, and measures it with the bakery's own metrics. */
async function answer(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  const route = routes.has(pathname) ? pathname : "other"; // Never a path that visitors make up.
  return await requestsInProgress.trackInProgress(async () => {
    let status = 500;
    try {
      const response = await requestDuration.labels({ route }).time(() => respond(route));
      status = response.status;
      return response;
    } finally {
      requests.labels({ route, status }).inc();
    }
  });
}

/** The same handler, also measured under the names of OpenTelemetry, like any server. */
const measuredAnswer = instrument(answer, {
  route: [...routes.keys()],
  exemplars: true,
  bodies: true,
});

async function handle(request: Request): Promise<Response> {
  if (new URL(request.url).pathname === "/metrics") return await scrape(request);
  try {
    return await trace.run({ trace_id: traceId(request) }, () => measuredAnswer(request));
  } catch {
    return new Response("Something went wrong. It was counted.\n", { status: 500 });
  }
}

/**
 * Returns the trace in the request's headers (https://www.w3.org/TR/trace-context/), or a new one.
 */
function traceId(request: Request): string {
  const [, id] = /^00-([0-9a-f]{32})-/.exec(request.headers.get("traceparent") ?? "") ?? [];
  return id ?? crypto.randomUUID().replaceAll("-", "");
}

/** A visitor. */
interface Visitor {
  readonly path: string;
  /** The average pause between two visits. */
  readonly pauseMs: number;
  /** The order. Undefined for a visit without one. */
  readonly order?: string;
  /** The time limit for an answer. */
  readonly patienceMs?: number;
}

const VISITORS: readonly Visitor[] = [
  { path: "/bread", pauseMs: 50 },
  { path: "/cake", pauseMs: 100 },
  { path: "/cake", pauseMs: 400, patienceMs: 300 },
  { path: "/pie", pauseMs: 200 },
  { path: "/order", pauseMs: 300, order: "A dozen pretzels, please.\n" },
  { path: "/nowhere", pauseMs: 2000 },
];

/** The visitors measure their calls, like any client. */
const fetchAsVisitor = instrumentFetch(fetch, { server: ({ hostname }) => hostname });

/** Visits the bakery at `base` repeatedly until stopped. */
async function visit(base: string, visitor: Visitor, signal: AbortSignal): Promise<void> {
  const { path, pauseMs, order, patienceMs = 10_000 } = visitor;
  while (!signal.aborted) {
    try {
      const response = await fetchAsVisitor(`${base}${path}`, {
        ...(order === undefined ? {} : { method: "POST", body: order }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(patienceMs)]),
      });
      await response.arrayBuffer();
    } catch {
      // A visitor whose request failed or took too long tries again.
    }
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal });
  }
}

/** Shares the default registry with all bakeries of the same Redis. Returns a function that ends it. */
async function share(url: string): Promise<() => Promise<void>> {
  const { createClient } = await import("redis");
  const client = createClient({ url });
  // The client reconnects on its own. The message says why the demo waits.
  client.on("error", (error) => console.error(`Cannot ask Redis: ${error.message}`));
  await client.connect();
  const shared = await loadBackend(redisBackend((...command) => client.sendCommand(command)), {
    namespace,
  });
  return async () => {
    await shared.close();
    client.destroy();
  };
}

function readOptions(): { port: number; host: string | undefined; visitors: boolean } {
  const { values } = parseArgs({
    options: {
      port: { type: "string" },
      host: { type: "string" },
      "no-visitors": { type: "boolean" },
    },
  });
  const text = values.port ?? process.env["PORT"] ?? "8000";
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) {
    throw new RangeError(`Cannot listen on port "${text}": it must be a number from 0 to 65535`);
  }
  return { port, host: values.host, visitors: values["no-visitors"] !== true };
}

async function main(): Promise<void> {
  const redis = process.env["REDIS_URL"];
  let unshare: (() => Promise<void>) | undefined;
  let server: RunningServer;
  let visitors: boolean;
  try {
    const options = readOptions();
    if (redis !== undefined) unshare = await share(redis);
    server = await serve(handle, options.port, options.host);
    visitors = options.visitors;
  } catch (error) {
    await unshare?.();
    console.error(error instanceof Error ? error.message : error);
    console.error("Usage: demo [--port N] [--host H] [--no-visitors]");
    process.exitCode = 1;
    return;
  }
  console.log(`Narthex demo: http://localhost:${server.port}/ (metrics at /metrics)`);

  build.info({ version: "0.1.0", runtime: runtimeName() });
  ordersWaiting.setFunction(() => waiting.length);

  const base = `http://127.0.0.1:${server.port}`;
  const shutdown = new AbortController();
  const { signal } = shutdown;
  const work: Promise<void>[] = [bake(signal)];
  if (visitors) {
    work.push(...VISITORS.map((visitor) => visit(base, visitor, signal)));
  }
  const done = Promise.allSettled(work);
  const stop = async () => {
    if (signal.aborted) return;
    shutdown.abort();
    await done;
    await server.stop();
    await unshare?.();
    process.exit(0);
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
}

function runtimeName(): string {
  const { deno, bun, node } = process.versions;
  if (deno !== undefined) return `Deno ${deno}`;
  if (bun !== undefined) return `Bun ${bun}`;
  return `Node.js ${node}`;
}

await main();
