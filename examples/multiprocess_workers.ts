/**
 * A service of several isolates that share their counts, without any permission. Load
 * `http://localhost:8000/` a few times, then `http://localhost:8000/metrics`.
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

/** The object that `deno serve` serves. */
export default {
  async fetch(request: Request): Promise<Response> {
    if (new URL(request.url).pathname === "/metrics") return await metrics(request);
    requests.inc();
    return new Response("hello\n");
  },
};
