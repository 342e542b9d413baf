import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { trusted } from "../support/families.ts";
import { type Handler, serve } from "../../examples/serve.ts";
import {
  CollectorRegistry,
  Gauge,
  type Metric,
  MetricFamily,
  metricsHandler,
  OPENMETRICS_CONTENT_TYPE,
} from "../../mod.ts";

const OPENMETRICS = "application/openmetrics-text;version=1.0.0";

/** Runs a server of this runtime on the loopback interface while `use` sends requests. */
async function withServer(
  handler: Handler,
  use: (url: string, port: number) => Promise<void>,
): Promise<void> {
  const server = await serve(handler, 0);
  try {
    await use(`http://127.0.0.1:${server.port}/metrics`, server.port);
  } finally {
    await server.stop();
  }
}

/**
 * Sends a request unchanged, and returns everything that the server sends before the connection
 * closes.
 */
async function exchange(port: number, request: string, onData = () => {}): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let answer = "";
  socket.setEncoding("latin1");
  socket.on("data", (text) => {
    answer += text;
    onData();
  });
  socket.on("error", () => {}); // A reset connection is closed too.
  socket.write(request);
  await new Promise((resolve) => socket.once("close", resolve));
  return answer;
}

/** A registry of series with random labels, which counts the written series. */
class Noise {
  visited = 0;
  readonly series: number;
  readonly registry = new CollectorRegistry();

  constructor(series: number) {
    this.series = series;
    const metrics = { [Symbol.iterator]: () => this.#make() };
    this.registry.register({
      collect:
        () => [new MetricFamily("noise", "N.", "gauge", { metrics: trusted("gauge", metrics) })],
    });
  }

  *#make(): Generator<Metric> {
    let seed = 1;
    for (this.visited = 0; this.visited < this.series; this.visited++) {
      let value = `${this.visited}:`;
      for (let i = 0; i < 1000; i++) {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        value += String.fromCharCode(97 + (seed >>> 24) % 26);
      }
      yield { labelNames: ["label"], labelValues: [value], value: this.visited };
    }
  }
}

for (const encoding of ["identity", "gzip"]) {
  test(`HEAD over HTTP gets no length and keeps the connection open: ${encoding}`, async () => {
    const registry = new CollectorRegistry();
    new Gauge("g", "G.", { registry }).set(1);
    await withServer(metricsHandler({ registry }), async (_, port) => {
      const headers = `Host: localhost\r\nAccept: ${OPENMETRICS}\r\nAccept-Encoding: ${encoding}`;
      const answers = await exchange(
        port,
        `HEAD /metrics HTTP/1.1\r\n${headers}\r\n\r\n` +
          `GET /metrics HTTP/1.1\r\n${headers}\r\nConnection: close\r\n\r\n`,
      );
      const [head = "", get = "", ...rest] = answers.split(/^(?=HTTP\/1\.1 )/m);
      assert.deepEqual(rest, []);
      assert.match(head, /^HTTP\/1\.1 200 [^]*\r\n\r\n$/);
      assert.match(get, /^HTTP\/1\.1 200 [^]*\r\n\r\n[^]+$/);
      assert.doesNotMatch(head, /^content-length:/im);
      for (const answer of [head, get]) {
        const type = /^content-type: (.*)\r$/im.exec(answer)?.[1];
        assert.equal(type, `${OPENMETRICS_CONTENT_TYPE}; escaping=underscores`);
        assert.equal(/^content-encoding: gzip\r$/im.test(answer), encoding === "gzip");
      }
    });
  });

  test(`a scrape over HTTP is encoded only as far as its client reads: ${encoding}`, async () => {
    const [stalled, read] = [new Noise(60_000), new Noise(60_000)];
    const answerStalled = metricsHandler({ registry: stalled.registry });
    const answerRead = metricsHandler({ registry: read.registry });
    const handler: Handler = (request) =>
      request.url.endsWith("/read") ? answerRead(request) : answerStalled(request);
    await withServer(handler, async (url, port) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {}); // The server may reset a broken connection.
      socket.write(
        `GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: ${encoding}\r\n\r\n`,
      );
      await new Promise((resolve) => socket.once("readable", resolve));
      // The server continues until the buffers of the system are full. Meanwhile another client
      // reads a whole scrape.
      const headers = { "accept-encoding": encoding };
      const other = await fetch(url.replace("/metrics", "/read"), { headers });
      for await (const _ of other.body!);
      assert.equal(read.visited, read.series);
      const { visited, series } = stalled;
      assert.ok(visited > 0 && visited < series / 2, `${visited} series`);
      socket.destroy();
    });
  });

  test(`a scrape over HTTP arrives completely: ${encoding}`, async () => {
    const noise = new Noise(3000);
    await withServer(metricsHandler({ registry: noise.registry }), async (url) => {
      const response = await fetch(url, { headers: { "accept-encoding": encoding } });
      const text = await response.text();
      assert.equal(text.split("\n").length, 3003);
      assert.match(text, /^noise\{label="2999:[a-z]{1000}"\} 2999$/m);
    });
  });
}

test("serve() of the examples streams a body while it is encoded", async () => {
  let goOn = () => {};
  const arrived = new Promise<void>((resolve) => goOn = resolve);
  const handler = () => {
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(new TextEncoder().encode("first "));
        await arrived;
        controller.enqueue(new TextEncoder().encode("last"));
        controller.close();
      },
    });
    return new Response(body);
  };
  await withServer(handler, async (url) => {
    const reader = (await fetch(url)).body!.getReader();
    const decoder = new TextDecoder();
    let text = decoder.decode((await reader.read()).value);
    assert.equal(text, "first ");
    goOn();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += decoder.decode(part.value);
    }
    assert.equal(text, "first last");
  });
});

test("serve() of the examples aborts a response whose body fails", async () => {
  let goOn = () => {};
  const arrived = new Promise<void>((resolve) => goOn = resolve);
  const handler = () => {
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        controller.enqueue(new TextEncoder().encode("first"));
        await arrived;
        throw new Error("This error is intended: it breaks a response");
      },
    });
    return new Response(body);
  };
  await withServer(handler, async (_, port) => {
    const answer = await exchange(port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", goOn);
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.doesNotMatch(answer, /\r\n0\r\n\r\n$/, "the response must not look complete");
  });
});
