import {
  type Exemplar,
  formatBound,
  type HistogramMetric,
  type LabelledMetric,
  type LabelSet,
  type Metric,
  type MetricFamily,
  type MetricType,
  type NativeHistogram,
  type NumberMetric,
  type StateSetMetric,
  type SummaryMetric,
} from "../model.ts";
import { escapeLabelName, escapeMetricName } from "./escaping.ts";
import { isIntegral, writeBuckets } from "./native_buckets.ts";
import { ProtoWriter, toMilliseconds } from "./proto_writer.ts";
import { ESCAPING, SeriesShape } from "./series_shape.ts";

/** The numbers of `prometheus.MetricMetadata.MetricType`. */
const TYPE_NUMBERS: Readonly<Record<MetricType, number>> = {
  unknown: 0,
  counter: 1,
  gauge: 2,
  histogram: 3,
  gaugehistogram: 4,
  summary: 5,
  info: 6,
  stateset: 7,
};

/** The two NaNs that Prometheus distinguishes: the end of a series, and a value. */
const STALE_NAN = 0x7ff0000000000002n;
const ORDINARY_NAN = 0x7ff8000000000001n;

/** `reset_hint` of a histogram of gauges, whose counts may fall. */
const GAUGE_HINT = 3;

/** Remembers series for the encoder of write requests. */
export interface SeriesTracker {
  /**
   * Notes a series.
   *
   * @param bytes The bytes with its labels, as written in a `TimeSeries`.
   * @param from The place where the labels begin.
   * @param to The place where they end.
   * @param isNative Whether it is a native histogram.
   * @param timestampMs Its own timestamp, if it has one.
   * @returns Whether to write it. `false` if it was noted already.
   */
  note(
    bytes: Uint8Array,
    from: number,
    to: number,
    isNative: boolean,
    timestampMs: number | undefined,
  ): boolean;
  /** Returns the series of the last snapshot, without own timestamps, that have vanished. */
  vanished(): Iterable<{ readonly labels: Uint8Array; readonly isNative: boolean }>;
}

/** Options of {@linkcode encodeWriteRequests}. */
export interface WriteRequestOptions {
  /** Labels that are added to each series, unless it has a label of the same name. */
  readonly externalLabels: LabelSet;
  /** The time of samples without their own timestamp, in milliseconds since 1970. */
  readonly timestampMs: number;
  /** Earlier exemplars are left out. In milliseconds since 1970. */
  readonly exemplarsSinceMs: number;
  /** Whether exemplars are written. */
  readonly exemplars: boolean;
  /** Whether native histograms are written as such. Otherwise they are written as classic ones. */
  readonly nativeHistograms: boolean;
  /** Whether types, help texts and units are written. */
  readonly metadata: boolean;
  /** The number of samples at which a request is complete. */
  readonly maxSamples: number;
  /** The number of bytes at which a request is complete. */
  readonly maxBytes: number;
  /** Remembers the series of the last snapshot. */
  readonly tracker: SeriesTracker;
}

/** A `prometheus.WriteRequest`. */
export interface WriteRequest {
  /** The message, not compressed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number of samples, with histograms and stale markers. */
  readonly samples: number;
}

/**
 * Encodes families as `prometheus.WriteRequest` messages of remote write 1.0. Each is made when it
 * is requested. The samples of a metric are never split.
 *
 * Series have the same names and labels as in text 0.0.4. A native histogram is one series with the
 * name of the family. Its classic buckets, if it has any, are written beside it. Samples with their
 * own timestamp are in separate requests, because a receiver refuses a whole request if one sample
 * is too old. The markers of vanished series come last.
 *
 * See https://prometheus.io/docs/specs/prw/remote_write_spec/ and
 * https://github.com/prometheus/prometheus/blob/main/prompb/types.proto
 *
 * @param families The families, as exposed.
 * @param options The time, the labels, the limits.
 * @returns The requests.
 */
export async function* encodeWriteRequests(
  families: AsyncIterable<MetricFamily>,
  options: WriteRequestOptions,
): AsyncGenerator<WriteRequest> {
  const encoder = new Encoder(options);
  for await (const family of families) yield* encoder.family(family);
  yield* encoder.rest();
}

/** A request that is being written. */
class Draft {
  readonly proto: ProtoWriter = new ProtoWriter();
  samples = 0;

  take(): WriteRequest {
    const { samples } = this;
    this.samples = 0;
    return { bytes: this.proto.out.take(), samples };
  }
}

const NO_BYTES = new Uint8Array();

/** A series that was just written. */
interface WrittenSeries {
  readonly draft: Draft;
  /** The labels of a native histogram, as written. */
  readonly bytes: Uint8Array;
  readonly timestampMs: number;
}

/** Writes families into requests. */
class Encoder {
  readonly #options: WriteRequestOptions;
  readonly #live = new Draft();
  readonly #timed = new Draft();
  readonly #scratch: number[] = [];

  constructor(options: WriteRequestOptions) {
    this.#options = options;
  }

