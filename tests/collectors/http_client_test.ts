import assert from "node:assert/strict";
import { test } from "node:test";
import { instrumentFetch, type InstrumentFetchOptions } from "../../collectors/http.ts";
import { serve } from "../../examples/serve.ts";
import { CollectorRegistry, generateMetrics } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { readSamples } from "../support/http.ts";

type Fetch = typeof fetch;
const COUNT = "client_request_duration_seconds_count";
const labels = (method: string, status: number | "", address = "", port = "") =>
  `{method="${method}",status_code="${status}",address="${address}",port="${port}"}`;

/** Returns a `fetch` that answers without a network. */
const answering = (answer: () => Response | Promise<Response>) =>
  (async () => await answer()) as unknown as Fetch;

test("instrumentFetch() measures a call over the network, and returns its response unchanged", async () => {
  const server = await serve(
    () => new Response("hello", { headers: { "content-length": "5" } }),
    0,
  );
  const registry = new CollectorRegistry();
  const host = `127.0.0.1:${server.port}`;
  const measured = instrumentFetch(fetch, { registry, server: [host] });
  try {
    const response = await measured(`http://${host}/secret?token=1`);
    assert.equal(response.url, `http://${host}/secret?token=1`);
    assert.equal(await response.text(), "hello");
    const all = labels("GET", 200, "127.0.0.1", String(server.port));
    const samples = readSamples(registry);
    assert.equal(samples[COUNT + all], 1);
    assert.equal(samples[`client_response_body_size_bytes_sum${all}`], 5);
    assert.equal(
      samples[`client_active_requests{method="GET",address="127.0.0.1",port="${server.port}"}`],
      0,
    );
    assert.doesNotMatch(generateMetrics(registry), /secret|token/);
  } finally {
    await server.stop();
  }
});

test("a call is active and timed until there is a response", async () => {
  const registry = new CollectorRegistry();
  const clock = new ManualClock();
  let answer!: (response: Response) => void;
  const measured = instrumentFetch(
    answering(() => new Promise((resolve) => answer = resolve)),
    { registry, clock },
  );
  const call = measured("http://localhost/");
  const active = 'client_active_requests{method="GET",address="",port=""}';
  assert.equal(readSamples(registry)[active], 1);
  clock.advance(3);
  const response = new Response("never read");
  answer(response);
  assert.equal(await call, response);
  assert.equal(readSamples(registry)[active], 0);
  assert.equal(
    readSamples(registry)[`client_request_duration_seconds_sum${labels("GET", 200)}`],
    3,
  );
});

test("a failed or aborted call has no status, is counted by its class, and rejects with the same error", async () => {
  const aborted = AbortSignal.abort();
  const timedOut = new DOMException("late", "TimeoutError");
  const failures: [fail: () => never, type: string][] = [
    [() => {
      throw aborted.reason;
    }, "AbortError"],
    [() => {
      throw timedOut;
    }, "TimeoutError"],
    [() => {
      throw new TypeError("no network");
    }, "TypeError"],
    [() => {
      throw "a text";
    }, "_OTHER"],
  ];
  for (const [fail, type] of failures) {
    const registry = new CollectorRegistry();
    const measured = instrumentFetch(answering(fail), { registry, server: ["a.example"] });
    let thrown: unknown;
    await measured("https://a.example/").catch((error) => thrown = error);
    assert.ok(thrown !== undefined);
    const samples = readSamples(registry);
    assert.equal(samples[COUNT + labels("GET", "", "a.example", "443")], 1);
    assert.equal(
      samples[
        `client_request_errors_total{method="GET",address="a.example",port="443",error_type="${type}"}`
      ],
      1,
    );
    assert.equal(samples['client_active_requests{method="GET",address="a.example",port="443"}'], 0);
  }
});

