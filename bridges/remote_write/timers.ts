import { MAX_TIMER_MS, unref } from "../requests/time_limit.ts";

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
