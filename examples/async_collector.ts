/**
 * A custom asynchronous collector. At each scrape it asks another service, a warehouse, for its
 * stock, and waits at most half a second. It listens on port 8000, unless the environment variable
 * `PORT` names another one. Load `http://localhost:8000/metrics` four times.
 *
 * - `deno run --allow-net --allow-env=PORT examples/async_collector.ts`
 * - `bun examples/async_collector.ts`
 * - `node examples/async_collector.ts`
 *
 * @module
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { type Collector, MetricFamily, metricsHandler, REGISTRY } from "@narthex/prometheus";
import { serve } from "./serve.ts";

/** How long a scrape waits for the warehouse. It then continues without the stock. */
const PATIENCE_MS = 500;

/** Asks the warehouse at `url`. */
function stockCollector(url: string): Collector {
  const up = () =>
    new MetricFamily("warehouse_up", "Whether the warehouse has answered in time.", "gauge");
  const stock = () => new MetricFamily("warehouse_stock_items", "Items in stock.", "gauge");
  return {
    // Claims the names, so that no other metric can take them.
    describe: () => [up(), stock()],
    // The signal is aborted when the scrape must end, or when no caller waits for it anymore.
    async collect({ signal = new AbortController().signal } = {}) {
      const deadline = AbortSignal.timeout(PATIENCE_MS);
      try {
        const response = await fetch(url, { signal: AbortSignal.any([signal, deadline]) });
        const items: Record<string, number> = await response.json();
        const family = stock();
        for (const [item, count] of Object.entries(items)) {
          family.addSample("warehouse_stock_items", { item }, count);
        }
        return [up().addSample("warehouse_up", {}, 1), family];
      } catch {
        // The collector works, even if the warehouse is down.
        signal.throwIfAborted();
        return [up().addSample("warehouse_up", {}, 0)];
      }
    },
  };
}

const metrics = metricsHandler();
let asked = 0;

/** Answers as the warehouse, here in the same process. Every fourth response is far too slow. */
async function answerAsWarehouse(request: Request): Promise<Response> {
  asked += 1;
  if (asked % 4 === 0) {
    await sleep(60_000, undefined, { signal: request.signal }).catch(() => {});
  }
  return Response.json({ flour: 120 - asked, candles: 7 });
}

const server = await serve((request) => {
  const { pathname } = new URL(request.url);
  if (pathname === "/metrics") return metrics(request);
  if (pathname === "/stock") return answerAsWarehouse(request);
  return new Response("There is no such page.\n", { status: 404 });
}, Number(process.env["PORT"] ?? 8000));
REGISTRY.register(stockCollector(`http://127.0.0.1:${server.port}/stock`));
console.log(`Listening on http://localhost:${server.port}/metrics`);

process.once("SIGTERM", async () => {
  await server.stop();
  process.exit();
});
