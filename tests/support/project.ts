/**
 * Computes what remains of metric families after a round trip through a text format. This is the
 * table in docs/formats.md, as code.
 *
 * @module
 */
import type { MetricFamily, MetricType, Sample } from "../../model.ts";
import { inOrder, type PlainFamily, toPlain } from "./plain.ts";

/** A text format. */
export type TextFormat =
  /** 0.0.4. */
  | "text"
  /** OpenMetrics 1.0. */
  | "openmetrics"
  /** OpenMetrics 1.0 with `_created` series. */
  | "openmetrics with created";

/** The types that replace those that format 0.0.4 does not know. */
const TEXT_TYPES: Readonly<Partial<Record<MetricType, MetricType>>> = {
  info: "gauge",
  stateset: "gauge",
  gaugehistogram: "histogram",
};

/**
 * Returns the families after a round trip.
 *
 * @param families The original families.
 * @param format The format.
 * @returns The remaining families, as plain data.
 */
export function project(families: readonly MetricFamily[], format: TextFormat): PlainFamily[] {
  return families.flatMap((family) => {
    // Text formats have no native buckets. A histogram with only those is reduced to its `+Inf`
    // bucket, sum and count.
    const plain = { ...toPlain(family), natives: [] };
    return format === "text" ? projectText(plain) : projectOpenMetrics(plain, format);
  });
}

function projectText(family: PlainFamily): PlainFamily[] {
  const { name, type } = family;
  const help = family.help.replace(/^[ \t]+/, "");
  const samples = family.samples.filter((sample) => !isCreated(sample, family)).map((sample) => {
    const { exemplar: _, timestamp, ...rest } = sample;
    if (timestamp === undefined) return rest;
    return { ...rest, timestamp: Math.round(timestamp * 1000) / 1000 + 0 };
  });
  const projected = { name, help, unit: "", natives: [] };
  if (type !== "gaugehistogram") {
    return [{ ...projected, type: TEXT_TYPES[type] ?? type, samples: inOrder(samples) }];
  }
  // The parts of a gaugehistogram become separate families.
  const part = (suffix: string) =>
    inOrder(samples.filter((sample) => sample.name === name + suffix));
  return [
    { ...projected, type: "histogram", samples: part("_bucket") },
    { ...projected, name: `${name}_gcount`, type: "gauge", samples: part("_gcount") },
    { ...projected, name: `${name}_gsum`, type: "gauge", samples: part("_gsum") },
  ];
}

function projectOpenMetrics(family: PlainFamily, format: TextFormat): PlainFamily[] {
  const { name, type } = family;
  let samples = family.samples.map(({ exemplar, ...sample }): Sample =>
    // An exemplar without labels refers to nothing.
    exemplar === undefined || Object.keys(exemplar.labels).length === 0
      ? sample
      : { ...sample, exemplar }
  );
  if (type === "counter" && !name.endsWith("_total")) {
    // OpenMetrics would have to rename the counter. It becomes unknown instead, and loses the parts
    // that only counters have.
    samples = samples.filter((sample) => !isCreated(sample, family))
      .map(({ exemplar: _, ...sample }) => sample);
    return [{ ...family, type: "unknown", samples: inOrder(samples) }];
  }
  if (format === "openmetrics") samples = samples.filter((sample) => !isCreated(sample, family));
  if (type === "histogram") {
    const negative = samples.filter(({ labels }) => Number(labels["le"]) < 0);
    const point = ({ labels: { le: _, ...labels } }: Sample) => JSON.stringify(labels);
    const without = new Set(negative.map(point));
    const isPart = ({ name: own }: Sample) => own === `${name}_sum` || own === `${name}_count`;
    samples = samples.filter((sample) => !isPart(sample) || !without.has(point(sample)));
  }
  return [{ ...family, samples: inOrder(samples) }];
}

function isCreated(sample: Sample, { name, type }: PlainFamily): boolean {
  if (type === "counter") return sample.name === `${name.replace(/_total$/, "")}_created`;
  return (type === "histogram" || type === "summary") && sample.name === `${name}_created`;
}
