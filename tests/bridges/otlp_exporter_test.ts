import assert from "node:assert/strict";
import { test } from "node:test";
import { OtlpError, OtlpExporter, type OtlpExporterOptions } from "../../bridges/otlp.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  Histogram,
  MetricFamily,
} from "../../mod.ts";
import { setImmediate } from "node:timers";
import { until } from "../support/clock.ts";
import {
  FakeCollector,
  metricsOf,
  type OtlpReply,
  type ReceivedExport,
  type ReceivedPoint,
  seriesOf,
} from "../support/otlp.ts";
import { Random } from "../support/random.ts";
import { PauseClock, REQUEST_TIMEOUT_MS } from "../support/remote_write.ts";

const URL_TEXT = "http://localhost:4318/v1/metrics";
const SECONDS = 1_700_000_000;

function newRandom(seed: number): () => number {
  const random = new Random(seed);
  return () => random.next();
}

/** More turns of the event loop than a snapshot and its requests take. */
const TURNS = 30;

/** A clock that fires timers one by one, and then waits for the work that they start. */
class SteppingClock extends PauseClock {
  override nextTurn(callback: () => void): void {
    setImmediate(callback);
  }

  /** Moves the clock, and lets the exporter work after each timer. */
  async pass(seconds: number): Promise<void> {
    const end = this.seconds + seconds;
    let isOver = false;
    const cancel = super.setTimeout(() => isOver = true, seconds * 1000);
    while (!isOver && this.seconds < end) {
      this.advanceToNext();
      for (let i = 0; i < TURNS; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    cancel();
  }
}

function setUp(options: OtlpExporterOptions = {}) {
  const clock = new SteppingClock(SECONDS);
  const registry = new CollectorRegistry({ clock });
  const collector = new FakeCollector();
  const errors: unknown[] = [];
  const exporter = new OtlpExporter(URL_TEXT, {
    registry,
    fetch: collector.fetch,
    clock,
    timeoutMs: REQUEST_TIMEOUT_MS,
    random: () => 1,
    autoStart: false,
    ownMetrics: false,
    onError: (error) => errors.push(error),
    ...options,
  });
  return { registry, collector, clock, errors, exporter };
}

/**
 * Returns the points of a metric in all requests, as texts with the start, the time and the value.
 */
function pointsOf({ metrics }: FakeCollector, name: string): string[] {
  const at = (nanoseconds = ""): number =>
    Number(BigInt(nanoseconds) / 1_000_000n - BigInt(SECONDS * 1000)) / 1000;
  return metrics.filter((metric) => metric.name === name)
    .flatMap(({ sum, gauge, histogram }) => (sum ?? gauge ?? histogram)!.dataPoints)
    .map(({ startTimeUnixNano, timeUnixNano, asDouble, count, bucketCounts }) =>
      `${startTimeUnixNano === undefined ? "" : at(startTimeUnixNano)}..${at(timeUnixNano)}: ` +
      (bucketCounts === undefined ? asDouble : `${count} [${bucketCounts}]`)
    );
}

test("OtlpExporter sends at its interval, and once more when it is closed", async () => {
  const { registry, collector, clock, exporter } = setUp({ intervalMs: 10_000 });
  const jobs = new Counter("jobs_total", "", { registry, clock });
  exporter.start();
  for (let i = 1; i <= 2; i++) {
    jobs.inc();
    await clock.endPause();
    await until("a request has arrived", () => collector.arrived.length === i);
  }
  jobs.inc();
  await exporter.close();
  assert.deepEqual(pointsOf(collector, "jobs_total"), ["0..10: 1", "0..20: 2", "0..20.001: 3"]);
  assert.throws(() => exporter.start(), /^TypeError: Cannot start an OTLP exporter: it is closed$/);
});

test("a series that was removed and created again has a new start time", async () => {
  const { registry, collector, clock, exporter } = setUp();
  const jobs = new Counter("jobs_total", "", { registry, clock, labelNames: ["q"] });
  clock.advance(2);
  jobs.labels("a").inc(5);
  clock.advance(3);
  await exporter.flush();
  jobs.remove("a");
  clock.advance(4);
  jobs.labels("a").inc(2);
  clock.advance(1);
  await exporter.flush();
  assert.deepEqual(pointsOf(collector, "jobs_total"), ["2..5: 5", "9..10: 2"]);
  await exporter.close();
});

test("a total of unknown start begins with its first snapshot, and again when it decreases", async () => {
  const { registry, collector, clock, exporter } = setUp();
  let value = 7;
  registry.register({
    collect: () => [new MetricFamily("c_total", "", "counter").addSample("c_total", {}, value)],
  });
  for (const [next, seconds] of [[9, 10], [3, 10], [4, 10]] as const) {
    await exporter.flush();
    value = next;
    clock.advance(seconds);
  }
  await exporter.flush();
  assert.deepEqual(pointsOf(collector, "c_total"), [
    "0..0: 7",
    "0..10: 9",
    "10..20: 3",
    "10..30: 4",
  ]);
  await exporter.close();
});

test("deltas are the counts between two requests, and unchanged series are not sent", async () => {
  const { registry, collector, clock, exporter } = setUp({ temporality: "delta" });
  const jobs = new Counter("jobs_total", "", { registry, clock, labelNames: ["q"] });
  const wait = new Histogram("wait", "", { registry, clock, buckets: [1] });
  new Gauge("level", "", { registry }).set(4);
  jobs.labels("a").inc(5);
  wait.observe(0.5);
  clock.advance(10);
  await exporter.flush();
  jobs.labels("a").inc(2);
  wait.observe(3);
  clock.advance(10);
  await exporter.flush();
  clock.advance(10);
  await exporter.flush();
  jobs.remove("a");
  clock.advance(5);
  jobs.labels("a").inc(1);
  clock.advance(5);
  await exporter.flush();
  assert.deepEqual(pointsOf(collector, "jobs_total"), ["0..10: 5", "10..20: 2", "35..40: 1"]);
  assert.deepEqual(pointsOf(collector, "wait"), ["0..10: 1 [1,0]", "10..20: 1 [0,1]"]);
  assert.equal(pointsOf(collector, "level").length, 4);
  const temporalities = collector.metrics.flatMap(({ sum, histogram }) =>
    (sum ?? histogram)?.aggregationTemporality ?? []
  );
  assert.deepEqual(new Set(temporalities), new Set([1]));
  await exporter.close();
});

test("deltas of a native histogram add up, even when its resolution decreases", async () => {
  const { registry, collector, exporter } = setUp({ temporality: "delta" });
  const native = new Histogram("native", "", {
    registry,
    nativeHistogram: { maxBuckets: 10, zeroThreshold: 0.001, maxZeroThreshold: 0.1 },
  });
  const random = newRandom(5);
  const scales = new Set<number>();
  let [count, sum, inBuckets] = [0, 0, 0];
  let expected = 0;
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 20; i++) {
      const value = (random() - 0.2) * 10 ** (round - 4);
      native.observe(value);
      expected += value;
    }
    await exporter.flush();
  }
  for (const { exponentialHistogram } of collector.metrics) {
    const [point] = exponentialHistogram!.dataPoints as [ReceivedPoint];
    scales.add(point.scale!);
    count += Number(point.count);
    sum += point.sum!;
    const counts = [point.positive, point.negative].flatMap((side) => side?.bucketCounts ?? []);
    assert.ok(counts.every((n) => Number(n) >= 0));
    inBuckets += counts.reduce((total, n) => total + Number(n), Number(point.zeroCount ?? 0));
  }
  assert.ok(scales.size > 1, "its resolution has decreased");
  assert.deepEqual([count, inBuckets], [160, 160]);
  assert.ok(Math.abs(sum - expected) < 1e-6);
  await exporter.close();
});

