import type { LabelValue } from "../model.ts";

/** Labels by name. */
export type LabelsByName<K extends string> = { readonly [P in K]: LabelValue };

/** An object without labels. The type `{}` would take anything. */
export type NoLabels = { readonly [name: string]: never };

/** Refuses what is no label of the metric, or may be left out, also in a variable. */
export type OnlyLabels<Names extends readonly string[], L> = {
  readonly [P in keyof L]-?: P extends Names[number] ? LabelValue : never;
};

/** Some labels of a metric by name; none when it has none. */
export type LabelsOf<Names extends readonly string[], K extends string> = [Names[number]] extends
  [never] ? NoLabels : LabelsByName<K>;

/** Label values by position, one for each of the label names. */
export type LabelsByPosition<Names extends readonly string[]> = {
  readonly [I in keyof Names]: LabelValue;
};

/** The labels of `Names` that have neither been given nor have a default. */
export type Missing<Names extends readonly string[], Given extends string> = Exclude<
  Names[number],
  Given
>;

/** What stands in an error message of the compiler when labels are missing. */
export interface LabelsMissing<Labels extends string> {
  /** The labels that `labels()` has to be given first. */
  readonly labelsMissing: Labels;
}

/** The `this` of a method that needs all labels: anything, unless one is missing. */
export type Observable<Names extends readonly string[], Given extends string> =
  [Missing<Names, Given>] extends [never] ? unknown : LabelsMissing<Missing<Names, Given>>;

/** `T` when all labels are there; `never`, since reading it throws, when one is missing. */
export type IfObservable<Names extends readonly string[], Given extends string, T> =
  [Missing<Names, Given>] extends [never] ? T : never;

/** What `labels()` returns: the child when all labels are there, else something to complete. */
export type Labelled<
  Names extends readonly string[],
  Given extends string,
  Child,
> = string extends Names[number] ? Child
  : [Missing<Names, Given>] extends [never] ? Child
  : Child extends { startTimer(): Timer } ? TimedPartialMetric<Names, Given, Child>
  : PartialMetric<Names, Given, Child>;

/** A metric with some of its labels given: it can be kept, and completed by `labels()`. */
export interface PartialMetric<Names extends readonly string[], Given extends string, Child> {
  /**
   * Gives more labels.
   *
   * @param labels Values by name.
   * @returns The child, or, when labels are still missing, another partial metric.
   * @throws {TypeError} If a label is unknown, or its value is not a string, a number
   * or a boolean.
   */
  labels<const L extends object & Partial<LabelsByName<Names[number]>>>(
    labels: L & OnlyLabels<Names, L>,
  ): Labelled<Names, Given | (keyof L & string), Child>;
}

/** A partial metric that durations can be observed with. */
export interface TimedPartialMetric<Names extends readonly string[], Given extends string, Child>
  extends PartialMetric<Names, Given, Child> {
  /**
   * Starts a timer; the missing labels are given when it is stopped.
   *
   * @returns The timer.
   */
  startTimer(): LabelTimer<Names, Given>;
}

/** The timer of a metric: it needs labels at its end only if one is missing. */
export type MetricTimer<Names extends readonly string[], Given extends string> =
  [Missing<Names, Given>] extends [never] ? Timer<Names[number]> : LabelTimer<Names, Given>;

/** A timer that needs labels at its end. */
export interface LabelTimer<Names extends readonly string[], Given extends string> {
  /**
   * Stops the timer and records the duration. Only the first call records.
   *
   * @param labels The missing labels, and others to override.
   * @returns The duration in seconds.
   * @throws {TypeError} If a label is missing or unknown; the timer still runs then.
   */
  stop(
    labels: LabelsByName<Missing<Names, Given>> & Partial<LabelsByName<Names[number]>>,
  ): number;
}

/**
 * A running timer. It records once: at the first `stop()`, or when it is disposed
 * of at the end of a `using` scope.
 *
 * @typeParam Names Labels that may be given at its end.
 */
export interface Timer<Names extends string = never> {
  /**
   * Stops the timer and records the duration. Only the first call records.
   *
   * @param labels Labels to override, when the timer is a metric's with defaults.
   * @returns The duration in seconds.
   */
  stop(labels?: [Names] extends [never] ? NoLabels : Partial<LabelsByName<Names>>): number;
  /** Stops the timer at the end of a `using` scope. */
  [Symbol.dispose](): void;
}

/**
 * Makes a function that is timed each time it is called. Also a standard method
 * decorator.
 */
export type Wrap = <This, Args extends unknown[], Result>(
  fn: (this: This, ...args: Args) => Result,
  context?: ClassMethodDecoratorContext,
) => (this: This, ...args: Args) => Result;
