import assert from "node:assert/strict";
import { test } from "node:test";
import { trusted } from "../support/families.ts";
import { createBody } from "../../exposition/body.ts";
import {
  CollectorRegistry,
  Gauge,
  generateMetrics,
  generateOpenMetrics,
  generateProtobuf,
  type Metric,
  MetricFamily,
  metricsResponse,
} from "../../mod.ts";
import { ManualClock, turn } from "../support/clock.ts";

const PROTOBUF =
  "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
const OPENMETRICS = "application/openmetrics-text;version=1.0.0";

type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** A generator that counts its chunks. */
class Chunks {
  made = 0;
  returned = false;

  *make(length: number): Generator<Uint8Array<ArrayBuffer>, void> {
    try {
      while (this.made < length) yield new Uint8Array([++this.made]);
    } finally {
      this.returned = true;
    }
  }
}

function readerOf(body: ReturnType<typeof createBody>): Reader {
  assert.ok(body instanceof ReadableStream);
  return body.getReader();
}

/** Returns a registry with more series than fit in one chunk. */
function large(series = 80_000): CollectorRegistry {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["number"] });
  for (let i = 0; i < series; i++) gauge.labels(i).set(i / 2);
  return registry;
}

/** Returns a registry with a trusted family that throws after some metrics. */
function breaking(after: number): CollectorRegistry {
  const registry = new CollectorRegistry();
  const metrics = {
    *[Symbol.iterator](): Generator<Metric> {
      for (let i = 0; i < after; i++) {
        yield { labelNames: ["number"], labelValues: [String(i)], value: i };
      }
      throw new Error("broken promise");
    },
  };
  registry.register({
    collect: () => [new MetricFamily("g", "G.", "gauge", { metrics: trusted("gauge", metrics) })],
  });
  return registry;
}

/** A clock that counts the requested turns. */
class TurnCounter extends ManualClock {
  turns = 0;

  override nextTurn(callback: () => void): void {
    this.turns++;
    super.nextTurn(callback);
  }
}

test("createBody() returns bytes for no chunk or one chunk", () => {
  assert.deepEqual(createBody(new Chunks().make(0)), new Uint8Array(0));
  assert.deepEqual(createBody(new Chunks().make(1)), new Uint8Array([1]));
});

test("createBody() returns a stream of more chunks", async () => {
  const reader = readerOf(createBody(new Chunks().make(5)));
  for (let i = 1; i <= 5; i++) {
    assert.deepEqual(await reader.read(), { done: false, value: new Uint8Array([i]) });
  }
  assert.equal((await reader.read()).done, true);
});

test("a chunk is encoded only when the reader asks for it", async () => {
  const chunks = new Chunks();
  const reader = readerOf(createBody(chunks.make(10)));
  assert.equal(chunks.made, 2, "two chunks show that it is a stream");
  for (const made of [2, 2, 3, 4, 5]) {
    await reader.read();
    assert.equal(chunks.made, made);
    // A chunk that is encoded too early would be encoded in the next turn at the latest.
    for (let i = 0; i < 3; i++) await turn();
    assert.equal(chunks.made, made);
  }
});

test("no chunk is encoded after the client has disconnected", async () => {
  const chunks = new Chunks();
  const reader = readerOf(createBody(chunks.make(10)));
  await reader.read();
  await reader.read();
  await reader.read();
  await reader.cancel();
  assert.equal(chunks.made, 3);
  assert.equal(chunks.returned, true);
});

test("a client can disconnect before or during a read", async () => {
  const unread = new Chunks();
  await readerOf(createBody(unread.make(10))).cancel();
  assert.equal(unread.returned, true);

  const chunks = new Chunks();
  const reader = readerOf(createBody(chunks.make(10)));
  await reader.read();
  await reader.read();
  const reading = reader.read();
  await reader.cancel();
  assert.equal((await reading).done, true);
  assert.ok(chunks.made <= 3);
});

test("an error after the first chunk is an error of the stream, which does not close", async () => {
  const reader = readerOf(createBody(
    (function* () {
      yield new Uint8Array([1]);
      yield new Uint8Array([2]);
      throw new Error("broken");
    })(),
  ));
  await reader.read();
  await reader.read();
  await assert.rejects(reader.read(), { message: "broken" });
  await assert.rejects(reader.read(), { message: "broken" });
  await assert.rejects(reader.closed, { message: "broken" });
});

