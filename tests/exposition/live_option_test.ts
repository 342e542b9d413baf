import assert from "node:assert/strict";
import { test } from "node:test";
import { prefersHtml } from "../../exposition/negotiation.ts";
import {
  CollectorRegistry,
  Counter,
  type LivePage,
  metricsHandler,
  metricsResponse,
} from "../../mod.ts";

const OPENMETRICS = "application/openmetrics-text;version=1.0.0";

const CASES: { name: string; accept: string | null; html: boolean }[] = [
  {
    name: "Chromium",
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp," +
      "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7",
    html: true,
  },
  {
    name: "Firefox and Safari",
    accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    html: true,
  },
  { name: "Internet Explorer", accept: "text/html, application/xhtml+xml, */*", html: true },
  { name: "w3m", accept: "text/html, text/*;q=0.5, image/*", html: true },
  { name: "curl and fetch()", accept: "*/*", html: false },
  { name: "no header", accept: null, html: false },
  { name: "an empty header", accept: "", html: false },
  {
    name: "Prometheus 2.0",
    accept: "text/plain;version=0.0.4;q=1,*/*;q=0.1",
    html: false,
  },
  {
    name: "Prometheus 2.42",
    accept: "application/openmetrics-text;version=1.0.0,application/openmetrics-text;" +
      "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    html: false,
  },
  {
    name: "Prometheus 2.49",
    accept: "application/openmetrics-text;version=1.0.0;q=5,text/plain;version=0.0.4;q=3,*/*;q=2",
    html: false,
  },
  {
    name: "Prometheus 3",
    accept: "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;" +
      "encoding=delimited;escaping=allow-utf-8;q=0.6,text/plain;version=1.0.0;q=0.4,*/*;q=0.2",
    html: false,
  },
  { name: "text rather than HTML", accept: "text/html;q=0.5,text/plain", html: false },
  { name: "text as well as HTML", accept: "text/html,text/plain", html: false },
  { name: "HTML rather than text", accept: "text/plain;q=0.5,text/html", html: true },
  { name: "OpenMetrics rather than HTML", accept: `text/html;q=0.9,${OPENMETRICS}`, html: false },
  { name: "anything rather than HTML", accept: "text/html;q=0.5,*/*", html: false },
  { name: "no HTML at all", accept: "text/html;q=0,*/*;q=0.1", html: false },
  { name: "any text", accept: "text/*", html: false },
  { name: "capitals", accept: "Text/HTML", html: true },
  { name: "HTML in a quoted string", accept: `text/plain;a=",text/html,"`, html: false },
];
for (const { name, accept, html } of CASES) {
  test(`${name} ${html ? "prefers" : "does not prefer"} HTML`, () => {
    assert.equal(prefersHtml(accept), html);
  });
}

const BROWSER = { accept: "text/html,*/*;q=0.8" };
const URL = "http://localhost/metrics?name[]=hits_total";

function registryWithHits(): CollectorRegistry {
  const registry = new CollectorRegistry();
  new Counter("hits_total", "Hits.", { registry }).inc();
  return registry;
}

test("live is called with the GET and HEAD requests of a browser", async () => {
  const requests: Request[] = [];
  const live: LivePage = (request) => {
    requests.push(request);
    return Promise.resolve(new Response("<!doctype html>", { status: 203 }));
  };
  const handler = metricsHandler({ registry: registryWithHits(), live });
  for (const method of ["GET", "HEAD"]) {
    const request = new Request(URL, { method, headers: BROWSER });
    const response = await handler(request);
    assert.equal(response.status, 203);
    assert.equal(requests.pop(), request);
  }
});

test("live is not called for scrapers or for other methods", async () => {
  const live: LivePage = () => assert.fail("live was called");
  const registry = registryWithHits();
  const text = await metricsResponse(new Request(URL), { registry, live });
  assert.match(await text.text(), /^hits_total 1$/m);
  assert.match(text.headers.get("vary") ?? "", /\bAccept\b/);
  const post = new Request(URL, { method: "POST", headers: BROWSER });
  assert.equal((await metricsResponse(post, { registry, live })).status, 405);
  const options = new Request(URL, { method: "OPTIONS", headers: BROWSER });
  assert.equal((await metricsResponse(options, { registry, live })).status, 204);
  assert.equal((await metricsResponse(undefined, { registry, live })).status, 200);
});

test("a browser gets text for ?text, and only the families that it names", async () => {
  const registry = new CollectorRegistry();
  for (const name of ["a_total", "b_total"]) new Counter(name, "A counter.", { registry });
  const handler = metricsHandler({ registry, live: () => new Response("page") });
  for (const query of ["?text", "?name[]=a_total&text", "?text=1&name[]=a_total"]) {
    const response = await handler(
      new Request(`http://localhost/metrics${query}`, {
        headers: { accept: "text/html,*/*;q=0.8" },
      }),
    );
    assert.match(response.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    assert.match(text, /^a_total 0$/m);
    assert.equal(/^b_total 0$/m.test(text), query === "?text");
  }
});

test("a browser gets text without live", async () => {
  const request = new Request(URL, { headers: BROWSER });
  const response = await metricsResponse(request, { registry: registryWithHits() });
  assert.match(response.headers.get("content-type") ?? "", /^text\/plain;/);
});

test("a page that throws or rejects is answered with 500, without the error message", async () => {
  const error = new Error("Cannot read /etc/secret");
  for (
    const live of [() => {
      throw error;
    }, () => Promise.reject(error)]
  ) {
    const seen: unknown[] = [];
    const registry = new CollectorRegistry();
    const onError = (error: unknown): void => void seen.push(error);
    const request = new Request("http://localhost/metrics", { headers: { accept: "text/html" } });
    const response = await metricsHandler({ registry, live, onError })(request);
    assert.equal(response.status, 500);
    assert.equal(await response.text(), "Cannot answer request: the page failed\n");
    assert.deepEqual(seen, [error]);
  }
});

test("metricsHandler() throws if live is not a function", () => {
  for (const live of [null, "page", {}, true]) {
    assert.throws(
      // @ts-expect-error: not a function
      () => metricsHandler({ live }),
      /^TypeError: Cannot create metrics handler: live must be a function: received /,
    );
  }
});
