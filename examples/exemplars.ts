/**
 * Exemplars, which lead from a number to a trace. It listens on port 8000, or on the one that the
 * environment variable `PORT` names.
 *
 * - `deno run --allow-net --allow-env=PORT examples/exemplars.ts`
 * - `bun examples/exemplars.ts`
 * - `node examples/exemplars.ts`
 *
 * Only OpenMetrics and protobuf carry exemplars, so ask for one of them, as Prometheus does with
 * `--enable-feature=exemplar-storage`:
 *
 * ```sh
 * curl -H 'traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01' localhost:8000/
 * curl -H 'Accept: application/openmetrics-text' localhost:8000/metrics
 * ```
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Counter, metricsHandler, setExemplarSource } from "@narthex/prometheus";
import { instrument } from "@narthex/prometheus/http";
import { serve } from "./serve.ts";

/** What a tracer would know; its names become labels of exemplars. */
type Trace = { readonly trace_id: string; readonly span_id: string };

/** The trace of the request being served, also after an `await`. */
const traces = new AsyncLocalStorage<Trace>();
setExemplarSource(() => traces.getStore());

const loaves = new Counter("loaves_total", "Loaves sold.", { exemplars: true });
const metrics = metricsHandler();

/** The trace that a request belongs to, see https://www.w3.org/TR/trace-context/, or a new one. */
function traceOf(request: Request): Trace {
  const [, id] = /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(
    request.headers.get("traceparent") ?? "",
  ) ?? [];
  return { trace_id: id ?? randomHex(32), span_id: randomHex(16) };
}

function randomHex(digits: number): string {
  return crypto.randomUUID().replaceAll("-", "").slice(-digits);
}

async function sellBread(): Promise<Response> {
  await sleep(20);
  loaves.inc(); // Nobody has to hand on the trace.
  return new Response("Here is your bread.\n");
}

const handle = instrument(sellBread, { route: ["/"], exemplars: true });

const server = await serve((request) => {
  if (new URL(request.url).pathname === "/metrics") return metrics(request);
  return traces.run(traceOf(request), () => handle(request));
}, Number(process.env["PORT"] ?? 8000));
console.log(`Listening on http://localhost:${server.port}/`);

// What is being answered is answered to its end.
process.once("SIGTERM", () => server.stop());
