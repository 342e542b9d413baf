import {
  type Exemplar,
  familyLike,
  type HistogramMetric,
  type LabelledMetric,
  type LabelSet,
  type LiveMetrics,
  type Metric,
  type MetricFamily,
  type NativeHistogram,
  type NumberMetric,
  reservedLabelName,
  type StateSetMetric,
  type SummaryMetric,
  viewOf,
} from "../model.ts";
import { READABLE_METRICS, unread } from "./unread.ts";

/**
 * A metric seen with more labels than it has. Everything is read from the metric
 * itself at the time it is asked for; which members make sense is told by the
 * family's type, as for any metric.
 */
class LabelledView implements NumberMetric, HistogramMetric, SummaryMetric, StateSetMetric {
  readonly labelNames: readonly string[];
  readonly #constant: readonly string[];
  // Stands for all four shapes at once: the family's type says which one it is.
  readonly #metric: NumberMetric & HistogramMetric & SummaryMetric & StateSetMetric;

  constructor(metric: Metric, labelNames: readonly string[], constant: readonly string[]) {
    this.#metric = metric as NumberMetric & HistogramMetric & SummaryMetric & StateSetMetric;
    this.labelNames = labelNames;
    this.#constant = constant;
  }

  // Who knows the metric already does not ask for its labels.
  get labelValues(): readonly string[] {
    return [...this.#constant, ...this.#metric.labelValues];
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

/**
 * A family seen with constant labels before its own. A label that a metric has
 * itself, or that its type keeps for itself, wins over the constant one.
 *
 * @param family The family.
 * @param constLabels The constant labels.
 * @param exposedName The name under which the family is exposed.
 * @returns A view of the family, as live as the family is.
 */
export function withConstLabels(
  family: MetricFamily,
  constLabels: LabelSet,
  exposedName: string,
): MetricFamily {
  const { type, labelNames } = family;
  const metrics: LiveMetrics = family.metrics;
  const reserved = reservedLabelName(type, exposedName);
  // With a label of the same name, two metrics that differed may become alike.
  const isDisjoint = labelNames !== undefined &&
    !constLabels.labelNames.some((name) => labelNames.includes(name));
  const walk = function* (): Generator<Metric> {
    // Metrics of one family nearly always share their names, so the union is computed once.
    let own: readonly string[] | undefined;
    let names: readonly string[] = [];
    let constant: readonly string[] = [];
    for (const metric of unread(metrics, READABLE_METRICS)) {
      if (metric.labelNames !== own) {
        own = metric.labelNames;
        const added = constLabels.labelNames.filter((name) =>
          name !== reserved && !metric.labelNames.includes(name)
        );
        names = [...added, ...own];
        constant = constLabels.labelValues.filter((_, i) =>
          added.includes(constLabels.labelNames[i]!)
        );
      }
      yield new LabelledView(metric, names, constant);
    }
  };
  return familyLike(family, {
    metrics: viewOf(metrics, walk, isDisjoint),
    labelNames: labelNames && [
      ...constLabels.labelNames.filter((name) => name !== reserved && !labelNames.includes(name)),
      ...labelNames,
    ],
  });
}
