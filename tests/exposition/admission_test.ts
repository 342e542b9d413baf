import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { type Handler, serve } from "../../examples/serve.ts";
import { CollectorRegistry, Gauge, type Metric, MetricFamily, metricsHandler } from "../../mod.ts";
import { until } from "../support/clock.ts";
import { trusted } from "../support/families.ts";
import { collectGarbage } from "../support/garbage.ts";

const URL_OF_METRICS = "http://localhost/metrics";

function get(init: RequestInit = {}): Request {
  return new Request(URL_OF_METRICS, init);
}

function zipped(): Request {
  return get({ headers: { "accept-encoding": "gzip" } });
}

/** Returns a registry whose scrape has several chunks, and can fail in the middle. */
function large(breakAt = Infinity): CollectorRegistry {
  const registry = new CollectorRegistry();
  const metrics = {
    *[Symbol.iterator](): Generator<Metric> {
      for (let i = 0; i < 60_000; i++) {
        if (i === breakAt) throw new Error("This error is intended: it breaks a response");
        yield { labelNames: ["number"], labelValues: [String(i)], value: 1 };
      }
    },
  };
  registry.register({
    collect: () => [new MetricFamily("g", "G.", "gauge", { metrics: trusted("gauge", metrics) })],
  });
  return registry;
}

/** Returns a registry with a collector that the test settles. */
function waiting(): { registry: CollectorRegistry; settle: (families: MetricFamily[]) => void } {
  const registry = new CollectorRegistry();
  const { promise, resolve } = Promise.withResolvers<MetricFamily[]>();
  registry.register({ collect: () => promise });
  return { registry, settle: resolve };
}

for (const coalesce of [true, false]) {
  test(`a scrape beyond the limit gets 503 with coalesce: ${coalesce}`, async () => {
    const { registry, settle } = waiting();
    const handler = metricsHandler({ registry, coalesce, maxConcurrentScrapes: 2 });
    const first = [handler(get()), handler(zipped())];
    for (let i = 0; i < 3; i++) {
      const refused = await handler(get());
      assert.equal(refused.status, 503);
      assert.equal(refused.headers.get("retry-after"), "1");
      assert.equal(refused.headers.get("content-type"), "text/plain; charset=utf-8");
      assert.equal(await refused.text(), "Cannot answer scrape: too many are under way\n");
    }
    settle([]);
    for (const response of await Promise.all(first)) assert.equal(response.status, 200);
    assert.equal((await handler(get())).status, 200);
  });
}

test("scrapes are not limited by default", async () => {
  const { registry, settle } = waiting();
  const handler = metricsHandler({ registry });
  const scrapes = Array.from({ length: 1000 }, () => handler(get()));
  settle([]);
  assert.ok((await Promise.all(scrapes)).every(({ status }) => status === 200));
});

test("a small body no longer counts once the response exists", async () => {
  const registry = new CollectorRegistry();
  new Gauge("g", "G.", { registry });
  const handler = metricsHandler({ registry, maxConcurrentScrapes: 1 });
  for (const request of [get(), zipped(), get()]) {
    assert.equal((await handler(request)).status, 200);
  }
});

test("a request that collects nothing does not count", async () => {
  const { registry, settle } = waiting();
  const handler = metricsHandler({
    registry,
    maxConcurrentScrapes: 1,
    authorize: (request) => !request.headers.has("stranger"),
  });
  const first = handler(get());
  for (
    const [init, status] of [
      [{ method: "HEAD" }, 200],
      [{ method: "OPTIONS" }, 204],
      [{ method: "POST" }, 405],
      [{ headers: { stranger: "yes" } }, 403],
      [{}, 503],
    ] as const
  ) assert.equal((await handler(get(init))).status, status);
  settle([]);
  assert.equal((await first).status, 200);
  assert.equal((await handler(get({ headers: { stranger: "yes" } }))).status, 403);
  assert.equal((await handler(get())).status, 200);
});

test("a failed scrape does not count afterwards", async () => {
  const registry = {
    prefix: null,
    register() {},
    unregister() {},
    collect() {
      throw new Error("broken");
    },
  };
  for (const coalesce of [true, false]) {
    const handler = metricsHandler({ registry, coalesce, maxConcurrentScrapes: 1 });
    for (const request of [get(), zipped(), get()]) {
      assert.equal((await handler(request)).status, 500);
    }
  }
});

