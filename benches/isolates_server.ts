/**
 * The service that `isolates.ts` measures. Its arguments are the number of series of each isolate,
 * and whether it loads the backend.
 *
 * @module
 */
import process from "node:process";
import { Counter, Gauge, metricsHandler } from "../mod.ts";
import { loadBackend } from "../multiprocess/mod.ts";
import { workersBackend } from "../multiprocess/workers/mod.ts";
import { collectGarbage } from "./fresh_process.ts";

const [series, backend] = process.argv.slice(2);
const isolate = crypto.randomUUID();
const requests = new Counter("requests_total", "Requests.");
new Gauge("isolates", "Isolates.", { aggregation: "livesum" }).set(1);
const hits = new Counter("hits_total", "Hits.", { labelNames: ["route", "code"] });
for (let i = 0; i < Number(series); i++) hits.labels(`/route/${i >> 4}`, i & 15).inc();

if (backend === "shared") await loadBackend(workersBackend());
const metrics = metricsHandler();

/** The object that `deno serve` serves. */
export default {
  async fetch(request: Request): Promise<Response> {
    switch (new URL(request.url).pathname) {
      case "/metrics": {
        const response = await metrics(request);
        response.headers.set("isolate", isolate);
        return response;
      }
      case "/memory":
        collectGarbage();
        return new Response(String(process.memoryUsage.rss()), { headers: { isolate } });
      default:
        requests.inc();
        return new Response("ok", { headers: { isolate } });
    }
  },
};
