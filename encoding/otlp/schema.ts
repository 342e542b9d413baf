/**
 * The messages of OTLP metrics as tables, by which both of its encodings are written.
 *
 * See https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/metrics/v1/metrics.proto
 *
 * @module
 */

/** A message: the names of its fields in JSON, with how each is written. */
export interface Schema {
  readonly [name: string]: Field;
}

/**
 * The kinds of values:
 * - `string`, `double`, `bool`, `enum`, `sint32`: as protobuf has them
 * - `fixed64`: an integer of at least 0, a bigint or a number; in JSON a string
 * - `uint64`: the same as a varint
 * - `hex`: bytes, as hexadecimal text
 */
export type Kind =
  | "string"
  | "double"
  | "bool"
  | "enum"
  | "sint32"
  | "fixed64"
  | "uint64"
  | "hex";

/** A field. */
export interface Field {
  /** Its number in protobuf. */
  readonly number: number;
  /** The kind of its value, or the schema of a message. */
  readonly kind: Kind | Schema;
  /** Whether its value is an array of such values. */
  readonly repeated?: boolean;
}

const one = (number: number, kind: Kind | Schema): Field => ({ number, kind });
const many = (number: number, kind: Kind | Schema): Field => ({ number, kind, repeated: true });

const KEY_VALUE: Schema = {
  key: one(1, "string"),
  value: one(2, { stringValue: one(1, "string") }),
};

const EXEMPLAR: Schema = {
  timeUnixNano: one(2, "fixed64"),
  asDouble: one(3, "double"),
  spanId: one(4, "hex"),
  traceId: one(5, "hex"),
  filteredAttributes: many(7, KEY_VALUE),
};

const NUMBER_POINT: Schema = {
  startTimeUnixNano: one(2, "fixed64"),
  timeUnixNano: one(3, "fixed64"),
  asDouble: one(4, "double"),
  exemplars: many(5, EXEMPLAR),
  attributes: many(7, KEY_VALUE),
};

const HISTOGRAM_POINT: Schema = {
  startTimeUnixNano: one(2, "fixed64"),
  timeUnixNano: one(3, "fixed64"),
  count: one(4, "fixed64"),
  sum: one(5, "double"),
  bucketCounts: many(6, "fixed64"),
  explicitBounds: many(7, "double"),
  exemplars: many(8, EXEMPLAR),
  attributes: many(9, KEY_VALUE),
};

const BUCKETS: Schema = {
  offset: one(1, "sint32"),
  bucketCounts: many(2, "uint64"),
};

const EXPONENTIAL_POINT: Schema = {
  attributes: many(1, KEY_VALUE),
  startTimeUnixNano: one(2, "fixed64"),
  timeUnixNano: one(3, "fixed64"),
  count: one(4, "fixed64"),
  sum: one(5, "double"),
  scale: one(6, "sint32"),
  zeroCount: one(7, "fixed64"),
  positive: one(8, BUCKETS),
  negative: one(9, BUCKETS),
  exemplars: many(11, EXEMPLAR),
  zeroThreshold: one(14, "double"),
};

const SUMMARY_POINT: Schema = {
  startTimeUnixNano: one(2, "fixed64"),
  timeUnixNano: one(3, "fixed64"),
  count: one(4, "fixed64"),
  sum: one(5, "double"),
  quantileValues: many(6, { quantile: one(1, "double"), value: one(2, "double") }),
  attributes: many(7, KEY_VALUE),
};

const METRIC: Schema = {
  name: one(1, "string"),
  description: one(2, "string"),
  unit: one(3, "string"),
  gauge: one(5, { dataPoints: many(1, NUMBER_POINT) }),
  sum: one(7, {
    dataPoints: many(1, NUMBER_POINT),
    aggregationTemporality: one(2, "enum"),
    isMonotonic: one(3, "bool"),
  }),
  histogram: one(9, {
    dataPoints: many(1, HISTOGRAM_POINT),
    aggregationTemporality: one(2, "enum"),
  }),
  exponentialHistogram: one(10, {
    dataPoints: many(1, EXPONENTIAL_POINT),
    aggregationTemporality: one(2, "enum"),
  }),
  summary: one(11, { dataPoints: many(1, SUMMARY_POINT) }),
  metadata: many(12, KEY_VALUE),
};

/** `opentelemetry.proto.collector.metrics.v1.ExportMetricsServiceRequest`. */
export const REQUEST: Schema = {
  resourceMetrics: many(1, {
    resource: one(1, { attributes: many(1, KEY_VALUE) }),
    scopeMetrics: many(2, {
      scope: one(1, {
        name: one(1, "string"),
        version: one(2, "string"),
        attributes: many(3, KEY_VALUE),
      }),
      metrics: many(2, METRIC),
      schemaUrl: one(3, "string"),
    }),
  }),
};
