import { checkShape, type LabelValue } from "../model.ts";
import type { Clock } from "../time/clock.ts";
import type { Timer, Wrap } from "./label_types.ts";
import {
  type GivenValues,
  isComplete,
  readLabels,
  refuseMissing,
  resolveLabels,
} from "./label_values.ts";
import type { MetricCore } from "./metric_core.ts";

type Labels = Readonly<Record<string, LabelValue>>;
type ExemplarLabels = Readonly<Record<string, string>>;

/** Records the duration of a timer, in seconds. */
type RecordDuration = (
  seconds: number,
  labels: Labels | undefined,
  exemplarLabels: ExemplarLabels | undefined,
) => void;

/** A series that can record durations. */
export interface DurationSeries {
  /** Called at the end of a timer. */
  recordDuration(seconds: number, exemplarLabels?: ExemplarLabels): void;
}

/** A timer that only `stop()` ends. A metric starts it while labels are missing. */
export class RunningLabelTimer {
  readonly #clock: Clock;
  readonly #start: number;
  readonly #record: RecordDuration;
  #seconds: number | undefined = undefined;

  constructor(clock: Clock, record: RecordDuration) {
    this.#clock = clock;
    this.#record = record;
    this.#start = clock.monotonic();
  }

  stop(labels?: Labels, exemplarLabels?: ExemplarLabels): number {
    if (this.#seconds !== undefined) return this.#seconds;
    const elapsed = this.#clock.monotonic() - this.#start;
    // The clock of a test may go back or break. A duration does not: it must not hide an error.
    const seconds = elapsed > 0 && elapsed < Infinity ? elapsed : 0;
    // From here on, a getter among the labels that stops the timer records nothing.
    this.#seconds = seconds;
    try {
      this.#record(seconds, labels, exemplarLabels);
    } catch (error) {
      this.#seconds = undefined;
      throw error;
    }
    return seconds;
  }
}

/** A timer that the end of a `using` scope ends, too. */
export class RunningTimer extends RunningLabelTimer {
  [Symbol.dispose](): void {
    this.stop();
  }
}

/**
 * Starts a timer of a series, which has all its labels.
 *
 * @param core The state that all series of the metric share.
 * @param series The series.
 * @returns The timer. It refuses labels.
 */
export function startChildTimer(core: MetricCore, series: DurationSeries): Timer {
  return new RunningTimer(core.clock, (seconds, labels, exemplarLabels) => {
    const isNone = labels === undefined ||
      (typeof labels === "object" && labels !== null && Object.keys(labels).length === 0);
    checkShape(isNone, core.doing("stop timer of"), "its labels are given already", labels);
    series.recordDuration(seconds, exemplarLabels);
  });
}

/**
 * Starts a timer of a metric. Labels that are missing are given at its end.
 *
 * @param core The state that all series of the metric share.
 * @param given The values that are given already.
 * @param find Finds or creates a series by its label values.
 * @returns The timer.
 */
export function startLabelTimer(
  core: MetricCore,
  given: GivenValues,
  find: (values: readonly string[]) => object,
): RunningLabelTimer {
  // A scope cannot give missing labels at its end.
  const Timer = isComplete(given) ? RunningTimer : RunningLabelTimer;
  return new Timer(core.clock, (seconds, labels = {}, exemplarLabels) => {
    const doing = core.doing("get series of");
    const values = resolveLabels(core.labelNames, readLabels(labels, doing), given, doing);
    if (!isComplete(values)) return refuseMissing(core, values);
    // Checked before there is a new series.
    if (exemplarLabels !== undefined) core.exemplarOf("observe", seconds, exemplarLabels);
    // Only types whose series record durations have timers.
    (find(values) as DurationSeries).recordDuration(seconds, exemplarLabels);
  });
}

/**
 * Calls a function, and another one after it: at once, or after the promise that it returns has
 * settled.
 *
 * @param fn The function.
 * @param after The other function. Called exactly once, with the error if there is one.
 * @param doing The failing action, as in `Cannot time histogram "x"`.
 * @returns The result of the function. A promise settles as before.
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
 * Throws if something cannot be called.
 *
 * @param fn The value as it was given.
 * @param doing The failing action, as in `Cannot time histogram "x"`.
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
 * Makes a {@linkcode Wrap} from a function that times others.
 *
 * @param time Calls a function and records its duration.
 * @param doing The failing action, as in `Cannot time histogram "x"`.
 * @returns The wrapping function. It needs no `this`.
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
