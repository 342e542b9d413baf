/**
 * A receiver of remote write for tests: protobufjs and snappyjs read what arrives, so that
 * nothing is shared with the sender.
 *
 * @module
 */
import protobuf from "protobufjs";
// It has no types.
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
/** The same with the bits of values instead: a runtime may have one NaN only. */
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
  /** A value of 0 is left out, as protobuf 3 has it. */
  samples?: { value?: number; timestamp: number }[];
  exemplars?: { labels: WrittenLabel[]; value: number; timestamp: number }[];
  histograms?: WrittenHistogram[];
}

/** A request, with what was written and nothing else. */
export interface WrittenRequest {
  timeseries?: WrittenSeries[];
  metadata?: { type?: string; metric_family_name: string; help?: string; unit?: string }[];
}

/** Uncompresses Snappy's block format. */
export function uncompressSnappy(bytes: Uint8Array): Uint8Array {
  // It wants a buffer that is nothing but the input.
  return new Uint8Array(snappy.uncompress(bytes.slice().buffer));
}

/** Decodes an uncompressed request. */
export function decodeWriteRequest(bytes: Uint8Array): WrittenRequest {
  const message = requestType.decode(bytes);
  // The schema says what is in there.
  return requestType.toObject(message, { longs: Number, enums: String }) as WrittenRequest;
}

/** The series of a request that are marked as stale; native histograms are told by `native`. */
export function decodeStale(bytes: Uint8Array): string[] {
  // The schema says what is in there; the values are texts here.
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

/** A series as it is written in queries: `name{label="value"}`, labels in the order of the request. */
export function seriesText({ labels }: WrittenSeries): string {
  const name = labels.find(({ name }) => name === "__name__")?.value ?? "";
  const rest = labels.filter(({ name }) => name !== "__name__");
  if (rest.length === 0) return name;
  return `${name}{${rest.map(({ name, value }) => `${name}=${JSON.stringify(value)}`).join()}}`;
}

/** The value of each series of one number, the last one of each. */
export function valuesOf(requests: readonly WrittenRequest[]): Record<string, number> {
  const values: Record<string, number> = {};
  for (const { timeseries = [] } of requests) {
    for (const series of timeseries) {
      for (const { value = 0 } of series.samples ?? []) values[seriesText(series)] = value;
    }
  }
  return values;
}

/** A request as it arrived. */
export interface ReceivedRequest {
  readonly headers: Headers;
  readonly size: number;
  readonly request: WrittenRequest;
  /** The series that are marked as stale. */
  readonly stale: string[];
}

/** What a receiver answers: a status, or more; `"fail"` for no answer at all. */
export type Reply = number | { status: number; body?: string; retryAfter?: string } | "fail";

/** A receiver that stands in for `fetch`, so that no network is needed. */
export class FakeReceiver {
  /** What arrived, in order. */
  readonly received: ReceivedRequest[] = [];
  /** The URLs that were asked for. */
  readonly urls: string[] = [];
  /** What is answered next; 204 when there is nothing left. */
  replies: Reply[] = [];
  /** Waited for before each answer. */
  gate: Promise<void> | undefined;
  /** How many requests are on their way, and how many were at the same time. */
  pending = 0;
  mostPending = 0;

  /** What the bridge calls. */
  readonly fetch = async (url: string, init: RequestInit): Promise<Response> => {
    this.urls.push(url);
    // The sender makes nothing else.
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

  /** The values of all series, those of the last request that has them. */
  get values(): Record<string, number> {
    return valuesOf(this.received.map(({ request }) => request));
  }
}

/** What arrived, decoded. */
export function receive(headers: Headers, body: Uint8Array): ReceivedRequest {
  const bytes = uncompressSnappy(body);
  const request = decodeWriteRequest(bytes);
  return { headers, size: body.length, request, stale: decodeStale(bytes) };
}

/** Waits as `fetch` does: no longer than until the signal is aborted. */
function untilAborted(gate: Promise<void>, signal: AbortSignal | null | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) reject(signal.reason);
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
    gate.then(resolve);
  });
}

/** The limit of each request in tests, by which its timer is told from those of pauses. */
export const REQUEST_TIMEOUT_MS = 123_456;

/** A clock that tells the pauses of a writer from the limits of its requests. */
export class PauseClock extends ManualClock {
  /** How long each pause was to be, in milliseconds. */
  readonly asked: number[] = [];
  /** How many pauses have not ended. */
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

  /** Moves on to the end of the next pause. */
  async endPause(): Promise<void> {
    await this.untilPaused();
    for (const { pauses } = this; this.pauses === pauses;) this.advanceToNext();
  }
}
