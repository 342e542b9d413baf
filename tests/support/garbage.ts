/**
 * Garbage collection on demand, on every runtime.
 *
 * @module
 */
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import v8 from "node:v8";
import vm from "node:vm";

const collect = findCollector();

function findCollector(): () => void {
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) return () => Bun.gc(true);
  if (gc !== undefined) return gc;
  // A context that is made after the flag was set has the function.
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
}

/** Frees what nobody holds, and lets those who wait for it know. */
async function collectOnce(): Promise<void> {
  // What was dereferenced is kept until the present job has ended.
  await sleep(5);
  collect();
  await sleep(5);
}

/**
 * Frees what nobody holds, some of which takes later turns of the event loop.
 *
 * @param isDone Asked after each collection; engines may keep something for a while.
 * @returns Whether it was done after some collections.
 */
export async function collectGarbage(isDone?: () => boolean): Promise<boolean> {
  for (let i = 0; i < (isDone === undefined ? 5 : 20); i++) {
    await collectOnce();
    if (isDone?.()) return true;
  }
  return isDone === undefined;
}

/** How many bytes are used, on the heap and beside it. Bun's heap contains external memory. */
export function usedMemory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return "Bun" in globalThis ? heapUsed : heapUsed + external;
}

/** The same, when garbage has been collected. */
export async function collectedMemory(): Promise<number> {
  for (let i = 0; i < 3; i++) await collectOnce();
  return usedMemory();
}
