/**
 * Prints the time and memory of a counter as JSON: `growth_of.ts <labels> <series>`. Garbage
 * collection must be exposed.
 *
 * @module
 */
import process from "node:process";
import { CollectorRegistry, Counter, metricsResponse } from "@narthex/prometheus";
import { type Growth, growthLabels } from "./data.ts";
import { usedMemory } from "./fresh_process.ts";
import { measureShort, summarise } from "./harness.ts";

/** The limit of series that `inc()` is measured with, which exceeds the caches of the processor. */
const SAMPLES = 65_536;
/** The intended number of scraped series in total. It is limited to between 5 and 201 scrapes. */
const SCRAPED = 2_000_000;

const [width = 0, series = 0] = process.argv.slice(2).map(Number);
const { labelNames, labelsOf } = growthLabels(width);
const step = series / Math.min(series, SAMPLES);
// In an order that no processor can predict. The factor is odd, and the length is a power of two or
// small.
const samples = Array.from(
  { length: Math.min(series, SAMPLES) },
  (_, i, length = series / step) => labelsOf(Math.floor((i * 40_503 % length) * step)),
);

/** A counter, with functions that change all its series and scrape it. */
class Subject {
  readonly #registry = new CollectorRegistry();
  readonly counter: Counter<readonly string[]>;

  constructor() {
    const options = { labelNames, registry: this.#registry };
    this.counter = new Counter("requests_total", "Requests served.", options);
  }

  changeAll(series: number): void {
    for (let i = 0; i < series; i++) this.counter.labels(labelsOf(i)).inc(i);
  }

  async scrape(): Promise<number> {
    const response = await metricsResponse(undefined, { registry: this.#registry });
    return (await response.arrayBuffer()).byteLength;
  }
}

async function createSubject(series: number): Promise<Subject> {
  const subject = new Subject();
  for (let i = 0; i < 2; i++) {
    subject.changeAll(series);
    await subject.scrape();
  }
  return subject;
}

// The code itself is not measured, because all of it has run before.
await createSubject(1_000);
const before = await usedMemory();
const subject = await createSubject(series);
const memory = await usedMemory() - before;

const times: number[] = [];
const scrapes = Math.min(201, Math.max(5, Math.round(SCRAPED / series)));
for (let i = 0; i < scrapes; i++) {
  subject.changeAll(series);
  const start = performance.now();
  await subject.scrape();
  times.push((performance.now() - start) * 1e6);
}

const { counter } = subject;
const work = {
  run(repeat: number): unknown {
    for (let i = 0, j = 0; i < repeat; i++) {
      counter.labels(samples[j]!).inc();
      if (++j === samples.length) j = 0;
    }
    return counter.labels(samples[0]!).value;
  },
};
const effort = { rounds: 15, scrapes: 0, batchMs: 20 };
const { median: inc } = (await measureShort(new Map([["inc", work]]), effort)).get("inc")!;
const result: Growth = { width, series, inc, scrape: summarise(times).median, memory };
console.log(JSON.stringify(result));
