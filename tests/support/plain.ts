/**
 * Metric families as plain data that tests can compare.
 *
 * @module
 */
import type {
  HistogramMetric,
  MetricFamily,
  MetricType,
  NativeHistogram,
  Sample,
} from "../../model.ts";

/** A family as plain data. */
export interface PlainFamily {
  name: string;
  help: string;
  type: MetricType;
  unit: string;
  /** The samples, in an order that depends only on their content. */
  samples: Sample[];
  /** The native histograms, sorted. */
  natives: PlainNative[];
}

/** A native histogram and the labels of its metric. */
export interface PlainNative {
  labels: Record<string, string>;
  timestamp: number | undefined;
  native: NativeHistogram;
}

/**
 * Converts a family to plain data. Metrics and labels are sorted, because no format promises their
 * order. Zeros lose their sign, because no format keeps it.
 */
export function toPlain(family: MetricFamily): PlainFamily {
  const { name, help, type, unit } = family;
  const natives: PlainNative[] = [];
  if (type === "histogram" || type === "gaugehistogram") {
    // A family's metrics have the shape of its type.
    for (const metric of family.metrics as Iterable<HistogramMetric>) {
      const { labelNames, labelValues, timestamp, native } = metric;
      if (native === undefined) continue;
      const labels = labelNames.map((label, i) => [label, labelValues[i]!] as const);
      natives.push({ labels: sorted(labels), timestamp, native: plainNative(native) });
    }
  }
  return {
    name,
    help,
    type,
    unit,
    samples: inOrder([...family.samples].map(plainSample)),
    natives: inOrder(natives),
  };
}

/** Sorts items into the order of {@linkcode toPlain}. */
export function inOrder<T extends { labels: Record<string, string> }>(items: T[]): T[] {
  const keyed = items.map((item) => [JSON.stringify([item, Object.entries(item.labels)]), item]);
  // Each pair consists of a text and an item.
  const pairs = keyed as [string, T][];
  return pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, item]) => item);
}

function plainSample(sample: Sample): Sample {
  const { exemplar } = sample;
  const plain: Sample = {
    ...sample,
    labels: sorted(Object.entries(sample.labels)),
    value: sample.value + 0,
  };
  if (exemplar !== undefined) {
    const labels = sorted(Object.entries(exemplar.labels));
    plain.exemplar = { ...exemplar, labels, value: exemplar.value + 0 };
  }
  return plain;
}

function plainNative(native: NativeHistogram): NativeHistogram {
  const { schema, zeroThreshold, zeroCount, sum, count } = native;
  return {
    schema,
    zeroThreshold,
    zeroCount,
    positive: filled(native.positive),
    negative: filled(native.negative),
    sum: sum + 0,
    count,
  };
}

/** Returns the buckets that are not empty, because a format may omit the others. */
function filled(buckets: Map<number, number>): Map<number, number> {
  return new Map([...buckets].filter(([, count]) => count !== 0).sort(([a], [b]) => a - b));
}

function sorted(entries: (readonly [string, string])[]): Record<string, string> {
  return Object.fromEntries([...entries].sort(([a], [b]) => a < b ? -1 : 1));
}
