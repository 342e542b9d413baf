/**
 * A server for tests of what scrapes cost the program. It runs in a separate process, so that only
 * the server uses the measured memory. It prints `port <number>` and serves until it is stopped.
 *
 * Arguments:
 * - `metrics` for the handler of the library, or `bare` for a handler that sends the same bytes,
 *   encoded once
 * - the number of series
 * - the number of series that can be read before reading throws
 * - options of the handler, as JSON
 *
 * Every path is a scrape, except `/state`, which returns the state of the process.
 *
 * @module
 */
import { readdirSync } from "node:fs";
import process from "node:process";
import { serve } from "../../examples/serve.ts";
import {
  CollectorRegistry,
  Gauge,
  generateMetrics,
  type Metric,
  MetricFamily,
  metricsHandler,
} from "../../mod.ts";
import { trusted } from "./families.ts";
import { collectGarbage } from "./garbage.ts";

/** The response of `/state`. */
export interface FaultServerState {
  /** The number of scrapes that were started. */
  readonly scrapes: number;
  /** The number of series that were read. */
  readonly encoded: number;
  /** The number of scrapes that are still being written. */
  readonly open: number;
  /** The number of open file descriptors. */
  readonly descriptors: number;
  /** The size of the heap after a garbage collection, in bytes. */
  readonly heapUsed: number;
}

const [role = "metrics", series = "1000", readable = "Infinity", options = "{}"] = process.argv
  .slice(2);

let scrapes = 0;
let encoded = 0;
let open = 0;

const registry = new CollectorRegistry();
new Gauge("before", "What is sent before anything can break.", { registry }).set(1);
const labelNames = ["method", "route", "user"];
const metrics = {
  *[Symbol.iterator](): Generator<Metric> {
    open++;
    try {
      for (let i = 0; i < Number(series); i++) {
        if (i >= Number(readable)) throw new Error("This error is meant to be");
        encoded++;
        const method = i % 2 === 0 ? "GET" : "POST";
        yield {
          labelNames,
          labelValues: [method, `/api/v1/things/${i % 100}`, `user-${i}`],
          value: i,
        };
      }
    } finally {
      open--;
    }
  },
};
registry.register({
  collect: () => [
    new MetricFamily("http_requests_total", "Requests served.", "counter", {
      metrics: trusted("counter", metrics),
    }),
  ],
});

function createBareHandler(): () => Response {
  const bytes = new TextEncoder().encode(generateMetrics(registry));
  const headers = { "content-type": "text/plain; version=0.0.4; charset=utf-8" };
  return () => new Response(bytes, { headers });
}

async function state(): Promise<Response> {
  await collectGarbage();
  const answer: FaultServerState = {
    scrapes,
    encoded,
    open,
    descriptors: readdirSync("/proc/self/fd").length,
    heapUsed: process.memoryUsage().heapUsed,
  };
  return Response.json(answer);
}

const answer = role === "bare"
  ? createBareHandler()
  : metricsHandler({ registry, ...JSON.parse(options) });
const server = await serve((request) => {
  if (request.url.endsWith("/state")) return state();
  scrapes++;
  return answer(request);
}, 0);
console.log(`port ${server.port}`);
