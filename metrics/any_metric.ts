import type { LabelValue, MetricFamily, MetricType } from "../model.ts";
import type { CounterSeries } from "./counter.ts";
import type { GaugeSeries } from "./gauge.ts";
import type { HistogramSeries } from "./histogram.ts";
import type { SummarySeries } from "./summary.ts";

/**
 * A metric whose label names are not known to the compiler, for parameters that take any metric
 * of a type.
 *
 * @typeParam Series What `labels()` returns.
 */
export interface AnyMetric<Series> {
  /** The full name. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** The type. */
  readonly type: MetricType;
  /** The unit, or `""`. */
  readonly unit: string;
  /** The label names, in the order in which they are written. */
  readonly labelNames: readonly string[];
  /**
   * Returns the series of a label set, by name.
   *
   * @param labels All labels by name. Labels that are left out take their default.
   * @returns The series.
   * @throws {TypeError} If a label is unknown, or its value is not a string, a number or a boolean.
   */
  labels(labels: Readonly<Record<string, LabelValue>>): Series;
  /**
   * Returns the series of a label set, by position.
   *
   * @param values A value for each of `labelNames`, in their order.
   * @returns The series.
   * @throws {TypeError} If there are too few or too many values, or one is not a string, a number
   * or a boolean.
   */
  labels(...values: readonly LabelValue[]): Series;
  /**
   * Looks up a series by name and creates nothing.
   *
   * @param labels All labels by name. Labels that are left out take their default.
   * @returns The series; undefined if there is none. Never throws.
   */
  find(labels: Readonly<Record<string, LabelValue>>): Series | undefined;
  /**
   * Looks up a series by position and creates nothing.
   *
   * @param values A value for each of `labelNames`, in their order.
   * @returns The series; undefined if there is none. Never throws.
   */
  find(...values: readonly LabelValue[]): Series | undefined;
  /**
   * Removes a series. Later writes to it go nowhere.
   *
   * @param labels All labels by name. Labels that are left out take their default.
   * @returns Whether there was such a series.
   * @throws {TypeError} If a label is missing, unknown, or of the wrong type.
   */
  remove(labels: Readonly<Record<string, LabelValue>>): boolean;
  /**
   * Removes a series.
   *
   * @param values A value for each of `labelNames`, in their order.
   * @returns Whether there was such a series.
   * @throws {TypeError} If there are too few or too many values, or one is of the wrong type.
   */
  remove(...values: readonly LabelValue[]): boolean;
  /**
   * Removes all series that have some label values.
   *
   * @param partial Some labels by name.
   * @returns How many were removed.
   * @throws {TypeError} If a label is unknown, or its value is of the wrong type.
   */
  removeMatching(partial: Readonly<Record<string, LabelValue>>): number;
  /** Removes all series. The one that the metric itself stands for is set to zero instead. */
  clear(): void;
  /**
   * Returns the metric as a family.
   *
   * @returns The family.
   */
  collect(): MetricFamily[];
}

/** Any counter, whatever its labels. */
export type AnyCounter = AnyMetric<CounterSeries>;

/** Any gauge, whatever its labels. */
export type AnyGauge = AnyMetric<GaugeSeries>;

/** Any histogram, whatever its labels. */
export type AnyHistogram = AnyMetric<HistogramSeries>;

/** Any summary, whatever its labels. */
export type AnySummary = AnyMetric<SummarySeries>;
