import assert from "node:assert/strict";
import { test } from "node:test";
import { instrument } from "../../collectors/http.ts";
import { CollectorRegistry } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { readSamples } from "../support/http.ts";

const request = new Request("http://localhost/");
const LABELS = 'method="GET",status_code="200",route=""';
const COUNT = `server_request_duration_seconds_count{${LABELS}}`;
const SECONDS = `server_request_duration_seconds_sum{${LABELS}}`;
const BYTES = `server_response_body_size_bytes_sum{${LABELS}}`;
const ACTIVE = 'server_active_requests{method="GET"}';
const errorsOf = (type: string) =>
  `server_request_errors_total{method="GET",route="",error_type="${type}"}`;

const text = (bytes: string) => new TextEncoder().encode(bytes);

/** A stream that is written to by hand. */
function makeStream() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const cancelled: unknown[] = [];
  const stream = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: (reason) => void cancelled.push(reason),
  });
  return { stream, controller, cancelled };
}

/** An instrumented handler that answers with a body, and its samples. */
async function answer(body: BodyInit | null, headers: HeadersInit = {}) {
  const registry = new CollectorRegistry();
  const clock = new ManualClock();
  const response = await instrument(() => new Response(body, { headers }), { registry, clock })(
    request,
  );
  return { response, clock, samples: () => readSamples(registry) };
}

const form = new FormData();
form.append("a", "b");
const WHOLE: [what: string, body: () => BodyInit, size: number][] = [
  ["an empty text", () => "", 0],
  ["a text", () => "hellö", 6],
  ["bytes", () => new Uint8Array(300), 300],
  ["a buffer", () => new ArrayBuffer(300), 300],
  ["parameters", () => new URLSearchParams({ a: "1" }), 3],
  ["a large text", () => "x".repeat(1_000_000), 1_000_000],
];
for (const [what, body, size] of WHOLE) {
  test(`a body that is ${what} is over at once, and arrives as it is`, async () => {
    const { response, samples } = await answer(body(), { "x-own": "1" });
    assert.equal(samples()[COUNT], 1);
    assert.equal(samples()[BYTES], size);
    assert.equal(samples()[ACTIVE], 0);
    const plain = new Response(body(), { headers: { "x-own": "1" } });
    assert.deepEqual([...response.headers], [...plain.headers]);
    assert.deepEqual(await response.bytes(), await plain.bytes());
  });
}

const IN_PIECES: [what: string, body: () => BodyInit][] = [
  ["a form", () => form],
  ["a blob", () => new Blob(["hello, ", "blob"], { type: "text/x" })],
];
for (const [what, body] of IN_PIECES) {
  test(`a body that is ${what} is counted, and arrives as it is`, async () => {
    const { response, samples } = await answer(body());
    const plain = new Response(body());
    const type = (of: Response) => of.headers.get("content-type")?.replace(/boundary=.*/, "");
    assert.equal(type(response), type(plain));
    const { length } = await response.bytes();
    assert.equal(samples()[BYTES], length);
    assert.equal(samples()[COUNT], 1);
  });
}

test("a stream is timed to its end, and its bytes are counted", async () => {
  const { stream, controller } = makeStream();
  const { response, clock, samples } = await answer(stream);
  assert.equal(samples()[ACTIVE], 1);
  assert.equal(samples()[COUNT], undefined);
  const reader = response.body!.getReader();
  for (const piece of ["one", "two", "three"]) {
    clock.advance(1);
    controller.enqueue(text(piece));
    assert.deepEqual((await reader.read()).value, text(piece));
  }
  assert.equal(samples()[COUNT], undefined);
  clock.advance(1);
  controller.close();
  assert.ok((await reader.read()).done);
  assert.equal(samples()[SECONDS], 4);
  assert.equal(samples()[BYTES], 11);
  assert.equal(samples()[ACTIVE], 0);
  assert.ok(!Object.keys(samples()).some((key) => key.includes("errors")));
});

