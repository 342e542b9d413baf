import {
  createdName,
  type HistogramMetric,
  type LabelledMetric,
  type MetricFamily,
  type NumberMetric,
  type StateSetMetric,
  type SummaryMetric,
} from "../model.ts";
import type { Chunks } from "./byte_writer.ts";
import { encodeNumbers, numberColumn } from "./number_pages.ts";
import type { SeriesName, SeriesWriter } from "./series_writer.ts";

/** Lines that only one of the text formats has. */
export interface LineRules {
  /** Whether metrics have a line with the time when they began to count. */
  readonly created: boolean;
  /** Whether a histogram with negative bounds has a sum. */
  readonly negativeSums: boolean;
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
  // The type of a family means that its metrics have this shape.
  switch (type) {
    case "histogram":
    case "gaugehistogram": {
      const g = type === "gaugehistogram" ? "g" : "";
      yield* encodeHistograms(writer, metrics as Iterable<HistogramMetric>, {
        bucket: writer.seriesName(`${name}_bucket`),
        sum: writer.seriesName(`${name}_${g}sum`),
        count: writer.seriesName(`${name}_${g}count`),
        created,
        // The sum of a gauge histogram may be negative.
        negativeSums: rules.negativeSums || type === "gaugehistogram",
      });
      break;
    }
    case "summary": {
      const series = writer.seriesName(name);
      const sum = writer.seriesName(`${name}_sum`);
      const count = writer.seriesName(`${name}_count`);
      for (const metric of metrics as Iterable<SummaryMetric>) {
        const labels = writer.boundLabels("quantile", metric.quantiles);
        const values = metric.quantileValues();
        writer.samples(series, metric, labels, values);
        writePart(writer, sum, metric, metric.sum);
        writePart(writer, count, metric, metric.count);
        if (created !== undefined) writePart(writer, created, metric, metric.created);
        if (writer.isFull) yield writer.take();
      }
      break;
    }
    case "stateset": {
      const series = writer.seriesName(name);
      for (const metric of metrics as Iterable<StateSetMetric>) {
        const { states, stateValues } = metric;
        const labels = writer.stateLabels(family.name, states);
        writer.samples(series, metric, labels, stateValues);
        if (writer.isFull) yield writer.take();
      }
      break;
    }
    default: {
      const series = writer.seriesName(name);
      const column = numberColumn(metrics as Iterable<NumberMetric>);
      if (
        column !== undefined && created === undefined && !(column.hasExemplars && writer.exemplars)
      ) return yield* encodeNumbers(writer, series, column);
      for (const metric of metrics as Iterable<NumberMetric>) {
        const exemplar = type === "counter" ? metric.exemplar : undefined;
        writer.sample(series, metric, metric.value, exemplar);
        if (created !== undefined) writePart(writer, created, metric, metric.created);
        if (writer.isFull) yield writer.take();
      }
    }
  }
}

/**
 * The series of the last scrape. They keep compiled code alive: see `_last` in series_writer.ts.
 */
let _last: HistogramSeries | undefined;

/** The series of a histogram family. Undefined series are not written. */
export interface HistogramSeries {
  readonly bucket: SeriesName;
  readonly sum?: SeriesName | undefined;
  readonly count?: SeriesName | undefined;
  readonly created?: SeriesName | undefined;
  readonly negativeSums: boolean;
}

/**
 * Writes the lines of histograms.
 *
 * @param writer The writer of the lines.
 * @param metrics The histograms.
 * @param series The series to write.
 * @returns The chunks that become complete meanwhile.
 */
export function* encodeHistograms(
  writer: SeriesWriter,
  metrics: Iterable<HistogramMetric>,
  series: HistogramSeries,
): Chunks {
  const { bucket, sum, count, created, negativeSums } = series;
  const scratch: number[] = [];
  _last = series;
  for (const metric of metrics) {
    const { bounds, exemplars } = metric;
    const labels = writer.boundLabels("le", bounds);
    const counts = metric.cumulativeCounts(scratch);
    writer.samples(bucket, metric, labels, counts, exemplars);
    // Without a sum there is no count either. The bucket of +Inf has the same value.
    if (negativeSums || bounds.length === 0 || bounds[0]! >= 0) {
      if (sum !== undefined) writePart(writer, sum, metric, metric.sum);
      if (count !== undefined) writePart(writer, count, metric, metric.count);
    }
    if (created !== undefined) writePart(writer, created, metric, metric.created);
    if (writer.isFull) yield writer.take();
  }
}

function writePart(
  writer: SeriesWriter,
  series: SeriesName,
  metric: LabelledMetric,
  value: number | undefined,
): void {
  if (value !== undefined) writer.sample(series, metric, value);
}
