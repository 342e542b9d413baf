/**
 * Checks for unhandled rejections.
 *
 * @module
 */
import assert from "node:assert/strict";
import process from "node:process";

/**
 * Runs a function, and asserts that there are no unhandled rejections during it or shortly after.
 */
export async function assertHeard(run: () => void | Promise<void>): Promise<void> {
  const unheard: unknown[] = [];
  const listener = (reason: unknown) => void unheard.push(reason);
  process.on("unhandledRejection", listener);
  try {
    await run();
    // Unhandled rejections are reported in a later turn of the event loop.
    for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 0));
  } finally {
    process.off("unhandledRejection", listener);
  }
  assert.deepEqual(unheard, []);
}
