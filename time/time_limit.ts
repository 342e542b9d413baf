import { SYSTEM_CLOCK, type Timers } from "./clock.ts";

/** Options of {@linkcode limitTime}. */
export interface TimeLimitOptions {
  /** Another signal that ends the waiting. Its reason is kept. */
  readonly outer?: AbortSignal | undefined;
  /** Whether the program may end while the time runs. @default {false} */
  readonly inBackground?: boolean | undefined;
  /** Where the time comes from. @default {the platform} */
  readonly timers?: Timers | undefined;
  /** What the signal's reason says when the time is up. @default {"no answer within … ms"} */
  readonly message?: string | undefined;
}

/** A signal with a time limit. */
export interface TimeLimit {
  /** Aborted when the time is up, or when the outer signal is. */
  readonly signal: AbortSignal;
  /** Whether the signal was aborted because the time was up. */
  readonly isTimeout: boolean;
  /** Stops the timer. Must be called when the signal is not needed any more. */
  end(): void;
}

/**
 * Makes a signal that is aborted after some time, or with another signal. Unlike
 * `AbortSignal.timeout()` it leaves no timer behind. Unlike `AbortSignal.any()` it can be
 * garbage-collected while the other signal lives on.
 *
 * @param timeoutMs The time in milliseconds. `Infinity` for no limit.
 * @param options Another signal, and how the time is measured.
 * @returns The signal, and a function that stops the timer.
 */
export function limitTime(timeoutMs: number, options: TimeLimitOptions = {}): TimeLimit {
  const { outer, inBackground, timers = SYSTEM_CLOCK } = options;
  const controller = new AbortController();
  const abort = (): void => controller.abort(outer?.reason);
  let isTimeout = false;
  const cancel = timeoutMs === Infinity ? undefined : timers.setTimeout(
    () => {
      if (controller.signal.aborted) return;
      isTimeout = true;
      const message = options.message ?? `no answer within ${timeoutMs} ms`;
      controller.abort(new DOMException(message, "TimeoutError"));
    },
    timeoutMs,
    { inBackground },
  );
  if (outer?.aborted) abort();
  else outer?.addEventListener("abort", abort, { once: true });
  return {
    signal: controller.signal,
    get isTimeout() {
      return isTimeout;
    },
    end: () => {
      cancel?.();
      outer?.removeEventListener("abort", abort);
    },
  };
}

/**
 * Waits for a promise, but no longer than until a signal is aborted.
 *
 * @param promise The promise. If it rejects after the signal was aborted, the error is ignored.
 * @param signal The signal.
 * @returns The value of the promise.
 * @throws The reason of the signal, if it is aborted first.
 */
export function abortable<T>(promise: PromiseLike<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    const end = (): void => signal.removeEventListener("abort", abort);
    promise.then((value) => {
      end();
      resolve(value);
    }, (error) => {
      end();
      reject(error);
    });
  });
}

/**
 * Waits for some time, or until a signal is aborted.
 *
 * @param ms The time in milliseconds.
 * @param options The signal, which ends the waiting without an error, and how the time is measured.
 */
export function wait(
  ms: number,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly inBackground?: boolean | undefined;
    readonly timers?: Timers | undefined;
  } = {},
): Promise<void> {
  const { signal, inBackground, timers = SYSTEM_CLOCK } = options;
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const end = (): void => {
      cancel();
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const cancel = timers.setTimeout(end, ms, { inBackground });
    signal?.addEventListener("abort", end, { once: true });
  });
}
