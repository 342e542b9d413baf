import assert from "node:assert/strict";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import {
  CollectorRegistry,
  Counter,
  MetricFamily,
  metricsHandler,
  type MetricsHandlerOptions,
  metricsResponse,
} from "../../mod.ts";
import { ManualClock, turn, until } from "../support/clock.ts";

/** Returns a registry with a counter, and with a collector that takes two seconds of a clock. */
function slow() {
  const clock = new ManualClock();
  const errors: unknown[] = [];
  const registry = new CollectorRegistry({ clock, onError: (error) => errors.push(error) });
  new Counter("hits_total", "H.", { registry }).inc();
  const aborted: unknown[] = [];
  let calls = 0;
  registry.register({
    async collect({ signal } = {}) {
      const number = ++calls;
      signal?.addEventListener("abort", () => aborted.push(signal.reason));
      await new Promise<void>((resolve) => void clock.setTimeout(resolve, 2000));
      return [new MetricFamily("slow", "S.", "gauge").addSample("slow", {}, number)];
    },
  });
  return { clock, registry, errors, aborted, calls: () => calls };
}

/** Returns a request of a scraper with this time limit. */
function scrape(seconds?: number, encoding = "identity", signal?: AbortSignal): Request {
  return new Request("http://localhost/metrics", {
    headers: {
      "accept-encoding": encoding,
      ...(seconds !== undefined && { "x-prometheus-scrape-timeout-seconds": `${seconds}` }),
    },
    ...(signal && { signal }),
  });
}

/** Returns an object that receives the text of a response once it is complete. */
function answerOf(response: Promise<Response>): { text: string | undefined } {
  const answer: { text: string | undefined } = { text: undefined };
  response.then(async (response) => {
    const bytes = new Uint8Array(await response.arrayBuffer());
    const isPacked = response.headers.get("content-encoding") === "gzip";
    answer.text = new TextDecoder().decode(isPacked ? gunzipSync(bytes) : bytes);
  });
  return answer;
}

const WAYS: readonly (readonly [name: string, options: MetricsHandlerOptions])[] = [
  ["with shared collections", { coalesce: true }],
  ["without sharing", { coalesce: false }],
];

for (const [name, options] of WAYS) {
  for (const encoding of ["identity", "gzip"] as const) {
    test(`scrapes with 0.01 s do not affect scrapes with 10 s, ${name}, ${encoding}`, async () => {
      const { clock, registry, errors, aborted, calls } = slow();
      const handler = metricsHandler({ registry, ...options });
      const short: { text: string | undefined }[] = [];
      const long: { text: string | undefined; begun: number }[] = [];
      const begin = async (request: Request) => {
        const before = clock.timers;
        const answer = answerOf(handler(request));
        // Each scrape waits for its time limit, or joins a collection.
        await until("the scrape waits", () => clock.timers > before || options.coalesce === true);
        for (let i = 0; i < 5; i++) await turn();
        return answer;
      };
      for (let step = 0; step < 20; step++) {
        short.push(await begin(scrape(0.01, encoding)));
        if (step % 3 === 0) {
          long.push(Object.assign(await begin(scrape(10, encoding)), { begun: step }));
        }
        await clock.advanceSlowly(0.5);
      }
      await clock.advanceSlowly(5);
      await until(
        "all are answered",
        () => [...short, ...long].every(({ text }) => text !== undefined),
      );
      for (const { text } of short) assert.match(text!, /^hits_total 1$/m);
      for (const { text, begun } of long) {
        assert.match(text!, /^slow \d+$/m, `begun at step ${begun}`);
        assert.doesNotMatch(text!, /narthex_/);
      }
      assert.ok(short.some(({ text }) => !text!.includes("slow")));
      assert.deepEqual(errors, []);
      assert.deepEqual(aborted, []);
      // A collector is not called again while a call is running, so ten seconds allow few calls.
      assert.ok(calls() <= 6, `${calls()} calls`);
    });
  }

  test(`a scrape with less than 0.1 s waits as long as one with 0.1 s, ${name}`, async () => {
    for (const seconds of [0.1, 0.01, 1e-9]) {
      const { clock, registry } = slow();
      const handler = metricsHandler({ registry, ...options });
      const answer = answerOf(handler(scrape(seconds)));
      await until("it waits", () => clock.timers >= 2);
      await clock.advanceSlowly(0.08);
      for (let i = 0; i < 10; i++) await turn();
      assert.equal(answer.text, undefined);
      await clock.advanceSlowly(0.02);
      await until("it is answered", () => answer.text !== undefined);
      assert.doesNotMatch(answer.text!, /slow/);
    }
  });

  test(`a collector slower than timeoutMs is counted once for several scrapes, ${name}`, async () => {
    const { clock, registry, errors, aborted, calls } = slow();
    const handler = metricsHandler({ registry, timeoutMs: 1000, ...options });
    const answers = [scrape(0.01), scrape(10), scrape(), scrape(0.5)].map((request) =>
      answerOf(handler(request))
    );
    await until("they wait", () => clock.timers >= 2);
    for (let i = 0; i < 5; i++) await turn();
    await clock.advanceSlowly(1.5);
    await until("all are answered", () => answers.every(({ text }) => text !== undefined));
    assert.equal(errors.length, 1);
    assert.equal(aborted.length, 1);
    assert.equal(calls(), 1);
    await clock.advanceSlowly(10);
    const later = answerOf(handler(scrape(10)));
    await until("it is called again", () => calls() === 2);
    await clock.advanceSlowly(10);
    await until("it is answered", () => later.text !== undefined);
    assert.match(later.text!, /^narthex_collector_errors_total\{.*cause="timeout"\} [12]$/m);
  });

  test(`a client that disconnects causes no error and aborts no call, ${name}`, async () => {
    const { clock, registry, errors, aborted, calls } = slow();
    const handler = metricsHandler({ registry, ...options });
    const leaving = new AbortController();
    const left = handler(scrape(10, "identity", leaving.signal));
    await until("it waits", () => clock.timers >= 2);
    await clock.advanceSlowly(0.5);
    leaving.abort();
    const staying = answerOf(handler(scrape(10)));
    for (let i = 0; i < 5; i++) await turn();
    await clock.advanceSlowly(2);
    await until("it is answered", () => staying.text !== undefined);
    assert.match(staying.text!, /^slow 1$/m);
    await (await left).body?.cancel();
    assert.deepEqual(errors, []);
    assert.deepEqual(aborted, []);
    assert.equal(calls(), 1);
    assert.equal(registry.lastErrors().size, 0);
  });
}

test("metricsResponse() joins a running call", async () => {
  const { clock, registry, calls } = slow();
  const first = answerOf(metricsResponse(scrape(0.01), { registry }));
  await until("it waits", () => clock.timers >= 2);
  await clock.advanceSlowly(1);
  const second = answerOf(metricsResponse(scrape(10), { registry }));
  for (let i = 0; i < 5; i++) await turn();
  await clock.advanceSlowly(1.5);
  await until("both are answered", () => first.text !== undefined && second.text !== undefined);
  assert.doesNotMatch(first.text!, /slow/);
  assert.match(second.text!, /^slow 1$/m);
  assert.equal(calls(), 1);
});
