import type {
  Exemplar,
  HistogramMetric,
  LabelledMetric,
  Metric,
  NativeHistogram,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from "./sample.ts";

/**
 * A metric seen with more labels than it has. Everything is read from the metric
 * itself at the time it is asked for; which members make sense is told by the
 * family's type, as for any metric.
 */
export class LabelledView implements NumberMetric, HistogramMetric, SummaryMetric, StateSetMetric {
  readonly labelNames: readonly string[];
  readonly #before: readonly string[];
  readonly #behind: readonly string[];
  // Stands for all four shapes at once: the family's type says which one it is.
  readonly #metric: NumberMetric & HistogramMetric & SummaryMetric & StateSetMetric;

  /**
   * Makes a view.
   *
   * @param metric The metric.
   * @param labelNames All label names.
   * @param before The values of labels before those of the metric.
   * @param behind The values of labels behind them.
   */
  constructor(
    metric: Metric,
    labelNames: readonly string[],
    before: readonly string[],
    behind: readonly string[],
  ) {
    this.#metric = metric as NumberMetric & HistogramMetric & SummaryMetric & StateSetMetric;
    this.labelNames = labelNames;
    this.#before = before;
    this.#behind = behind;
  }

  // Readers that know the metric already do not ask for its labels.
  get labelValues(): readonly string[] {
    return [...this.#before, ...this.#metric.labelValues, ...this.#behind];
  }
  get origin(): LabelledMetric {
    return this.#metric.origin ?? this.#metric;
  }
  get timestamp(): number | undefined {
    return this.#metric.timestamp;
  }
  get created(): number | undefined {
    return this.#metric.created;
  }
  get value(): number {
    return this.#metric.value;
  }
  get exemplar(): Exemplar | undefined {
    return this.#metric.exemplar;
  }
  get changed(): number | undefined {
    return this.#metric.changed;
  }
  get bounds(): readonly number[] {
    return this.#metric.bounds;
  }
  get sum(): number | undefined {
    return this.#metric.sum;
  }
  get count(): number | undefined {
    return this.#metric.count;
  }
  get exemplars(): readonly (Exemplar | undefined)[] | undefined {
    return this.#metric.exemplars;
  }
  get native(): NativeHistogram | undefined {
    return this.#metric.native;
  }
  get nativeExemplars(): readonly Exemplar[] | undefined {
    return this.#metric.nativeExemplars;
  }
  get quantiles(): readonly number[] {
    return this.#metric.quantiles;
  }
  get states(): readonly string[] {
    return this.#metric.states;
  }
  get stateValues(): readonly number[] {
    return this.#metric.stateValues;
  }
  cumulativeCounts(into?: number[]): readonly number[] {
    return this.#metric.cumulativeCounts(into);
  }
  quantileValues(): readonly number[] {
    return this.#metric.quantileValues();
  }
}