test("the event loop gets turns while a large body is read", async () => {
  const clock = new TurnCounter();
  // The first two chunks come immediately. Each later chunk may wait for a turn.
  for (const [milliseconds, turns] of [[6, 19], [3, 10], [0, 1]] as const) {
    clock.turns = 0;
    const chunks = (function* () {
      for (let i = 0; i < 20; i++) {
        clock.advance(milliseconds / 1000);
        yield new Uint8Array([i]);
      }
    })();
    const reader = readerOf(createBody(chunks, () => {}, clock));
    while (!(await reader.read()).done);
    assert.equal(clock.turns, turns, `${milliseconds} ms for a chunk`);
  }
});

for (
  const [format, accept, whole] of [
    ["text", "text/plain", (r: CollectorRegistry) => generateMetrics(r)],
    ["OpenMetrics", OPENMETRICS, (r: CollectorRegistry) => generateOpenMetrics(r)],
  ] as const
) {
  test(`a large scrape in ${format} is a stream of chunks that end at lines`, async () => {
    const registry = large();
    const request = new Request("http://localhost/", { headers: { accept } });
    const response = await metricsResponse(request, { registry });
    const decoder = new TextDecoder();
    let text = "";
    let count = 0;
    for await (const chunk of response.body!) {
      assert.ok(chunk instanceof Uint8Array);
      assert.equal(chunk.at(-1), 10);
      text += decoder.decode(chunk);
      count++;
    }
    assert.ok(count > 3, `${count} chunks`);
    assert.equal(text, whole(registry));
  });
}

test("a large scrape in protobuf is a stream, and decompresses to the same bytes", async () => {
  const registry = large();
  const headers = { accept: PROTOBUF, "accept-encoding": "gzip" };
  const response = await metricsResponse(new Request("http://localhost/", { headers }), {
    registry,
  });
  const unpacked = response.body!.pipeThrough(new DecompressionStream("gzip"));
  const bytes = await new Response(unpacked).bytes();
  assert.ok(bytes.length >= generateProtobuf(registry).length);
  assert.ok(new TextDecoder().decode(bytes).includes("79999"));
});

for (const encoding of ["identity", "gzip"]) {
  test(`an error in the middle of a scrape does not close its stream: ${encoding}`, async () => {
    const registry = breaking(80_000);
    const request = new Request("http://localhost/", {
      headers: { "accept-encoding": encoding, accept: "text/plain" },
    });
    const response = await metricsResponse(request, { registry });
    assert.equal(response.status, 200);
    await assert.rejects(response.text());
  });
}

test("a scrape ends when its client disconnects in the middle", async () => {
  let visited = 0;
  let isOver = false;
  const registry = new CollectorRegistry();
  const metrics = {
    *[Symbol.iterator](): Generator<Metric> {
      try {
        for (; visited < 100_000; visited++) {
          yield { labelNames: ["number"], labelValues: [String(visited)], value: 1 };
        }
      } finally {
        isOver = true;
      }
    },
  };
  registry.register({
    collect: () => [new MetricFamily("g", "G.", "gauge", { metrics: trusted("gauge", metrics) })],
  });
  const response = await metricsResponse(undefined, { registry });
  const reader = response.body!.getReader();
  await reader.read();
  await reader.read();
  const before = visited;
  assert.equal(isOver, false);
  await reader.cancel();
  assert.equal(isOver, true);
  assert.ok(before < 50_000, `${before} were encoded for two chunks`);
  assert.equal(visited, before);
});

test("a child that is removed or created during a scrape is not included", async () => {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["number"] });
  for (let i = 0; i < 60_000; i++) gauge.labels(i).set(1);
  const response = await metricsResponse(undefined, { registry });
  gauge.remove(59_999);
  gauge.labels("new").set(1);
  const text = await response.text();
  assert.match(text, /^g\{number="59998"\} 1$/m);
  assert.doesNotMatch(text, /number="(59999|new)"/);
});
