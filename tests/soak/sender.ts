/**
 * The soak of the senders. An OTLP exporter and a remote writer send one registry to receivers that
 * fail, hang, request pauses, lose responses and restart. At the end every total must have arrived
 * exactly. Until then no point may arrive out of order, at most `maxBufferedBytes` may be buffered,
 * and the heap must stay flat.
 *
 * It takes 30 seconds, or the time in `--minutes N`, on the runtime that runs it:
 * `deno task soak:sender`, or `node --expose-gc tests/soak/sender.ts`.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { collectGarbage, RUNTIME } from "../../benches/fresh_process.ts";
import { OtlpExporter } from "../../bridges/otlp.ts";
import { RemoteWriter } from "../../bridges/remote_write.ts";
import { CollectorRegistry, Counter, Histogram } from "../../mod.ts";
import { megabytes } from "../support/fault_report.ts";
import { FlakyReceiver, type Way } from "../support/flaky_receiver.ts";
import { metricsOf, type ReceivedPoint, receiveExport, seriesOf } from "../support/otlp.ts";
import { freePort } from "../support/processes.ts";
import { Random } from "../support/random.ts";
import { receive, seriesText } from "../support/remote_write.ts";

const { values } = parseArgs({ options: { minutes: { type: "string", default: "0.5" } } });
const seconds = Number(values.minutes) * 60;
if (!(seconds > 0 && seconds < Infinity)) {
  throw new RangeError(`Cannot soak: --minutes must be > 0: received ${values.minutes}`);
}

/** The number of series of each metric. A snapshot has about 2,000 points. */
const SERIES = 500;
const ROUND_MS = 100;
/** The interval of snapshots. */
const INTERVAL_MS = 250;
/** So small that some snapshots are dropped while a receiver is down. */
const MAX_BUFFERED_BYTES = 150_000;
/** The limit of consecutive requests with the same reaction. */
const MAX_REPEATS = 6;
/** The longest times that a receiver is up and down. */
const UP_MS = 10_000;
const DOWN_MS = 4000;
/**
 * The tolerated growth of the heap between the second and the last quarter: a fraction, plus bytes.
 */
const TOLERANCE = 0.05;
const SLACK = 1e6;

const WAYS: readonly Way[] = ["ok", "ok", "ok", "503", "429", "lost", "hang"];

/** The last total of each series at a receiver. */
class Totals {
  readonly last: Map<string, number> = new Map();
  readonly failures: string[] = [];
  readonly #times: Map<string, bigint> = new Map();

