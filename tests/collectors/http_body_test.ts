import assert from "node:assert/strict";
import { test } from "node:test";
import { instrument } from "../../collectors/http.ts";
import { CollectorRegistry } from "../../mod.ts";
import { readSamples } from "../support/http.ts";

const request = new Request("http://localhost/");
const LABELS = 'method="GET",status_code="200",route=""';
const COUNT = `server_request_duration_seconds_count{${LABELS}}`;
const BYTES = `server_response_body_size_bytes_sum{${LABELS}}`;
const BODIES = `server_response_body_size_bytes_count{${LABELS}}`;
const ACTIVE = 'server_active_requests{method="GET"}';
const errorsOf = (type: string) =>
  `server_request_errors_total{method="GET",route="",error_type="${type}"}`;

const text = (bytes: string) => new TextEncoder().encode(bytes);

/** Creates a stream that the test writes to. */
function makeStream() {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const cancelled: unknown[] = [];
  const stream = new ReadableStream<Uint8Array>({
    start: (given) => void (controller = given),
    cancel: (reason) => void cancelled.push(reason),
  });
  return { stream, controller, cancelled };
}

/** Returns a handler's response with a measured body, and its samples. */
function answer(body: BodyInit | null, init: ResponseInit = {}) {
  const registry = new CollectorRegistry();
  const response = instrument(() => new Response(body, init), { registry, bodies: true })(request);
  return { response, samples: () => readSamples(registry) };
}

const form = new FormData();
form.append("a", "b");
const WHOLE: [what: string, body: () => BodyInit, size?: number][] = [
  ["an empty text", () => "", 0],
  ["a text", () => "hellö", 6],
  ["bytes", () => new Uint8Array(300), 300],
  ["a buffer", () => new ArrayBuffer(300), 300],
  ["parameters", () => new URLSearchParams({ a: "1" }), 3],
  ["a large text", () => "x".repeat(1_000_000), 1_000_000],
  ["a blob", () => new Blob(["hello, ", "blob"], { type: "text/x" }), 11],
  ["a form", () => form],
];
for (const [what, body, size] of WHOLE) {
  test(`bodies: true counts the bytes of a body that is ${what}`, async () => {
    const { response, samples } = answer(body(), { headers: { "x-own": "1" } });
    assert.equal(response.headers.get("x-own"), "1");
    const plain = new Response(body());
    const typeOf = (of: Response) => of.headers.get("content-type")?.replace(/boundary=.*/, "");
    assert.equal(typeOf(response), typeOf(plain));
    const bytes = await response.bytes();
    // Each copy of a form has its own boundary.
    if (size === undefined) assert.ok(bytes.length > 100);
    else assert.deepEqual(bytes, await plain.bytes());
    assert.equal(samples()[BYTES], size ?? bytes.length);
    assert.equal(samples()[BODIES], 1);
    assert.equal(samples()[COUNT], 1);
    assert.equal(samples()[ACTIVE], 0);
  });
}

test("a counted form keeps the boundary of its Content-Type", async () => {
  const { response } = answer(form);
  assert.equal((await response.formData()).get("a"), "b");
});

test("a null body counts as empty, and the response is the same object", () => {
  const registry = new CollectorRegistry();
  const empty = new Response(null);
  assert.equal(instrument(() => empty, { registry, bodies: true })(request), empty);
  assert.equal(readSamples(registry)[BODIES], 1);
  assert.equal(readSamples(registry)[BYTES], 0);
});

test("a response to HEAD counts as empty, and is the same object", () => {
  const registry = new CollectorRegistry();
  const whole = new Response("hello");
  const head = new Request(request, { method: "HEAD" });
  assert.equal(instrument(() => whole, { registry, bodies: true })(head), whole);
  assert.equal(readSamples(registry)[BODIES.replace("GET", "HEAD")], 1);
  assert.equal(readSamples(registry)[BYTES.replace("GET", "HEAD")], 0);
});

test("an upgrade is returned as the same object, and has no size", () => {
  const registry = new CollectorRegistry();
  const upgrade = { status: 101 } as Response;
  assert.equal(instrument(() => upgrade, { registry, bodies: true })(request), upgrade);
  assert.equal(readSamples(registry)[BODIES.replace("200", "101")], undefined);
  assert.equal(readSamples(registry)[COUNT.replace("200", "101")], 1);
});

