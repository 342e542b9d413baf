/** The longest time that a timer takes, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * Lets the program end although a timer is set, where the runtime can do that: timers are
 * objects with a method for it on Deno, Bun and Node, and numbers in browsers, where a
 * page ends anyhow.
 *
 * @param timer The timer.
 */
export function unref(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}

/**
 * Waits in the background: the program may end meanwhile.
 *
 * @param ms How long, in milliseconds.
 * @param signal Ends the waiting early, without an error.
 */
export function waitInBackground(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.min(ms, MAX_TIMER_MS));
    unref(timer);
    signal.addEventListener("abort", end, { once: true });
  });
}

/** Lets everything else that waits for its turn have it. */
export function yieldToOthers(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}
