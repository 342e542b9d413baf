import { BaseMetric } from "./base_metric.ts";
import { Child } from "./child.ts";
import type { IfObservable, MetricTimer, Observable, Timer, Wrap } from "./label_types.ts";
import { settle, startChildTimer, wrapWith } from "./timer.ts";

/** One set of series of a metric that durations can be observed with. */
export abstract class TimedChild extends Child {
  /**
   * Counts a value.
   *
   * @param value Any number.
   */
  abstract observe(value: number): void;

  /**
   * Calls a function and counts how long it took, in seconds; when it returns a
   * promise, until that is settled. What fails is counted as well.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {TypeError} If it is not a function.
   */
  time<T>(fn: () => T): T {
    const timer = this.startTimer();
    return settle(fn, () => timer.stop(), this.core.doing("time"));
  }

  /**
   * Starts a timer that counts its duration, in seconds, when it is stopped.
   *
   * @returns The timer.
   */
  startTimer(): Timer {
    return startChildTimer(this.core, (seconds) => this.observe(seconds));
  }

  /** Makes a function whose calls are timed; also a method decorator. */
  get wrap(): Wrap {
    return wrapWith((fn) => this.time(fn), this.core.doing("wrap with"));
  }

  /**
   * What a timer does at its end.
   *
   * @param seconds The duration.
   */
  recordDuration(seconds: number): void {
    this.observe(seconds);
  }
}

/**
 * What histograms and summaries have in common: they time functions.
 *
 * @typeParam Names The label names, a literal tuple.
 * @typeParam Defaulted Those of them that have a default value.
 * @typeParam C The type of the children.
 */
export abstract class TimedMetric<
  Names extends readonly string[],
  Defaulted extends Names[number],
  C extends TimedChild,
> extends BaseMetric<Names, Defaulted, C> {
  /**
   * Calls a function and counts how long it took, in seconds. See
   * {@linkcode TimedChild.time}.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {UnobservableMetricError} If a label has no value.
   */
  time<T>(this: Observable<Names, Defaulted>, fn: () => T): T;
  time<T>(fn: () => T): T {
    return this.own.time(fn);
  }

  /**
   * Starts a timer that counts its duration, in seconds, when it is stopped. It can
   * be started while labels are missing; they are given at its end.
   *
   * @returns The timer.
   *
   * @example Labels that are known at the end
   * ```ts
   * import { Histogram, REGISTRY } from "@narthex/prometheus";
   * import assert from "node:assert/strict";
   *
   * const duration = new Histogram("request_seconds", "Time to answer.", { labelNames: ["code"] });
   * const timer = duration.startTimer();
   * timer.stop({ code: 200 });
   * assert.equal(REGISTRY.getSampleValue("request_seconds_count", { code: 200 }), 1);
   * ```
   */
  startTimer(): MetricTimer<Names, Defaulted> {
    // The type tells which labels are needed at the end.
    return this.startLabelTimer() as MetricTimer<Names, Defaulted>;
  }

  /**
   * Makes a function whose calls are timed; also a method decorator. Reading it
   * throws while a label has no value.
   */
  get wrap(): IfObservable<Names, Defaulted, Wrap> {
    // `own` has thrown by now if the type is `never`.
    return this.own.wrap as IfObservable<Names, Defaulted, Wrap>;
  }
}
