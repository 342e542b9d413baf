import {
  type Exemplar,
  type HistogramMetric,
  type LabelledMetric,
  type Metric,
  MetricFamily,
  type SummaryMetric,
} from "../model.ts";

/** What a histogram and a summary have in common, some of it hidden. */
abstract class Part<M extends HistogramMetric | SummaryMetric> implements LabelledMetric {
  protected readonly metric: M;
  protected readonly wanted: ReadonlySet<string>;

  constructor(metric: M, wanted: ReadonlySet<string>) {
    this.metric = metric;
    this.wanted = wanted;
  }

  get labelNames(): readonly string[] {
    return this.metric.labelNames;
  }
  get labelValues(): readonly string[] {
    return this.metric.labelValues;
  }
  get timestamp(): number | undefined {
    return this.metric.timestamp;
  }
  get sum(): number | undefined {
    return this.wanted.has("_sum") || this.wanted.has("_gsum") ? this.metric.sum : undefined;
  }
  get count(): number | undefined {
    return this.wanted.has("_count") || this.wanted.has("_gcount") ? this.metric.count : undefined;
  }
}

class HistogramPart extends Part<HistogramMetric> implements HistogramMetric {
  get bounds(): readonly number[] {
    return this.wanted.has("_bucket") ? this.metric.bounds : [];
  }
  get exemplars(): readonly (Exemplar | undefined)[] | undefined {
    return this.wanted.has("_bucket") ? this.metric.exemplars : undefined;
  }
  cumulativeCounts(into?: number[]): readonly number[] {
    return this.wanted.has("_bucket") ? this.metric.cumulativeCounts(into) : [];
  }
}

class SummaryPart extends Part<SummaryMetric> implements SummaryMetric {
  get quantiles(): readonly number[] {
    return [];
  }
  quantileValues(): readonly number[] {
    return [];
  }
}

/**
 * A histogram or summary family with only some of its series.
 *
 * @param family The family.
 * @param wanted The suffixes of the series.
 * @returns A view of the family, as live as the family is.
 */
export function partOf(family: MetricFamily, wanted: ReadonlySet<string>): MetricFamily {
  const { name, help, type, unit, distinct, labelNames, aggregation } = family;
  const View = type === "summary" ? SummaryPart : HistogramPart;
  const metrics = {
    *[Symbol.iterator](): Generator<Metric> {
      for (const metric of family.metrics) {
        // The family's type says which of the two it is, for the view as for the metric.
        yield new View(metric as HistogramMetric & SummaryMetric, wanted) as Metric;
      }
    },
  };
  return new MetricFamily(name, help, type, {
    unit,
    nameValidation: "utf8",
    metrics,
    distinct,
    labelNames,
    aggregation,
  });
}
