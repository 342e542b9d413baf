import assert from "node:assert/strict";
import { IncomingMessage } from "node:http";
import { test } from "node:test";
import { endpointMetrics } from "../../collectors/http.ts";
import { metricsListener } from "../../collectors/http/node.ts";
import { CollectorRegistry, Gauge, generateMetrics, metricsHandler } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { until } from "../support/http.ts";
import { serveListener } from "../support/node_server.ts";

const get = (init?: RequestInit) => new Request("http://localhost/metrics", init);

/** Returns the samples of the endpoint's own metrics, without buckets. */
function samples(registry: CollectorRegistry): string[] {
  return generateMetrics(registry).split("\n").filter((line) =>
    line.startsWith("narthex_") && !line.includes("_bucket")
  );
}

test("an endpoint has its own metrics only if it has an observer", async () => {
  const registry = new CollectorRegistry();
  await (await metricsHandler({ registry })(get())).text();
  assert.deepEqual(samples(registry), []);
});

test("endpointMetrics() counts scrapes by status, and refusals by reason", async () => {
  const registry = new CollectorRegistry();
  const clock = new ManualClock();
  const handler = metricsHandler({
    registry,
    observer: endpointMetrics({ registry, clock }),
    authorize: (request) => request.headers.has("authorization"),
  });
  const headers = { authorization: "yes" };
  const text = await (await handler(get({ headers }))).text();
  // The scrape counts itself as active.
  assert.match(text, /^narthex_active_scrapes 1$/m);
  await handler(get());
  await handler(get({ method: "POST", headers }));
  await handler(get({ method: "OPTIONS", headers }));
  assert.deepEqual(samples(registry), [
    'narthex_scrapes_total{http_response_status_code="200"} 1',
    'narthex_scrapes_total{http_response_status_code="403"} 1',
    'narthex_scrapes_total{http_response_status_code="405"} 1',
    'narthex_scrapes_total{http_response_status_code="204"} 1',
    "narthex_active_scrapes 0",
    "narthex_scrape_duration_seconds_sum 0",
    "narthex_scrape_duration_seconds_count 1",
    'narthex_refused_scrapes_total{reason="authorization"} 1',
    'narthex_refused_scrapes_total{reason="method"} 1',
  ]);
});

test("a scrape is active until its body has been read, and a scrape beyond the limit is refused", async () => {
  const registry = new CollectorRegistry();
  const clock = new ManualClock();
  const gauge = new Gauge("wide", "Wide.", { registry, labelNames: ["n", "text"] });
  for (let i = 0; i < 2000; i++) gauge.labels(i, "x".repeat(200)).set(i);
  const handler = metricsHandler({
    registry,
    maxConcurrentScrapes: 1,
    observer: endpointMetrics({ registry, clock }),
  });
  const response = await handler(get());
  const refused = await handler(get());
  assert.equal(refused.status, 503);
  assert.equal(registry.getSampleValue("narthex_active_scrapes"), 1);
  clock.advance(2);
  await response.text();
  assert.equal(registry.getSampleValue("narthex_active_scrapes"), 0);
  assert.equal(registry.getSampleValue("narthex_scrape_duration_seconds_sum"), 2);
  assert.equal(registry.getSampleValue("narthex_refused_scrapes_total", { reason: "limit" }), 1);
  // A scrape also ends when its client disconnects.
  await (await handler(get())).body!.cancel();
  assert.equal(registry.getSampleValue("narthex_active_scrapes"), 0);
  assert.equal(registry.getSampleValue("narthex_scrape_duration_seconds_count"), 2);
});

test("an endpoint whose page fails counts status 500", async () => {
  const registry = new CollectorRegistry();
  const handler = metricsHandler({
    registry,
    observer: endpointMetrics({ registry }),
    live: () => {
      throw new Error("no");
    },
  });
  assert.equal((await handler(get({ headers: { accept: "text/html" } }))).status, 500);
  assert.equal(
    registry.getSampleValue("narthex_scrapes_total", { http_response_status_code: 500 }),
    1,
  );
});

test("two endpoints of one registry share their metrics, even on node:http", async () => {
  const registry = new CollectorRegistry();
  const handler = metricsHandler({ registry, observer: endpointMetrics({ registry }) });
  const listener = metricsListener({ registry, observer: endpointMetrics({ registry }) });
  const server = await serveListener(listener);
  try {
    await (await handler(get())).text();
    await (await fetch(`http://127.0.0.1:${server.port}/`)).text();
    const labels = { http_response_status_code: 200 };
    await until(() => registry.getSampleValue("narthex_scrapes_total", labels) === 2);
    assert.equal(registry.getSampleValue("narthex_active_scrapes"), 0);
  } finally {
    await server.stop();
  }
});

test("endpointMetrics() and metricsHandler() throw on invalid options", () => {
  assert.throws(() => endpointMetrics({ buckets: [] } as object), {
    name: "TypeError",
    message: 'Cannot measure endpoint: unknown option "buckets": known options are ' +
      '"registry", "clock"',
  });
  assert.throws(() => metricsHandler({ observer: {} as never }), {
    name: "TypeError",
    message:
      "Cannot create metrics handler: observer must have begin() and answered(): received {}",
  });
});

test("the error of metricsHandler() for arguments of node:http names metricsListener()", () => {
  const handler = metricsHandler({ registry: new CollectorRegistry() });
  for (const wrong of [new IncomingMessage(null as never), { path: "/" }, undefined]) {
    assert.throws(() => handler(wrong as never), {
      name: "TypeError",
      message: /^Cannot answer scrape: .* metricsListener\(\) of "@narthex\/prometheus\/node": /,
    });
  }
});
