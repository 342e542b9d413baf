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

/** A signal with a time limit. */
export interface TimeLimit {
  /** Aborted with the time, or with the other signal. */
  readonly signal: AbortSignal;
  /** Must be called when the signal is not needed any more. */
  end(): void;
}

/**
 * Makes a signal that is aborted after some time, or with another one. Unlike one of
 * `AbortSignal.timeout()`, it leaves no timer behind, and unlike one of `AbortSignal.any()`,
 * it can be collected while the other one lives on.
 *
 * @param timeoutMs The time; the reason is a `TimeoutError` then.
 * @param outer The other signal; its reason is kept.
 * @param options Whether the program may end while the time runs.
 * @returns The signal, and what ends it.
 */
export function limitTime(
  timeoutMs: number,
  outer: AbortSignal | undefined,
  { inBackground = false }: { inBackground?: boolean } = {},
): TimeLimit {
  const controller = new AbortController();
  const abort = (): void => controller.abort(outer?.reason);
  const timer = setTimeout(() => {
    controller.abort(new DOMException(`no answer within ${timeoutMs} ms`, "TimeoutError"));
  }, timeoutMs);
  if (inBackground) unref(timer);
  if (outer?.aborted) abort();
  else outer?.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    },
  };
}

/**
 * Waits for a promise, but no longer than until a signal is aborted.
 *
 * @param promise The promise; nobody minds if it rejects later.
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
