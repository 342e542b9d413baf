/**
 * Rejections that nobody handles.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";

/** Runs a function and asserts that no rejection went unheard meanwhile, nor soon after. */
export async function assertHeard(run: () => void | Promise<void>): Promise<void> {
  const unheard: unknown[] = [];
  const listener = (reason: unknown) => void unheard.push(reason);
  process.on("unhandledRejection", listener);
  try {
    await run();
    // In a turn of the event loop, rejections that nobody handles become events.
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  } finally {
    process.off("unhandledRejection", listener);
  }
  assert.deepEqual(unheard, []);
}