test("a used or locked body is left to the server, and has no size", async () => {
  const registry = new CollectorRegistry();
  const used = new Response("x");
  await used.text();
  const measured = (response: Response) =>
    instrument(() => response, { registry, bodies: true })(request);
  assert.equal(measured(used), used);
  const locked = new Response(new ReadableStream());
  locked.body!.getReader();
  assert.equal(measured(locked), locked);
  assert.equal(readSamples(registry)[COUNT], 2);
  assert.equal(readSamples(registry)[BODIES], undefined);
});

test("a stream is read only as far as its reader reads", async () => {
  let pulls = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulls++;
      controller.enqueue(text("x"));
    },
  }, { highWaterMark: 0 });
  const { response } = answer(stream);
  const reader = response.body!.getReader();
  for (let i = 1; i <= 5; i++) {
    await reader.read();
    assert.equal(pulls, i);
  }
  await reader.cancel();
  assert.equal(pulls, 5);
});

test("a stream is counted chunk by chunk, to its end", async () => {
  const { stream, controller } = makeStream();
  const { response, samples } = answer(stream);
  const reader = response.body!.getReader();
  for (const piece of ["one", "two", "three"]) {
    controller.enqueue(text(piece));
    assert.deepEqual((await reader.read()).value, text(piece));
  }
  assert.equal(samples()[BODIES], undefined);
  controller.close();
  assert.ok((await reader.read()).done);
  assert.equal(samples()[BYTES], 11);
  assert.ok(!Object.keys(samples()).some((key) => key.includes("errors_total{")));
});

test("a failing stream is counted with the type of its error, and fails for its reader", async () => {
  const { stream, controller } = makeStream();
  const { response, samples } = answer(stream);
  const reader = response.body!.getReader();
  controller.enqueue(text("one"));
  await reader.read();
  const error = Object.assign(new RangeError("in the midst"), { code: "EPIPE" });
  controller.error(error);
  await assert.rejects(reader.read(), error);
  assert.equal(samples()[BYTES], 3);
  assert.equal(samples()[errorsOf("EPIPE")], 1);
  assert.equal(samples()[COUNT], 1);
});

test("a cancelled stream is counted once as an abort, and its source is cancelled", async () => {
  const { stream, controller, cancelled } = makeStream();
  const { response, samples } = answer(stream);
  const reader = response.body!.getReader();
  controller.enqueue(text("one"));
  await reader.read();
  const pending = reader.read();
  const reason = new Error("gone");
  await reader.cancel(reason);
  assert.ok((await pending).done);
  assert.deepEqual(cancelled, [reason]);
  assert.equal(samples()[errorsOf("abort")], 1);
  assert.equal(samples()[BYTES], 3);
  assert.equal(samples()[COUNT], 1);
  assert.equal(samples()[ACTIVE], 0);
});

test("a stream whose cancel() fails is still counted", async () => {
  const stream = new ReadableStream({ cancel: () => Promise.reject(new Error("no")) });
  const { response, samples } = answer(stream);
  await assert.rejects(response.body!.cancel());
  assert.equal(samples()[errorsOf("abort")], 1);
});

test("a counted response keeps its status, its status text and repeated headers", async () => {
  const headers = new Headers({ "content-length": "3" });
  headers.append("set-cookie", "a=1");
  headers.append("set-cookie", "b=2");
  const { response } = answer("abc", { status: 207, statusText: "Some", headers });
  assert.equal(response.status, 207);
  assert.equal(response.statusText, "Some");
  assert.deepEqual(response.headers.getSetCookie(), ["a=1", "b=2"]);
  assert.equal(await response.text(), "abc");
});

test("an asynchronous response is counted too", async () => {
  const registry = new CollectorRegistry();
  const late = () => Promise.resolve(new Response("hello"));
  const response = await instrument(late, { registry, bodies: true })(request);
  assert.equal(await response.text(), "hello");
  assert.equal(readSamples(registry)[BYTES], 5);
});
