/**
 * Detects an endless loop from another thread.
 *
 * @module
 */
import process from "node:process";
import { Worker } from "node:worker_threads";

/** The limit of time without progress, in seconds. It is far longer than any input takes. */
const PATIENCE = 60;

/**
 * The program of the watching thread. It kills the process, because nothing else can stop the loop.
 */
const WATCH = `
const { workerData } = require("node:worker_threads");
const { cells, what, patience, pid } = workerData;
let last = Atomics.load(cells, 0);
let since = 0;
setInterval(() => {
  const now = Atomics.load(cells, 0);
  since = now === last ? since + 1 : 0;
  last = now;
  if (since < patience) return;
  // The console of a thread may depend on the thread that hangs.
  require("node:fs").writeSync(2, what + Atomics.load(cells, 1) + String.fromCharCode(10));
  process.kill(pid, "SIGKILL");
}, 1000);
`;

/** A running watchdog. */
export interface Watchdog {
  /** Reports progress, and the seed that comes next. */
  beat(next: number): void;
  /** Stops watching. */
  [Symbol.dispose](): void;
}

/**
 * Starts watching.
 *
 * @param what The message before the process is killed. The last seed is appended.
 */
export function startWatchdog(what: string): Watchdog {
  const cells = new Int32Array(new SharedArrayBuffer(8));
  const worker = new Worker(WATCH, {
    eval: true,
    workerData: { cells, what, patience: PATIENCE, pid: process.pid },
  });
  worker.unref();
  return {
    beat(next) {
      Atomics.store(cells, 1, next);
      Atomics.add(cells, 0, 1);
    },
    [Symbol.dispose]() {
      void worker.terminate();
    },
  };
}