  *family(family: MetricFamily): Generator<WriteRequest> {
    if (this.#options.metadata) this.#metadata(family);
    const write = this.#writerOf(family);
    for (const metric of family.metrics) {
      write(metric);
      for (const draft of [this.#live, this.#timed]) if (this.#isFull(draft)) yield draft.take();
    }
  }

  *rest(): Generator<WriteRequest> {
    const draft = this.#live;
    const { proto } = draft;
    for (const { labels, isNative } of this.#options.tracker.vanished()) {
      const series = proto.begin(1);
      proto.out.copy(labels, 0, labels.length);
      this.#staleMarker(proto, isNative);
      proto.end(series);
      draft.samples++;
      if (this.#isFull(draft)) yield draft.take();
    }
    for (const draft of [this.#live, this.#timed]) {
      if (draft.samples > 0) yield draft.take();
    }
  }

  #isFull({ samples, proto }: Draft): boolean {
    const { maxSamples, maxBytes } = this.#options;
    return samples >= maxSamples || (proto.out.length >= maxBytes && samples > 0);
  }

  #metadata({ name, type, help, unit }: MetricFamily): void {
    const { proto } = this.#live;
    const message = proto.begin(3);
    proto.unsigned(1, TYPE_NUMBERS[type]);
    proto.string(2, escapeMetricName(name, ESCAPING));
    if (help !== "") proto.string(4, help);
    if (unit !== "") proto.string(5, unit);
    proto.end(message);
  }

  /** Returns a function that writes the series of a metric, which has the shape of the type. */
  #writerOf(family: MetricFamily): (metric: Metric) => void {
    const { type } = family;
    const name = escapeMetricName(family.name, ESCAPING);
    const shape = (suffix: string, extra?: string): SeriesShape =>
      new SeriesShape(name + suffix, extra, this.#options.externalLabels);
    switch (type) {
      case "histogram":
      case "gaugehistogram": {
        const g = type === "gaugehistogram" ? "g" : "";
        const [native, bucket] = [shape(""), shape("_bucket", "le")];
        const [sum, count] = [shape(`_${g}sum`), shape(`_${g}count`)];
        return (metric) => {
          const histogram = metric as HistogramMetric;
          const buckets = this.#options.nativeHistograms ? histogram.native : undefined;
          if (buckets !== undefined) {
            this.#native(native, histogram, buckets, type === "gaugehistogram");
            // Without classic bounds the native histogram has all the information.
            if (histogram.bounds.length === 0) return;
          }
          this.#buckets(bucket, histogram);
          this.#part(sum, metric, histogram.sum);
          this.#part(count, metric, histogram.count);
        };
      }
      case "summary": {
        const [quantile, sum, count] = [shape("", "quantile"), shape("_sum"), shape("_count")];
        return (metric) => {
          const summary = metric as SummaryMetric;
          const values = summary.quantileValues();
          for (let i = 0; i < values.length; i++) {
            this.#sample(quantile, metric, formatBound(summary.quantiles[i]!), values[i]!);
          }
          this.#part(sum, metric, summary.sum);
          this.#part(count, metric, summary.count);
        };
      }
      case "stateset": {
        const series = shape("", escapeLabelName(family.name, ESCAPING));
        return (metric) => {
          const { states, stateValues } = metric as StateSetMetric;
          for (let i = 0; i < states.length; i++) {
            this.#sample(series, metric, states[i]!, stateValues[i]!);
          }
        };
      }
      default: {
        const series = shape("");
        return (metric) => {
          const { value, exemplar } = metric as NumberMetric;
          this.#sample(series, metric, "", value, type === "counter" ? exemplar : undefined);
        };
      }
    }
  }

  #buckets(shape: SeriesShape, metric: HistogramMetric): void {
    const { bounds, exemplars } = metric;
    const counts = metric.cumulativeCounts(this.#scratch);
    for (let i = 0; i < counts.length; i++) {
      const bound = formatBound(bounds[i] ?? Infinity);
      this.#sample(shape, metric, bound, counts[i]!, exemplars?.[i]);
    }
  }

  #part(shape: SeriesShape, metric: Metric, value: number | undefined): void {
    if (value !== undefined) this.#sample(shape, metric, "", value);
  }

  #sample(
    shape: SeriesShape,
    metric: LabelledMetric,
    extra: string,
    value: number,
    exemplar?: Exemplar | undefined,
  ): void {
    this.#series(shape, metric, extra, false, (proto, timestampMs) => {
      const message = proto.begin(2);
      writeDouble(proto, 1, value);
      proto.signed(2, timestampMs);
      proto.end(message);
      if (exemplar !== undefined) this.#exemplar(proto, exemplar, timestampMs);
    });
  }

  #native(
    shape: SeriesShape,
    metric: HistogramMetric,
    native: NativeHistogram,
    isGauge: boolean,
  ): void {
    const labels = this.#series(shape, metric, "", true, (proto, timestampMs) => {
      writeNative(proto, native, isGauge, timestampMs);
    });
    const { nativeExemplars = [] } = metric;
    if (labels === undefined || nativeExemplars.length === 0) return;
    // Prometheus reads the exemplars of a message before its histograms, and drops exemplars of a
    // series that it does not know yet. So they come in another message, in the order of time.
    const { draft: { proto }, timestampMs } = labels;
    const { out } = proto;
    const before = out.length;
    const series = proto.begin(1);
    out.copy(labels.bytes, 0, labels.bytes.length);
    const empty = out.length;
    const exemplars = nativeExemplars.toSorted((a, b) => (a.timestamp ?? 0) - (b.timestamp ?? 0));
    for (const exemplar of exemplars) this.#exemplar(proto, exemplar, timestampMs);
    if (out.length === empty) out.length = before;
    else proto.end(series);
  }

  /** Writes a series, unless it was written already. Returns the series that was written. */
  #series(
    shape: SeriesShape,
    metric: LabelledMetric,
    extra: string,
    isNative: boolean,
    writeContent: (proto: ProtoWriter, timestampMs: number) => void,
  ): WrittenSeries | undefined {
    const { tracker } = this.#options;
    const { labelNames, labelValues, timestamp } = metric;
    const draft = timestamp === undefined ? this.#live : this.#timed;
    const { proto } = draft;
    const { out } = proto;
    const before = out.length;
    const series = proto.begin(1);
    for (const { name, place, value, isExtra } of shape.sources(labelNames)) {
      const text = isExtra ? extra : (place < 0 ? value : labelValues[place] || value);
      // An empty label does not exist, and must not be written.
      if (text !== "") writeLabel(proto, name, text);
    }
    const own = timestamp === undefined ? undefined : toMilliseconds(timestamp);
    if (!tracker.note(out.bytes, series, out.length, isNative, own)) {
      out.length = before;
      return undefined;
    }
    const timestampMs = own ?? this.#options.timestampMs;
    // Only native histograms need these. They are copied, because writing may move them.
    const bytes = isNative ? out.bytes.slice(series, out.length) : NO_BYTES;
    writeContent(proto, timestampMs);
    proto.end(series);
    draft.samples++;
    return { draft, bytes, timestampMs };
  }

  #exemplar(proto: ProtoWriter, exemplar: Exemplar, timestampMs: number): void {
    const { exemplars, exemplarsSinceMs } = this.#options;
    const { labels, value, timestamp } = exemplar;
    const own = timestamp === undefined ? timestampMs : toMilliseconds(timestamp);
    const entries = Object.entries(labels);
    // An exemplar without labels refers to nothing.
    if (!exemplars || own < exemplarsSinceMs || entries.length === 0) return;
    const message = proto.begin(3);
    for (const [name, text] of entries) writeLabel(proto, escapeLabelName(name, ESCAPING), text);
    proto.double(2, value);
    proto.signed(3, own);
    proto.end(message);
  }

  #staleMarker(proto: ProtoWriter, isNative: boolean): void {
    const { timestampMs } = this.#options;
    const message = proto.begin(isNative ? 4 : 2);
    if (isNative) proto.unsigned(1, 0);
    // The value of a sample, or the sum of a histogram.
    writeNaN(proto, isNative ? 3 : 1, STALE_NAN);
    proto.signed(isNative ? 15 : 2, timestampMs);
    proto.end(message);
  }
}

