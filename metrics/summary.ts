import { SlidingQuantiles } from "../estimators/quantiles.ts";
import {
  checkBounds,
  checkNumber,
  checkShape,
  type KnownOptions,
  type LabelSet,
  type SummaryMetric,
} from "../model.ts";
import type { Own } from "./base_metric.ts";
import type { Columns } from "./columns.ts";
import type { HistogramSeries } from "./histogram.ts";
import type { IfComplete } from "./label_types.ts";
import { METRIC_OPTIONS, type MetricOptions, readOptions } from "./options.ts";
import { TimedChild, TimedMetric } from "./timed_metric.ts";
import { startLabelTimer } from "./timer.ts";

const NONE: readonly number[] = [];

/** A series has two numbers: the count of the values, and their sum. */
const WIDTH = 2;

/** A set of series of a summary. */
export interface SummarySeries
  extends LabelSet, Pick<HistogramSeries, "time" | "startTimer" | "wrap"> {
  /**
   * Counts a value.
   *
   * @param value A finite number.
   * @throws {TypeError} If it is not a number.
   * @throws {RangeError} If it is infinite or NaN.
   */
  observe(value: number): void;
  /** The sum of all values. */
  readonly sum: number;
  /** The number of all values. */
  readonly count: number;
  /** The quantiles that are tracked. */
  readonly quantiles: readonly number[];
  /**
   * Returns the values of the quantiles now.
   *
   * @returns One value for each quantile; `NaN` if nothing was observed lately.
   */
  quantileValues(): readonly number[];
  /** When the series began to count, in seconds since 1970. */
  readonly created: number;
}

/** The set of series of a summary: what `labels()` returns at run time. */
export class SummaryChild extends TimedChild implements SummarySeries, SummaryMetric {
  observe(value: number): void {
    const { columns, slot } = this;
    if (Number.isFinite(value) && columns.core.extras === 0) {
      columns.add(slot * WIDTH, 1);
      columns.add(slot * WIDTH + 1, value);
    } else this.write("observe", value);
  }

  get sum(): number {
    return this.columns.numbers[this.slot * WIDTH + 1]!;
  }

  get count(): number {
    return this.columns.numbers[this.slot * WIDTH]!;
  }

  get quantiles(): readonly number[] {
    return NONE;
  }

  quantileValues(): readonly number[] {
    return NONE;
  }

  protected override change(_verb: string, value: number): void {
    const { columns, slot } = this;
    columns.add(slot * WIDTH, 1);
    columns.add(slot * WIDTH + 1, value);
  }
}

/** The quantiles of a summary, and their time window. */
interface Window {
  quantiles: readonly number[];
  maxAgeSeconds: number;
  ageBuckets: number;
}

/** The series of a summary with quantiles. */
class QuantileSummaryChild extends SummaryChild {
  readonly #window: SlidingQuantiles;
  readonly #quantiles: readonly number[];

  constructor(columns: Columns<unknown>, window: Window) {
    super(columns);
    this.#window = new SlidingQuantiles(window);
    this.#quantiles = window.quantiles;
  }

  override observe(value: number): void {
    if (Number.isFinite(value) && this.columns.core.extras === 0) this.change("observe", value);
    else this.write("observe", value);
  }

  override get quantiles(): readonly number[] {
    return this.#quantiles;
  }

  override quantileValues(): readonly number[] {
    return this.#window.quantiles(this.#quantiles, this.core.clock.monotonic());
  }

  override reset(): void {
    super.reset();
    this.#window.clear();
  }

  protected override change(verb: string, value: number): void {
    super.change(verb, value);
    this.#window.observe(value, this.core.clock.monotonic());
  }
}

/** Options of {@linkcode Summary}. */
export interface SummaryOptions<
  Names extends readonly string[] = readonly string[],
  Defaulted extends Names[number] = Names[number],