const ENDINGS: [what: string, breakAt: number, end: (response: Response) => Promise<unknown>][] = [
  ["read to its end", Infinity, (response) => response.arrayBuffer()],
  ["cancelled before it is read", Infinity, (response) => response.body!.cancel()],
  ["cancelled while it is read", Infinity, async (response) => {
    const reader = response.body!.getReader();
    await reader.read();
    await reader.cancel();
  }],
  ["broken", 50_000, (response) => assert.rejects(response.arrayBuffer())],
];

for (const [what, breakAt, end] of ENDINGS) {
  for (const [encoding, request] of [["identity", get], ["gzip", zipped]] as const) {
    test(`a large body counts until it is ${what}: ${encoding}`, async () => {
      const handler = metricsHandler({ registry: large(breakAt), maxConcurrentScrapes: 1 });
      for (let i = 0; i < 2; i++) {
        const response = await handler(request());
        assert.equal(response.status, 200);
        assert.equal((await handler(get())).status, 503);
        await end(response);
      }
      const last = await handler(request());
      assert.equal(last.status, 200);
      await last.body!.cancel();
    });
  }
}

test("a dropped body no longer counts once it is garbage-collected", async () => {
  const handler = metricsHandler({ registry: large(), maxConcurrentScrapes: 1 });
  for (const request of [get(), zipped()]) {
    assert.equal((await handler(request)).status, 200); // The response is dropped.
    let status = 503;
    await until("a slot is free", async () => {
      await collectGarbage();
      const response = await handler(get());
      status = response.status;
      await response.body?.cancel();
      return status !== 503;
    });
    assert.equal(status, 200);
  }
});

/** Waits until this number of scrapes can run. */
async function untilFree(handler: Handler, places: number): Promise<void> {
  const bodies: Response[] = [];
  await until(`${places} slots are free`, async () => {
    const response = await handler(get());
    if (response.status === 200) bodies.push(response);
    return bodies.length === places;
  });
  for (const { body } of bodies) await body!.cancel();
}

/** Waits until sockets are closed on this side. */
async function allClosed(sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) {
    if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
  }
}

test("a client that disconnects over HTTP no longer counts, before or during the response", async () => {
  const { registry, settle } = waiting();
  const many = large();
  registry.register({ collect: () => many.collect() });
  const handler = metricsHandler({ registry, maxConcurrentScrapes: 6 });
  let asked = 0;
  const server = await serve((request) => {
    asked++;
    return handler(request);
  }, 0);
  const ask = async (encoding: string) => {
    const socket = connect(server.port, "127.0.0.1");
    socket.on("error", () => {}); // The server may reset a broken connection.
    const before = asked;
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nAccept-Encoding: ${encoding}\r\n\r\n`);
    await until("the request has arrived", () => asked > before);
    return socket;
  };
  try {
    // Three clients disconnect before the response, and three during it.
    const early = [await ask("identity"), await ask("gzip"), await ask("identity")];
    const late = [await ask("identity"), await ask("gzip"), await ask("identity")];
    assert.equal((await handler(get())).status, 503);
    for (const socket of early) socket.destroy();
    await allClosed(early);
    const arrived = late.map((socket) => new Promise((resolve) => socket.once("data", resolve)));
    settle([]);
    await Promise.all(arrived);
    for (const socket of late) socket.destroy();
    await untilFree(handler, 6);
  } finally {
    await server.stop();
  }
});

test("a disconnected client no longer counts for any of its simultaneous scrapes", async () => {
  const handler = metricsHandler({ registry: large(), maxConcurrentScrapes: 3 });
  const server = await serve(handler, 0);
  try {
    for (let round = 0; round < 10; round++) {
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => {}); // The server may reset a broken connection.
      socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(3));
      await new Promise((resolve) => socket.once("data", resolve));
      socket.destroy();
    }
    await untilFree(handler, 3);
  } finally {
    await server.stop();
  }
});

for (
  const [value, name] of [
    [0, "RangeError"],
    [-1, "RangeError"],
    [1.5, "RangeError"],
    [NaN, "RangeError"],
    ["10", "TypeError"],
    [null, "TypeError"],
  ] as const
) {
  test(`metricsHandler() throws a ${name} for maxConcurrentScrapes: ${JSON.stringify(value)}`, () => {
    assert.throws(() => metricsHandler({ maxConcurrentScrapes: value as number }), {
      name,
      message:
        "Cannot create metrics handler: maxConcurrentScrapes must be a whole number >= 1, or " +
        `Infinity: received ${typeof value === "string" ? `"${value}"` : value}`,
    });
  });
}

test("metricsHandler() throws if coalesce is not a boolean", () => {
  assert.throws(() => metricsHandler({ coalesce: 1 as never }), {
    name: "TypeError",
    message: "Cannot create metrics handler: coalesce must be a boolean: received 1",
  });
});
