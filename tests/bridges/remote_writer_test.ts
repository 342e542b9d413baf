import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  RemoteWriteError,
  RemoteWriter,
  type RemoteWriterOptions,
} from "../../bridges/remote_write.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  Histogram,
  MetricFamily,
} from "../../mod.ts";
import { until } from "../support/clock.ts";
import { waitFor } from "../support/processes.ts";
import {
  FakeReceiver,
  PauseClock,
  REQUEST_TIMEOUT_MS,
  seriesText,
} from "../support/remote_write.ts";

const URL_TEXT = "http://localhost:9090/api/v1/write";

/** Returns a writer that does not start by itself, with everything that it uses. */
function setUp(options: RemoteWriterOptions = {}) {
  const registry = new CollectorRegistry();
  const receiver = new FakeReceiver();
  const clock = new PauseClock();
  const errors: unknown[] = [];
  const writer = new RemoteWriter(URL_TEXT, {
    registry,
    fetch: receiver.fetch,
    clock,
    timeoutMs: REQUEST_TIMEOUT_MS,
    random: () => 1,
    autoStart: false,
    metadata: false,
    ownMetrics: false,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { registry, receiver, clock, errors, writer };
}

/**
 * Returns a text for each received sample, with the series, its value and its time after the start.
 */
function samplesOf({ received }: FakeReceiver): string[] {
  return received.flatMap(({ request }) => request.timeseries ?? []).flatMap((series) =>
    (series.samples ?? []).map(({ value = 0, timestamp }) =>
      `${seriesText(series)} ${value} @${timestamp - 1_700_000_000_000}`
    )
  );
}

/** Waits until a receiver has at least this number of requests. */
async function untilReceived(receiver: FakeReceiver, requests: number): Promise<void> {
  await until(`${requests} requests have arrived`, () => receiver.received.length >= requests);
}

test("RemoteWriter sends at its interval, and first at a random time within it", async () => {
  const { registry, receiver, clock, writer } = setUp({
    intervalMs: 10_000,
    random: () => 0.3,
  });
  const jobs = new Counter("jobs_total", "", { registry });
  writer.start();
  writer.start();
  for (const [i, waitMs] of [3000, 10_000, 10_000].entries()) {
    await clock.untilPaused();
    assert.equal(clock.asked.at(-1), waitMs);
    jobs.inc();
    await clock.endPause();
    await untilReceived(receiver, i + 1);
  }
  assert.deepEqual(samplesOf(receiver), [
    "jobs_total 1 @3000",
    "jobs_total 2 @13000",
    "jobs_total 3 @23000",
  ]);
  await writer.close();
  assert.equal(samplesOf(receiver).length, 4);
  assert.throws(() => writer.start(), /^TypeError: Cannot start a remote writer: it is closed$/);
  await assert.rejects(writer.flush(), /^TypeError: Cannot flush a remote writer: it is closed$/);
});

test("samples that a receiver missed while it was down arrive later, in order, with their original times", async () => {
  const { registry, receiver, clock, errors, writer } = setUp();
  const start = clock.now();
  new Gauge("uptime", "", { registry }).setFunction(() => clock.now() - start);
  receiver.replies = [503, "fail", 503, 503, 503, 503];
  writer.start();
  await clock.endPause();
  // The requests fail at 15 s, 15.5 s, 16.5 s, 18.5 s, 22.5 s and 30.5 s.
  while (clock.now() - start < 46.5) {
    await until("both the interval and the back-off wait", () => clock.pauses === 2);
    await clock.endPause();
  }
  await untilReceived(receiver, 9);
  await until("the queue is empty", () => writer.bufferedBytes === 0);
  assert.deepEqual([...new Set(samplesOf(receiver))], [
    "uptime 15 @15000",
    "uptime 30 @30000",
    "uptime 45 @45000",
  ]);
  assert.equal(writer.retries, 6);
  assert.equal(errors.length, 6);
  assert.equal(receiver.mostPending, 1);
  assert.equal(writer.bufferedBytes, 0);
  await writer.close();
});

test("memory is bounded while the receiver is down: the newest snapshots are kept", async () => {
  const maxBufferedBytes = 20_000;
  const { registry, receiver, clock, errors, writer } = setUp({
    maxBufferedBytes,
    maxSamplesPerRequest: 100,
    intervalMs: 15_000,
  });
  const jobs = new Counter("jobs_total", "", { registry, labelNames: ["id"] });
  // No back-off is as long as the interval.
  const intervals = () => clock.asked.filter((ms) => ms === 15_000).length;
  receiver.replies = Array(1000).fill(503);
  writer.start();
  for (let i = 1; i <= 30; i++) {
    for (let id = 0; id < 300; id++) jobs.labels({ id }).inc(Math.PI);
    clock.advance(15);
    await until("the snapshot has been taken", () => intervals() === i + 1);
    assert.ok(writer.bufferedBytes <= maxBufferedBytes);
  }
  assert.ok(writer.bufferedBytes > maxBufferedBytes / 2);
  const waiting = writer.bufferedBytes;
  assert.ok(writer.droppedSamples > 4000, `${writer.droppedSamples} dropped`);
  const dropped = errors.filter((error) =>
    /were dropped: maxBufferedBytes is 20000$/.test(String(error))
  );
  assert.ok(dropped.length > 20);
  receiver.received.length = 0;
  receiver.replies = [];
  await writer.flush().catch(() => {});
  const times = samplesOf(receiver).map((text) => Number(text.split("@")[1]));
  assert.deepEqual(times, times.toSorted((a, b) => a - b));
  assert.ok(
    receiver.received.reduce((sum, { size }) => sum + size, 0) <= waiting + maxBufferedBytes,
  );
  assert.equal(receiver.values['jobs_total{id="299"}'], jobs.labels({ id: 299 }).value);
  assert.equal(writer.bufferedBytes, 0);
  assert.equal(writer.sentSamples + writer.droppedSamples, 31 * 300);
  await writer.close();
});

test("a snapshot that is larger than the buffer waits for room while requests succeed", async () => {
  let most = 0;
  const { registry, receiver, writer } = setUp({
    maxBufferedBytes: 3000,
    maxSamplesPerRequest: 50,
    fetch: (url, init) => {
      most = Math.max(most, writer.bufferedBytes);
      return receiver.fetch(url, init);
    },
  });
  const jobs = new Counter("jobs_total", "", { registry, labelNames: ["id"] });
  for (let id = 0; id < 1000; id++) jobs.labels({ id }).inc(id / 7);
  const { promise, resolve } = Promise.withResolvers<void>();
  receiver.gate = promise;
  const flushed = writer.flush();
  await until("the buffer is nearly full", () => writer.bufferedBytes > 1500);
  most = Math.max(most, writer.bufferedBytes);
  assert.equal(receiver.received.length, 1, "one request at a time");
  resolve();
  await flushed;
  assert.ok(most <= 3000, `${most} bytes`);
  assert.equal(Object.keys(receiver.values).length, 1000);
  assert.equal(writer.droppedSamples, 0);
  await writer.close();
});

test("a refused request is counted and reported, and the next ones are sent", async () => {
  const { registry, receiver, errors, writer } = setUp({ maxSamplesPerRequest: 1 });
  for (const name of ["a", "b", "c"]) new Gauge(name, "", { registry }).set(1);
  receiver.replies = [204, { status: 400, body: "out of order sample" }, 204];
  await assert.rejects(
    writer.flush(),
    (error) => error instanceof RemoteWriteError && error.status === 400 && !error.retryable,
  );
  assert.equal(receiver.received.length, 3);
  assert.deepEqual([writer.sentSamples, writer.refusedSamples, writer.droppedSamples], [2, 1, 0]);
  assert.equal(errors.length, 1);
  await writer.flush();
  assert.deepEqual([writer.sentSamples, writer.retries], [5, 0]);
  await writer.close();
});

function markersOf({ received }: FakeReceiver): string[] {
  return received.flatMap(({ stale }) => stale);
}

test("vanished series are marked as stale once", async () => {
  const { registry, receiver, clock, writer } = setUp();
  const busy = new Gauge("busy", "", { registry, labelNames: ["worker"] });
  const seconds = new Histogram("seconds", "", {
    registry,
    labelNames: ["worker"],
    buckets: [1],
    nativeHistogram: true,
  });
  for (const worker of ["a", "b"]) {
    busy.labels({ worker }).set(NaN);
    seconds.labels({ worker }).observe(1);
  }
  let timed = new MetricFamily("t", "", "gauge").addSample("t", {}, 1, {
    timestamp: 1_700_000_000,
  });
  registry.register({ collect: () => [timed] });
  await writer.flush();
  assert.deepEqual(markersOf(receiver), []);
  busy.remove("a");
  seconds.remove("a");
  timed = new MetricFamily("t", "", "gauge");
  clock.advance(15);
  await writer.flush();
  assert.deepEqual(markersOf(receiver), [
    'busy{worker="a"}',
    'seconds{worker="a"} native',
    'seconds_bucket{le="1",worker="a"}',
    'seconds_bucket{le="+Inf",worker="a"}',
    'seconds_sum{worker="a"}',
    'seconds_count{worker="a"}',
  ]);
  receiver.received.length = 0;
  await writer.flush();
  assert.deepEqual(markersOf(receiver), []);
  await writer.close();
  assert.deepEqual(markersOf(receiver), [], "close() marks nothing as stale by default");
});

test("staleOnClose marks all series as stale after their last values", async () => {
  const { registry, receiver, writer } = setUp({ staleOnClose: true });
  new Gauge("workers", "", { registry }).set(4);
  await writer.close();
  assert.deepEqual(samplesOf(receiver), ["workers 4 @0", "workers NaN @1"]);
  assert.deepEqual(markersOf(receiver), ["workers"]);
});

test("a failing snapshot marks no series as stale", async () => {
  const { registry, receiver, writer } = setUp();
  new Gauge("workers", "", { registry }).set(4);
  await writer.flush();
  const { collectAsync } = registry;
  registry.collectAsync = () => {
    throw new Error("broken");
  };
  await assert.rejects(writer.flush(), /broken/);
  registry.collectAsync = collectAsync;
  await writer.flush();
  assert.deepEqual(markersOf(receiver), []);
  assert.equal(samplesOf(receiver).length, 2);
  await writer.close();
});

test("samples with their own timestamps are sent once, unless they were dropped", async () => {
  const { registry, receiver, writer } = setUp({ retryForMs: 1 });
  let timestamp = 1_600_000_000;
  registry.register({
    collect: () => [new MetricFamily("t", "", "gauge").addSample("t", {}, 1, { timestamp })],
  });
  receiver.replies = [503];
  await assert.rejects(writer.flush(), RemoteWriteError);
  assert.equal(writer.droppedSamples, 1);
  await writer.flush();
  await writer.flush();
  assert.equal(receiver.received.length, 2, "the dropped sample is sent again");
  timestamp -= 5; // Out of order.
  await writer.flush();
  assert.equal(receiver.received.length, 2);
  timestamp += 10;
  await writer.flush();
  assert.equal(receiver.received.length, 3);
  await writer.close();
});

test("exemplars are sent once", async () => {
  const { registry, receiver, clock, writer } = setUp();
  const jobs = new Counter("jobs_total", "", { registry, clock });
  const exemplars = () =>
    receiver.received.flatMap(({ request }) => request.timeseries ?? [])
      .flatMap(({ exemplars = [] }) => exemplars.map(({ labels }) => labels[0]?.value));
  jobs.inc(1, { trace_id: "one" });
  clock.advance(1);
  await writer.flush();
  clock.advance(15);
  await writer.flush();
  assert.deepEqual(exemplars(), ["one"]);
  jobs.inc(1, { trace_id: "two" });
  clock.advance(1);
  await writer.flush();
  assert.deepEqual(exemplars(), ["one", "two"]);
  await writer.close();
});

test("samples are in order even if the clock stands still or goes back", async () => {
  const { registry, receiver, clock, writer } = setUp();
  new Gauge("workers", "", { registry }).set(4);
  await writer.flush();
  await writer.flush();
  clock.advance(-3600);
  await Promise.all([writer.flush(), writer.flush()]);
  assert.deepEqual(samplesOf(receiver), [0, 1, 2, 3].map((ms) => `workers 4 @${ms}`));
  await writer.close();
});

function abortable() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort(new Error("enough")) };
}