test("a stream that never begins does not hold the response back", async () => {
  const { stream } = makeStream();
  const { response, samples } = await answer(stream, { "content-type": "text/event-stream" });
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  assert.equal(samples()[ACTIVE], 1);
  await response.body!.cancel();
});

test("a stream is read only as far as its reader is", async () => {
  let pulls = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls++;
      controller.enqueue(text("x"));
    },
  }, { highWaterMark: 0 });
  const { response } = await answer(stream);
  const ahead = pulls;
  assert.ok(ahead <= 2);
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setTimeout(resolve));
  assert.equal(pulls, ahead);
  const reader = response.body!.getReader();
  for (let i = 0; i < 5; i++) await reader.read();
  assert.ok(pulls <= 6);
  await reader.cancel();
});

test("a stream that fails is counted with the class of its error, and fails for its reader", async () => {
  const { stream, controller } = makeStream();
  const { response, clock, samples } = await answer(stream);
  const reader = response.body!.getReader();
  controller.enqueue(text("one"));
  await reader.read();
  clock.advance(2);
  const error = new RangeError("in the midst");
  controller.error(error);
  await assert.rejects(reader.read(), error);
  assert.equal(samples()[SECONDS], 2);
  assert.equal(samples()[BYTES], 3);
  assert.equal(samples()[errorsOf("RangeError")], 1);
  assert.equal(samples()[ACTIVE], 0);
});

test("a stream that fails at once fails for its reader, not for the handler's caller", async () => {
  const { stream, controller } = makeStream();
  const error = new TypeError("at once");
  controller.error(error);
  const { response, samples } = await answer(stream);
  await assert.rejects(response.text(), error);
  assert.equal(samples()[errorsOf("TypeError")], 1);
  assert.equal(samples()[COUNT], 1);
});

test("a stream whose reader leaves is counted once as an abort, and cancelled", async () => {
  const { stream, controller, cancelled } = makeStream();
  const { response, samples } = await answer(stream);
  const reader = response.body!.getReader();
  controller.enqueue(text("one"));
  await reader.read();
  const pending = reader.read();
  const reason = new Error("gone");
  await reader.cancel(reason);
  assert.ok((await pending).done);
  assert.deepEqual(cancelled, [reason]);
  assert.equal(samples()[errorsOf("abort")], 1);
  assert.equal(samples()[COUNT], 1);
  assert.equal(samples()[BYTES], 3);
  assert.equal(samples()[ACTIVE], 0);
});

test("a stream whose cancel() fails is still counted", async () => {
  const stream = new ReadableStream({ cancel: () => Promise.reject(new Error("no")) });
  const { response, samples } = await answer(stream);
  await assert.rejects(response.body!.cancel());
  assert.equal(samples()[errorsOf("abort")], 1);
});

test("a body that is used already is left to whoever sends it", async () => {
  const registry = new CollectorRegistry();
  const used = new Response("x");
  await used.text();
  assert.equal(await instrument(() => used, { registry })(request), used);
  const locked = new Response(new ReadableStream());
  locked.body!.getReader();
  assert.equal(await instrument(() => locked, { registry })(request), locked);
  assert.equal(readSamples(registry)[COUNT], 2);
  assert.equal(readSamples(registry)[ACTIVE], 0);
});

test("status, text and repeated headers of a stream's response are kept", async () => {
  const registry = new CollectorRegistry();
  const headers = new Headers({ "content-length": "3" });
  headers.append("set-cookie", "a=1");
  headers.append("set-cookie", "b=2");
  const { stream, controller } = makeStream();
  const original = new Response(stream, { status: 207, statusText: "Some", headers });
  const response = await instrument(() => original, { registry })(request);
  assert.equal(response.status, 207);
  assert.equal(response.statusText, "Some");
  assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(response.headers.get("content-length"), "3");
  controller.enqueue(text("abc"));
  controller.close();
  assert.equal(await response.text(), "abc");
});
