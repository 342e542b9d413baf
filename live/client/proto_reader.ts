/**
 * Reads the output of `encoding/protobuf.ts`: delimited `io.prometheus.client.MetricFamily` messages,
 * as far as the page shows them. Only protobuf carries native buckets. It is also the fastest format
 * to read, because the label bytes of a series can be compared with those of the last scrape without
 * decoding them.
 *
 * Skips unknown fields. See
 * https://protobuf.dev/programming-guides/encoding/ and
 * https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto
 *
 * @module
 */

import type { Buckets } from "./buckets.ts";

/** The types in protobuf. Infos and statesets are gauges there. */
export type WireType =
  | "counter"
  | "gauge"
  | "summary"
  | "unknown"
  | "histogram"
  | "gaugehistogram";

const TYPES: readonly WireType[] = [
  "counter",
  "gauge",
  "summary",
  "unknown",
  "histogram",
  "gaugehistogram",
];

/** The head of a family, and the places of its metrics. */
export interface FamilyMessage {
  readonly name: string;
  readonly help: string;
  readonly type: WireType;
  readonly unit: string;
  /** The start and the end of each metric, in turns. The end is exclusive. */
  readonly metrics: readonly number[];
}

/** The numbers of a metric. The value of a histogram or a summary is its count. */
export interface MetricMessage {
  readonly value: number;
  readonly sum: number | undefined;
  readonly buckets: Buckets | undefined;
  readonly quantiles: readonly (readonly [quantile: number, value: number])[];
}

/** A span of consecutive buckets. */
type Span = readonly [offset: number, length: number];

const TEXT_DECODER = new TextDecoder();

