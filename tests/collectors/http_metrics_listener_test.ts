import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { connect } from "node:net";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { metricsListener } from "../../collectors/http/node.ts";
import {
  bearerAuth,
  CollectorRegistry,
  Counter,
  Gauge,
  MetricFamily,
  type MetricsHandlerOptions,
} from "../../mod.ts";
import { fetchRaw } from "../support/fetch_server.ts";
import { serveListener } from "../support/node_server.ts";
import { breaking, streamOf } from "../support/server_table.ts";

/** Serves the metrics of a registry while a test runs. */
async function serving(
  registry: CollectorRegistry,
  run: (port: number) => Promise<void>,
  options: MetricsHandlerOptions = {},
): Promise<void> {
  const server = await serveListener(metricsListener({ registry, ...options }));
  try {
    await run(server.port);
  } finally {
    await server.stop();
  }
}

/** Returns a registry with a counter and a gauge. */
function oneCounter(): CollectorRegistry {
  const registry = new CollectorRegistry();
  new Counter("hits_total", "Hits.", { registry }).inc();
  new Gauge("level", "Level.", { registry }).set(1);
  return registry;
}

test("metricsListener() negotiates and compresses like metricsHandler()", () =>
  serving(oneCounter(), async (port) => {
    const url = `http://127.0.0.1:${port}/metrics`;
    const text = await fetch(url, { headers: { "accept-encoding": "identity" } });
    assert.equal(text.status, 200);
    assert.match(text.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    assert.match(await text.text(), /^hits_total 1$/m);
    const open = await fetch(url, { headers: { accept: "application/openmetrics-text" } });
    assert.match(await open.text(), /# EOF\n$/);
    const one = await fetch(`${url}?name[]=level`);
    assert.doesNotMatch(await one.text(), /hits/);
    const raw = await fetchRaw(port, "/", {
      head: "Connection: close\r\nAccept-Encoding: gzip\r\n",
    });
    assert.match(raw, /content-encoding: gzip/i);
    const [, body = ""] = raw.split("\r\n\r\n", 2);
    assert.ok(body.length > 20);
  }));

test("metricsListener() answers HEAD and OPTIONS, and refuses other methods", () =>
  serving(oneCounter(), async (port) => {
    const head = await fetchRaw(port, "/metrics", { method: "HEAD" });
    assert.match(head, /^HTTP\/1\.1 200 [^]*content-type: text\/plain[^]*\r\n\r\n$/i);
    assert.match(await fetchRaw(port, "/metrics", { method: "OPTIONS" }), /^HTTP\/1\.1 204 /);
    for (const method of ["POST", "DELETE", "TRACE"]) {
      const refused = await fetchRaw(port, "/metrics", { method });
      assert.match(refused, /^HTTP\/1\.1 405 [^]*allow: GET, HEAD, OPTIONS/i, method);
    }
  }));

test("metricsListener() accepts any path, and repeated headers", () =>
  serving(oneCounter(), async (port) => {
    for (const path of ["//x", "/?a=%", "http://elsewhere.example/metrics"]) {
      const head = "Connection: close\r\nAccept: text/plain\r\nAccept: */*;q=0.1\r\n";
      assert.match(await fetchRaw(port, path, { head }), /^HTTP\/1\.1 200 [^]*hits_total 1/, path);
    }
  }));

test("metricsListener() refuses requests without authorization", () =>
  serving(oneCounter(), async (port) => {
    const url = `http://127.0.0.1:${port}/`;
    const refused = await fetch(url);
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get("www-authenticate"), 'Bearer realm="metrics"');
    await refused.text();
    const allowed = await fetch(url, { headers: { authorization: "Bearer s3cr3t" } });
    assert.equal(allowed.status, 200);
    await allowed.text();
  }, { authorize: bearerAuth("s3cr3t") }));

/** A response whose writing the test controls. */
class SlowResponse extends EventEmitter {
  readonly statusCode = 200;
  headersSent = false;
  writableEnded = false;
  readonly writableFinished = false;
  readonly written: Uint8Array[] = [];
  getHeader(): undefined {}
  writeHead(): void {
    this.headersSent = true;
  }
  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    this.emit("written");
    return false;
  }
  end(): void {
    this.writableEnded = true;
    this.emit("ended");
  }
}