test("a series that a failing collector omitted for a while is not counted twice", async () => {
  const { registry, collector, exporter } = setUp({ temporality: "delta" });
  const jobs = new Counter("jobs_total", "", { registry });
  let value = 3;
  let fails = false;
  jobs.setFunction(() => {
    if (fails) throw new Error("not now");
    return value;
  });
  await exporter.flush();
  fails = true;
  for (let i = 0; i < 5; i++) await exporter.flush();
  fails = false;
  value = 5;
  await exporter.flush();
  assert.deepEqual(pointsOf(collector, "jobs_total").map((text) => text.split(": ")[1]), [
    "3",
    "2",
  ]);
  await exporter.close();
});

test("no delta snapshot is taken while another one waits, and nothing is lost", async () => {
  const { registry, collector, clock, exporter } = setUp({
    temporality: "delta",
    intervalMs: 10_000,
    maxBufferedBytes: 2000,
    maxPointsPerRequest: 10,
  });
  const jobs = new Counter("jobs_total", "", { registry, clock, labelNames: ["id"] });
  collector.replies = Array(12).fill(503);
  exporter.start();
  let counted = 0;
  for (let i = 0; i < 30; i++) {
    for (let id = 0; id < 100; id++) jobs.labels({ id }).inc();
    counted += 100;
    await clock.pass(10);
    assert.ok(exporter.bufferedBytes <= 2000, `${exporter.bufferedBytes}`);
  }
  assert.deepEqual(collector.replies, []);
  const flushed = exporter.flush();
  await clock.pass(60);
  await flushed;
  const sums = collector.arrived.slice(12).flatMap(({ request }) => metricsOf(request))
    .filter(({ name }) => name === "jobs_total")
    .flatMap(({ sum }) => sum!.dataPoints.map(({ asDouble }) => asDouble!));
  assert.equal(sums.reduce((sum, value) => sum + value), counted);
  assert.equal(exporter.droppedPoints, 0);
  assert.ok(exporter.retries >= 12);
  await exporter.close();
});