test("flush() ends a pause, except one that the receiver asked for", async () => {
  const { registry, receiver, clock, errors, writer } = setUp();
  new Gauge("workers", "", { registry }).set(4);
  receiver.replies = [503, 204];
  const first = writer.flush();
  await clock.untilPaused();
  assert.equal(receiver.received.length, 1);
  await writer.flush();
  await first;
  receiver.replies = [{ status: 429, retryAfter: "60" }];
  const { signal, abort } = abortable();
  const third = assert.rejects(writer.flush({ signal }), /enough/);
  await clock.untilPaused();
  const fourth = assert.rejects(writer.flush({ signal }), /enough/);
  assert.equal(clock.pauses, 1, "the pause continues");
  abort();
  await Promise.all([third, fourth]);
  const closed = writer.close({ timeoutMs: 1 });
  clock.advance(0.001);
  await closed;
  assert.equal(receiver.received.length, 4);
  const [last] = errors.slice(-1);
  assert.ok(last instanceof RemoteWriteError && last.status === 429, "the reason for the delay");
});

test("close() ends at its time limit, drops unsent samples, and does not reject", async () => {
  const { registry, receiver, clock, errors, writer } = setUp();
  new Gauge("workers", "", { registry }).set(4);
  receiver.gate = new Promise(() => {});
  const flushed = assert.rejects(writer.flush(), RemoteWriteError);
  await untilReceived(receiver, 1);
  const closed = writer.close({ timeoutMs: 5 });
  assert.equal(writer.close(), closed);
  clock.advance(0.005);
  await closed;
  await flushed;
  await until("the request has been aborted", () => receiver.pending === 0);
  assert.ok(writer.droppedSamples >= 1);
  assert.equal(writer.bufferedBytes, 0);
  assert.match(String(errors.at(-1)), /not done in 5 ms$/);
});

