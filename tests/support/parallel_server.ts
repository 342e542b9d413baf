/**
 * A program for `deno serve --parallel`: every request for another path is counted.
 * Isolates tell who they are by the header `isolate`. `/block` holds one of them until `/unblock`.
 *
 * @module
 */
import { BroadcastChannel } from "node:worker_threads";
import { Counter, Gauge, Histogram, metricsHandler } from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { workersBackend } from "../../multiprocess/workers/mod.ts";

const requests = new Counter("requests_total", "Requests.", { labelNames: ["path"] });
const size = new Histogram("size", "Sizes.", { buckets: [1, 2], nativeHistogram: true });
new Gauge("isolates", "Isolates.", { aggregation: "livesum" }).set(1);
const isolate = crypto.randomUUID();
let served = 0;

/** A word of another isolate: that goes on when it is 1. */
interface Gate {
  readonly isolate: string;
  readonly words: Int32Array<SharedArrayBuffer>;
}

// A blocked isolate hears nothing, so the others write to a word that they share with it.
const own: Gate = { isolate, words: new Int32Array(new SharedArrayBuffer(4)) };
const gates = new Map<string, Gate>([[isolate, own]]);
const channel = new BroadcastChannel("gates");
channel.unref();
channel.onmessage = (event) => {
  // Nothing else is sent on this channel.
  const gate = (event as { data: Gate }).data;
  if (gates.has(gate.isolate)) return;
  gates.set(gate.isolate, gate);
  channel.postMessage(own);
};
channel.postMessage(own);

await loadBackend(workersBackend({ timeoutMs: 1000 }), { intervalMs: 50, deadAfterMs: 60_000 });
const handler = metricsHandler();

/** What `deno serve` asks for. */
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/metrics") {
      const response = await handler(request);
      response.headers.set("isolate", isolate);
      return response;
    }
    if (pathname === "/block") {
      Atomics.wait(own.words, 0, 0);
    } else if (pathname === "/unblock") {
      for (const { words } of gates.values()) {
        Atomics.store(words, 0, 1);
        Atomics.notify(words, 0);
      }
    } else {
      requests.labels(pathname).inc();
      size.observe(++served % 3 + 0.1);
    }
    return new Response("ok", { headers: { isolate } });
  },
};