/** Reads fields from a part of the bytes. */
class Fields {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  /** The place of the value of the field. After it is read, the place of the next field. */
  position: number;
  field = 0;
  #wireType = 0;

  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.#end = end;
  }

  /** Moves to the next field. Returns false at the end. */
  next(): boolean {
    if (this.position >= this.#end) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    this.#wireType = tag % 8;
    return true;
  }

  /** Reads an unsigned integer, exact up to 2^53. */
  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 70; scale *= 128) {
      const byte = this.#bytes[this.position++];
      if (byte === undefined) break;
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
    throw new SyntaxError("Cannot read the metrics: they end in the middle");
  }

  /** Reads a signed integer in zigzag encoding. */
  zigzag(): number {
    const value = this.varint();
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2;
  }

  double(): number {
    const value = this.#view.getFloat64(this.position, true);
    this.position += 8;
    return value;
  }

  string(): string {
    const length = this.varint();
    return TEXT_DECODER.decode(this.#bytes.subarray(this.position, this.position += length));
  }

  /** Returns a reader for the fields of a nested message. */
  message(): Fields {
    const end = this.varint() + this.position;
    if (end > this.#end) throw new SyntaxError("Cannot read the metrics: they end in the middle");
    const fields = new Fields(this.#bytes, this.position, end);
    this.position = end;
    return fields;
  }

  /** The end of the message that `message()` returned. */
  get end(): number {
    return this.#end;
  }

  /** Skips a value. */
  skip(): void {
    if (this.#wireType === 0) this.varint();
    else if (this.#wireType === 1) this.position += 8;
    else if (this.#wireType === 5) this.position += 4;
    else if (this.#wireType === 2) this.message();
    else throw new SyntaxError(`Cannot read the metrics: unknown wire type ${this.#wireType}`);
  }
}

/** Yields the heads of all families. Does not read their metrics. */
export function* readFamilies(bytes: Uint8Array): Generator<FamilyMessage> {
  const messages = new Fields(bytes, 0, bytes.length);
  while (messages.position < bytes.length) {
    const fields = messages.message();
    let name = "";
    let help = "";
    let type: WireType = "counter"; // The default of the schema.
    let unit = "";
    const metrics: number[] = [];
    while (fields.next()) {
      if (fields.field === 1) name = fields.string();
      else if (fields.field === 2) help = fields.string();
      else if (fields.field === 3) type = TYPES[fields.varint()] ?? "unknown";
      else if (fields.field === 4) {
        const metric = fields.message();
        metrics.push(metric.position, metric.end);
      } else if (fields.field === 5) unit = fields.string();
      else fields.skip();
    }
    yield { name, help, type, unit, metrics };
  }
}

/**
 * Returns the end of the labels of the metric that begins at `start`. Labels come first. Their bytes
 * identify a series of the family.
 */
export function endOfLabels(bytes: Uint8Array, start: number, end: number): number {
  const fields = new Fields(bytes, start, end);
  let last = start;
  while (fields.next() && fields.field === 1) {
    fields.skip();
    last = fields.position;
  }
  return last;
}

/** Reads the labels of a metric. */
export function readLabels(bytes: Uint8Array, start: number, end: number): [string, string][] {
  const labels: [string, string][] = [];
  const fields = new Fields(bytes, start, end);
  while (fields.next()) {
    if (fields.field !== 1) {
      fields.skip();
      continue;
    }
    const pair = fields.message();
    let name = "";
    let value = "";
    while (pair.next()) {
      if (pair.field === 1) name = pair.string();
      else if (pair.field === 2) value = pair.string();
      else pair.skip();
    }
    labels.push([name, value]);
  }
  return labels;
}

/** Reads the numbers of a metric whose labels end at `start`. */
export function readMetric(bytes: Uint8Array, start: number, end: number): MetricMessage {
  const fields = new Fields(bytes, start, end);
  let metric: MetricMessage = NO_NUMBERS;
  while (fields.next()) {
    // gauge, counter, untyped; summary; histogram
    if (fields.field === 2 || fields.field === 3 || fields.field === 5) {
      metric = { ...NO_NUMBERS, value: readValue(fields.message()) };
    } else if (fields.field === 4) metric = readSummary(fields.message());
    else if (fields.field === 7) metric = readHistogram(fields.message());
    else fields.skip();
  }
  return metric;
}

const NO_NUMBERS: MetricMessage = {
  value: NaN,
  sum: undefined,
  buckets: undefined,
  quantiles: [],
};

function readValue(fields: Fields): number {
  let value = 0;
  while (fields.next()) {
    if (fields.field === 1) value = fields.double();
    else fields.skip();
  }
  return value;
}

function readSummary(fields: Fields): MetricMessage {
  let count = NaN;
  let sum: number | undefined;
  const quantiles: [number, number][] = [];
  while (fields.next()) {
    if (fields.field === 1) count = fields.varint();
    else if (fields.field === 2) sum = fields.double();
    else if (fields.field === 3) quantiles.push(readPair(fields.message()));
    else fields.skip();
  }
  return { value: count, sum, buckets: undefined, quantiles };
}

/** Reads a message of two doubles, such as a quantile and its value. */
function readPair(fields: Fields): [number, number] {
  const pair: [number, number] = [NaN, NaN];
  while (fields.next()) {
    if (fields.field === 1) pair[0] = fields.double();
    else if (fields.field === 2) pair[1] = fields.double();
    else fields.skip();
  }
  return pair;
}

function readHistogram(fields: Fields): MetricMessage {
  let count = 0;
  let sum: number | undefined;
  let schema: number | undefined;
  let zeroThreshold = 0;
  let zeroCount = 0;
  const bounds: number[] = [];
  const cumulative: number[] = [];
  const negative = new NativeSide();
  const positive = new NativeSide();
  while (fields.next()) {
    switch (fields.field) {
      case 1:
        count = fields.varint();
        break;
      case 2:
        sum = fields.double();
        break;
      case 3: {
        const [bound, below] = readBucket(fields.message());
        bounds.push(bound);
        cumulative.push(below);
        break;
      }
      case 4:
        count = fields.double();
        break;
      case 5:
        schema = fields.zigzag();
        break;
      case 6:
        zeroThreshold = fields.double();
        break;
      case 7:
        zeroCount = fields.varint();
        break;
      case 8:
        zeroCount = fields.double();
        break;
      case 9:
      case 12:
        (fields.field === 9 ? negative : positive).spans.push(readSpan(fields.message()));
        break;
      case 10:
      case 13:
        (fields.field === 10 ? negative : positive).addDelta(fields.zigzag());
        break;
      case 11:
      case 14:
        (fields.field === 11 ? negative : positive).counts.push(fields.double());
        break;
      default:
        fields.skip();
    }
  }
  // A native histogram has a span, or a zero bucket with a width.
  const isNative = schema !== undefined &&
    (zeroThreshold > 0 || zeroCount > 0 || positive.spans.length + negative.spans.length > 0);
  const buckets: Buckets = isNative
    ? {
      kind: "native",
      schema: schema ?? 0,
      zeroThreshold,
      zeroCount,
      positive: positive.buckets(),
      negative: negative.buckets(),
    }
    : classicBuckets(bounds, cumulative, count);
  return { value: count, sum, buckets, quantiles: [] };
}

/** The buckets of one sign, as written: spans, and differences of counts. */
class NativeSide {
  readonly spans: Span[] = [];
  readonly counts: number[] = [];

  addDelta(delta: number): void {
    this.counts.push((this.counts.at(-1) ?? 0) + delta);
  }

  buckets(): Map<number, number> {
    const buckets = new Map<number, number>();
    let index = 0;
    let next = 0;
    for (const [offset, length] of this.spans) {
      index += offset;
      for (let i = 0; i < length; i++) {
        const count = this.counts[next++] ?? 0;
        if (count !== 0) buckets.set(index, count);
        index++;
      }
    }
    return buckets;
  }
}

function readSpan(fields: Fields): Span {
  let offset = 0;
  let length = 0;
  while (fields.next()) {
    if (fields.field === 1) offset = fields.zigzag();
    else if (fields.field === 2) length = fields.varint();
    else fields.skip();
  }
  return [offset, length];
}

function readBucket(fields: Fields): [bound: number, cumulative: number] {
  let bound = Infinity;
  let count = 0;
  while (fields.next()) {
    if (fields.field === 1) count = fields.varint();
    else if (fields.field === 2) bound = fields.double();
    else if (fields.field === 4) count = fields.double();
    else fields.skip();
  }
  return [bound, count];
}

/** Returns buckets that are not cumulative, with +Inf, even if it was not written. */
function classicBuckets(bounds: number[], cumulative: number[], count: number): Buckets {
  if (bounds.at(-1) === Infinity) bounds.pop();
  else cumulative.push(count);
  const counts = cumulative.map((below, i) => below - (cumulative[i - 1] ?? 0));
  return { kind: "classic", bounds, counts };
}
