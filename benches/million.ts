/**
 * What a scrape of a million series costs the program that answers it: how much memory it takes at its
 * peak, and for how long the event loop does not turn.
 *
 * Each format is measured in a process of its own, from the first scrape on, so that caches count. The
 * client is another process, over loopback, that throws away what it reads.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  CollectorRegistry,
  Counter,
  metricsHandler,
  OPENMETRICS_CONTENT_TYPE,
  PROMETHEUS_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
} from "@narthex/prometheus";
import { serve } from "../examples/serve.ts";

const SERIES = 1_000_000;
const SCRAPES = 3;
const MIB = 2 ** 20;
/** How many label values there are of the first two label names; the third has the rest. */
const METHODS = 2;
const ROUTES = 100;

const FORMATS: Readonly<Record<string, string>> = {
  text: PROMETHEUS_CONTENT_TYPE,
  openmetrics: OPENMETRICS_CONTENT_TYPE,
  protobuf: PROTOBUF_CONTENT_TYPE,
};

/** What was seen of the event loop and of the memory, from one moment to another. */
interface Observed {
  readonly longestGapMs: number;
  readonly peakRss: number;
  readonly peakHeap: number;
  /** Of buffers outside of the heap. */
  readonly peakExternal: number;
  /** Of the heap and what is outside of it, together. */
  readonly peak: number;
}

/** Watches this process while something is under way. */
async function watch(work: () => Promise<unknown>): Promise<Observed> {
  let longestGapMs = 0;
  let peakRss = 0;
  let peakHeap = 0;
  let peakExternal = 0;
  let peak = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    longestGapMs = Math.max(longestGapMs, now - last);
    last = now;
    const { rss, heapUsed, external } = process.memoryUsage();
    peakRss = Math.max(peakRss, rss);
    peakHeap = Math.max(peakHeap, heapUsed);
    peakExternal = Math.max(peakExternal, external);
    peak = Math.max(peak, heapUsed + external);
  }, 1);
  await work();
  longestGapMs = Math.max(longestGapMs, performance.now() - last);
  clearInterval(timer);
  return { longestGapMs, peakRss, peakHeap, peakExternal, peak };
}

/** Runs this file once more, in another role. */
function start(permissions: readonly string[], ...args: string[]): ChildProcess {
  const command = ["run", ...permissions, fileURLToPath(import.meta.url), ...args];
  return spawn(process.execPath, command, { stdio: ["pipe", "pipe", "inherit"] });
}

/** A client in another process, which is there before anything is measured. */
class Client {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;

  constructor(url: string, accept: string) {
    this.#child = start(["--allow-net"], "client", url, accept);
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Scrapes once; tells how many bytes came. */
  async scrape(): Promise<number> {
    this.#child.stdin!.write("scrape\n");
    const { done, value } = await this.#answers.next();
    if (done) throw new Error("Cannot scrape: the client has ended");
    return Number(value);
  }

  stop(): void {
    this.#child.stdin!.end();
  }
}

/** What the client does: for each line of its input it asks for `url` and throws away the answer. */
async function serveClient(url: string, accept: string): Promise<void> {
  for await (const _ of createInterface({ input: process.stdin })) {
    const response = await fetch(url, { headers: { accept, "accept-encoding": "identity" } });
    if (response.body === null) throw new Error(`Cannot read ${url}: it has no body`);
    let length = 0;
    for await (const chunk of response.body) length += chunk.length;
    console.log(length);
  }
}

/** Scrapes a registry of a million series and prints a line for each scrape. */
async function measure(format: string): Promise<void> {
  const registry = new CollectorRegistry();
  const requests = new Counter("http_requests_total", "Requests served.", {
    labelNames: ["method", "route", "user"],
    registry,
  });
  for (let i = 0; i < SERIES; i++) {
    const method = i % METHODS === 0 ? "GET" : "POST";
    requests.labels(method, `/api/v1/things/${i % ROUTES}`, `user-${i}`).inc(i);
  }
  const server = await serve(metricsHandler({ registry }), 0);
  const client = new Client(`http://127.0.0.1:${server.port}/metrics`, FORMATS[format] ?? "");
  await sleep(2000);
  const { gc } = globalThis as { gc?: () => void }; // There with --expose-gc.
  gc?.();
  await sleep(500);
  const { rss, heapUsed, external } = process.memoryUsage();
  const idle = await watch(() => sleep(1000));
  for (let scrape = 1; scrape <= SCRAPES; scrape++) {
    let length = 0;
    const start = performance.now();
    const observed = await watch(async () => length = await client.scrape());
    console.log(row([
      scrape === 1 ? format : "",
      `${(length / MIB).toFixed(0)} MiB`,
      `${(performance.now() - start).toFixed(0)} ms`,
      `${((observed.peakRss - rss) / MIB).toFixed(1)} MiB`,
      `${((observed.peakHeap - heapUsed) / MIB).toFixed(1)} MiB`,
      `${((observed.peakExternal - external) / MIB).toFixed(1)} MiB`,
      `${((observed.peak - heapUsed - external) / MIB).toFixed(1)} MiB`,
      `${observed.longestGapMs.toFixed(1)} ms`,
      `${idle.longestGapMs.toFixed(1)} ms`,
    ]));
  }
  client.stop();
  await server.stop();
}

function row([first = "", ...rest]: readonly string[]): string {
  return first.padEnd(12) + rest.map((cell) => cell.padStart(11)).join("");
}

const [role, url = "", accept = ""] = process.argv.slice(2);
if (role === "client") {
  await serveClient(url, accept);
} else if (role !== undefined) {
  await measure(role);
} else {
  console.log(`Deno ${process.versions["deno"]}, ${SERIES} counters, ${SCRAPES} scrapes each`);
  console.log(row(["", "body", "time", "RSS", "heap", "external", "together", "gap", "idle gap"]));
  for (const format of Object.keys(FORMATS)) {
    const child = start(["-A", "--v8-flags=--expose-gc"], format);
    child.stdout!.pipe(process.stdout);
    await once(child, "close");
  }
}
