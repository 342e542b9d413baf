/**
 * A decoder of the protobuf format. It uses protobufjs and the official schema, so it shares no
 * code with the encoder.
 *
 * @module
 */
import protobuf from "protobufjs";

/** See https://github.com/prometheus/client_model/blob/master/io/prometheus/client/metrics.proto */
const SCHEMA = `
syntax = "proto2";
package io.prometheus.client;

message LabelPair { optional string name = 1; optional string value = 2; }
enum MetricType {
  COUNTER = 0; GAUGE = 1; SUMMARY = 2; UNTYPED = 3; HISTOGRAM = 4; GAUGE_HISTOGRAM = 5;
}
message Timestamp { optional int64 seconds = 1; optional int32 nanos = 2; }
message Exemplar {
  repeated LabelPair label = 1;
  optional double value = 2;
  optional Timestamp timestamp = 3;
}
message Gauge { optional double value = 1; }
message Counter {
  optional double value = 1;
  optional Exemplar exemplar = 2;
  optional Timestamp created_timestamp = 3;
}
message Quantile { optional double quantile = 1; optional double value = 2; }
message Summary {
  optional uint64 sample_count = 1;
  optional double sample_sum = 2;
  repeated Quantile quantile = 3;
  optional Timestamp created_timestamp = 4;
}
message Untyped { optional double value = 1; }
message Bucket {
  optional uint64 cumulative_count = 1;
  optional double upper_bound = 2;
  optional Exemplar exemplar = 3;
  optional double cumulative_count_float = 4;
}
message BucketSpan { optional sint32 offset = 1; optional uint32 length = 2; }
message Histogram {
  optional uint64 sample_count = 1;
  optional double sample_sum = 2;
  repeated Bucket bucket = 3;
  optional double sample_count_float = 4;
  optional sint32 schema = 5;
  optional double zero_threshold = 6;
  optional uint64 zero_count = 7;
  optional double zero_count_float = 8;
  repeated BucketSpan negative_span = 9;
  repeated sint64 negative_delta = 10;
  repeated double negative_count = 11;
  repeated BucketSpan positive_span = 12;
  repeated sint64 positive_delta = 13;
  repeated double positive_count = 14;
  optional Timestamp created_timestamp = 15;
  repeated Exemplar exemplars = 16;
}
message Metric {
  repeated LabelPair label = 1;
  optional Gauge gauge = 2;
  optional Counter counter = 3;
  optional Summary summary = 4;
  optional Untyped untyped = 5;
  optional int64 timestamp_ms = 6;
  optional Histogram histogram = 7;
}
message MetricFamily {
  optional string name = 1;
  optional string help = 2;
  optional MetricType type = 3;
  repeated Metric metric = 4;
  optional string unit = 5;
}
message Numbers {
  repeated uint64 unsigned = 1;
  repeated int64 signed = 2;
  repeated sint64 zigzag = 3;
  repeated double double = 4;
  repeated string string = 5;
  repeated Numbers message = 6;
}
`;

const root = protobuf.parse(SCHEMA, { keepCase: true }).root;
const familyType = root.lookupType("io.prometheus.client.MetricFamily");
const numbersType = root.lookupType("io.prometheus.client.Numbers");

/** A label. */
export interface ProtoLabel {
  name: string;
  value: string;
}

/** A time with nanoseconds. */
export interface ProtoTimestamp {
  seconds: number;
  nanos: number;
}

/** An exemplar. */
export interface ProtoExemplar {
  label?: ProtoLabel[];
  value: number;
  timestamp?: ProtoTimestamp;
}

/** The value of a counter, a gauge or an untyped metric. */
export interface ProtoNumber {
  value: number;
  exemplar?: ProtoExemplar;
  created_timestamp?: ProtoTimestamp;
}

/** A summary. */
export interface ProtoSummary {
  sample_count?: number;
  sample_sum?: number;
  quantile?: { quantile: number; value: number }[];
  created_timestamp?: ProtoTimestamp;
}

