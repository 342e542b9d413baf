/**
 * Converts the families and numbers of the vector files to families of the model.
 *
 * @module
 */
import { type Exemplar, MetricFamily, type MetricType, type NativeHistogram } from "../../model.ts";

/** A number. Numbers that JSON does not support are strings. */
export type JsonNumber = number | string;

/** A text. Invalid UTF-8 is given as bytes. */
export type JsonText = string | { readonly $bytesHex: string };

/** A time, in whole seconds and nanoseconds. */
interface ProtoTimestamp {
  readonly seconds: number;
  readonly nanos?: number;
}

interface ProtoExemplar {
  readonly label?: readonly { name: string; value: string }[];
  readonly value: JsonNumber;
  readonly timestamp?: ProtoTimestamp;
}

interface ProtoNumber {
  readonly value: JsonNumber;
  readonly exemplar?: ProtoExemplar;
  readonly created_timestamp?: ProtoTimestamp;
}

interface ProtoDistribution {
  readonly sample_count?: JsonNumber;
  readonly sample_count_float?: JsonNumber;
  readonly sample_sum?: JsonNumber;
  readonly quantile?: readonly { quantile: JsonNumber; value: JsonNumber }[];
  readonly bucket?: readonly {
    upper_bound: JsonNumber;
    cumulative_count?: JsonNumber;
    cumulative_count_float?: JsonNumber;
    exemplar?: ProtoExemplar;
  }[];
  readonly created_timestamp?: ProtoTimestamp;
}

/** A family with the field names of `io.prometheus.client`. */
export interface ProtoFamily {
  readonly name?: string;
  readonly help?: string;
  readonly type?: string;
  readonly unit?: string;
  readonly metric?: readonly {
    readonly label?: readonly { name: string; value: string }[];
    readonly counter?: ProtoNumber;
    readonly gauge?: ProtoNumber;
    readonly untyped?: ProtoNumber;
    readonly summary?: ProtoDistribution;
    readonly histogram?: ProtoDistribution;
    readonly timestamp_ms?: number;
  }[];
}

type PythonTimestamp = number | { readonly sec: number; readonly nsec: number };

/** A native histogram as spans and deltas. */
export interface SpannedHistogram {
  readonly count: JsonNumber;
  readonly sum: JsonNumber;
  readonly schema: number;
  readonly zeroThreshold: JsonNumber;
  readonly zeroCount: JsonNumber;
  readonly positiveSpans?: readonly (readonly [number, number])[];
  readonly positiveDeltas?: readonly number[];
  readonly negativeSpans?: readonly (readonly [number, number])[];
  readonly negativeDeltas?: readonly number[];
}

/** A sample of the Python client. */
export interface PythonSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: JsonNumber | null;
  readonly timestamp?: PythonTimestamp;
  readonly exemplar?: {
    readonly labels: Record<string, string>;
    readonly value: JsonNumber;
    readonly timestamp?: PythonTimestamp;
  };
  readonly nativeHistogram?: SpannedHistogram;
}

/**
 * A family of the Python client. Counters have no `_total` in their names, and infos have no
 * `_info`.
 */
export interface PythonFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly unit: string;
  readonly samples: readonly PythonSample[];
}

const PROTO_TYPES: Readonly<Record<string, MetricType>> = {
  COUNTER: "counter",
  GAUGE: "gauge",
  UNTYPED: "unknown",
  SUMMARY: "summary",
  HISTOGRAM: "histogram",
  GAUGE_HISTOGRAM: "gaugehistogram",
};

/** Converts a number, including those that JSON does not support. */
export function toNumber(value: JsonNumber | undefined): number {
  if (typeof value === "number") return value;
  if (value === undefined) throw new TypeError("a number is missing");
  const number = Number(value.replace("Inf", "Infinity"));
  if (Number.isNaN(number) && value !== "NaN") throw new TypeError(`"${value}" is not a number`);
  return number;
}

/** Converts a text. Throws if its bytes are not UTF-8. */
export function toText(text: JsonText): string {
  return typeof text === "string" ? text : fromHex(text.$bytesHex);
}

/** Decodes hexadecimal UTF-8. Throws if it is invalid. */
export function fromHex(hex: string): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(hexToBytes(hex));
}

/** Decodes hexadecimal digits. */
export function hexToBytes(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/../g) ?? [], (digits) => parseInt(digits, 16));
}

/** Returns the double with these bits. */
export function fromBits(hex: string): number {
  return new DataView(hexToBytes(hex).buffer).getFloat64(0);
}

/** Decodes the buckets of spans and deltas. */
export function toBuckets(
  spans: readonly (readonly [number, number])[] = [],
  deltas: readonly number[] = [],
): Map<number, number> {
  const buckets = new Map<number, number>();
  let [index, count, used] = [0, 0, 0];
  for (const [offset, length] of spans) {
    index += offset;
    for (let i = 0; i < length; i++) {
      count += deltas[used++]!;
      buckets.set(index++, count);
    }
  }
  return buckets;
}

/** Converts a native histogram to the model. */
export function toNative(histogram: SpannedHistogram): NativeHistogram {
  const { schema } = histogram;
  return {
    schema,
    zeroThreshold: toNumber(histogram.zeroThreshold),
    zeroCount: toNumber(histogram.zeroCount),
    positive: toBuckets(histogram.positiveSpans, histogram.positiveDeltas),
    negative: toBuckets(histogram.negativeSpans, histogram.negativeDeltas),
    sum: toNumber(histogram.sum),
    count: toNumber(histogram.count),
  };
}

