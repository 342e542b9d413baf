/**
 * Tells of a loop without end: the thread that is in it cannot.
 *
 * @module
 */
import process from "node:process";
import { Worker } from "node:worker_threads";

/** For how long nothing may move, in seconds: far longer than any input takes. */
const PATIENCE = 60;

/** Runs in a thread of its own, and ends the process, which nothing else can. */
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
  // The console of a thread may speak through the one that hangs.
  require("node:fs").writeSync(2, what + Atomics.load(cells, 1) + String.fromCharCode(10));
  process.kill(pid, "SIGKILL");
}, 1000);
`;

/** What is watched. */
export interface Watchdog {
  /** Says that there is progress, and what comes next. */
  beat(next: number): void;
  /** Ends watching. */
  [Symbol.dispose](): void;
}

/**
 * Starts to watch.
 *
 * @param what What is said before the process is ended, followed by what came last.
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