> extends MetricOptions<Names, Defaulted, Summary<Names, Defaulted>> {
  /** The quantiles to track, each from 0 to 1, strictly increasing. @default {[]} */
  quantiles?: readonly number[] | undefined;
  /** The time window of the quantiles, in seconds. @default {600} */
  maxAgeSeconds?: number | undefined;
  /** The number of steps in which the window moves on. @default {5} */
  ageBuckets?: number | undefined;
}

const KNOWN_OPTIONS: KnownOptions<SummaryOptions> = {
  ...METRIC_OPTIONS,
  quantiles: true,
  maxAgeSeconds: true,
  ageBuckets: true,
};

/**
 * The count and the sum of values, and optionally quantiles over a sliding time window, within 2 %
 * of the exact ones. Quantiles of several processes cannot be combined. Use a histogram for that.
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted The label names that have a default value.
 *
 * @example A summary with a median
 * ```ts
 * import { REGISTRY, Summary } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const size = new Summary("response_bytes", "Size of answers.", { quantiles: [0.5] });
 * for (const bytes of [100, 200, 300]) size.observe(bytes);
 * assert.equal(REGISTRY.getSampleValue("response_bytes_sum"), 600);
 * const median = REGISTRY.getSampleValue("response_bytes", { quantile: 0.5 });
 * assert(Math.abs(median! - 200) <= 4);
 * ```
 */
export class Summary<
  const Names extends readonly string[] = readonly [],
  const Defaulted extends Names[number] = never,
> extends TimedMetric<Names, Defaulted, SummarySeries> {
  /**
   * Creates a summary and registers it.
   *
   * @param name The name, with its unit.
   * @param help The help text: what is measured.
   * @param options Options.
   * @throws {TypeError} If a name or an option is not legal.
   * @throws {RangeError} If a quantile is not from 0 to 1, the window is not positive, or
   * `maxSeries` or `expireAfterSeconds` is out of bounds.
   * @throws {DuplicateMetricError} If the registry has a collector of that name.
   */
  constructor(name: string, help: string, options: SummaryOptions<Names, Defaulted> = {}) {
    const { options: known, doing } = readOptions("summary", name, options, KNOWN_OPTIONS);
    const window = checkWindow(known, doing);
    super(name, help, known, {
      type: "summary",
      startTimer: startLabelTimer,
      definition: window,
      core: { width: WIDTH },
      create: window.quantiles.length === 0
        ? (columns) => new SummaryChild(columns)
        : (columns) => new QuantileSummaryChild(columns, window),
    });
  }

  /**
   * Counts a value. Only if no label is missing.
   *
   * @param value A finite number.
   * @throws {TypeError} If it is not a number.
   * @throws {RangeError} If it is infinite or NaN.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  observe(this: IfComplete<Names, Defaulted>, value: number): void {
    (this as unknown as Own<SummarySeries>).own.observe(value);
  }
}

function checkWindow(
  options: { quantiles?: unknown; maxAgeSeconds?: unknown; ageBuckets?: unknown },
  doing: string,
): Window {
  const { quantiles: given = [], maxAgeSeconds = 600, ageBuckets = 5 } = options;
  checkShape(Array.isArray(given), doing, "quantiles must be an array", given);
  const quantiles: unknown[] = [...given];
  const checked: number[] = [];
  for (const quantile of quantiles) {
    checkShape(typeof quantile === "number", doing, "quantiles must be numbers", quantile);
    const isNext = quantile >= 0 && quantile <= 1 && quantile > (checked.at(-1) ?? -1);
    checkBounds(isNext, doing, "quantiles must be from 0 to 1 and strictly increasing", quantiles);
    checked.push(quantile);
  }
  const isTime = (seconds: number) => seconds > 0 && seconds < Infinity;
  const isCount = (count: number) => count > 0 && Number.isInteger(count);
  return {
    quantiles: checked,
    maxAgeSeconds: checkNumber(maxAgeSeconds, isTime, "a positive number", doing, "maxAgeSeconds"),
    ageBuckets: checkNumber(ageBuckets, isCount, "a positive integer", doing, "ageBuckets"),
  };
}
