/// <reference lib="dom" />

/** How long the page may work before the browser gets its turn, in milliseconds. */
const BUDGET_MS = 8;

/** What newer browsers have: a turn for others, and then on before all that waits. */
interface Scheduler {
  yield?: () => Promise<void>;
}

/**
 * Makes a function for loops to call: it gives a promise to wait for when the work has gone on for
 * long enough that a click or a scroll may wait by now, and nothing before.
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
