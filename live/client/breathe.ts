/// <reference lib="dom" />

/** How long the page may work before the browser gets its turn, in milliseconds. */
const BUDGET_MS = 8;

/** The scheduler of newer browsers: lets other tasks run, then continues first. */
interface Scheduler {
  yield?: () => Promise<void>;
}

/**
 * Returns a function for loops to call. It returns undefined until the loop has worked so long that
 * a click or a scroll may be waiting, and then a promise to await.
 */
export function breather(): () => Promise<void> | undefined {
  let start = performance.now();
  return () => {
    if (performance.now() - start < BUDGET_MS) return undefined;
    return nextTurn().then(() => {
      start = performance.now();
    });
  };
}

function nextTurn(): Promise<void> {
  const { scheduler } = globalThis as { scheduler?: Scheduler }; // Not in every browser.
  if (scheduler?.yield !== undefined) return scheduler.yield();
  return new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}
