/**
 * Clocks and timers. Everything in the library that waits or measures time takes them as an
 * argument, so that a test can move them.
 *
 * @module
 */

/**
 * A source of time. Metrics and registries take one as their option `clock`, for tests.
 *
 * @example A clock for a test
 * ```ts
 * import { type Clock, Gauge } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const clock: Clock = { now: () => 1700000000, monotonic: () => 0 };
 * const gauge = new Gauge("last_run_seconds", "When the job ran.", { registry: null, clock });
 * gauge.setToCurrentTime();
 * assert.equal(gauge.value, 1700000000);
 * ```
 */
export interface Clock {
  /**
   * Returns the time of day.
   *
   * @returns Seconds since 1970.
   */
  now(): number;
  /**
   * Returns a time that never goes back, for durations.
   *
   * @returns Seconds since some moment.
   */
  monotonic(): number;
  /**
   * Calls back once, after a delay. Optional: only registries wait.
   *
   * @param callback The function to call.
   * @param milliseconds The delay.
   * @param options Whether the program may end before the call. @default {it waits}
   * @returns A function that cancels the call.
   */
  setTimeout?(
    callback: () => void,
    milliseconds: number,
    options?: { readonly inBackground?: boolean | undefined },
  ): () => void;
  /**
   * Calls back in the next turn of the event loop. Optional.
   *
   * @param callback The function to call.
   */
  nextTurn?(callback: () => void): void;
}

/** A clock that can also call back later. */
export type Timers = Required<Clock>;

/** The longest delay of a platform's timer. It fires at once when asked for a longer one. */
const MAX_TIMER_MS = 2 ** 31 - 1;

type Schedule = (callback: () => void) => unknown;

/**
 * The fastest way to the next turn, looked up at first use: Deno loads Node's timers when
 * `setImmediate` is read, which takes longer than importing this library.
 */
let schedule: Schedule | undefined;

/** The platform's clocks and timers. */
export const SYSTEM_CLOCK: Timers = {
  now: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
  setTimeout: (callback, milliseconds, options) =>
    startTimer(globalThis, callback, milliseconds, options),
  nextTurn(callback) {
    // Not a Web standard, but where it exists it does not wait for a timer.
    schedule ??= (globalThis as { setImmediate?: Schedule }).setImmediate ??
      ((callback) => setTimeout(callback, 0));
    schedule(callback);
  },
};

/** The part of a global object that has clocks and timers. */
export interface TimerFunctions {
  readonly performance: { now(): number };
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(timer: unknown): void;
}

/**
 * Returns the clocks and timers of a platform as they are now. Fake ones that a test installs
 * later do not replace them, so that a timer which starts itself again and again does not hold
 * such a test.
 *
 * @param platform The global object.
 * @returns Its clocks and timers.
 * @throws {TypeError} If it has no clock or no timers.
 */
export function captureTimers(platform: Partial<TimerFunctions>): Timers {
  const { performance, setTimeout, clearTimeout } = platform;
  if (performance === undefined || setTimeout === undefined || clearTimeout === undefined) {
    throw new TypeError("Cannot start timers: the platform has no clock or no timers");
  }
  const monotonic = performance.now.bind(performance);
  const functions = {
    setTimeout: setTimeout.bind(platform),
    clearTimeout: clearTimeout.bind(platform),
  };
  return {
    ...SYSTEM_CLOCK,
    monotonic: () => monotonic() / 1000,
    setTimeout: (callback, milliseconds, options) =>
      startTimer(functions, callback, milliseconds, options),
  };
}

function startTimer(
  functions: Omit<TimerFunctions, "performance">,
  callback: () => void,
  milliseconds: number,
  options: { readonly inBackground?: boolean | undefined } = {},
): () => void {
  let cancel: () => void;
  if (milliseconds > MAX_TIMER_MS) {
    // Waits in steps that the platform can take.
    const rest = milliseconds - MAX_TIMER_MS;
    cancel = startTimer(
      functions,
      () => {
        cancel = startTimer(functions, callback, rest, options);
      },
      MAX_TIMER_MS,
      options,
    );
    return () => cancel();
  }
  const timer = functions.setTimeout(callback, Math.max(0, milliseconds));
  // Timers are objects with this method on Deno, Bun and Node, and numbers in browsers, where a
  // page ends anyway.
  if (options.inBackground) (timer as { unref?: () => void }).unref?.();
  return () => functions.clearTimeout(timer);
}

/**
 * Completes a clock with the timers of the platform.
 *
 * @param clock The clock.
 * @returns The clock itself if it has timers.
 */
export function withTimers(clock: Clock): Timers {
  if (clock.setTimeout !== undefined && clock.nextTurn !== undefined) return clock as Timers;
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    setTimeout: SYSTEM_CLOCK.setTimeout,
    nextTurn: SYSTEM_CLOCK.nextTurn,
  };
}