/** Writes a double. NaN is written as the one that is not a marker. */
function writeDouble(proto: ProtoWriter, field: number, value: number): void {
  if (Number.isNaN(value)) writeNaN(proto, field, ORDINARY_NAN);
  else proto.double(field, value);
}

/** Writes a NaN by its bits, because JavaScript does not distinguish NaNs. */
function writeNaN(proto: ProtoWriter, field: number, bits: bigint): void {
  proto.double(field, 0);
  const { bytes, length } = proto.out;
  new DataView(bytes.buffer).setBigUint64(bytes.byteOffset + length - 8, bits, true);
}

function writeLabel(proto: ProtoWriter, name: string, value: string): void {
  const message = proto.begin(1);
  proto.string(1, name);
  proto.string(2, value);
  proto.end(message);
}

function writeNative(
  proto: ProtoWriter,
  native: NativeHistogram,
  isGauge: boolean,
  timestampMs: number,
): void {
  const { schema, zeroThreshold, zeroCount, positive, negative, sum, count } = native;
  const isInteger = isIntegral(native, count);
  const message = proto.begin(4);
  if (isInteger) proto.unsigned(1, count);
  else proto.double(2, count);
  writeDouble(proto, 3, sum);
  proto.zigzag(4, schema);
  proto.double(5, zeroThreshold);
  if (isInteger) proto.unsigned(6, zeroCount);
  else proto.double(7, zeroCount);
  // The fields are not packed. Every reader of protobuf accepts that.
  writeBuckets(proto, 8, negative, isInteger);
  writeBuckets(proto, 11, positive, isInteger);
  if (isGauge) proto.unsigned(14, GAUGE_HINT);
  proto.signed(15, timestampMs);
  proto.end(message);
}
