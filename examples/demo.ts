/**
 * A small bakery as a service: some routes, a queue of orders, visitors of its own, and `/metrics`.
 *
 * Start it with `deno task demo`, `bun examples/demo.ts` or `node examples/demo.ts`. It listens on
 * port 8000 of loopback, or on the one that `--port N` or the environment variable `PORT` names. With
 * `--no-visitors` nobody comes but those that you send.
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
import { livePage } from "@narthex/prometheus/live";
import { type RunningServer, serve } from "./serve.ts";

const namespace = "bakery";

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
const ordersWaiting = new Gauge("orders_waiting", "Orders that nobody has started on.", {
  namespace,
});
const oven = new StateSet("oven_state", "What the oven is doing.", {
  namespace,
  states: ["idle", "baking"],
});
const build = new Info("build", "The version that is running, and on what.", { namespace });

/** A refused order: the visitor gets status 503. */
class OvenFullError extends Error {
  override readonly name = "OvenFullError";
}

const routes = new Map<string, { about: string; serve: () => string | Promise<string> }>([
  ["/", { about: "this page", serve: index }],
  ["/bread", { about: "ready at once", serve: () => "Here is your bread.\n" }],
  ["/cake", { about: "slow: a quarter of a second, or more", serve: decorateCake }],
  ["/order", {
    about: "fails now and then",
    serve: () => ordersRefused.countExceptions(takeOrder),
  }],
]);

/** The trace that the request being served belongs to: what happens meanwhile is an example of it. */
const trace = new AsyncLocalStorage<{ trace_id: string }>();
setExemplarSource(() => trace.getStore());

const scrape = metricsHandler({ live: livePage({ title: "A small bakery" }) });
const waiting: number[] = [];
let orders = 0;

function index(): string {
  const items = [...routes].map(([path, { about }]) =>
    `<li><a href="${path}"><code>${path}</code></a> ${about}</li>`
  );
  items.push(
    `<li><a href="/metrics"><code>/metrics</code></a> what Prometheus reads, as a page</li>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Narthex demo</title>
<h1>Narthex demo: a small bakery</h1>
<p>Visitors of its own keep it busy. Its routes:</p>
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

function takeOrder(): string {
  orders += 1;
  if (orders % 7 === 0) throw new OvenFullError(`Cannot take order ${orders}: the oven is full`);
  waiting.push(orders);
  return `Order ${orders} will be ready soon.\n`;
}

/** Bakes one waiting order after the other, until stopped. */
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

async function handle(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/metrics") return await scrape(request);
  const route = routes.has(pathname) ? pathname : "other"; // Never a path that visitors make up.
  return await trace.run(
    { trace_id: traceId(request) },
    () =>
      requestsInProgress.trackInProgress(async () => {
        const response = await requestDuration.labels({ route }).time(() => respond(route));
        requests.labels({ route, status: response.status }).inc();
        return response;
      }),
  );
}

/** The trace that a visitor names, see https://www.w3.org/TR/trace-context/, or a new one. */
function traceId(request: Request): string {
  const [, id] = /^00-([0-9a-f]{32})-/.exec(request.headers.get("traceparent") ?? "") ?? [];
  return id ?? crypto.randomUUID().replaceAll("-", "");
}

/** Asks for `url` again and again, about every `pauseMs` milliseconds, until stopped. */
async function visit(url: string, pauseMs: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(url, { signal });
      await response.arrayBuffer();
    } catch {
      // A visitor who is turned away tries again.
    }
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal });
  }
}

function readOptions(): { port: number; visitors: boolean } {
  const { values } = parseArgs({
    options: { port: { type: "string" }, "no-visitors": { type: "boolean" } },
  });
  const text = values.port ?? process.env["PORT"] ?? "8000";
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65535) {
    throw new RangeError(`Cannot listen on port "${text}": it must be a number from 0 to 65535`);
  }
  return { port, visitors: values["no-visitors"] !== true };
}

async function main(): Promise<void> {
  let server: RunningServer;
  let visitors: boolean;
  try {
    const options = readOptions();
    server = await serve(handle, options.port);
    visitors = options.visitors;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error("Usage: demo [--port N] [--no-visitors]");
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
    work.push(
      visit(`${base}/bread`, 50, signal),
      visit(`${base}/cake`, 100, signal),
      visit(`${base}/cake`, 400, signal),
      visit(`${base}/order`, 300, signal),
      visit(`${base}/nowhere`, 2000, signal),
    );
  }
  const done = Promise.allSettled(work);
  const stop = async () => {
    if (signal.aborted) return;
    shutdown.abort();
    await done;
    await server.stop();
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
