/**
 * What is left of metric families when a text format has carried them. The table of
 * docs/formats.md, as code.
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

/** The types that format 0.0.4 has in the place of those that it does not know. */
const TEXT_TYPES: Readonly<Partial<Record<MetricType, MetricType>>> = {
  info: "gauge",
  stateset: "gauge",
  gaugehistogram: "histogram",
};

/**
 * The families that come out at the other end.
 *
 * @param families The families that go in.
 * @param format The format between.
 * @returns The families, as plain data.
 */
export function project(families: readonly MetricFamily[], format: TextFormat): PlainFamily[] {
  return families.flatMap((family) => {
    // No text format carries native buckets. What is left of a histogram that has
    // nothing else is the bucket of +Inf, the sum and the count.
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
  // The parts of a gaugehistogram are families of their own.
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
    // OpenMetrics would have to rename it: then it is no counter, and has nothing that
    // only counters have.
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
