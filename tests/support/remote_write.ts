/**
 * A remote-write receiver for tests. It decodes with protobufjs and snappyjs, so it shares no code
 * with the sender.
 *
 * @module
 */
import protobuf from "protobufjs";
// The package has no types.
// @ts-types="./snappyjs.d.ts"
import snappy from "snappyjs";
import { ManualClock, until } from "./clock.ts";

/** See https://github.com/prometheus/prometheus/blob/main/prompb/types.proto */
const SCHEMA = `
syntax = "proto3";
package prometheus;

message MetricMetadata {
  enum MetricType {
    UNKNOWN = 0; COUNTER = 1; GAUGE = 2; HISTOGRAM = 3; GAUGEHISTOGRAM = 4; SUMMARY = 5; INFO = 6;
    STATESET = 7;
  }
  MetricType type = 1;
  string metric_family_name = 2;
  string help = 4;
  string unit = 5;
}
message Label { string name = 1; string value = 2; }
message Sample { double value = 1; int64 timestamp = 2; }
message Exemplar { repeated Label labels = 1; double value = 2; int64 timestamp = 3; }
message BucketSpan { sint32 offset = 1; uint32 length = 2; }
message Histogram {
  enum ResetHint { UNKNOWN = 0; YES = 1; NO = 2; GAUGE = 3; }
  oneof count { uint64 count_int = 1; double count_float = 2; }
  double sum = 3;
  sint32 schema = 4;
  double zero_threshold = 5;
  oneof zero_count { uint64 zero_count_int = 6; double zero_count_float = 7; }
  repeated BucketSpan negative_spans = 8;
  repeated sint64 negative_deltas = 9;
  repeated double negative_counts = 10;
  repeated BucketSpan positive_spans = 11;
  repeated sint64 positive_deltas = 12;
  repeated double positive_counts = 13;
  ResetHint reset_hint = 14;
  int64 timestamp = 15;
}
message TimeSeries {
  repeated Label labels = 1;
  repeated Sample samples = 2;
  repeated Exemplar exemplars = 3;
  repeated Histogram histograms = 4;
}
message WriteRequest {
  repeated TimeSeries timeseries = 1;
  repeated MetricMetadata metadata = 3;
}
`;

const requestType = parse(SCHEMA);
/** The same schema with values as bits, because a runtime may support only one NaN. */
const bitsType = parse(
  SCHEMA.replace("message Sample { double", "message Sample { fixed64").replace(
    "double sum",
    "fixed64 sum",
  ),
);
/** The NaN that marks a series as stale, 0x7ff0000000000002. */
const STALE_BITS = "9218868437227405314";

function parse(schema: string): protobuf.Type {
  return protobuf.parse(schema, { keepCase: true }).root.lookupType("prometheus.WriteRequest");
}

/** A label. */
export interface WrittenLabel {
  name: string;
  value: string;
}

/** A native histogram. */
export interface WrittenHistogram {
  count_int?: number;
  count_float?: number;
  sum: number;
  schema: number;
  zero_threshold: number;
  zero_count_int?: number;
  zero_count_float?: number;
  negative_spans?: { offset: number; length: number }[];
  negative_deltas?: number[];
  negative_counts?: number[];
  positive_spans?: { offset: number; length: number }[];
  positive_deltas?: number[];
  positive_counts?: number[];
  reset_hint?: string;
  timestamp: number;
}

/** A series. */
export interface WrittenSeries {
  labels: WrittenLabel[];
  /** Values of 0 are omitted, as in protobuf 3. */
  samples?: { value?: number; timestamp: number }[];
  exemplars?: { labels: WrittenLabel[]; value: number; timestamp: number }[];
  histograms?: WrittenHistogram[];
}

/** A request with only the fields that were written. */
export interface WrittenRequest {
  timeseries?: WrittenSeries[];
  metadata?: { type?: string; metric_family_name: string; help?: string; unit?: string }[];
}

/** Uncompresses Snappy's block format. */
export function uncompressSnappy(bytes: Uint8Array): Uint8Array {
  // The decoder needs a buffer that contains only the input.
  return new Uint8Array(snappy.uncompress(bytes.slice().buffer));
}

/** Decodes an uncompressed request. */
export function decodeWriteRequest(bytes: Uint8Array): WrittenRequest {
  const message = requestType.decode(bytes);
  // The schema guarantees the fields.
  return requestType.toObject(message, { longs: Number, enums: String }) as WrittenRequest;
}

/**
 * Returns the series of a request that are marked as stale. Native histograms have the suffix
 * `native`.
 */