const INPUTS: [what: string, args: unknown[], method: string, address: string, port: string][] = [
  ["a string", ["https://a.example/x"], "GET", "a.example", "443"],
  ["a URL", [new URL("http://a.example/x")], "GET", "a.example", "80"],
  ["a request", [new Request("https://a.example/x", { method: "PUT" })], "PUT", "a.example", "443"],
  [
    "a request and a method",
    [new Request("https://a.example/"), { method: "POST" }],
    "POST",
    "a.example",
    "443",
  ],
  [
    "a method in lower case",
    ["https://a.example/", { method: "delete" }],
    "DELETE",
    "a.example",
    "443",
  ],
  ["an unknown method", ["https://a.example/", { method: "BREW" }], "_OTHER", "a.example", "443"],
  ["a host in upper case", ["https://A.Example/"], "GET", "a.example", "443"],
  ["a port that is listed", ["http://b.example:8080/"], "GET", "b.example", "8080"],
  ["a port that is not listed", ["https://a.example:8443/"], "GET", "_OTHER", ""],
  ["a host that is not listed", ["https://elsewhere.example/"], "GET", "_OTHER", ""],
  ["a part of a host", ["https://xa.example/"], "GET", "_OTHER", ""],
  ["no URL", ["http://"], "GET", "", ""],
];
for (const [what, args, method, address, port] of INPUTS) {
  test(`the labels of a call with ${what}`, async () => {
    const registry = new CollectorRegistry();
    const measured = instrumentFetch(answering(() => new Response("x")), {
      registry,
      server: ["A.example", "b.example:8080"],
    });
    await measured(...args as Parameters<Fetch>);
    assert.equal(readSamples(registry)[COUNT + labels(method, 200, address, port)], 1);
  });
}

const SERVERS: [
  what: string,
  server: InstrumentFetchOptions["server"],
  address: string,
  port: string,
][] = [
  ["no option", undefined, "", ""],
  ["a function that returns a name", () => "payments", "payments", ""],
  ["a function that returns the host", ({ host }) => host, "a.example", "81"],
  ["a function that returns an IPv6 address", () => "[::1]:80", "[::1]", "80"],
  ["a function that returns undefined", () => undefined, "", ""],
  [
    "a function that throws",
    () => {
      throw new Error();
    },
    "",
    "",
  ],
];
for (const [what, server, address, port] of SERVERS) {
  test(`the server from ${what} is "${address}" and "${port}"`, async () => {
    const registry = new CollectorRegistry();
    await instrumentFetch(answering(() => new Response("x")), { registry, server })(
      "http://a.example:81/",
    );
    assert.equal(readSamples(registry)[COUNT + labels("GET", 200, address, port)], 1);
  });
}

test("servers of a function beyond the first fifty share one label value", async () => {
  const registry = new CollectorRegistry();
  const measured = instrumentFetch(answering(() => new Response("x")), {
    registry,
    server: ({ host }) => host,
  });
  for (let i = 0; i < 70; i++) await measured(`http://h${i}.example/`);
  const counts = Object.entries(readSamples(registry)).filter(([key]) => key.startsWith(COUNT));
  assert.equal(counts.length, 51);
  assert.equal(readSamples(registry)[COUNT + labels("GET", 200, "_OTHER")], 20);
});

test("the measured function keeps the properties, arguments and `this` of the original", async () => {
  const seen: unknown[] = [];
  function original(this: unknown, ...args: unknown[]) {
    seen.push(this, ...args);
    return Promise.resolve(new Response("x"));
  }
  const fetchLike = Object.assign(original, { preconnect: () => "connected" });
  const registry = new CollectorRegistry();
  const self = { fetch: instrumentFetch(fetchLike, { registry }) };
  assert.equal(self.fetch.preconnect(), "connected");
  const init = { method: "POST" };
  await self.fetch("http://localhost/", init);
  assert.deepEqual(seen, [self, "http://localhost/", init]);
  assert.equal(seen[2], init);
});

test("instrumentFetch() throws on values that are not functions, and on servers that are not hosts", () => {
  const registry = new CollectorRegistry();
  assert.throws(() => instrumentFetch(undefined as never, { registry }), {
    name: "TypeError",
    message: "Cannot instrument fetch: it must be a function: received undefined",
  });
  for (const server of ["a.example", [7]]) {
    assert.throws(() => instrumentFetch(fetch, { registry, server: server as never }), TypeError);
  }
  assert.equal(generateMetrics(registry), "");
});