test("close() ends a pending flush()", async () => {
  const { registry, receiver, clock, writer } = setUp();
  new Gauge("workers", "", { registry }).set(4);
  receiver.gate = new Promise(() => {});
  const flushed = assert.rejects(writer.flush(), /: closed$/);
  await untilReceived(receiver, 1);
  const closed = writer.close({ timeoutMs: 1 });
  clock.advance(0.001);
  await closed;
  await flushed;
});

test("a writer is closed at the end of its block, and errors of onError are ignored", async () => {
  const { registry, receiver, writer } = setUp({
    onError: () => {
      throw new Error("theirs");
    },
  });
  new Gauge("workers", "", { registry }).set(4);
  receiver.replies = [400];
  await writer[Symbol.asyncDispose]();
  assert.equal(writer.refusedSamples, 1);
});

test("the registry has its writers' own metrics by URL until they are closed", async () => {
  const { registry, receiver, writer } = setUp({ ownMetrics: true });
  const other = new RemoteWriter("http://ann:s3cret@mimir/api?key=s3cret", {
    registry,
    fetch: receiver.fetch,
    autoStart: false,
  });
  new Gauge("workers", "", { registry }).set(4);
  receiver.replies = [204, 400];
  await writer.flush();
  await writer.flush().catch(() => {});
  const text = generateMetrics(registry);
  for (
    const line of [
      "# TYPE narthex_remote_write_samples_total counter",
      `narthex_remote_write_samples_total{url="${URL_TEXT}",outcome="sent"} 11`,
      `narthex_remote_write_samples_total{url="${URL_TEXT}",outcome="refused"} 11`,
      `narthex_remote_write_samples_total{url="${URL_TEXT}",outcome="dropped"} 0`,
      'narthex_remote_write_samples_total{url="http://mimir/api",outcome="sent"} 0',
      `narthex_remote_write_retries_total{url="${URL_TEXT}"} 0`,
      `narthex_remote_write_buffered_bytes{url="${URL_TEXT}"} 0`,
    ]
  ) assert.ok(text.split("\n").includes(line), `${line} is missing in\n${text}`);
  assert.doesNotMatch(text, /s3cret/);
  await writer.close();
  assert.doesNotMatch(generateMetrics(registry), /9090/);
  await other.close();
  assert.doesNotMatch(generateMetrics(registry), /narthex/);
  // The names are free again, so this does not throw.
  await setUp({ registry, ownMetrics: true }).writer.close();
});