test("the exported registry has the exporter's own metrics until the exporter is closed", async () => {
  const { registry, collector, exporter } = setUp({ ownMetrics: true });
  new Gauge("workers", "", { registry }).set(4);
  collector.replies = [200, 400];
  await exporter.flush();
  await assert.rejects(exporter.flush(), OtlpError);
  const text = generateMetrics(registry);
  assert.match(text, /^narthex_otlp_points_total\{url=".*4318\/v1\/metrics",outcome="sent"\} 6$/m);
  assert.match(text, /^narthex_otlp_points_total\{url=".*",outcome="refused"\} 6$/m);
  await exporter.close();
  assert.doesNotMatch(generateMetrics(registry), /narthex_otlp/);
});

/** A receiver that keeps totals like a backend. */
class Backend {
  readonly totals: Map<string, number> = new Map();
  readonly counts: Map<string, number> = new Map();
  #seen: Map<string, bigint> = new Map();

  take(request: ReceivedExport): void {
    for (const metric of metricsOf(request)) {
      for (const point of metric.sum?.dataPoints ?? []) {
        this.#check(metric.name, point);
        this.totals.set(seriesOf(metric.name, point), point.asDouble!);
      }
      for (const point of metric.histogram?.dataPoints ?? []) {
        this.#check(metric.name, point);
        this.counts.set(seriesOf(metric.name, point), Number(point.count));
      }
    }
  }

