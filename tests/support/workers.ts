/**
 * Workers that count, for tests.
 *
 * @module
 */
import { BroadcastChannel, Worker as NodeWorker } from "node:worker_threads";
import type { Session } from "../../multiprocess/mod.ts";
import { type Channel, channelName } from "../../multiprocess/workers/memories.ts";
import { WorkersSession } from "../../multiprocess/workers/session.ts";
import { ManualClock } from "./clock.ts";
import type { Answer, Command, Identity, Limits } from "./counting_worker.ts";
import { PATIENCE_MS, waitFor } from "./processes.ts";

/**
 * Opens a session that knows at once that nothing was counted before. New isolates get its answer,
 * so no test has to wait until `timeoutMs` have passed.
 */
async function openHost(namespace: string): Promise<Session> {
  const clock = new ManualClock();
  const channel = new BroadcastChannel(channelName(namespace));
  const session = new WorkersSession(
    // The events of a channel have more members, and its messages may be anything.
    channel as unknown as Channel,
    {
      ...{ namespace, readOnly: true, deadAfterMs: PATIENCE_MS, retentionMs: PATIENCE_MS },
      ...{ signal: new AbortController().signal, timeoutMs: 1, timers: clock },
    },
  );
  await clock.advanceSlowly(0.01);
  return session;
}

export type { Limits } from "./counting_worker.ts";

/** A worker. */
export interface CountingWorker {
  /** Counts, and flushes. */
  count(count: number): Promise<void>;
  /** Returns the total that it reads. */
  total(): Promise<number | undefined>;
  /** Blocks its event loop until {@linkcode CountingWorker.unblock}. */
  block(): Promise<void>;
  /** Lets its event loop continue. */
  unblock(): Promise<void>;
  /** Whether its event loop is blocked now. */
  readonly isBlocked: boolean;
  /** Closes its registry. */
  close(): Promise<void>;
  /** Terminates it at once. */
  terminate(): Promise<void>;
}

/** The workers of one test. Dispose of them to terminate those that are left. */
export class CountingWorkers implements AsyncDisposable {
  /** The namespace. */
  readonly test: string = crypto.randomUUID();
  readonly limits: Limits;
  readonly #workers: Set<{ terminate(): unknown }> = new Set();
  /** Answers new isolates from the beginning. */
  readonly host: Promise<Session>;

  constructor(limits: Limits = {}) {
    this.limits = limits;
    this.host = openHost(this.test);
  }

  /** Starts a worker of `node:worker_threads`, or one of the Web on runtimes that have them. */
  async start(name: string, kind: "node" | "web" = "node"): Promise<CountingWorker> {
    await this.host;
    const url = new URL("counting_worker.ts", import.meta.url);
    const identity: Identity = { test: this.test, limits: this.limits };
    const worker = kind === "node"
      ? new NodeWorker(url, { workerData: identity })
      : new Worker(url, { type: "module" });
    this.#workers.add(worker);
    const waiting = new Map<number, (answer: Answer) => void>();
    const answerTo = (nonce: number): Promise<Answer> => {
      return new Promise((resolve) => waiting.set(nonce, resolve));
    };
    const hear = (answer: Answer): void => {
      waiting.get(answer.nonce)?.(answer);
      waiting.delete(answer.nonce);
    };
    const ready = answerTo(0);
    // A worker that cannot start never answers.
    const failed = new Promise<never>((_, reject) => {
      const fail = (error: unknown): void => reject(new Error(`${name} failed`, { cause: error }));
      if (worker instanceof NodeWorker) {
        worker.once("error", fail).on("message", hear);
      } else {
        worker.addEventListener("error", fail);
        worker.addEventListener("message", ({ data }) => hear(data));
        worker.postMessage(identity);
      }
    });
    await Promise.race([ready, failed]);
    let nonce = 0;
    const send = (command: Omit<Command, "nonce">): Promise<Answer> => {
      const answer = answerTo(++nonce);
      worker.postMessage({ nonce, ...command } satisfies Command);
      return answer;
    };
    // The worker writes to the second word while it is blocked.
    const gate = new Int32Array(new SharedArrayBuffer(8));
    return {
      count: async (count) => void await send({ count }),
      total: async () => (await send({})).total,
      block: async () => {
        Atomics.store(gate, 0, 1);
        void send({ gate: gate.buffer });
        await waitFor("a blocked worker", () => Atomics.load(gate, 1) === 1 || undefined);
      },
      unblock: async () => {
        Atomics.store(gate, 0, 0);
        Atomics.notify(gate, 0);
        await waitFor("a worker that wakes", () => Atomics.load(gate, 1) === 0 || undefined);
      },
      get isBlocked() {
        return Atomics.load(gate, 1) === 1;
      },
      close: async () => void await send({ close: true }),
      terminate: async () => {
        this.#workers.delete(worker);
        await worker.terminate();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.host).close();
    for (const worker of this.#workers) await worker.terminate();
  }
}
