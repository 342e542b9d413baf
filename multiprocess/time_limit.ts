import { setTimeout } from "node:timers";

/** Options of {@linkcode timeLimit}. */
export interface TimeLimitOptions {
  /** A signal that ends the waiting too. */
  readonly outer?: AbortSignal | undefined;
  /** Whether the program may end meanwhile. */
  readonly inBackground?: boolean;
}

/**
 * A signal that is aborted after a time, or with another one.
 *
 * @param ms The time.
 * @param options What else ends the waiting.
 * @returns The signal, and what has to be called when it is not needed any more.
 */
export function timeLimit(
  ms: number,
  options: TimeLimitOptions = {},
): { signal: AbortSignal; end: () => void } {
  const { outer, inBackground = false } = options;
  const controller = new AbortController();
  const abort = (): void =>
    controller.abort(outer?.reason ?? new Error(`Cannot wait for the store any longer: ${ms} ms`));
  const timer = setTimeout(abort, ms);
  if (inBackground) timer.unref();
  if (outer?.aborted) abort();
  outer?.addEventListener("abort", abort, { once: true });
  const end = (): void => {
    clearTimeout(timer);
    outer?.removeEventListener("abort", abort);
  };
  return { signal: controller.signal, end };
}

/**
 * Waits for a promise, but no longer than until a signal is aborted.
 *
 * @param promise The promise; when it rejects later, nobody minds.
 * @param signal The signal.
 * @returns What the promise resolves to.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
