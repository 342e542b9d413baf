/**
 * A worker that counts, reads and blocks as it is told on a channel of its test.
 *
 * @module
 */
import { BroadcastChannel, workerData } from "node:worker_threads";
import { CollectorRegistry, Counter, Gauge } from "../../mod.ts";
import { loadBackend, type LoadBackendOptions } from "../../multiprocess/mod.ts";
import { workersBackend } from "../../multiprocess/workers/mod.ts";
import { PATIENCE_MS } from "./processes.ts";

/** What a worker is told. */
export interface Command {
  readonly to: string;
  readonly nonce: number;
  /** How much is counted, and then flushed. */
  readonly count?: number;
  /** Two words: nothing else runs while the first is 1. The second says so, instead of an answer. */
  readonly gate?: SharedArrayBuffer;
  /** Whether the registry is closed. */
  readonly close?: boolean;
}

/** What a worker answers. */
export interface Answer {
  readonly from: string;
  readonly nonce: number;
  /** The total that it reads, when it was told nothing else. */
  readonly total?: number | undefined;
}

/** When a silent instance counts as ended, and when as forgotten. */
export type Limits = Pick<LoadBackendOptions, "deadAfterMs" | "retentionMs">;

/** Who it is, and on which channel it is told what to do. */
export interface Identity {
  readonly name: string;
  readonly test: string;
  readonly limits: Limits;
}

// A worker of the Web is told by its first message. It is typed by what the worker has of it, since
// the global scope of the main thread has another type.
const web = globalThis as unknown as { onmessage?: (event: { data: Identity }) => void };
const identity: Identity = workerData ??
  await new Promise((resolve) => web.onmessage = ({ data }) => resolve(data));
const { name, test, limits } = identity;
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

const channel = new BroadcastChannel(test);
// On Deno, no channel keeps an isolate alive of which another one was unrefed before.
setInterval(() => {}, 1000);
const answer = (nonce: number, total?: number): void => {
  channel.postMessage({ from: name, nonce, total } satisfies Answer);
};
channel.onmessage = async (event) => {
  const command = (event as { data: Command | Answer }).data;
  if (!("to" in command) || command.to !== name) return;
  const { nonce, count, gate, close } = command;
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
answer(0);