test("a view that cannot register collectors is sent without its writer's own metrics", async () => {
  const { registry } = setUp();
  new Gauge("workers", "", { registry }).set(4);
  const view = registry.restrictedRegistry(["workers"]);
  const { receiver, writer } = setUp({ registry: view, ownMetrics: true });
  await writer.close();
  assert.deepEqual(samplesOf(receiver), ["workers 4 @0"]);
});

test("a request from the interval times out after five seconds, and a request from flush() after thirty", async () => {
  const limits: number[] = [];
  class LimitClock extends PauseClock {
    override setTimeout(...[callback, ms, options]: Parameters<PauseClock["setTimeout"]>) {
      limits.push(ms);
      return super.setTimeout(callback, ms, options);
    }
  }
  const run = async (timeoutMs?: number): Promise<void> => {
    limits.length = 0;
    const clock = new LimitClock();
    const { registry, receiver, errors, writer } = setUp({
      clock,
      intervalMs: 60_000,
      timeoutMs,
    });
    new Gauge("workers", "", { registry }).set(4);
    receiver.gate = new Promise(() => {});
    writer.start();
    await clock.endPause();
    await untilReceived(receiver, 1);
    clock.advance((timeoutMs ?? 5000) / 1000);
    await until("the attempt has ended", () => errors.length === 1);
    assert.match(String(errors[0]), new RegExp(`no answer within ${timeoutMs ?? 5000} ms$`));
    const flushed = assert.rejects(writer.flush({ timeoutMs: 40_000 }), /no answer within/);
    await untilReceived(receiver, 2);
    clock.advance(41);
    await flushed;
    const closed = writer.close({ timeoutMs: 1 });
    clock.advance(0.001);
    await closed;
  };
  await run();
  assert.ok(limits.includes(5000) && limits.includes(30_000), `${limits}`);
  await run(20_000);
  assert.ok(!limits.includes(5000) && !limits.includes(30_000), `${limits}`);
});

