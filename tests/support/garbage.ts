/**
 * Garbage collection, when a test wants it.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

let _collect: (() => void) | undefined;

/** Collects garbage, some of which is freed in later turns of the event loop. */
export async function collectGarbage(): Promise<void> {
  _collect ??= findCollect();
  for (let i = 0; i < 5; i++) {
    _collect();
    await sleep(10);
  }
}

function findCollect(): () => void {
  const { gc, Bun } = globalThis as {
    gc?: () => void;
    Bun?: { gc(synchronous: boolean): void };
  };
  if (Bun !== undefined) return () => Bun.gc(true);
  if (gc !== undefined) return gc;
  // V8 takes this flag at any time, for the contexts that come.
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc");
}