  /** Records a total, and checks that it is not older than the previous one. */
  take(series: string, time: bigint, value: number): void {
    if (time < (this.#times.get(series) ?? 0n)) this.failures.push(`${series} is out of order`);
    this.#times.set(series, time);
    this.last.set(series, value);
  }
}

/** A receiver that misbehaves at random and restarts regularly. */
class Soaked {
  readonly totals = new Totals();
  readonly receiver: FlakyReceiver;
  restarts = 0;
  /** The largest size of buffered requests. */
  buffered = 0;
  readonly #random: Random;
  #way: Way = "ok";
  #repeats = 0;

  constructor(
    port: number,
    seed: number,
    take: (totals: Totals, headers: Headers, body: Uint8Array) => void,
  ) {
    this.#random = new Random(seed);
    this.receiver = new FlakyReceiver({
      port,
      next: () => this.#next(),
      retryAfter: "1",
      take: (headers, body) => take(this.totals, headers, body),
    });
  }

  #next(): Way {
    if (this.#repeats-- <= 0) {
      this.#way = WAYS[this.#random.below(WAYS.length)]!;
      this.#repeats = this.#random.below(MAX_REPEATS);
    }
    return this.#way;
  }

  /** Restarts the receiver repeatedly. It is up at the end. */
  async restart(signal: AbortSignal): Promise<void> {
    await this.receiver.start();
    while (!signal.aborted) {
      await this.#pause(UP_MS, signal);
      await this.receiver.stop();
      await this.#pause(DOWN_MS, signal);
      await this.receiver.start();
      this.restarts++;
    }
  }

  #pause(mostMs: number, signal: AbortSignal): Promise<unknown> {
    return sleep(this.#random.below(mostMs), undefined, { signal }).catch(() => {});
  }
}

const registry = new CollectorRegistry();
const jobs = new Counter("jobs_total", "", { registry, labelNames: ["id"] });
const wait = new Histogram("wait", "", { registry, labelNames: ["id"], buckets: [1] });

const otlp = new Soaked(await freePort(), 1, (totals, headers, body) => {
  for (const { name, sum, histogram } of metricsOf(receiveExport("", headers, body).request)) {
    const take = (point: ReceivedPoint, value: number) =>
      totals.take(seriesOf(name, point), BigInt(point.timeUnixNano), value);
    for (const point of sum?.dataPoints ?? []) take(point, point.asDouble!);
    for (const point of histogram?.dataPoints ?? []) take(point, Number(point.count));
  }
});
const remote = new Soaked(await freePort(), 2, (totals, headers, body) => {
  for (const series of receive(headers, body).request.timeseries ?? []) {
    for (const { timestamp, value = 0 } of series.samples ?? []) {
      totals.take(seriesText(series), BigInt(timestamp), value);
    }
  }
});

const options = {
  registry,
  intervalMs: INTERVAL_MS,
  timeoutMs: 1000,
  minBackoffMs: 20,
  maxBackoffMs: 500,
  maxBufferedBytes: MAX_BUFFERED_BYTES,
  ownMetrics: false,
};
const end = new AbortController();
const restarting = [otlp, remote].map((soaked) => soaked.restart(end.signal));
const exporter = new OtlpExporter(otlp.receiver.url, { ...options, compression: "gzip" });
const writer = new RemoteWriter(remote.receiver.url, options);

const began = performance.now();
const heaps: number[] = [];
let updates = 0;
for (let round = 0; performance.now() - began < seconds * 1000; round++) {
  for (let id = 0; id < SERIES; id++) {
    jobs.labels({ id }).inc(1 + round % 3);
    wait.labels({ id }).observe(round % 2);
    updates += 2;
  }
  otlp.buffered = Math.max(otlp.buffered, exporter.bufferedBytes);
  remote.buffered = Math.max(remote.buffered, writer.bufferedBytes);
  if (round % 10 === 0) {
    collectGarbage();
    heaps.push(process.memoryUsage().heapUsed);
  }
  await sleep(ROUND_MS);
}
end.abort();
await Promise.all(restarting);
otlp.receiver.isWell = remote.receiver.isWell = true;
for (const sender of [exporter, writer]) {
  // The first flush rejects if its snapshot pushes out old ones.
  await sender.flush({ timeoutMs: 60_000 }).catch(() => {});
  await sender.flush({ timeoutMs: 60_000 });
}

const failures = [...otlp.totals.failures, ...remote.totals.failures];
for (let id = 0; id < SERIES; id++) {
  const counted = jobs.labels({ id }).value;
  const observed = wait.labels({ id }).count;
  check(`OTLP's jobs_total of ${id}`, otlp.totals.last.get(`jobs_total{id="${id}"}`), counted);
  check(`OTLP's wait of ${id}`, otlp.totals.last.get(`wait{id="${id}"}`), observed);
  check(`remote jobs_total of ${id}`, remote.totals.last.get(`jobs_total{id="${id}"}`), counted);
  check(`remote wait of ${id}`, remote.totals.last.get(`wait_count{id="${id}"}`), observed);
}
for (
  const [name, { receiver, restarts, buffered }] of [["OTLP", otlp], ["remote", remote]] as const
) {
  if (!(buffered <= MAX_BUFFERED_BYTES)) failures.push(`${name} buffered ${buffered} bytes`);
  if (restarts === 0) failures.push(`${name}: no restart`);
  for (const way of WAYS) if (!receiver.done.has(way)) failures.push(`${name}: never ${way}`);
}
const heap = { early: median(heaps, 1 / 4, 1 / 2), late: median(heaps, 3 / 4, 1) };
// Engines have only compiled all code after a while.
if (seconds >= 120 && !(heap.late <= heap.early * (1 + TOLERANCE) + SLACK)) {
  failures.push(`the heap grows from ${megabytes(heap.early)} to ${megabytes(heap.late)}`);
}

console.log(
  `${RUNTIME}, ${Math.round((performance.now() - began) / 1000)} s: ` +
    `${updates.toLocaleString("en-US")} updates of ${2 * SERIES} series; ` +
    `heap ${megabytes(heap.early)} → ${megabytes(heap.late)}; ${failures.length} failures`,
);
tell("OTLP", otlp, exporter.retries, exporter.droppedPoints);
tell("remote write", remote, writer.retries, writer.droppedSamples);
for (const failure of failures.slice(0, 20)) console.log(`  ${failure}`);
if (failures.length > 0) process.exitCode = 1;

await Promise.all([exporter.close(), writer.close()]);
await Promise.all([otlp.receiver.stop(), remote.receiver.stop()]);

function check(what: string, arrived: number | undefined, counted: number): void {
  if (arrived !== counted) failures.push(`${what} is ${arrived}: counted ${counted}`);
}

function tell(
  name: string,
  { receiver, restarts, buffered }: Soaked,
  retries: number,
  dropped: number,
): void {
  const ways = [...receiver.done].sort().map(([way, count]) => `${count} ${way}`).join(", ");
  console.log(
    `  ${name}: ${ways}; ${restarts} restarts; ${retries} retries; ` +
      `${dropped.toLocaleString("en-US")} points dropped; at most ` +
      `${buffered.toLocaleString("en-US")} of ${
        MAX_BUFFERED_BYTES.toLocaleString("en-US")
      } bytes buffered`,
  );
}

/** Returns the median of a part of the numbers. */
function median(numbers: readonly number[], from: number, to: number): number {
  const part = numbers.slice(Math.floor(numbers.length * from), Math.ceil(numbers.length * to));
  return part.toSorted((a, b) => a - b)[Math.floor(part.length / 2)]!;
}
