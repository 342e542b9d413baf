/**
 * A worker that counts, reads and blocks by the commands of its test.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { CollectorRegistry, Counter, Gauge } from "../../mod.ts";
import { loadBackend, type LoadBackendOptions } from "../../multiprocess/mod.ts";
import { workersBackend } from "../../multiprocess/workers/mod.ts";
import { PATIENCE_MS } from "./processes.ts";

/** A command to a worker. */
export interface Command {
  readonly nonce: number;
  /** How much the worker counts, and then flushes. */
  readonly count?: number;
  /** Two words. The worker is blocked while the first one is 1. The second one is then 1 too. */
  readonly gate?: SharedArrayBuffer;
  /** Whether the worker closes its registry. */
  readonly close?: boolean;
}

/** The answer to a command. */
export interface Answer {
  readonly nonce: number;
  /** The total that the worker reads if the command has nothing else. */
  readonly total?: number | undefined;
}

/** After what time a silent instance counts as ended, and as forgotten. */
export type Limits = Pick<LoadBackendOptions, "deadAfterMs" | "retentionMs">;

/** The first message to a worker. */
export interface Identity {
  readonly test: string;
  readonly limits: Limits;
}

/** The part of a worker of the Web that is used. The global scope of the main thread has another type. */
interface WebWorker {
  onmessage: (event: { data: unknown }) => void;
  postMessage(answer: Answer): void;
}

const web = globalThis as unknown as WebWorker;
// Only workers of `node:worker_threads` have data. Messages to the others are typed by their sender.
const isNode = workerData !== undefined && workerData !== null;
const identity: Identity = isNode
  ? workerData
  : await new Promise((resolve) => web.onmessage = ({ data }) => resolve(data as Identity));
const { test, limits } = identity;
const registry = new CollectorRegistry();
const jobs = new Counter("jobs_total", "Jobs.", { registry });
new Gauge("workers", "Workers.", { registry, aggregation: "livesum" }).set(1);
const shared = await loadBackend(workersBackend({ timeoutMs: PATIENCE_MS }), {
  ...limits,
  registry,
  namespace: test,
  intervalMs: 1e6,
  timeoutMs: PATIENCE_MS,
});
await shared.flush();

// On Deno, no channel keeps an isolate alive of which another one was unrefed before.
setInterval(() => {}, 1000);
const answer = (nonce: number, total?: number): void => {
  const message: Answer = { nonce, total };
  if (isNode) parentPort!.postMessage(message);
  else web.postMessage(message);
};
const obey = async ({ nonce, count, gate, close }: Command): Promise<void> => {
  if (gate !== undefined) {
    const words = new Int32Array(gate);
    Atomics.store(words, 1, 1);
    Atomics.wait(words, 0, 1);
    Atomics.store(words, 1, 0);
  } else if (count !== undefined) {
    jobs.inc(count);
    await shared.flush();
    answer(nonce);
  } else if (close) {
    await shared.close();
    answer(nonce);
  } else {
    answer(nonce, await shared.getSampleValueAsync("jobs_total"));
  }
};
if (isNode) parentPort!.on("message", obey);
else web.onmessage = ({ data }) => void obey(data as Command);
answer(0);
