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
import { hasCounts, writeBuckets } from "./native_buckets.ts";
import { isCount, ProtoWriter, toMilliseconds } from "./proto_writer.ts";
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

/** The two NaNs that Prometheus tells apart: a series that has ended, and a value. */
const STALE_NAN = 0x7ff0000000000002n;
const ORDINARY_NAN = 0x7ff8000000000001n;

/** `reset_hint` of a histogram of gauges, whose counts may fall. */
const GAUGE_HINT = 3;

/** What an encoder of write requests asks about each series. */
export interface SeriesTracker {
  /**
   * Notes a series.
   *
   * @param bytes Where its labels are, as they are written in a `TimeSeries`.
   * @param from Where they begin.
   * @param to Where they end.
   * @param isNative Whether it is a native histogram.
   * @param timestampMs Its own timestamp, if it has one.
   * @returns Whether to write it: `false` when it was there already.
   */
  note(
    bytes: Uint8Array,
    from: number,
    to: number,
    isNative: boolean,
    timestampMs: number | undefined,
  ): boolean;
  /** The series that were there before, without a timestamp of their own, and are not now. */
  vanished(): Iterable<{ readonly labels: Uint8Array; readonly isNative: boolean }>;
}

/** What {@linkcode encodeWriteRequests} is told. */
export interface WriteRequestOptions {
  /** Labels of every series that does not have them itself. */
  readonly externalLabels: LabelSet;
  /** The time of all samples that have none themselves, in milliseconds since 1970. */
  readonly timestampMs: number;
  /** Exemplars with an earlier time are left out, in milliseconds since 1970. */
  readonly exemplarsSinceMs: number;
  /** Whether exemplars are written. */
  readonly exemplars: boolean;
  /** Whether native histograms are written as such; else as classic ones. */
  readonly nativeHistograms: boolean;
  /** Whether types, help texts and units are written. */
  readonly metadata: boolean;
  /** From how many samples on a request is complete. */
  readonly maxSamples: number;
  /** From how many bytes on a request is complete. */
  readonly maxBytes: number;
  /** Who knows which series there were before. */
  readonly tracker: SeriesTracker;
}

/** A `prometheus.WriteRequest`. */
export interface WriteRequest {
  /** The message, not compressed. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many samples it has, histograms and stale markers included. */
  readonly samples: number;
}

/**
 * Encodes families as `prometheus.WriteRequest` messages of remote write 1.0. Each is
 * made when it is asked for, and no metric is split.
 *
 * Series have the names and labels that text 0.0.4 gives them. A native histogram is one
 * series of the family's name; its classic buckets, if it has any, are written beside it.
 * Samples that bring their own timestamp come in requests of their own: a receiver that
 * finds one of them too old refuses what came with it. The markers of series that have
 * vanished come last.
 *
 * See https://prometheus.io/docs/specs/prw/remote_write_spec/ and
 * https://github.com/prometheus/prometheus/blob/main/prompb/types.proto
 *
 * @param families The families, as exposed.
 * @param options Time, labels, limits.
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
  /** The labels of a native histogram, as they were written. */
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

  /** What writes the series of a metric. A family's metrics have the shape of its type. */
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
            // Without classic bounds there is nothing that the native histogram does not tell.
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
    // Prometheus reads the exemplars of a message before its histograms, and drops those of
    // a series that it does not know yet. So they come behind it, in the order of time.
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

  /** Writes a series, unless it was written already; returns what another of its kind needs. */
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
      // An empty label is none, and must not be written.
      if (text !== "") writeLabel(proto, name, text);
    }
    const own = timestamp === undefined ? undefined : toMilliseconds(timestamp);
    if (!tracker.note(out.bytes, series, out.length, isNative, own)) {
      out.length = before;
      return undefined;
    }
    const timestampMs = own ?? this.#options.timestampMs;
    // Only of native histograms they are needed again; the content may move them.
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
    // Without labels it refers to nothing.
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

/** Writes a double; of the NaNs, the one that is not a marker. */
function writeDouble(proto: ProtoWriter, field: number, value: number): void {
  if (Number.isNaN(value)) writeNaN(proto, field, ORDINARY_NAN);
  else proto.double(field, value);
}

/** Writes a NaN by its bits: JavaScript does not say which it has. */
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
  const isInteger = isCount(count) && hasCounts(native);
  const message = proto.begin(4);
  if (isInteger) proto.unsigned(1, count);
  else proto.double(2, count);
  writeDouble(proto, 3, sum);
  proto.zigzag(4, schema);
  proto.double(5, zeroThreshold);
  if (isInteger) proto.unsigned(6, zeroCount);
  else proto.double(7, zeroCount);
  // Not packed, which every reader of protobuf takes too.
  writeBuckets(proto, 8, negative, isInteger);
  writeBuckets(proto, 11, positive, isInteger);
  if (isGauge) proto.unsigned(14, GAUGE_HINT);
  proto.signed(15, timestampMs);
  proto.end(message);
}
