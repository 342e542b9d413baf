/**
 * Exemplars, which link a number to a trace. The service listens on port 8000, unless the
 * environment variable `PORT` names another one.
 *
 * - `deno run --allow-net --allow-env=PORT examples/exemplars.ts`
 * - `bun examples/exemplars.ts`
 * - `node examples/exemplars.ts`
 *
 * Only OpenMetrics and protobuf carry exemplars, so request one of them, as Prometheus does with
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
import { type Context, context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { serve } from "./serve.ts";

// Each exemplar contains the trace of the active span.
setExemplarSource(() => {
  const span = trace.getActiveSpan()?.spanContext();
  return span && { trace_id: span.traceId, span_id: span.spanId };
});

const loaves = new Counter("loaves_total", "Loaves sold.", { exemplars: true });
const metrics = metricsHandler();

// A real program uses an SDK of OpenTelemetry for this. It keeps the context of each request, and
// creates spans.
const contexts = new AsyncLocalStorage<Context>();
context.setGlobalContextManager({
  active: () => contexts.getStore() ?? ROOT_CONTEXT,
  with: (context, fn, self, ...args) => contexts.run(context, () => fn.call(self!, ...args)),
  bind: (_context, target) => target,
  enable() {
    return this;
  },
  disable() {
    return this;
  },
});

/** Creates the span of a request, in the trace of its headers or in a new one. */
function spanOf(request: Request): Context {
  // See https://www.w3.org/TR/trace-context/.
  const [, traceId = randomHex(32)] =
    /^[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(
      request.headers.get("traceparent") ?? "",
    ) ?? [];
  const span = trace.wrapSpanContext({ traceId, spanId: randomHex(16), traceFlags: 1 });
  return trace.setSpan(ROOT_CONTEXT, span);
}

function randomHex(digits: number): string {
  return crypto.randomUUID().replaceAll("-", "").slice(-digits);
}

async function sellBread(): Promise<Response> {
  await sleep(20);
  loaves.inc(); // The exemplar source finds the trace.
  return new Response("Here is your bread.\n");
}

const handle = instrument(sellBread, { route: ["/"], exemplars: true });

const server = await serve((request) => {
  if (new URL(request.url).pathname === "/metrics") return metrics(request);
  return context.with(spanOf(request), () => handle(request));
}, Number(process.env["PORT"] ?? 8000));
console.log(`Listening on http://localhost:${server.port}/`);

// Finishes open requests, then ends.
process.once("SIGTERM", () => server.stop());
