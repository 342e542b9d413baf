/**
 * Measures a flush and a scrape of a shared registry, and how long they block the event loop.
 * Prints the first table of docs/multiprocess.md: `deno run -A benches/multiprocess.ts`, and the
 * same on Bun and Node. An argument selects the backends whose names start with it.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isMainThread, parentPort, Worker } from "node:worker_threads";
import { CollectorRegistry, Counter, metricsResponse } from "../mod.ts";
import { type Backend, loadBackend } from "../multiprocess/mod.ts";
import { redisBackend } from "../multiprocess/redis/mod.ts";
import { sqliteBackend } from "../multiprocess/sqlite/mod.ts";
import { workersBackend } from "../multiprocess/workers/mod.ts";
import { CLIENTS, startRedis } from "../tests/support/redis.ts";

const SIZES = [1000, 10_000, 100_000];
/** The number of measurements. The table has the median. */
const ROUNDS = 5;

/** A backend to measure. */
interface Measured {
  readonly backend: Backend;
  readonly stop: () => Promise<void>;
}

async function startSqlite(): Promise<Measured> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-bench-"));
  return {
    backend: sqliteBackend(join(folder, "metrics.db")),
    stop: () => rm(folder, { recursive: true }),
  };
}

async function startRedisWith(connect: typeof CLIENTS[string]): Promise<Measured> {
  const server = await startRedis();
  const client = await connect(server.port);
  return {
    backend: redisBackend(client.command),
    async stop() {
      client[Symbol.dispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function startWorkers(): Promise<Measured> {
  const worker = new Worker(new URL(import.meta.url));
  await new Promise((resolve) => worker.once("message", resolve));
  return {
    backend: workersBackend(),
    stop: async () => void await worker.terminate(),
  };
}

/** The backends by name, with Redis once for each client that the runtime supports. */
const BACKENDS: Record<string, () => Promise<Measured>> = {
  workers: startWorkers,
  sqlite: startSqlite,
  ...Object.fromEntries(
    Object.entries(CLIENTS).map((
      [name, connect],
    ) => [`redis, ${name}`, () => startRedisWith(connect)]),
  ),
};

/** Runs as a worker that counts in the same series as the main thread, for each size. */
async function bePeer(): Promise<void> {
  for (const size of SIZES) {
    const { registry } = makeSeries(size);
    const shared = await loadBackend(workersBackend(), { registry, namespace: String(size) });
    await shared.flush();
  }
  parentPort?.postMessage("ready");
  setInterval(() => {}, 1000);
}

function makeSeries(size: number) {
  const registry = new CollectorRegistry();
  const hits = new Counter("hits_total", "Hits.", { registry, labelNames: ["route", "code"] });
  const children = Array.from({ length: size }, (_, i) => hits.labels(`/route/${i >> 4}`, i & 15));
  return { registry, children };
}

interface Cost {
  /** The duration, in milliseconds. */
  readonly took: number;
  /** The longest block of the event loop, in milliseconds. */
  readonly block: number;
}

/** Measures `work`. A timer is as late as the event loop is blocked. */
async function measure(work: () => Promise<unknown>): Promise<Cost> {
  let last = performance.now();
  let block = 0;
  const look = () => {
    const now = performance.now();
    block = Math.max(block, now - last);
    last = now;
  };
  const timer = setInterval(look, 1);
  const began = performance.now();
  await work();
  const took = performance.now() - began;
  await new Promise((resolve) => setTimeout(resolve, 5));
  clearInterval(timer);
  return { took, block };
}

function medianOf(costs: readonly Cost[]): string {
  const pick = (key: keyof Cost) => costs.map((cost) => cost[key]).sort((a, b) => a - b);
  const took = pick("took")[costs.length >> 1]!;
  const block = pick("block")[costs.length >> 1]!;
  return `${took.toFixed(took < 10 ? 1 : 0)} ms (${block.toFixed(0)} ms)`;
}

async function row(backend: Backend, size: number): Promise<string[]> {
  const { registry, children } = makeSeries(size);
  const shared = await loadBackend(backend, {
    registry,
    intervalMs: 1e9,
    timeoutMs: 60_000,
    namespace: String(size),
  });
  // A new isolate waits for others that may have more data.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const costs: Record<string, Cost[]> = { first: [], all: [], none: [], scrape: [] };
  costs["first"]!.push(await measure(() => shared.flush()));
  for (let round = 0; round < ROUNDS; round++) {
    for (const child of children) child.inc();
    costs["all"]!.push(await measure(() => shared.flush()));
    costs["none"]!.push(await measure(() => shared.flush()));
    costs["scrape"]!.push(
      await measure(async () => {
        const { body } = await metricsResponse(undefined, { registry: shared });
        for await (const _ of body!);
      }),
    );
  }
  await shared.close();
  return Object.values(costs).map(medianOf);
}

async function main(): Promise<void> {
  const [only] = process.argv.slice(2);
  for (const [name, begin] of Object.entries(BACKENDS)) {
    if (only !== undefined && !name.startsWith(only)) continue;
    const { backend, stop } = await begin();
    console.log(`\n${name}\n`);
    console.log("| series | first flush | flush, all changed | flush, none changed | scrape |");
    console.log("| ---: | ---: | ---: | ---: | ---: |");
    for (const size of SIZES) {
      const cells = await row(backend, size);
      console.log(`| ${size.toLocaleString("en")} | ${cells.join(" | ")} |`);
    }
    await stop();
  }
}

if (isMainThread) await main();
else await bePeer();
