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
import { wait } from "../../time/time_limit.ts";
import { turn } from "../support/clock.ts";
import { load, megabytes, reportFault } from "../support/fault_report.ts";
import { collectGarbage } from "../support/garbage.ts";
import { assertHeard } from "../support/rejections.ts";

const SCRAPES = load(1000, 50);
const TIMEOUT_MS = 20;
/** The limit of event loop turns between the deadline of a scrape and its end. */
const MAX_TURNS = 20;
/** The limit of heap growth, in bytes. */
const MAX_GROWTH = 5_000_000;

type Answer = (signal: AbortSignal, settled: () => void) => ReturnType<Collector["collect"]>;

/** A collector that counts its concurrent pending calls. */
class Pending implements Collector {
  pending = 0;
  mostPending = 0;
  readonly #answer: Answer;

  constructor(answer: Answer) {
    this.#answer = answer;
  }

  collect({ signal }: { signal?: AbortSignal } = {}): ReturnType<Collector["collect"]> {
    this.mostPending = Math.max(this.mostPending, ++this.pending);
    const settled = () => void this.pending--;
    const answer = this.#answer(signal!, settled);
    if (answer instanceof Promise) answer.then(settled, settled);
    return answer;
  }
}

const FAMILY = new MetricFamily("lost", "L.", "gauge");

const never = (): Promise<never> => new Promise(() => {});

/** The ways in which a collector may never settle. */
const WAYS: [what: string, answer: Answer][] = [
  ["a promise", never],
  ["a generator", async function* () {
    yield await never();
  }],
  ["a generator that yields a family first", async function* (_, settled) {
    // On a slow machine the deadline may pass here. Then the generator is ended, and may be called
    // again.
    let isEnded = true;
    try {
      yield FAMILY;
      isEnded = false;
    } finally {
      if (isEnded) settled();
    }
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

/** Obeys its signal, so each scrape calls it. */
const OBEDIENT = (signal: AbortSignal): Promise<MetricFamily[]> =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

/** Scrapes repeatedly, and returns the number of turns from each deadline to its response. */
async function scrape(
  handler: (request: Request) => Promise<Response>,
  scrapes: number,
  atOnce: number,
): Promise<number[]> {
  const turns: number[] = [];
  const one = async () => {
    let isAnswered = false;
    const answering = handler(new Request("http://localhost/metrics"));
    answering.finally(() => isAnswered = true);
    // Timers fire in order. This one is set later, so it shows that the deadline has passed.
    for (let i = 0; i < 3; i++) await turn();
    await wait(TIMEOUT_MS);
    let count = 0;
    for (; !isAnswered; count++) await turn();
    turns.push(count);
    const response = await answering;
    assert.equal(response.status, 200);
    const text = await response.text();
    assert.ok(text.startsWith("# HELP g G.\n# TYPE g gauge\ng 1\n"), text);
    assert.match(text, /^narthex_collector_errors_total\{.*,cause="timeout"\} \d+$/m);
  };
  while (turns.length < scrapes) {
    const times = Math.min(atOnce, scrapes - turns.length);
    await Promise.all(Array.from({ length: times }, one));
  }
  return turns;
}

const MODES = [
  ["one after the other", 1, true],
  ["many at once", 50, true],
  ["many at once, none shared", 50, false],
] as const;

test(`collectors that never settle do not delay ${SCRAPES} scrapes, and do not leak memory`, () =>
  assertHeard(async () => {
    let most = 0;
    let mostPending = 0;
    let latest = 0;
    for (const [mode, atOnce, coalesce] of MODES) {
      const registry = new CollectorRegistry();
      new Gauge("g", "G.", { registry }).set(1);
      const collectors = WAYS.map(([, answer]) => new Pending(answer));
      for (const collector of collectors) registry.register(collector);
      // Each scrape waits for this collector until the deadline.
      const obedient = new Pending(OBEDIENT);
      if (atOnce > 1) registry.register(obedient);

      const handler = metricsHandler({ registry, timeoutMs: TIMEOUT_MS, coalesce });
      await scrape(handler, load(200, 50), atOnce);
      await collectGarbage();
      const before = process.memoryUsage().heapUsed;
      latest = Math.max(latest, ...await scrape(handler, SCRAPES, atOnce));
      await collectGarbage();
      most = Math.max(most, process.memoryUsage().heapUsed - before);

      for (const [i, { pending }] of collectors.entries()) {
        assert.equal(pending, 1, `${WAYS[i]![0]}, ${mode}`);
      }
      assert.ok(obedient.mostPending <= 1, mode);
      mostPending = Math.max(
        mostPending,
        ...[...collectors, obedient].map((collector) => collector.mostPending),
      );
    }
    reportFault({
      fault: `collectors that never settle, ${SCRAPES} scrapes`,
      bar: `each ends at most ${MAX_TURNS} turns of the event loop after its deadline; at most ` +
        "one pending call per collector; heap grows under 5 MB",
      figure: `the last one ${latest} turns after its deadline; ` +
        `${mostPending} pending; ${megabytes(most)} more`,
    });
    assert.equal(mostPending, 1);
    assert.ok(most < MAX_GROWTH, megabytes(most));
    assert.ok(latest <= MAX_TURNS, `${latest} turns`);
  }));