export function decodeStale(bytes: Uint8Array): string[] {
  // The schema guarantees the fields. The values are strings.
  const { timeseries = [] } = bitsType.toObject(bitsType.decode(bytes), { longs: String }) as {
    timeseries?: {
      labels: WrittenLabel[];
      samples?: { value?: string }[];
      histograms?: { sum?: string }[];
    }[];
  };
  return timeseries.flatMap(({ labels, samples = [], histograms = [] }) => {
    if (samples.some(({ value }) => value === STALE_BITS)) return [seriesText({ labels })];
    if (histograms.some(({ sum }) => sum === STALE_BITS)) {
      return [`${seriesText({ labels })} native`];
    }
    return [];
  });
}

/**
 * Formats a series as in queries: `name{label="value"}`, with the labels in the order of the
 * request.
 */
export function seriesText({ labels }: WrittenSeries): string {
  const name = labels.find(({ name }) => name === "__name__")?.value ?? "";
  const rest = labels.filter(({ name }) => name !== "__name__");
  if (rest.length === 0) return name;
  return `${name}{${rest.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join()}}`;
}

/** Returns the last value of each series with float samples. */
export function valuesOf(requests: readonly WrittenRequest[]): Record<string, number> {
  const values: Record<string, number> = {};
  for (const { timeseries = [] } of requests) {
    for (const series of timeseries) {
      for (const { value = 0 } of series.samples ?? []) values[seriesText(series)] = value;
    }
  }
  return values;
}

/** A received request. */
export interface ReceivedRequest {
  readonly headers: Headers;
  readonly size: number;
  readonly request: WrittenRequest;
  /** The series that are marked as stale. */
  readonly stale: string[];
}

/** A receiver's response: a status, an object with more, or `"fail"` for no response. */
export type Reply = number | { status: number; body?: string; retryAfter?: string } | "fail";

/** A receiver that replaces `fetch`, so that no network is needed. */
export class FakeReceiver {
  /** The received requests, in order. */
  readonly received: ReceivedRequest[] = [];
  /** The requested URLs. */
  readonly urls: string[] = [];
  /** The next responses. Defaults to 204 when empty. */
  replies: Reply[] = [];
  /** Awaited before each response. */
  gate: Promise<void> | undefined;
  /** The number of pending requests, and its maximum so far. */
  pending = 0;
  mostPending = 0;

  /** The function that the bridge calls. */
  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    this.urls.push(url);
    // The sender always passes a Uint8Array.
    const body = init.body as Uint8Array;
    this.received.push(receive(new Headers(init.headers), body));
    this.mostPending = Math.max(this.mostPending, ++this.pending);
    try {
      await untilAborted(this.gate ?? Promise.resolve(), init.signal);
      const reply = this.replies.shift() ?? 204;
      if (reply === "fail") throw new TypeError(`error sending request for url (${url})`);
      const { status, body = "", retryAfter } = typeof reply === "number"
        ? { status: reply }
        : reply as { status: number; body?: string; retryAfter?: string };
      const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
      return new Response(status === 204 ? null : body, { status, headers });
    } finally {
      this.pending--;
    }
  };

  /** The last values of all series. */
  get values(): Record<string, number> {
    return valuesOf(this.received.map(({ request }) => request));
  }
}

/** Decodes a received request. */
export function receive(headers: Headers, body: Uint8Array): ReceivedRequest {
  const bytes = uncompressSnappy(body);
  const request = decodeWriteRequest(bytes);
  return { headers, size: body.length, request, stale: decodeStale(bytes) };
}

/** Waits like `fetch`: rejects when the signal is aborted. */
function untilAborted(gate: Promise<void>, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    gate.then(resolve);
  });
}

/** The time limit of requests in tests. It distinguishes their timers from those of pauses. */
export const REQUEST_TIMEOUT_MS = 123_456;

/** A clock that distinguishes the pauses of a writer from the time limits of its requests. */
export class PauseClock extends ManualClock {
  /** The requested lengths of the pauses, in milliseconds. */
  readonly asked: number[] = [];
  /** The number of pauses that have not ended. */
  pauses = 0;

  override setTimeout(
    callback: () => void,
    milliseconds: number,
    options: { readonly inBackground?: boolean | undefined } = {},
  ): () => void {
    if (!options.inBackground || milliseconds === REQUEST_TIMEOUT_MS) {
      return super.setTimeout(callback, milliseconds);
    }
    this.asked.push(milliseconds);
    this.pauses++;
    let isOver = false;
    const end = (): void => {
      if (!isOver) this.pauses--;
      isOver = true;
    };
    const cancel = super.setTimeout(() => {
      end();
      callback();
    }, milliseconds);
    return () => {
      end();
      cancel();
    };
  }

  /** Waits until there is a pause. */
  async untilPaused(): Promise<void> {
    await until("there is a pause", () => this.pauses > 0);
  }

  /** Moves the clock to the end of the next pause. */
  async endPause(): Promise<void> {
    await this.untilPaused();
    for (const { pauses } = this; this.pauses === pauses;) this.advanceToNext();
  }
}
