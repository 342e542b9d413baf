import { checkBounds, type LabelSet } from "../model.ts";
import { BaseMetric, type Own } from "./base_metric.ts";
import { Child } from "./child.ts";
import type { IfComplete, Timer, Wrap } from "./label_types.ts";
import { settle, startChildTimer, wrapWith } from "./timer.ts";

/** The series of a metric that times functions: what `labels()` returns at run time. */
export abstract class TimedChild extends Child implements TimedSeries {
  abstract observe(value: number): void;

  time<T>(fn: () => T): T {
    const timer = this.startTimer();
    return settle(fn, () => timer.stop(), this.core.doing("time"));
  }

  startTimer(): Timer {
    return startChildTimer(this.core, this);
  }

  get wrap(): Wrap {
    return wrapWith((fn) => this.time(fn), this.core.doing("wrap with"));
  }

  /** Called at the end of a timer. */
  recordDuration(seconds: number, exemplarLabels?: Record<string, string>): void {
    if (exemplarLabels === undefined) this.observe(seconds);
    else this.write("observe", seconds, exemplarLabels);
  }

  protected override check(verb: string, value: number): void {
    super.check(verb, value);
    if (Number.isFinite(value)) return;
    checkBounds(false, this.core.doing(verb), "value must be finite", value);
  }
}

/**
 * The common part of the series of histograms and summaries.
 *
 * @ignore
 */
export interface TimedSeries extends LabelSet {
  time<T>(fn: () => T): T;
  startTimer(): Timer;
  readonly wrap: Wrap;
}

/**
 * The common part of histograms and summaries: they time functions.
 *
 * @typeParam Names The label names, a literal tuple.
 * @typeParam Defaulted The label names that have a default value.
 * @typeParam Series The type of the series.
 */
export abstract class TimedMetric<
  Names extends readonly string[],
  Defaulted extends Names[number],
  Series extends TimedSeries,
> extends BaseMetric<Names, Defaulted, Series> {
  /**
   * Calls a function and counts how long it took, in seconds. See
   * {@linkcode HistogramSeries.time}.
   *
   * @param fn The function.
   * @returns What the function returns.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  time<T>(this: IfComplete<Names, Defaulted>, fn: () => T): T {
    return (this as unknown as Own<TimedSeries>).own.time(fn);
  }

  /**
   * Starts a timer that counts its duration, in seconds, when it is stopped. Labels that are
   * missing are given at its end.
   *
   * @returns The timer.
   */
  startTimer(): Timer<Names, Defaulted> {
    // The type says which labels are needed at the end.
    return this.startLabelTimer() as Timer<Names, Defaulted>;
  }

  /**
   * Makes a function whose calls are timed. Also a method decorator. Reading it throws if a label
   * is missing.
   */
  get wrap(): IfComplete<Names, Defaulted, Wrap, (fn: IfComplete<Names, Defaulted>) => unknown> {
    // `own` has thrown by now if a label is missing.
    return this.own.wrap as ReturnType<() => typeof this.wrap>;
  }
}