  /** Asserts that points of a series are in order, and start before their own time. */
  #check(name: string, point: ReceivedPoint): void {
    const series = seriesOf(name, point);
    const time = BigInt(point.timeUnixNano);
    assert.ok(time >= (this.#seen.get(series) ?? 0n), `${series} is out of order`);
    assert.ok(BigInt(point.startTimeUnixNano!) <= time);
    this.#seen.set(series, time);
  }
}

test("soak: totals are exact and memory is bounded, whatever the receiver does for hours", async () => {
  const random = newRandom(11);
  const backend = new Backend();
  const maxBufferedBytes = 60_000;
  let isWell = false;
  let mode = 0;
  let attempts = 0;
  const outcomes = new Map<string, number>();
  const note = (what: string) => void outcomes.set(what, (outcomes.get(what) ?? 0) + 1);
  /** Fails, hangs, answers 429, loses the answer, or succeeds. */
  const answer = async (
    deliver: () => Promise<Response>,
    signal: AbortSignal | null | undefined,
  ): Promise<Response> => {
    if (++attempts % 20 === 0) mode = Math.floor(random() * 6);
    const status = (status: number, headers: HeadersInit = {}) => {
      note(`${status}`);
      return new Response(null, { status, headers });
    };
    switch (isWell ? 5 : mode) {
      case 0:
        return status(503);
      case 1:
        return status(429, { "retry-after": `${Math.ceil(random() * 120)}` });
      case 2:
        note("hang");
        return await new Promise<never>((_, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
        });
      case 3:
        // The receiver has taken the request, but the answer is lost.
        await deliver();
        note("lost");
        throw new TypeError("connection reset");
      default:
        note("ok");
        return await deliver();
    }
  };
  const inner = new FakeCollector();
  const { registry, clock, exporter } = setUp({
    intervalMs: 60_000,
    timeoutMs: 5000,
    maxBufferedBytes,
    maxPointsPerRequest: 50,
    maxBackoffMs: 30_000,
    random,
    fetch: (url, init) =>
      answer(async () => {
        const response = await inner.fetch(url, init);
        backend.take(inner.arrived.pop()!.request);
        return response;
      }, init.signal),
  });
  const jobs = new Counter("jobs_total", "", { registry, clock, labelNames: ["id"] });
  const wait = new Histogram("wait", "", { registry, clock, labelNames: ["id"], buckets: [1] });
  exporter.start();
  let most = 0;
  for (let minute = 0; minute < 4 * 60; minute++) {
    for (let i = 0; i < 20; i++) {
      const id = Math.floor(random() * 100);
      jobs.labels({ id }).inc(Math.ceil(random() * 10));
      wait.labels({ id }).observe(random() * 2);
    }
    await clock.pass(60);
    most = Math.max(most, exporter.bufferedBytes);
  }
  isWell = true;
  await clock.pass(600);
  await exporter.flush();
  for (let id = 0; id < 100; id++) {
    assert.equal(backend.totals.get(`jobs_total{id="${id}"}`), jobs.labels({ id }).value);
    assert.equal(backend.counts.get(`wait{id="${id}"}`), wait.labels({ id }).count);
  }
  assert.ok(most <= maxBufferedBytes, `${most} bytes`);
  for (const what of ["503", "429", "hang", "lost", "ok"]) {
    assert.ok((outcomes.get(what) ?? 0) >= 5, `${what}: ${JSON.stringify([...outcomes])}`);
  }
  await exporter.close();
});

test("a request from the interval times out after five seconds, and a request from flush() after ten", async () => {
  // First with the default limit, then with a limit by option.
  for (const timeoutMs of [undefined, 20_000]) {
    const { registry, clock, errors, exporter } = setUp({
      intervalMs: 60_000,
      timeoutMs,
      fetch: () => new Promise(() => {}),
    });
    new Gauge("g", "", { registry }).set(1);
    const messages = () => errors.map((error) => (error as Error).message.split(": ").at(-1));
    exporter.start();
    await clock.pass(61 + (timeoutMs ?? 5000) / 1000);
    assert.deepEqual(messages(), [`no answer within ${timeoutMs ?? 5000} ms`]);
    const flushed = exporter.flush({ timeoutMs: 45_000 }).catch(() => {});
    await clock.pass(50);
    await flushed;
    assert.equal(messages().at(-1), `no answer within ${timeoutMs ?? 10_000} ms`);
    const closed = exporter.close({ timeoutMs: 1 });
    await clock.pass(1);
    await closed;
  }
});

test("the exporter does not retry before Retry-After has passed", async () => {
  const { registry, collector, clock, exporter } = setUp({ intervalMs: 10_000 });
  new Gauge("g", "", { registry }).set(1);
  const replies: OtlpReply[] = [{ status: 429, retryAfter: "100" }];
  collector.replies = replies;
  exporter.start();
  await clock.pass(15);
  assert.equal(exporter.retries, 1);
  await clock.pass(90);
  assert.equal(collector.arrived.length, 1);
  await clock.pass(10);
  assert.equal(exporter.bufferedBytes, 0);
  assert.ok(collector.arrived.length > 9);
  await exporter.close();
});