test("metricsListener() produces more only after its client has read", async () => {
  let pulls = 0;
  const listener = metricsListener({
    registry: oneCounter(),
    authorize: () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            if (pulls++ === 3) controller.close();
            else controller.enqueue(new Uint8Array(10));
          },
        }, { highWaterMark: 0 }),
      ),
  });
  const response = new SlowResponse();
  const answered = listener({ method: "GET", url: "/", headers: {} }, response);
  for (let i = 1; i <= 3; i++) {
    await new Promise((resolve) => response.once("written", resolve));
    assert.equal(pulls, i);
    assert.equal(response.written.length, i);
    assert.equal(response.writableEnded, false);
    response.emit("drain");
  }
  await answered;
  assert.equal(response.writableEnded, true);
  assert.equal(response.listenerCount("drain") + response.listenerCount("close"), 0);
});

test("metricsListener() stops waiting for a client that has disconnected", async () => {
  const cancelled = Promise.withResolvers<void>();
  const listener = metricsListener({
    registry: oneCounter(),
    authorize: () =>
      new Response(
        new ReadableStream({
          pull: (controller) => controller.enqueue(new Uint8Array(10)),
          cancel: () => cancelled.resolve(),
        }, { highWaterMark: 0 }),
      ),
  });
  const response = new SlowResponse();
  const answered = listener({ method: "GET", url: "/", headers: {} }, response);
  await new Promise((resolve) => response.once("written", resolve));
  response.emit("close");
  await Promise.all([answered, cancelled.promise]);
  assert.equal(response.written.length, 1);
  assert.equal(response.writableEnded, false);
});

test("metricsListener() cuts off a response that fails after its start", () =>
  serving(oneCounter(), async (port) => {
    const answer = await fetchRaw(port, "/", { head: "" });
    assert.match(answer, /^HTTP\/1\.1 200 [^]*part/);
    assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/);
  }, {
    // This response is sent instead of the metrics, and its body fails.
    authorize: () => new Response(streamOf(breaking())),
  }));

test("metricsListener() stops producing a response whose client has disconnected", async () => {
  const left = Promise.withResolvers<unknown>();
  await serving(oneCounter(), async (port) => {
    const socket = connect(port, "127.0.0.1");
    socket.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.destroy();
    await left.promise;
  }, {
    authorize: () =>
      new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setImmediate(resolve));
            controller.enqueue(new Uint8Array(1000));
          },
          cancel: (reason) => left.resolve(reason),
        }),
      ),
  });
});

test("metricsListener() answers 500 when the live page fails", () =>
  serving(oneCounter(), async (port) => {
    const head = "Connection: close\r\nAccept: text/html\r\n";
    assert.match(await fetchRaw(port, "/", { head }), /^HTTP\/1\.1 500 /);
  }, {
    live: () => {
      throw new Error("no");
    },
  }));

test("metricsListener() answers over HTTP/2", async () => {
  const server = createHttp2Server(metricsListener({ registry: oneCounter() }));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  try {
    const stream = session.request({ ":path": "/metrics", "accept-encoding": "gzip" });
    const pieces: Uint8Array[] = [];
    let type: unknown;
    stream.on("response", (headers) => type = headers["content-type"]);
    for await (const piece of stream) pieces.push(piece as Uint8Array);
    assert.match(String(type), /^text\/plain; version=0\.0\.4/);
    const body = gunzipSync(new Uint8Array(await new Blob(pieces as BlobPart[]).arrayBuffer()));
    assert.match(body.toString(), /^hits_total 1$/m);
  } finally {
    session.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
});

test("metricsListener() awaits asynchronous collectors", async () => {
  const registry = new CollectorRegistry();
  registry.register({
    // deno-lint-ignore require-await -- An asynchronous collector returns a promise.
    collect: async () => [new MetricFamily("late", "Late.", "gauge").addSample("late", {}, 7)],
  });
  await serving(registry, async (port) => {
    assert.match(await (await fetch(`http://127.0.0.1:${port}/`)).text(), /^late 7$/m);
  });
});

test("the error of metricsListener() for a Request names metricsHandler()", () => {
  const listener = metricsListener({ registry: oneCounter() });
  const request = new Request("http://localhost/metrics");
  assert.throws(() => listener(request as never, undefined as never), {
    name: "TypeError",
    message: "Cannot answer scrape: it takes (request, response) of Node; for a Request there is " +
      "metricsHandler(): received Request",
  });
});
