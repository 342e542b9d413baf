import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type LabelValue, MetricFamily, type MetricType } from "../../mod.ts";
import { type ProtoMetric, readBuckets } from "../support/protobuf.ts";
import { roundTrip } from "../support/protobuf_round_trip.ts";

const counts = fc.oneof(fc.maxSafeNat(), fc.nat(1000), fc.double({ min: 0, noNaN: true }));
const values = fc.oneof(fc.double(), fc.integer());
const texts = fc.string({ unit: "grapheme", maxLength: 200 });
const nativeBuckets = fc.array(fc.tuple(fc.integer({ min: -60, max: 60 }), counts))
  .map((entries) => new Map(entries));
const natives = fc.record({
  schema: fc.integer({ min: -4, max: 8 }),
  zeroThreshold: fc.double({ min: 0, max: 1, noNaN: true }),
  zeroCount: counts,
  positive: nativeBuckets,
  negative: nativeBuckets,
  sum: values,
  count: counts,
});
const milliseconds = fc.integer({ min: -1e12, max: 4e12 });
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const points = fc.record({
  label: texts,
  timestamp: optional(milliseconds),
  created: optional(milliseconds),
  value: values,
  sum: values,
  count: counts,
  bounds: fc.uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true }), { maxLength: 20 }),
  bucketCount: counts,
  native: optional(natives),
});
const families = fc.record({
  type: fc.constantFrom<MetricType>(
    "counter",
    "gauge",
    "unknown",
    "info",
    "stateset",
    "summary",
    "histogram",
    "gaugehistogram",
  ),
  help: texts,
  points: fc.uniqueArray(points, { maxLength: 20, selector: ({ label }) => label }),
});
type FamilyModel = typeof families extends fc.Arbitrary<infer T> ? T : never;
type PointModel = FamilyModel["points"][number];

const NAMES: Record<MetricType, string> = {
  counter: "x_total",
  gauge: "x",
  unknown: "x",
  info: "x_info",
  stateset: "x",
  summary: "x",
  histogram: "x",
  gaugehistogram: "x",
};

const PROTO_TYPES: Record<MetricType, string> = {
  counter: "COUNTER",
  gauge: "GAUGE",
  unknown: "UNTYPED",
  info: "GAUGE",
  stateset: "GAUGE",
  summary: "SUMMARY",
  histogram: "HISTOGRAM",
  gaugehistogram: "GAUGE_HISTOGRAM",
};

function build({ type, help, points }: FamilyModel): MetricFamily {
  const name = NAMES[type];
  const family = new MetricFamily(name, help, type);
  for (const point of points) {
    const { label, timestamp, value } = point;
    const labels: Record<string, LabelValue> = { label };
    const options = timestamp === undefined ? {} : { timestamp: timestamp / 1000 };
    const add = (sample: string, more: Record<string, LabelValue>, number: number) =>
      family.addSample(sample, { ...labels, ...more }, number, options);
    const g = type === "gaugehistogram" ? "g" : "";
    if (type === "summary" || type.endsWith("histogram")) {
      for (const bound of point.bounds) {
        if (type === "summary") add(name, { quantile: bound }, value);
        else add(`${name}_bucket`, { le: bound }, point.bucketCount);
      }
      add(`${name}_${g}sum`, {}, point.sum);
      add(`${name}_${g}count`, {}, point.count);
    }
    if (type.endsWith("histogram")) {
      add(`${name}_bucket`, { le: Infinity }, point.count);
      if (point.native !== undefined) {
        family.addSample(name, labels, 0, { ...options, nativeHistogram: point.native });
      }
    } else if (type === "stateset") {
      add(name, { x: "on" }, value);
    } else if (type !== "summary") {
      add(name, {}, value);
    }
    if (point.created !== undefined && ["counter", "summary", "histogram"].includes(type)) {
      add("x_created", {}, point.created / 1000);
    }
  }
  return family;
}

