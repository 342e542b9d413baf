/**
 * A program for `deno serve --parallel`: every request but that of `/metrics` is counted.
 * Isolates tell who they are by the header `isolate`; `/block?ms=…` holds one of them.
 *
 * @module
 */
import { Counter, Gauge, Histogram, metricsHandler } from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { workersBackend } from "../../multiprocess/workers/mod.ts";

const requests = new Counter("requests_total", "Requests.", { labelNames: ["path"] });
const size = new Histogram("size", "Sizes.", { buckets: [1, 2], nativeHistogram: true });
new Gauge("isolates", "Isolates.", { aggregation: "livesum" }).set(1);
const isolate = crypto.randomUUID();
let served = 0;

await loadBackend(workersBackend({ timeoutMs: 1000 }), { intervalMs: 50, deadAfterMs: 60_000 });
const handler = metricsHandler();

/** What `deno serve` asks for. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/metrics") {
      const response = await handler(request);
      response.headers.set("isolate", isolate);
      return response;
    }
    requests.labels(pathname).inc();
    size.observe(++served % 3 + 0.1);
    const end = performance.now() + Number(searchParams.get("ms"));
    while (performance.now() < end);
    return new Response("ok", { headers: { isolate } });
  },
};
