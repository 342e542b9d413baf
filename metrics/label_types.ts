import type { LabelValue } from "../model.ts";

/**
 * Label names as a text, as in `method, status`.
 *
 * @ignore
 */
export type LabelList<
  Names extends readonly string[],
  Without = never,
  Text extends string = "",
> = Names extends readonly [infer First extends string, ...infer Rest extends readonly string[]]
  ? LabelList<
    Rest,
    Without,
    First extends Without ? Text : Text extends "" ? First : `${Text}, ${First}`
  >
  : Names extends readonly [] ? Text
  : string;

/**
 * The label names in an object, and in every object of a union.
 *
 * @ignore
 */
export type NamesIn<Labels> = Labels extends unknown ? `${keyof Labels & (string | number)}`
  : never;

/**
 * The label names in an object whose values are no label values.
 *
 * @ignore
 */
export type MistypedIn<Labels> = Labels extends unknown ? {
    [Name in keyof Labels]-?: Labels[Name] extends LabelValue ? never : Name & string;
  }[keyof Labels]
  : never;

/**
 * The form of labels before they are checked. Editors complete label names from it, and values by
 * position are no error here, so that the compiler gets as far as {@linkcode LegalLabels}.
 *
 * @ignore
 */
export type LabelsLike<Names extends readonly string[]> =
  | LabelValue
  | (object & Partial<Record<Names[number], unknown>>);

/**
 * Any type if the labels may be given to a metric. Otherwise a text that says what is wrong, for
 * the message of the compiler.
 *
 * @typeParam Names The label names of the metric.
 * @typeParam Labels The labels, by name.
 * @typeParam Needed The labels that must be given.
 */
export type LegalLabels<
  Names extends readonly string[],
  Labels,
  Needed extends string = never,
> = [Labels] extends [object]
  ? [Labels] extends [readonly unknown[]]
    ? { readonly error: "an array is not an object of labels" }
  : [Exclude<NamesIn<Labels>, Names[number]>] extends [never]
    ? [MistypedIn<Labels>] extends [never]
      ? { readonly [Name in Exclude<Needed, keyof Labels>]: LabelValue }
    : `the value of label ${MistypedIn<Labels>} must be a string, a number or a boolean`
  : `${Exclude<NamesIn<Labels>, Names[number]>} is not a label: ${Names extends readonly []
    ? "there are none"
    : `the labels are ${LabelList<Names>}`}`
  : [Labels] extends [LabelValue]
    ? { readonly error: `a value is needed for each of the labels ${LabelList<Names>}` }
  : unknown;

/**
 * `Then` if all labels of a metric have a value, else `Else`.
 *
 * @typeParam Names The label names of the metric.
 * @typeParam Given The labels that have a value.
 * @typeParam Then Any type by default, for the `this` of methods that need all labels.
 * @typeParam Else A text that names the missing labels by default, for the message of the compiler.
 */
export type IfComplete<
  Names extends readonly string[],
  Given extends string,
  Then = unknown,
  Else = `labels are missing: ${LabelList<Names, Given>}`,
> = [Exclude<Names[number], Given>] extends [never] ? Then : Else;

/**
 * A metric with some of its labels given. It can be kept, and completed by `labels()`. Its other
 * methods are those of the series, and refused by the compiler as long as labels are missing.
 *
 * @typeParam Names The label names of the metric.
 * @typeParam Given The labels that have a value.
 * @typeParam Series The series when it is complete.
 */
export type PartialMetric<Names extends readonly string[], Given extends string, Series> =
  & {
    /**
     * Gives more labels.
     *
     * @param labels Values by name.
     * @returns The series, or another partial metric if labels are still missing.
     * @throws {TypeError} If a label is unknown, or its value is not a string, a number or a
     * boolean.
     */
    labels<L extends LabelsLike<Names>>(
      labels: L & LegalLabels<Names, L>,
    ): IfComplete<
      Names,
      Given | keyof L & string,
      Series,
      PartialMetric<Names, Given | keyof L & string, Series>
    >;
  }
  & {
    readonly [
      Method in keyof Series as Series[Method] extends (...args: never) => unknown ? Method : never
    ]: Method extends "startTimer" ? () => Timer<Names, Given>
      : (this: IfComplete<Names, Given>, ...args: unknown[]) => unknown;
  };

/**
 * A running timer. It records once: at the first `stop()`, or at the end of a `using` scope.
 *
 * @typeParam Names The labels that may be given at its end.
 * @typeParam Given Those of them that have a value already.
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
 *
 * @example An exemplar that is known at the end
 * ```ts
 * import { Histogram } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const duration = new Histogram("query_seconds", "Time of queries.", {
 *   labelNames: ["table"],
 *   buckets: [],
 * });
 * const timer = duration.startTimer();
 * timer.stop({ table: "users" }, { trace_id: "4bf92f3577b34da6" });
 * const [exemplar] = duration.labels("users").exemplars!;
 * assert.deepEqual(exemplar?.labels, { trace_id: "4bf92f3577b34da6" });
 * ```
 */
export interface Timer<
  Names extends readonly string[] = readonly [],
  Given extends string = never,
> {
  /**
   * Stops the timer and records the duration. Only the first call records.
   *
   * @returns The duration in seconds.
   */
  stop(this: IfComplete<Names, Given>): number;
  /**
   * Stops the timer and records the duration. Only the first call records.
   *
   * @param labels The missing labels, and others to override.
   * @param exemplarLabels Labels of an exemplar, at most 128 characters together. Only
   * histograms have exemplars.
   * @returns The duration in seconds.
   * @throws {TypeError} If a label is missing or unknown, or the metric has no exemplars. The
   * timer goes on then.
   * @throws {RangeError} If the exemplar is too long. The timer goes on then.
   */
  stop<L extends LabelsLike<Names>>(
    labels:
      | (L & LegalLabels<Names, L, Exclude<Names[number], Given>>)
      | IfComplete<Names, Given, undefined, never>,
    exemplarLabels?: Record<string, string>,
  ): number;
  /** Stops the timer at the end of a `using` scope. Only if no label is missing. */
  readonly [Symbol.dispose]: IfComplete<Names, Given, () => void>;
}

/** Makes a function that is timed each time it is called. Also a standard method decorator. */
export type Wrap = <This, Args extends unknown[], Result>(
  fn: (this: This, ...args: Args) => Result,
  context?: ClassMethodDecoratorContext,
) => (this: This, ...args: Args) => Result;
