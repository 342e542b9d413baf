import { formatBound, type HistogramMetric, type MetricFamily, type MetricType } from "../model.ts";
import type { ByteWriter, Chunks } from "./byte_writer.ts";
import type { EscapingScheme } from "./escaping.ts";
import { encodeLines } from "./lines.ts";
import { SeriesWriter } from "./series_writer.ts";

/** The names of the types in format 0.0.4, which has five. */
export const TEXT_TYPE_NAMES: Readonly<Record<MetricType, string>> = {
  counter: "counter",
  gauge: "gauge",
  histogram: "histogram",
  gaugehistogram: "histogram",
  summary: "summary",
  info: "gauge",
  stateset: "gauge",
  unknown: "untyped",
};

/**
 * Encodes families in the Prometheus text format 0.0.4.
 *
 * The format has no units, exemplars, created timestamps and native buckets, so they are left out.
 * An info and a stateset are written as gauges. The sum and the count of a gaugehistogram are
 * written as separate gauges, so that their series have the same names as in OpenMetrics.
 *
 * See https://prometheus.io/docs/instrumenting/exposition_formats/
 *
 * @param families The families, as exposed.
 * @param escaping The spelling of names outside the classic alphabet.
 * @returns The text in UTF-8, in chunks of about 256 KiB, each made when it is requested.
 */
export function* encodeText(families: Iterable<MetricFamily>, escaping: EscapingScheme): Chunks {
  const writer = new SeriesWriter({ escaping, formatBound, writeTimestamp, exemplars: false });
  for (const family of families) {
    const { name, type, help } = family;
    writeHeader(writer, writer.spell(name), TEXT_TYPE_NAMES[type], help);
    const isGauges = type === "gaugehistogram";
    yield* encodeLines(writer, family, {
      created: false,
      negativeSums: true,
      bucketsOnly: isGauges,
    });
    if (isGauges) yield* encodeGauges(writer, family);
  }
  if (writer.out.length > 0) yield writer.take();
}

/** Writes the counts and the sums of a gaugehistogram, each as a gauge. */
function* encodeGauges(writer: SeriesWriter, { name, help, metrics }: MetricFamily): Chunks {
  for (const part of ["count", "sum"] as const) {
    const partName = `${writer.spell(name)}_g${part}`;
    writeHeader(writer, partName, "gauge", help);
    const series = writer.seriesName(partName);
    // The type of the family is gaugehistogram.
    for (const metric of metrics as Iterable<HistogramMetric>) {
      writer.sample(series, metric, metric[part]);
      if (writer.isFull) yield writer.take();
    }
  }
}

function writeHeader(writer: SeriesWriter, name: string, typeName: string, help: string): void {
  writer.comment("HELP", name, help, false);
  writer.comment("TYPE", name, typeName, false);
}

/** Writes whole milliseconds since 1970. */
function writeTimestamp(out: ByteWriter, seconds: number): void {
  out.text(String(Math.round(seconds * 1000)));
}