test("the interval does not start another snapshot while one is running", async () => {
  const { registry, receiver, clock, writer } = setUp();
  let calls = 0;
  const { promise, resolve } = Promise.withResolvers<MetricFamily[]>();
  registry.register({
    collect: () => {
      calls++;
      return promise;
    },
  });
  writer.start();
  await clock.endPause();
  await until("the collector is read", () => calls === 1);
  assert.equal(clock.asked.length, 1, "the next pause starts after the snapshot");
  const flushed = writer.flush();
  resolve([new MetricFamily("late", "", "gauge").addSample("late", {}, 1)]);
  await flushed;
  assert.equal(samplesOf(receiver).length, 2);
  assert.equal(calls, 2);
  await writer.close();
});

test("a writer sends with the timers of the platform", async () => {
  const registry = new CollectorRegistry();
  new Gauge("workers", "", { registry }).set(4);
  const receiver = new FakeReceiver();
  const writer = new RemoteWriter(URL_TEXT, { registry, fetch: receiver.fetch, intervalMs: 5 });
  await waitFor("two snapshots", () => receiver.received.length >= 2 || undefined);
  await writer.close();
});

test("a writer does not keep its program running, but an awaited flush() does", async () => {
  const file = fileURLToPath(new URL("../support/remote_writer_program.ts", import.meta.url));
  const args = "Deno" in globalThis ? ["run", "-A", "--no-check", file] : [file];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 30_000 });
  assert.equal(stdout, "flushed after 2 retries\n");
});

test("unknown options are refused, and so is a registry instead of options", async () => {
  const { registry, writer } = setUp();
  assert.throws(() => new RemoteWriter(URL_TEXT, { intervallMs: 5 } as RemoteWriterOptions), {
    name: "TypeError",
    message: /^Cannot write to a URL: unknown option "intervallMs": .*"intervalMs", "autoStart"/,
  });
  assert.throws(() => new RemoteWriter(URL_TEXT, registry as RemoteWriterOptions), {
    name: "TypeError",
    message: /options must be { registry }, not the registry itself: received CollectorRegistry$/,
  });
  const misspelt = { timeout: 5 } as { timeoutMs?: number };
  await assert.rejects(
    writer.flush(misspelt),
    /unknown option "timeout": .*"signal", "timeoutMs"$/,
  );
  assert.throws(() => writer.close(misspelt), /unknown option "timeout"/);
  await writer.close();
});

test("an interval must be positive", () => {
  for (const intervalMs of [0, -1, NaN]) {
    assert.throws(() => new RemoteWriter(URL_TEXT, { intervalMs, autoStart: false }), RangeError);
  }
});