/** A run of consecutive buckets. */
export interface ProtoSpan {
  offset: number;
  length: number;
}

/** A histogram: classic, native or both. */
export interface ProtoHistogram {
  sample_count?: number;
  sample_count_float?: number;
  sample_sum?: number;
  bucket?: {
    cumulative_count?: number;
    cumulative_count_float?: number;
    upper_bound: number;
    exemplar?: ProtoExemplar;
  }[];
  schema?: number;
  zero_threshold?: number;
  zero_count?: number;
  zero_count_float?: number;
  negative_span?: ProtoSpan[];
  negative_delta?: number[];
  negative_count?: number[];
  positive_span?: ProtoSpan[];
  positive_delta?: number[];
  positive_count?: number[];
  created_timestamp?: ProtoTimestamp;
  exemplars?: ProtoExemplar[];
}

/** A metric of a family. */
export interface ProtoMetric {
  label?: ProtoLabel[];
  counter?: ProtoNumber;
  gauge?: ProtoNumber;
  untyped?: ProtoNumber;
  summary?: ProtoSummary;
  histogram?: ProtoHistogram;
  timestamp_ms?: number;
}

/** A metric family with only the fields that were written. */
export interface ProtoFamily {
  name: string;
  help: string;
  type: string;
  metric?: ProtoMetric[];
  unit?: string;
}

/** Decodes delimited `MetricFamily` messages. */
export function decodeFamilies(bytes: Uint8Array): ProtoFamily[] {
  const reader = protobuf.Reader.create(bytes);
  const families: ProtoFamily[] = [];
  while (reader.pos < reader.len) {
    const message = familyType.decodeDelimited(reader);
    // The schema guarantees the fields.
    families.push(familyType.toObject(message, { longs: Number, enums: String }) as ProtoFamily);
  }
  return families;
}

/** Encodes delimited `MetricFamily` messages with protobufjs. */
export function encodeFamilies(families: readonly ProtoFamily[]): Uint8Array {
  const writer = protobuf.Writer.create();
  for (const family of families) {
    familyType.encodeDelimited(familyType.fromObject(family), writer);
  }
  return writer.finish();
}

/** Fields of every kind, for tests of the writer. Integers are strings, because some are large. */
export interface ProtoNumbers {
  unsigned?: string[];
  signed?: string[];
  zigzag?: string[];
  double?: number[];
  string?: string[];
  message?: ProtoNumbers[];
}

/** Decodes a message with the fields 1 to 6: unsigned, signed, zigzag, double, string, message. */
export function decodeNumbers(bytes: Uint8Array): ProtoNumbers {
  // The schema guarantees the fields.
  return numbersType.toObject(numbersType.decode(bytes), { longs: String }) as ProtoNumbers;
}

/** Returns the counts of native buckets by index, without those that are 0. */
export function readBuckets(
  histogram: ProtoHistogram,
  sign: "positive" | "negative",
): Map<number, number> {
  const deltas = histogram[`${sign}_delta`] ?? [];
  const counts = [...(histogram[`${sign}_count`] ?? [])];
  for (const delta of deltas) counts.push((counts.at(-1) ?? 0) + delta);
  const buckets = new Map<number, number>();
  let index = 0;
  let next = 0;
  for (const { offset, length } of histogram[`${sign}_span`] ?? []) {
    index += offset;
    for (let i = 0; i < length; i++, index++, next++) {
      const count = counts[next];
      if (count === undefined) throw new Error(`Cannot read bucket ${index}: it has no count`);
      if (count !== 0) buckets.set(index, count);
    }
  }
  if (next !== counts.length) {
    throw new Error(`Cannot read buckets: ${next} in spans, ${counts.length} counts`);
  }
  return buckets;
}

/** Converts a timestamp to seconds. */
export function toSeconds({ seconds, nanos }: ProtoTimestamp): number {
  return seconds + nanos / 1e9;
}
