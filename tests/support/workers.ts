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
 * Opens a session that knows at once that nothing was counted before, so that new isolates get an
 * answer, and no test has to wait until nobody has answered.
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
  /** The total that it reads. */
  total(): Promise<number | undefined>;
  /** Holds its event loop until {@linkcode CountingWorker.unblock}. */
  block(): Promise<void>;
  /** Lets its event loop go on. */
  unblock(): Promise<void>;
  /** Whether its event loop is held at this moment. */
  readonly isBlocked: boolean;
  /** Closes its registry. */
  close(): Promise<void>;
  /** Ends it at once. */
  terminate(): Promise<void>;
}

/** The workers of one test. Dispose of them to terminate those that are left. */
export class CountingWorkers implements AsyncDisposable {
  /** What the namespace is called, and the channel of the commands. */
  readonly test: string = crypto.randomUUID();
  readonly limits: Limits;
  readonly #channel: BroadcastChannel = new BroadcastChannel(this.test);
  readonly #waiting: Map<string, (answer: Answer) => void> = new Map();
  readonly #workers: Set<{ terminate(): unknown }> = new Set();
  /** Answers new isolates from the beginning on. */
  readonly host: Promise<Session>;
  #nonce = 0;

  constructor(limits: Limits = {}) {
    this.limits = limits;
    this.host = openHost(this.test);
    this.#channel.onmessage = (event) => {
      const answer = (event as { data: Answer | Command }).data;
      if (!("from" in answer)) return;
      const key = `${answer.from} ${answer.nonce}`;
      this.#waiting.get(key)?.(answer);
      this.#waiting.delete(key);
    };
  }

  /** Starts a worker, of `node:worker_threads` or, where there is one, of the Web. */
  async start(name: string, kind: "node" | "web" = "node"): Promise<CountingWorker> {
    await this.host;
    const url = new URL("counting_worker.ts", import.meta.url);
    const identity: Identity = { name, test: this.test, limits: this.limits };
    const ready = this.#answer(name, 0);
    const worker = kind === "node"
      ? new NodeWorker(url, { workerData: identity })
      : new Worker(url, { type: "module" });
    if (kind === "web") worker.postMessage(identity);
    this.#workers.add(worker);
    // What cannot even start would never answer.
    const failed = new Promise<never>((_, reject) => {
      const fail = (error: unknown): void => reject(new Error(`${name} failed`, { cause: error }));
      if (worker instanceof NodeWorker) worker.once("error", fail);
      else worker.addEventListener("error", fail);
    });
    await Promise.race([ready, failed]);
    const tell = (command: Omit<Command, "to" | "nonce">): Promise<Answer> => {
      const nonce = ++this.#nonce;
      const answer = this.#answer(name, nonce);
      this.#channel.postMessage({ to: name, nonce, ...command } satisfies Command);
      return answer;
    };
    // The worker says here that it waits, and what for.
    const gate = new Int32Array(new SharedArrayBuffer(8));
    return {
      count: async (count) => void await tell({ count }),
      total: async () => (await tell({})).total,
      block: async () => {
        Atomics.store(gate, 0, 1);
        void tell({ gate: gate.buffer });
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
      close: async () => void await tell({ close: true }),
      terminate: async () => {
        this.#workers.delete(worker);
        await worker.terminate();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.host).close();
    for (const worker of this.#workers) await worker.terminate();
    this.#channel.close();
  }

  #answer(from: string, nonce: number): Promise<Answer> {
    return new Promise((resolve) => this.#waiting.set(`${from} ${nonce}`, resolve));
  }
}
