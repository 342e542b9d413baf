import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { PROMETHEUS_CONTENT_TYPE, PROTOBUF_CONTENT_TYPE } from "../../mod.ts";
import { type Runtime, RUNTIMES } from "../support/demo.ts";
import { IS_FULL, load, megabytes, reportFault } from "../support/fault_report.ts";
import { startSeriesServer } from "../support/series_servers.ts";

const SERIES = load(1_000_000, 50_000);
const SCRAPES = load(3, 1);
/**
 * The limit of additional memory during a scrape, while other requests are served. The live memory
 * is the same on all runtimes, but Bun collects garbage later.
 */
const MAX_MEMORY: Readonly<Record<Runtime, number>> = { deno: 64e6, node: 64e6, bun: 256e6 };
const PAUSE_MS = 2;

/**
 * Sends ordinary requests repeatedly while `work` is in progress, at least one.
 *
 * @returns The latency of each request, in milliseconds.
 */
async function askDuring(url: string, work: () => Promise<unknown>): Promise<number[]> {
  const latencies: number[] = [];
  let isOver = false;
  const ask = async (): Promise<void> => {
    do {
      const began = performance.now();
      const response = await fetch(url);
      assert.deepEqual(await response.json(), { hello: "world" });
      latencies.push(performance.now() - began);
      await sleep(PAUSE_MS);
    } while (!isOver);
  };
  const asking = ask();
  try {
    await work();
  } finally {
    isOver = true;
    await asking;
  }
  return latencies;
}

/** A client in a worker thread. */
class Scraper implements AsyncDisposable {
  readonly #worker = new Worker(new URL("../support/discarding_worker.ts", import.meta.url));

  scrape(url: string, accept: string): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#worker.once("message", resolve);
      this.#worker.once("error", reject);
      this.#worker.postMessage({ url, accept });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

function describe(latencies: readonly number[]): string {
  const sorted = latencies.toSorted((a, b) => a - b);
  const [median, longest] = [sorted[sorted.length >> 1] ?? NaN, sorted.at(-1) ?? NaN];
  return `${sorted.length} requests, median ${median.toFixed(1)} ms, longest ${
    longest.toFixed(1)
  } ms`;
}

async function scrapeWhileServing(runtime: Runtime, accept: string): Promise<void> {
  await using server = await startSeriesServer(runtime, SERIES);
  await using scraper = new Scraper();
  const format = accept === PROTOBUF_CONTENT_TYPE ? "protobuf" : "text";
  await scraper.scrape(`${server.url}/`, accept);
  const idle: number[] = [];
  const idleSeen = await server.watch(async () => {
    idle.push(...await askDuring(`${server.url}/`, () => sleep(load(2000, 200))));
  });
  const latencies: number[] = [];
  let [memory, rss, gap, length] = [0, 0, 0, 0];
  for (let i = 0; i < SCRAPES; i++) {
    const seen = await server.watch(async () => {
      latencies.push(
        ...await askDuring(`${server.url}/`, async () => {
          length = await scraper.scrape(`${server.url}/metrics`, accept);
        }),
      );
    });
    memory = Math.max(memory, seen.together);
    rss = Math.max(rss, seen.rss);
    gap = Math.max(gap, seen.longestGapMs);
  }
  reportFault({
    fault: `${SERIES.toLocaleString("en-US")} series, scraped while requests are served ` +
      `(${runtime}, ${format})`,
    bar: `the whole scrape streams: at most ${megabytes(MAX_MEMORY[runtime])} more memory than ` +
      "before it; " +
      "the event loop turns at least every 20 ms",
    figure: `${megabytes(length)}; memory of the process +${megabytes(rss)}, heap and buffers ` +
      `+${megabytes(memory)}; longest gap ${gap.toFixed(1)} ms (${
        idleSeen.longestGapMs.toFixed(1)
      } ` +
      `ms without a scrape); ${describe(latencies)} (without: ${describe(idle)})`,
  });
  // Every line is longer than this.
  assert.ok(length > SERIES * 40, `${length} bytes`);
  assert.ok(rss <= MAX_MEMORY[runtime], `a scrape took ${megabytes(rss)}`);
}

for (const runtime of IS_FULL ? RUNTIMES : ["deno"] as const) {
  for (
    const accept of IS_FULL
      ? [PROMETHEUS_CONTENT_TYPE, PROTOBUF_CONTENT_TYPE]
      : [PROMETHEUS_CONTENT_TYPE]
  ) {
    test(`${SERIES} series stream while requests are served on ${runtime}: ${accept}`, () =>
      scrapeWhileServing(runtime, accept));
  }
}
