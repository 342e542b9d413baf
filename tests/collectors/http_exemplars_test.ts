import { type Context, context, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { after, before, test } from "node:test";
import { instrument } from "../../collectors/http.ts";
import { instrumentListener } from "../../collectors/http/node.ts";
import { parseOpenMetrics } from "../../encoding/parse.ts";
import { CollectorRegistry, generateOpenMetrics, setExemplarSource } from "../../mod.ts";
import { serveFetch } from "../support/fetch_server.ts";
import { until } from "../support/http.ts";
import { serveListener } from "../support/node_server.ts";
import { activeOf, countsOf } from "../support/server_table.ts";

const contexts = new AsyncLocalStorage<Context>();
const turn = () => new Promise<void>((resolve) => void setImmediate(resolve));

before(() => {
  // An OpenTelemetry SDK does this.
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
  // These lines are in docs/http.md.
  setExemplarSource(() => {
    const span = trace.getActiveSpan()?.spanContext();
    return span && { trace_id: span.traceId, span_id: span.spanId };
  });
});
after(() => {
  setExemplarSource(null);
  context.disable();
});

/** Calls a function in a span of a trace. */
function inTrace<R>(traceId: string, fn: () => R): R {
  const span = trace.wrapSpanContext({ traceId, spanId: "00f067aa0ba902b7", traceFlags: 1 });
  return context.with(trace.setSpan(ROOT_CONTEXT, span), fn);
}

/** Returns the traces of all exemplars of durations. */
function tracesOf(registry: CollectorRegistry): (string | undefined)[] {
  return parseOpenMetrics(generateOpenMetrics(registry)).flatMap((family) =>
    [...family.samples].filter(({ exemplar }) => exemplar !== undefined)
  ).map(({ exemplar }) => exemplar!.labels["trace_id"]);
}

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

test("a duration has the trace of its request as an exemplar, even if the handler is asynchronous", async () => {
  const registry = new CollectorRegistry();
  const measured = instrument(async (_request: Request, _info?: unknown) => {
    await turn();
    return new Response("hello");
  }, { registry, exemplars: true });
  // Tracing frameworks wrap the handler like this.
  const server = await serveFetch((request, info) => inTrace(TRACE, () => measured(request, info)));
  try {
    await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
    await until(() => activeOf(registry) === 0 && countsOf(registry)["GET 200 "] === 1);
    assert.deepEqual(tracesOf(registry), [TRACE]);
  } finally {
    await server.stop();
  }
});

test("a listener's duration has the trace of its request, although it ends outside the span", async () => {
  const registry = new CollectorRegistry();
  const measured = instrumentListener((_request, response) => {
    setImmediate(() => response.end("hello"));
  }, { registry, exemplars: true });
  const server = await serveListener((request, response) =>
    inTrace(TRACE, () => measured(request, response))
  );
  try {
    await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
    await until(() => activeOf(registry) === 0 && countsOf(registry)["GET 200 "] === 1);
    assert.deepEqual(tracesOf(registry), [TRACE]);
  } finally {
    await server.stop();
  }
});
