import type {
  Exemplar,
  HistogramMetric,
  LabelledMetric,
  Metric,
  MetricFamily,
  MetricType,
  NativeHistogram,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from "../model.ts";
import { CHUNK_SIZE, type Chunks } from "./byte_writer.ts";
import { escapeLabelName, escapeMetricName, type EscapingScheme } from "./escaping.ts";
import { isIntegral, writeBuckets } from "./native_buckets.ts";
import { isCount, ProtoWriter, toCount, toMilliseconds } from "./proto_writer.ts";

/** The numbers of `io.prometheus.client.MetricType`, which has no info and no stateset. */
const TYPE_NUMBERS: Readonly<Record<MetricType, number>> = {
  counter: 0,
  gauge: 1,
  summary: 2,
  unknown: 3,
  histogram: 4,
  gaugehistogram: 5,
  info: 1,
  stateset: 1,
};

/**
 * Encodes families as delimited `io.prometheus.client.MetricFamily` messages: each with its length
 * before it. An info and a stateset are written as gauges, because the schema has neither.
 *
 * A message must be complete before its first byte can be sent, because its length comes first. So
 * large families can be written as several messages of the same name. Prometheus reads them as one
 * family.
 *
 * See https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 *
 * Prometheus 2.42 reads all histograms of a message as native or all as classic ones, depending on
 * the first. So if a family has both kinds, each kind has its own messages.
 *
 * @param families The families, as exposed.
 * @param escaping The spelling of names outside the classic alphabet.
 * @param messageSize The size in bytes at which a family continues in another message.
 * @returns The messages, in chunks of at least 256 KiB, except for the last.
 */
export function* encodeProtobuf(
  families: Iterable<MetricFamily>,
  escaping: EscapingScheme,
  messageSize = Infinity,
): Chunks {
  const proto = new ProtoWriter();
  for (const family of families) {
    const encoder = new FamilyEncoder(proto, family, escaping);
    const isHistogram = family.type.endsWith("histogram");
    let message = encoder.begin();
    let first = proto.out.length;
    let isNative: boolean | undefined;
    for (const metric of family.metrics) {
      const wasNative = isNative;
      // This is read once, because a metric creates its maps of buckets at each read.
      const native = isHistogram ? (metric as HistogramMetric).native : undefined;
      isNative = native !== undefined;
      const isFull = proto.out.length - first >= messageSize && proto.out.length > first;
      if (isFull || (isNative !== wasNative && wasNative !== undefined)) {
        encoder.end(message);
        if (proto.out.length >= CHUNK_SIZE) yield proto.out.take();
        message = encoder.begin();
        first = proto.out.length;
      }
      encoder.metric(metric, native);
    }
    encoder.end(message);
    if (proto.out.length >= CHUNK_SIZE) yield proto.out.take();
  }
  if (proto.out.length > 0) yield proto.out.take();
}

/** Writes the metrics of one family. */
class FamilyEncoder {
  readonly #proto: ProtoWriter;
  readonly #family: MetricFamily;
  readonly #name: string;
  readonly #escaping: EscapingScheme;
  readonly #scratch: number[] = [];
  /** The label names of the metric before, and their spelling. */
  #labelNames: readonly string[] = [];
  #spelledNames: readonly string[] = [];

  constructor(proto: ProtoWriter, family: MetricFamily, escaping: EscapingScheme) {
    this.#proto = proto;
    this.#family = family;
    this.#escaping = escaping;
    this.#name = escapeMetricName(family.name, escaping);
  }

  begin(): number {
    const proto = this.#proto;
    const { help, type } = this.#family;
    const message = proto.beginDelimited();
    proto.string(1, this.#name);
    proto.string(2, help);
    proto.unsigned(3, TYPE_NUMBERS[type]);
    return message;
  }

  end(message: number): void {
    const { unit } = this.#family;
    if (unit !== "") this.#proto.string(5, unit);
    this.#proto.end(message);
  }

  /** Writes a metric. A stateset is written as one metric for each state. */
  metric(metric: Metric, native: NativeHistogram | undefined): void {
    const { type, name } = this.#family;
    // The type of a family means that its metrics have this shape.
    if (type === "stateset") {
      const { states, stateValues } = metric as StateSetMetric;
      const stateName = escapeLabelName(name, this.#escaping);
      for (let i = 0; i < states.length; i++) {
        const message = this.#begin(metric);
        this.#label(1, stateName, states[i]!);
        this.#number(2, stateValues[i]!);
        this.#end(message, metric);
      }
      return;
    }
    const message = this.#begin(metric);
    switch (type) {
      case "counter":
        this.#counter(metric as NumberMetric);
        break;
      case "summary":
        this.#summary(metric as SummaryMetric);
        break;
      case "histogram":
      case "gaugehistogram":
        // Fields are in ascending order, so this one comes after the timestamp.
        this.#timestampMs(metric);
        this.#histogram(metric as HistogramMetric, native);
        return this.#proto.end(message);
      default:
        this.#number(type === "unknown" ? 5 : 2, (metric as NumberMetric).value);
    }
    this.#end(message, metric);
  }

  /** Begins a metric with its labels. Pass the result to the method that ends it. */
  #begin({ labelNames, labelValues }: LabelledMetric): number {
    if (labelNames !== this.#labelNames) {
      this.#labelNames = labelNames;
      this.#spelledNames = labelNames.map((name) => escapeLabelName(name, this.#escaping));
    }
    const message = this.#proto.begin(4);
    const names = this.#spelledNames;
    for (let i = 0; i < names.length; i++) this.#label(1, names[i]!, labelValues[i]!);
    return message;
  }

  /** Ends a metric with its timestamp. */
  #end(message: number, metric: LabelledMetric): void {
    this.#timestampMs(metric);
    this.#proto.end(message);
  }

  #timestampMs({ timestamp }: LabelledMetric): void {
    if (timestamp === undefined) return;
    this.#proto.signed(6, toMilliseconds(timestamp));
  }

  #label(field: number, spelledName: string, value: string): void {
    const proto = this.#proto;
    const message = proto.begin(field);
    proto.string(1, spelledName);
    proto.string(2, value);
    proto.end(message);
  }

  #number(field: number, value: number): void {
    const message = this.#proto.begin(field);
    this.#proto.double(1, value);
    this.#proto.end(message);
  }

  #counter({ value, exemplar, created }: NumberMetric): void {
    const proto = this.#proto;
    const message = proto.begin(3);
    proto.double(1, value);
    if (exemplar !== undefined) this.#exemplar(2, exemplar);
    this.#timestamp(3, created);
    proto.end(message);
  }

  #summary(metric: SummaryMetric): void {
    const proto = this.#proto;
    const { quantiles, sum, count, created } = metric;
    const values = metric.quantileValues();
    const message = proto.begin(4);
    // The schema has no float for the count of a summary.
    if (count !== undefined) proto.unsigned(1, toCount(count));
    if (sum !== undefined) proto.double(2, sum);
    for (let i = 0; i < values.length; i++) {
      const quantile = proto.begin(3);
      proto.double(1, quantiles[i]!);
      proto.double(2, values[i]!);
      proto.end(quantile);
    }
    this.#timestamp(4, created);
    proto.end(message);
  }

  #histogram(metric: HistogramMetric, native: NativeHistogram | undefined): void {
    const proto = this.#proto;
    const { bounds, exemplars, sum, nativeExemplars, created } = metric;
    const counts = metric.cumulativeCounts(this.#scratch);
    const count = metric.count ?? counts.at(-1) ?? 0;
    // Readers expect either integers only or floats only.
    const isInteger = isCount(count) && counts.every(isCount) &&
      (native === undefined || isIntegral(native, count));
    const message = proto.begin(7);
    if (isInteger) proto.unsigned(1, count);
    if (sum !== undefined) proto.double(2, sum);
    // A native histogram without classic buckets has only the bucket of +Inf, which is implied. It
    // is written for its exemplar, because Prometheus 2.42 reads only those of classic buckets.
    const isImplied = native !== undefined && bounds.length === 0 && exemplars?.[0] === undefined;
    const classic = isImplied ? 0 : counts.length;
    for (let i = 0; i < classic; i++) {
      const bucket = proto.begin(3);
      if (isInteger) proto.unsigned(1, counts[i]!);
      proto.double(2, bounds[i] ?? Infinity);
      const exemplar = exemplars?.[i];
      if (exemplar !== undefined) this.#exemplar(3, exemplar);
      if (!isInteger) proto.double(4, counts[i]!);
      proto.end(bucket);
    }
    if (!isInteger) proto.double(4, count);
    if (native !== undefined) this.#native(native, isInteger);
    this.#timestamp(15, created);
    for (const exemplar of nativeExemplars ?? []) this.#exemplar(16, exemplar);
    proto.end(message);
  }

  #native(native: NativeHistogram, isInteger: boolean): void {
    const proto = this.#proto;
    const { schema, zeroThreshold, zeroCount, positive, negative } = native;
    proto.zigzag(5, schema);
    proto.double(6, zeroThreshold);
    if (isInteger) proto.unsigned(7, zeroCount);
    else proto.double(8, zeroCount);
    writeBuckets(proto, 9, negative, isInteger);
    writeBuckets(proto, 12, positive, isInteger);
    if (zeroThreshold === 0 && zeroCount === 0 && positive.size + negative.size === 0) {
      // An empty span marks an empty histogram as a native one.
      const span = proto.begin(12);
      proto.zigzag(1, 0);
      proto.unsigned(2, 0);
      proto.end(span);
    }
  }

  #exemplar(field: number, exemplar: Exemplar): void {
    const proto = this.#proto;
    const { labels, value, timestamp } = exemplar;
    const message = proto.begin(field);
    for (const [name, text] of Object.entries(labels)) {
      this.#label(1, escapeLabelName(name, this.#escaping), text);
    }
    proto.double(2, value);
    this.#timestamp(3, timestamp);
    proto.end(message);
  }

  #timestamp(field: number, seconds: number | undefined): void {
    if (seconds === undefined || !Number.isFinite(seconds)) return;
    const proto = this.#proto;
    // Rounded to microseconds, because the double is not more precise.
    const microseconds = Math.round(seconds * 1e6);
    const whole = Math.floor(microseconds / 1e6);
    const message = proto.begin(field);
    proto.signed(1, whole);
    proto.unsigned(2, (microseconds - whole * 1e6) * 1000);
    proto.end(message);
  }
}
