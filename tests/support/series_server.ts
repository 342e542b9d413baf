/**
 * A server with many series that measures the cost of scrapes: `series_server.ts <series>`. It runs
 * in a separate process, prints `port <number>` and serves until it is stopped.
 *
 * `/metrics` is a scrape, and `/` is an ordinary request. `/watch` starts measuring after a garbage
 * collection, and `/watched` returns the result.
 *
 * @module
 */
import process from "node:process";
import { serve } from "../../examples/serve.ts";
import { CollectorRegistry, Counter, metricsHandler } from "../../mod.ts";
import { collectedMemory } from "./garbage.ts";

/** Measured gaps of the event loop, and peaks of memory in bytes above the start. */
export interface Watched {
  readonly longestGapMs: number;
  readonly rss: number;
  readonly heap: number;
  /** External memory, such as buffers. */
  readonly external: number;
  /** The heap and external memory together. */
  readonly together: number;
}

/** The numbers of values of the first two labels. The third label differs for each series. */
const METHODS = 2;
const ROUTES = 100;

/** Reads the memory, with the names of {@linkcode Watched}. */
function readMemory(): Omit<Watched, "longestGapMs"> {
  const { rss, heapUsed: heap, external } = process.memoryUsage();
  return { rss, heap, external, together: heap + external };
}

/** Starts measuring. The returned function stops, and returns the result. */
function watch(): () => Watched {
  const base = readMemory();
  let longestGapMs = 0;
  const peak = { ...base };
  let last = performance.now();
  const look = (): void => {
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
    const memory = readMemory();
    peak.rss = Math.max(peak.rss, memory.rss);
    peak.heap = Math.max(peak.heap, memory.heap);
    peak.external = Math.max(peak.external, memory.external);
    peak.together = Math.max(peak.together, memory.together);
  };
  const timer = setInterval(look, 1);
  return () => {
    look();
    clearInterval(timer);
    return {
      longestGapMs,
      rss: peak.rss - base.rss,
      heap: peak.heap - base.heap,
      external: peak.external - base.external,
      together: peak.together - base.together,
    };
  };
}

const registry = new CollectorRegistry();
const requests = new Counter("http_requests_total", "Requests served.", {
  labelNames: ["method", "route", "user"],
  registry,
});
const series = Number(process.argv[2]);
for (let i = 0; i < series; i++) {
  const method = i % METHODS === 0 ? "GET" : "POST";
  requests.labels(method, `/api/v1/things/${i % ROUTES}`, `user-${i}`).inc(i);
}
const metrics = metricsHandler({ registry });
let finish: (() => Watched) | undefined;
const { port } = await serve(async (request) => {
  switch (new URL(request.url).pathname) {
    case "/metrics":
      return await metrics(request);
    case "/watch":
      await collectedMemory();
      finish = watch();
      return new Response();
    case "/watched":
      return Response.json(finish?.());
    default:
      requests.labels("GET", "/", "user-0").inc();
      return Response.json({ hello: "world" });
  }
}, 0);
console.log(`port ${port}`);
