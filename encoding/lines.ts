import {
  createdName,
  type HistogramMetric,
  type Metric,
  type MetricFamily,
  type NumberMetric,
  type StateSetMetric,
  type SummaryMetric,
} from "../model.ts";
import type { Chunks } from "./byte_writer.ts";
import { encodeNumbers, numberColumn } from "./number_pages.ts";
import type { SeriesWriter } from "./series_writer.ts";

/** Lines that only one of the text formats has. */
export interface LineRules {
  /** Whether metrics have a line with the time when they began to count. */
  readonly created: boolean;
  /** Whether a histogram with negative bounds has a sum. */
  readonly negativeSums: boolean;
  /** Whether only the buckets of histograms are written. @default {false} */
  readonly bucketsOnly?: boolean;
}

/**
 * Writes the lines of a family's metrics, without its header.
 *
 * @param writer The writer of the lines.
 * @param family The family, as exposed.
 * @param rules The lines of the format.
 * @returns The chunks that become complete meanwhile.
 */
export function* encodeLines(writer: SeriesWriter, family: MetricFamily, rules: LineRules): Chunks {
  const { type, metrics } = family;
  const name = writer.spell(family.name);
  const createdSeries = rules.created ? createdName(name, type) : undefined;
  const created = createdSeries === undefined ? undefined : writer.seriesName(createdSeries);
  const column = created === undefined ? numberColumn(metrics) : undefined;
  if (column !== undefined && !(column.hasExemplars && writer.exemplars)) {
    return yield* encodeNumbers(writer, writer.seriesName(name), column);
  }
  const write = _last = metricWriter(writer, family, name, rules);
  for (const metric of metrics) {
    write(metric);
    if (created !== undefined) writer.sample(created, metric, metric.created);
    if (writer.isFull) yield writer.take();
  }
}

/** The last function that wrote metrics. Keeps its compiled code, see `_last` in `series_writer.ts`. */
let _last: (metric: Metric) => void;

/** Returns a function that writes the lines of a metric. The type of the family is its shape. */
function metricWriter(
  writer: SeriesWriter,
  { name, type }: MetricFamily,
  spelled: string,
  { negativeSums, bucketsOnly = false }: LineRules,
): (metric: Metric) => void {
  const seriesOf = (suffix: string) => writer.seriesName(spelled + suffix);
  if (type.endsWith("histogram")) {
    const isGauge = type === "gaugehistogram";
    const bucket = seriesOf("_bucket");
    const sum = seriesOf(isGauge ? "_gsum" : "_sum");
    const count = seriesOf(isGauge ? "_gcount" : "_count");
    const scratch: number[] = [];
    return (metric) => {
      const histogram = metric as HistogramMetric;
      const { bounds, exemplars } = histogram;
      const counts = histogram.cumulativeCounts(scratch);
      writer.samples(bucket, metric, "le", bounds, counts, exemplars);
      // Without a sum there is no count either. The bucket of +Inf has the same value. The sum of a
      // gauge histogram may be negative.
      if (bucketsOnly || !(negativeSums || isGauge || !(bounds[0]! < 0))) return;
      writer.sample(sum, metric, histogram.sum);
      writer.sample(count, metric, histogram.count);
    };
  }
  const series = seriesOf("");
  if (type === "summary") {
    const sum = seriesOf("_sum");
    const count = seriesOf("_count");
    return (metric) => {
      const summary = metric as SummaryMetric;
      const values = summary.quantileValues();
      writer.samples(series, metric, "quantile", summary.quantiles, values);
      writer.sample(sum, metric, summary.sum);
      writer.sample(count, metric, summary.count);
    };
  }
  if (type === "stateset") {
    return (metric) => {
      const { states, stateValues } = metric as StateSetMetric;
      writer.samples(series, metric, name, states, stateValues);
    };
  }
  return (metric) => {
    const { value, exemplar } = metric as NumberMetric;
    writer.sample(series, metric, value, type === "counter" ? exemplar : undefined);
  };
}
