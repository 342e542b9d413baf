import { checkShape, type LabelValue } from "../model.ts";
import type { Clock } from "../time/clock.ts";
import type { Timer, Wrap } from "./label_types.ts";
import type { MetricCore } from "./metric_core.ts";

type Labels = Readonly<Record<string, LabelValue>>;

/** A timer that only `stop()` ends: what a metric starts while labels are missing. */
export class RunningLabelTimer {
  readonly #clock: Clock;
  readonly #start: number;
  readonly #record: (seconds: number, labels: Labels | undefined) => void;
  #seconds: number | undefined = undefined;

  constructor(clock: Clock, record: (seconds: number, labels: Labels | undefined) => void) {
    this.#clock = clock;
    this.#record = record;
    this.#start = clock.monotonic();
  }

  stop(labels?: Labels): number {
    if (this.#seconds === undefined) {
      // A clock of a test, or of a machine that sleeps, may go back: a duration never does.
      const seconds = Math.max(0, this.#clock.monotonic() - this.#start);
      this.#record(seconds, labels);
      this.#seconds = seconds;
    }
    return this.#seconds;
  }
}

/** A timer that the end of a `using` scope ends too. */
export class RunningTimer extends RunningLabelTimer {
  [Symbol.dispose](): void {
    this.stop();
  }
}

/**
 * Starts a timer of a child, which has all its labels.
 *
 * @param core What the children of the metric share.
 * @param record What to do with the duration in seconds.
 * @returns The timer; it refuses labels.
 */
export function startChildTimer(core: MetricCore, record: (seconds: number) => void): Timer {
  return new RunningTimer(core.clock, (seconds, labels) => {
    const isNone = labels === undefined ||
      (typeof labels === "object" && labels !== null && Object.keys(labels).length === 0);
    checkShape(isNone, core.doing("stop timer of"), "its labels are given already", labels);
    record(seconds);
  });
}

/**
 * Calls a function and then another one when the first has ended: at once, or
 * when the promise that it returned has settled.
 *
 * @param fn The function.
 * @param after Called exactly once, with the error if there was one.
 * @param doing What is being done, as in `Cannot time histogram "x"`.
 * @returns What the function returns; a promise still settles as it would.
 * @throws {TypeError} If `fn` is not a function.
 */
export function settle<T>(
  fn: () => T,
  after: (failed: boolean, error?: unknown) => void,
  doing: string,
): T {
  checkFunction(fn, doing);
  let ended = false;
  const end = (failed: boolean, error?: unknown): void => {
    if (ended) return;
    ended = true;
    after(failed, error);
  };
  try {
    const result = fn();
    if (!isPromiseLike(result)) {
      end(false);
      return result;
    }
    // A promise of the same value, so it is a `T` as the first one was.
    return result.then((value) => {
      end(false);
      return value;
    }, (error) => {
      end(true, error);
      throw error;
    }) as T;
  } catch (error) {
    end(true, error);
    throw error;
  }
}

/**
 * Checks that something can be called.
 *
 * @param fn What was given.
 * @param doing What is being done, as in `Cannot time histogram "x"`.
 * @throws {TypeError} If it is not a function.
 */
export function checkFunction(fn: unknown, doing: string): void {
  checkShape(typeof fn === "function", doing, "a function is needed", fn);
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return (typeof value === "object" || typeof value === "function") && value !== null &&
    "then" in value && typeof value.then === "function";
}

/**
 * Makes a {@linkcode Wrap} of a function that times.
 *
 * @param time Calls a function and records its duration.
 * @param doing What is being done, as in `Cannot time histogram "x"`.
 * @returns The wrapping function; it needs no `this`.
 */
export function wrapWith(time: <T>(fn: () => T) => T, doing: string): Wrap {
  return <This, Args extends unknown[], Result>(
    fn: (this: This, ...args: Args) => Result,
  ): (this: This, ...args: Args) => Result => {
    checkFunction(fn, doing);
    const wrapped = function (this: This, ...args: Args): Result {
      return time(() => fn.apply(this, args));
    };
    Object.defineProperties(wrapped, {
      name: { value: fn.name, configurable: true },
      length: { value: fn.length, configurable: true },
    });
    return wrapped;
  };
}