/** Returns the parts of a decoded metric, with the buckets of a native histogram combined. */
function read({ histogram, ...metric }: ProtoMetric): unknown {
  if (histogram === undefined) return metric;
  const { schema, zero_threshold, created_timestamp, sample_sum } = histogram;
  return {
    ...metric,
    created_timestamp,
    sum: sample_sum,
    count: histogram.sample_count ?? histogram.sample_count_float,
    buckets: histogram.bucket?.map((bucket) => [
      bucket.upper_bound,
      bucket.cumulative_count ?? bucket.cumulative_count_float,
    ]),
    native: schema === undefined ? undefined : {
      schema,
      zero_threshold,
      zero_count: histogram.zero_count ?? histogram.zero_count_float,
      positive: readBuckets(histogram, "positive"),
      negative: readBuckets(histogram, "negative"),
    },
  };
}

function toTimestamp(time: number) {
  const seconds = Math.floor(time / 1000);
  return { seconds, nanos: (time - seconds * 1000) * 1e6 };
}

function filled(buckets: Map<number, number>): Map<number, number> {
  return new Map([...buckets].filter(([, count]) => count !== 0).sort(([a], [b]) => a - b));
}

function expect(type: MetricType, point: PointModel): unknown {
  const { label, timestamp, value, created, bounds, native } = point;
  const base = {
    label: [{ name: "label", value: label }],
    ...(timestamp === undefined ? {} : { timestamp_ms: timestamp }),
  };
  const created_timestamp = created === undefined ? undefined : toTimestamp(created);
  const withCreated = created === undefined ? {} : { created_timestamp };
  switch (type) {
    case "counter":
      return { ...base, counter: { value, ...withCreated } };
    case "unknown":
      return { ...base, untyped: { value } };
    case "summary": {
      const count = Math.min(Math.round(point.count), 2 ** 53 - 1);
      const quantile = bounds.map((bound) => ({ quantile: positiveZero(bound), value }));
      return {
        ...base,
        summary: {
          sample_count: count,
          sample_sum: point.sum,
          ...(quantile.length > 0 ? { quantile } : {}),
          ...withCreated,
        },
      };
    }
    case "histogram":
    case "gaugehistogram":
      return {
        ...base,
        created_timestamp: type === "histogram" ? created_timestamp : undefined,
        sum: point.sum,
        count: point.count,
        buckets: native !== undefined && bounds.length === 0 ? undefined : [
          ...bounds.toSorted((a, b) => a - b).map((bound) => [
            positiveZero(bound),
            point.bucketCount,
          ]),
          [Infinity, point.count],
        ],
        native: native === undefined ? undefined : {
          schema: native.schema,
          zero_threshold: native.zeroThreshold,
          zero_count: native.zeroCount,
          positive: filled(native.positive),
          negative: filled(native.negative),
        },
      };
    case "stateset":
      return {
        label: [...base.label, { name: "x", value: "on" }],
        ...rest(base),
        gauge: { value },
      };
    default:
      return { ...base, gauge: { value } };
  }
}

/** Returns a base without its labels. */
function rest({ label: _, ...others }: { label: unknown; timestamp_ms?: number }) {
  return others;
}

/** A bound is written as a label in between, which has no negative zero. */
function positiveZero(bound: number): number {
  return bound === 0 ? 0 : bound;
}

test("a decoder reads the same numbers from random families of encodeProtobuf()", () => {
  fc.assert(
    fc.property(fc.array(families, { maxLength: 4 }), fc.nat(5000), (models, messageSize) => {
      const metrics = roundTrip(models.map(build), { messageSize })
        .flatMap(({ type, help, metric = [] }) => metric.map((one) => [type, help, read(one)]));
      const expected = models.flatMap(({ type, help, points }) =>
        points.map((point) => [PROTO_TYPES[type], help, expect(type, point)])
      );
      assert.deepEqual(metrics, expected);
    }),
    { seed: 3, numRuns: 300 },
  );
});