/** Converts a time to seconds since 1970. */
export function toSeconds({ seconds, nanos = 0 }: ProtoTimestamp): number {
  return Number(`${seconds}.${String(nanos).padStart(9, "0")}`);
}

/** Converts a family to the model. Throws if it is not valid there. */
export function fromProto(family: ProtoFamily): MetricFamily {
  const { name = "", help = "", unit = "", metric: metrics = [] } = family;
  const type = PROTO_TYPES[family.type ?? "COUNTER"]!;
  const result = new MetricFamily(name, help, type, { unit, nameValidation: "utf8" });
  for (const metric of metrics) {
    // Some of Prometheus's functions represent the name as a label.
    const own = (metric.label ?? []).filter((label) => label.name !== "__name__");
    const labels = Object.fromEntries(own.map((label) => [label.name, label.value]));
    const timestamp = metric.timestamp_ms === undefined ? undefined : metric.timestamp_ms / 1000;
    const add = (suffix: string, value: JsonNumber | undefined, exemplar?: ProtoExemplar) =>
      result.addSample(result.name + suffix, labels, toNumber(value), {
        timestamp,
        exemplar: exemplar && fromProtoExemplar(exemplar),
      });
    let created: ProtoTimestamp | undefined;
    if (type === "summary") {
      const { quantile = [], sample_sum, sample_count, created_timestamp } = metric.summary!;
      for (const { quantile: bound, value } of quantile) {
        const all = { ...labels, quantile: toNumber(bound) };
        result.addSample(result.name, all, toNumber(value), { timestamp });
      }
      if (sample_sum !== undefined) add("_sum", sample_sum);
      if (sample_count !== undefined) add("_count", sample_count);
      created = created_timestamp;
    } else if (type === "histogram" || type === "gaugehistogram") {
      const { bucket = [], sample_sum, created_timestamp, ...histogram } = metric.histogram!;
      const count = histogram.sample_count_float ?? histogram.sample_count;
      const buckets = bucket.map((b) => ({ ...b, upper_bound: toNumber(b.upper_bound) }));
      if (buckets.at(-1)?.upper_bound !== Infinity) {
        buckets.push({ upper_bound: Infinity, cumulative_count: count! });
      }
      for (const { upper_bound, exemplar, ...bucket } of buckets) {
        const value = toNumber(bucket.cumulative_count_float ?? bucket.cumulative_count);
        result.addSample(`${result.name}_bucket`, { ...labels, le: upper_bound }, value, {
          timestamp,
          exemplar: exemplar && fromProtoExemplar(exemplar),
        });
      }
      const g = type === "gaugehistogram" ? "g" : "";
      if (sample_sum !== undefined) add(`_${g}sum`, sample_sum);
      if (count !== undefined) add(`_${g}count`, count);
      created = created_timestamp;
    } else {
      const number = type === "unknown" ? metric.untyped : metric[type as "counter" | "gauge"];
      add("", number?.value, number?.exemplar);
      created = number?.created_timestamp;
    }
    if (created !== undefined) {
      const base = type === "counter" ? result.name.replace(/_total$/, "") : result.name;
      result.addSample(`${base}_created`, labels, toSeconds(created), { timestamp });
    }
  }
  return result;
}

/** Converts a family to the model. Throws if it is not valid there. */
export function fromPython(family: PythonFamily): MetricFamily {
  const { help, unit, samples } = family;
  // This is the shape of the file. An unknown type is rejected below.
  const type = family.type as MetricType;
  const name = type === "counter" ? `${family.name}_total` : family.name;
  const result = new MetricFamily(name, help, type, { unit, nameValidation: "utf8" });
  const isCreated = (sample: PythonSample) => sample.name.endsWith("_created");
  // Created timestamps come last, because they need an existing metric.
  for (const sample of [...samples].sort((a, b) => Number(isCreated(a)) - Number(isCreated(b)))) {
    const { name, labels, value, timestamp, exemplar, nativeHistogram } = sample;
    result.addSample(name, labels, value === null ? 0 : toNumber(value), {
      timestamp: timestamp === undefined ? undefined : fromPythonTimestamp(timestamp),
      exemplar: exemplar && {
        labels: exemplar.labels,
        value: toNumber(exemplar.value),
        ...exemplar.timestamp !== undefined &&
          { timestamp: fromPythonTimestamp(exemplar.timestamp) },
      },
      nativeHistogram: nativeHistogram && toNative(nativeHistogram),
    });
  }
  return result;
}

function fromPythonTimestamp(timestamp: PythonTimestamp): number {
  if (typeof timestamp === "number") return timestamp;
  return toSeconds({ seconds: timestamp.sec, nanos: timestamp.nsec });
}

function fromProtoExemplar({ label = [], value, timestamp }: ProtoExemplar): Exemplar {
  const labels = Object.fromEntries(label.map(({ name, value }) => [name, value]));
  return {
    labels,
    value: toNumber(value),
    ...timestamp !== undefined && { timestamp: toSeconds(timestamp) },
  };
}
