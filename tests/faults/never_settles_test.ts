import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  Gauge,
  MetricFamily,
  metricsHandler,
} from "../../mod.ts";
import { IS_FULL, load, megabytes, reportFault } from "../support/fault_report.ts";
import { collectGarbage } from "../support/garbage.ts";
import { assertHeard } from "../support/rejections.ts";

const SCRAPES = load(1000, 50);
const TIMEOUT_MS = 20;
/** How late a scrape may end, in milliseconds. */
const MAX_LATE_MS = 100;
/** By how much the heap may grow, in bytes. */
const MAX_GROWTH = 5_000_000;

/** A collector that counts its calls, and how many of them are pending at the same time. */
class Pending implements Collector {
  calls = 0;
  pending = 0;
  mostPending = 0;
  readonly #answer: (signal: AbortSignal) => ReturnType<Collector["collect"]>;

  constructor(answer: (signal: AbortSignal) => ReturnType<Collector["collect"]>) {
    this.#answer = answer;
  }

  collect({ signal }: { signal?: AbortSignal } = {}): ReturnType<Collector["collect"]> {
    this.calls++;
    this.mostPending = Math.max(this.mostPending, ++this.pending);
    const answer = this.#answer(signal!);
    if (answer instanceof Promise) {
      const settled = () => void this.pending--;
      answer.then(settled, settled);
    }
    return answer;
  }
}

const FAMILY = new MetricFamily("lost", "L.", "gauge");

const never = (): Promise<never> => new Promise(() => {});

/** In which ways a collector may not settle. */
const WAYS: [what: string, answer: (signal: AbortSignal) => ReturnType<Collector["collect"]>][] = [
  ["a promise", never],
  ["a generator", async function* () {
    yield await never();
  }],
  ["a generator that brings a family first", async function* () {
    yield FAMILY;
    yield await never();
  }],
  ["an iterator", () => ({ [Symbol.asyncIterator]: () => ({ next: never }) })],
  ["a generator that cannot be ended", () => ({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise((resolve) => setTimeout(resolve, 5, { done: false, value: FAMILY })),
      return: never,
    }),
  })],
  ["a thenable", () => ({ then: () => {} }) as unknown as Promise<MetricFamily[]>],
];

/** One that listens to its signal, and so is called by each scrape. */
const OBEDIENT = (signal: AbortSignal): Promise<MetricFamily[]> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** Makes scrapes, and gives for each by how many milliseconds it ended too late. */
async function scrape(
  handler: (request: Request) => Promise<Response>,
  scrapes: number,
  atOnce: number,
): Promise<number[]> {
  const late: number[] = [];
  const one = async () => {
    const start = performance.now();
    let deadline = start + TIMEOUT_MS;
    // A timer of the same length tells when the deadline is on a machine that is busy.
    const timer = setTimeout(() => deadline = Math.max(deadline, performance.now()), TIMEOUT_MS);
    const response = await handler(new Request("http://localhost/metrics"));
    late.push(performance.now() - deadline);
    clearTimeout(timer);
    assert.equal(response.status, 200);
    const text = await response.text();
    assert.ok(text.startsWith("# HELP g G.\n# TYPE g gauge\ng 1\n"), text);
    assert.match(text, /^narthex_collector_errors_total\{.*,cause="timeout"\} \d+$/m);
  };
  while (late.length < scrapes) {
    const times = Math.min(atOnce, scrapes - late.length);
    await Promise.all(Array.from({ length: times }, one));
  }
  return late;
}

const MODES = [
  ["one after the other", 1, true],
  ["many at once", 50, true],
  ["many at once, none shared", 50, false],
] as const;

test(`collectors that never settle cost ${SCRAPES} scrapes neither more time nor memory`, () =>
  assertHeard(async () => {
    let most = 0;
    let mostPending = 0;
    let latest = -Infinity;
    for (const [mode, atOnce, coalesce] of MODES) {
      const registry = new CollectorRegistry();
      new Gauge("g", "G.", { registry }).set(1);
      const collectors = WAYS.map(([, answer]) => new Pending(answer));
      for (const collector of collectors) registry.register(collector);
      // Each scrape waits for this one until its time is over.
      const obedient = new Pending(OBEDIENT);
      if (atOnce > 1) registry.register(obedient);

      const handler = metricsHandler({ registry, timeoutMs: TIMEOUT_MS, coalesce });
      await scrape(handler, load(200, 50), atOnce);
      await collectGarbage();
      const before = process.memoryUsage().heapUsed;
      latest = Math.max(latest, ...await scrape(handler, SCRAPES, atOnce));
      await collectGarbage();
      most = Math.max(most, process.memoryUsage().heapUsed - before);

      for (const [i, { calls }] of collectors.entries()) {
        assert.equal(calls, 1, `${WAYS[i]![0]}, ${mode}`);
      }
      assert.ok(obedient.mostPending <= 1, mode);
      mostPending = Math.max(
        mostPending,
        ...[...collectors, obedient].map((collector) => collector.mostPending),
      );
    }
    reportFault({
      fault: `collectors that never settle, ${SCRAPES} scrapes`,
      bar: "each ends within its deadline + 100 ms; at most one pending call per collector; " +
        "heap grows under 5 MB",
      figure: `the last one ${Math.max(0, latest).toFixed(1)} ms after its deadline; ` +
        `${mostPending} pending; ${megabytes(most)} more`,
    });
    assert.equal(mostPending, 1);
    assert.ok(most < MAX_GROWTH, megabytes(most));
    // A test asserts no duration, but this is what it is about when all of it is run.
    if (IS_FULL) assert.ok(latest <= MAX_LATE_MS, `${latest} ms`);
  }));
