/**
 * A service of several isolates that count as one, with no permission at all. Load
 * `http://localhost:8000/` some times, then `http://localhost:8000/metrics`.
 *
 * - `DENO_JOBS=4 deno serve --parallel examples/multiprocess_workers.ts`
 *
 * @module
 */
import { Counter, Gauge, metricsHandler } from "@narthex/prometheus";
import { loadBackend } from "@narthex/prometheus/multiprocess";
import { workersBackend } from "@narthex/prometheus/workers";

const requests = new Counter("requests_total", "Requests, of all isolates.");
const isolates = new Gauge("isolates", "Isolates that run.", { aggregation: "livesum" });
isolates.set(1);

await loadBackend(workersBackend());
const metrics = metricsHandler();

/** What `deno serve` asks for. */
export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/metrics") return await metrics(request);
    requests.inc();
    return new Response("hello\n");
  },
};
