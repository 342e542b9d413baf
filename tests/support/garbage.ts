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
  // Only contexts that are created after the flag was set have the function.
  v8.setFlagsFromString("--expose-gc");
  return vm.runInNewContext("gc") as () => void;
}

/** Collects garbage once, and lets finalizers run. */
async function collectOnce(): Promise<void> {
  // A dereferenced `WeakRef` keeps its target alive until the current job has ended.
  await sleep(5);
  collect();
  await sleep(5);
}

/**
 * Collects garbage repeatedly, because some objects are only freed in later turns of the event
 * loop.
 *
 * @param isDone Called after each collection, because engines may keep an object for a while.
 * @returns Whether `isDone` returned true in time. Without it, true.
 */
export async function collectGarbage(isDone?: () => boolean): Promise<boolean> {
  for (let i = 0; i < (isDone === undefined ? 5 : 20); i++) {
    await collectOnce();
    if (isDone?.()) return true;
  }
  return isDone === undefined;
}

/**
 * Returns the used memory in bytes, on the heap and outside. Bun's heap size includes external
 * memory.
 */
export function usedMemory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return "Bun" in globalThis ? heapUsed : heapUsed + external;
}

/** Returns the used memory after garbage collections. */
export async function collectedMemory(): Promise<number> {
  for (let i = 0; i < 3; i++) await collectOnce();
  return usedMemory();
}
