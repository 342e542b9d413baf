/**
 * Cases of native histograms.
 *
 * @module
 */
import assert from "node:assert/strict";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import { parseOpenMetrics } from "../../encoding/parse.ts";
import { nativeUpperBound, pickSchema } from "../../estimators/native_bounds.ts";
import { NativeExemplars } from "../../estimators/native_exemplars.ts";
import { checkNativeOptions, NativeHistogramEstimator } from "../../estimators/native_histogram.ts";
import { CollectorRegistry, generateProtobuf, Histogram, MetricFamily } from "../../mod.ts";
import type { HistogramMetric, NativeHistogram } from "../../model.ts";
import { ManualClock } from "../support/clock.ts";
import { findBucket } from "../support/native_buckets.ts";
import { decodeFamilies, type ProtoHistogram, type ProtoSpan } from "../support/protobuf.ts";
import { type JsonObject, list, type Runner, runner } from "./runner.ts";
import { fromBits, type JsonNumber, toNumber } from "./vector_families.ts";

type Span = readonly [offset: number, length: number];

/** The expected histogram. */
export interface Wanted {
  readonly sampleCount: JsonNumber;
  readonly sampleSum: JsonNumber;
  readonly createdOffsetSeconds: number;
  readonly schema?: number;
  readonly zeroThreshold?: JsonNumber;
  readonly zeroCount?: JsonNumber;
  readonly positiveSpans?: readonly Span[];
  readonly positiveDeltas?: readonly number[];
  readonly negativeSpans?: readonly Span[];
  readonly negativeDeltas?: readonly number[];
  readonly classicBuckets?: readonly (readonly [JsonNumber, JsonNumber])[];
}

interface ObservationCase {
  readonly name: string;
  readonly observations: readonly JsonNumber[];
  readonly options: {
    readonly bucketFactor: number;
    readonly zeroThreshold: number | "default";
    readonly maxBuckets: number;
    readonly minResetDurationSeconds: number;
    readonly maxZeroThreshold: number;
  };
  readonly want: Wanted;
}

/** The time between two observations, in seconds. */
const STEP = 60;

/** Lists of observations and the resulting histogram. */
export const observations: Runner = runner<ObservationCase>({
  cases: list("cases"),
  name: ({ name }) => name,
  verify: ({ observations, options, want }) => {
    if (!observations.every((value) => Number.isFinite(toNumber(value)))) {
      return verifyEstimator({ observations, options, want });
    }
    const start = 1_700_000_000;
    const clock = new ManualClock(start);
    const registry = new CollectorRegistry();
    const { bucketFactor, zeroThreshold, ...limits } = options;
    const histogram = new Histogram("h", "help", {
      registry,
      clock,
      nativeHistogram: bucketFactor <= 1 ? false : {
        bucketFactor,
        ...limits,
        ...zeroThreshold !== "default" && { zeroThreshold },
      },
    });
    clock.advance(STEP);
    for (const value of observations) {
      histogram.observe(toNumber(value));
      clock.advance(STEP);
    }
    const [family] = decodeFamilies(generateProtobuf(registry));
    assert.deepEqual(
      readHistogram(family!.metric![0]!.histogram!, start),
      readWanted(want),
    );
  },
});

/** Verifies the estimator alone, because the metric rejects values that are not finite. */
function verifyEstimator({ observations, options, want }: Omit<ObservationCase, "name">): void {
  const { zeroThreshold, ...given } = options;
  const threshold = zeroThreshold === "default" ? {} : { zeroThreshold };
  const checked = checkNativeOptions({ ...given, ...threshold }, "Cannot verify");
  const estimator = new NativeHistogramEstimator(checked, () => 0);
  let sum = 0;
  for (const value of observations) {
    estimator.observe(toNumber(value));
    sum += toNumber(value);
  }
  const { schema, zeroCount, positive, negative } = estimator;
  const native = { schema, zeroThreshold: estimator.zeroThreshold, zeroCount, positive, negative };
  const family = new MetricFamily("h", "help", "histogram").addSample("h", {}, 0, {
    nativeHistogram: { ...native, sum, count: observations.length },
  });
  const [decoded] = decodeFamilies([...encodeProtobuf([family], "underscores")][0]!);
  const histogram = decoded!.metric![0]!.histogram!;
  const created_timestamp = { seconds: 0, nanos: 0 };
  assert.deepEqual(readHistogram({ ...histogram, created_timestamp }, 0), readWanted(want));
}

/** Converts a histogram to the terms of the files. */
function readHistogram(histogram: ProtoHistogram, start: number): Wanted {
  const isNative = histogram.schema !== undefined;
  const spans = (list: ProtoSpan[] = []) =>
    list.map(({ offset, length }) => [offset, length] as const);
  const classic = (histogram.bucket ?? []).filter((bucket) => bucket.upper_bound !== Infinity);
  return {
    sampleCount: histogram.sample_count!,
    sampleSum: histogram.sample_sum!,
    createdOffsetSeconds: histogram.created_timestamp!.seconds - start,
    ...isNative && {
      schema: histogram.schema,
      zeroThreshold: histogram.zero_threshold!,
      zeroCount: histogram.zero_count!,
      positiveSpans: spans(histogram.positive_span),
      positiveDeltas: histogram.positive_delta ?? [],
      negativeSpans: spans(histogram.negative_span),
      negativeDeltas: histogram.negative_delta ?? [],
    },
    ...!isNative && {
      classicBuckets: classic.map((bucket) => [bucket.upper_bound, bucket.cumulative_count!]),
    },
  };
}

function readWanted(want: Wanted): Wanted {
  return {
    ...want,
    sampleCount: toNumber(want.sampleCount),
    sampleSum: toNumber(want.sampleSum),
    ...want.zeroThreshold !== undefined && { zeroThreshold: toNumber(want.zeroThreshold) },
    ...want.zeroCount !== undefined && { zeroCount: toNumber(want.zeroCount) },
  };
}

/** Bucket indices and their bounds. */
export const upperBounds: Runner = runner<{ schema: number; key: number; upperBound: JsonNumber }>({
  cases: list("cases"),
  name: ({ schema, key }) => `schema ${schema}, bucket ${key}`,
  verify: ({ schema, key, upperBound }) => {
    assert.equal(nativeUpperBound(schema, key), toNumber(upperBound));
  },
});

/** The bounds between 0.5 and 1 of the finest schema, bit by bit. */
export const bounds: Runner = runner<string>({
  cases: list("bitsBigEndianHex"),
  name: (_, index) => `bound ${index}`,
  verify: (bits) => {
    const bound = fromBits(bits);
    const index = findBucket(8, bound);
    assert.equal(nativeUpperBound(8, index), bound);
    assert.equal(findBucket(8, bound * (1 + Number.EPSILON)), index + 1);
  },
});

/** The same bounds in decimal, by their position. */
export const boundsByPlace: Runner = runner<{ decimal: number; index: number }>({
  cases: (file) => list<number>("decimal")(file)?.map((decimal, index) => ({ decimal, index })),
  name: (_, index) => `place ${index}`,
  verify: ({ decimal, index }) => assert.equal(nativeUpperBound(8, index - 256), decimal),
});

/** Values and their buckets. */
export const bucketIndex: Runner = runner<{ schema: number; bits: string; key: number }>({
  cases: list("cases"),
  name: ({ schema, bits }) => `schema ${schema}, value ${fromBits(bits)}`,
  verify: ({ schema, bits, key }) => {
    const value = fromBits(bits);
    assert.equal(findBucket(schema, value), key);
    assert.equal(findBucket(schema, -value), key);
  },
});

/** Bucket factors and the expected schema. */
export const schemaPick: Runner = runner<{ bucketFactor: number; schema: number }>({
  cases: list("cases"),
  name: ({ bucketFactor }) => `factor ${bucketFactor}`,
  verify: ({ bucketFactor, schema }) => assert.equal(pickSchema(bucketFactor), schema),
});

interface Encoding {
  readonly spans: readonly Span[];
  readonly deltas: readonly number[];
}

function readBuckets(file: JsonObject): Map<number, number> {
  // This is the shape of the file. A file of another shape fails.
  const buckets = Object.entries(file["buckets"] as Record<string, number>);
  return new Map(
    buckets.map(([index, count]) => [Number(index), count] as const)
      .filter(([, count]) => count !== 0).sort(([a], [b]) => a - b),
  );
}

/** The possible encodings of one histogram's buckets. All can be read, and one is written. */
export const encoding: Runner[] = [
  runner<{ encoding: Encoding; buckets: Map<number, number> }>({
    cases: (file) =>
      list<Encoding>("encodings")(file)?.map((encoding) => ({
        encoding,
        buckets: readBuckets(file),
      })),
    name: (_, index) => `reading encoding ${index}`,
    verify: ({ encoding: { spans, deltas }, buckets }) => {
      const count = [...buckets.values()].reduce((sum, count) => sum + count, 0);
      const list = spans.map((span) => span.join(":")).join(",");
      const [family] = parseOpenMetrics(
        `# TYPE h histogram\nh {count:${count},sum:1,schema:0,zero_threshold:0,zero_count:0,` +
          `positive_spans:[${list}],positive_deltas:[${deltas.join(",")}]}\n# EOF\n`,
      );
      // The family is a histogram.
      const [metric] = family!.metrics as Iterable<HistogramMetric>;
      const read = [...metric!.native!.positive].filter(([, count]) => count !== 0);
      assert.deepEqual(new Map(read), buckets);
    },
  }),
  runner<JsonObject>({
    cases: (file) => [file],
    name: () => "writing the encoding with gaps of at most two filled",
    verify: (file) => {
      const positive = readBuckets(file);
      const nativeHistogram: NativeHistogram = {
        schema: 0,
        zeroThreshold: 0,
        zeroCount: 0,
        positive,
        negative: new Map(),
        sum: 1,
        count: [...positive.values()].reduce((sum, count) => sum + count, 0),
      };
      const family = new MetricFamily("h", "", "histogram")
        .addSample("h", {}, 0, { nativeHistogram });
      const [chunk] = encodeProtobuf([family], "underscores");
      const written = decodeFamilies(chunk!)[0]!.metric![0]!.histogram!;
      const spans = written.positive_span!.map(({ offset, length }) => [offset, length] as const);
      const expected = list<Encoding>("encodings")(file)?.find((encoding) =>
        encoding.spans.slice(1).every(([gap]) => gap > 2)
      );
      assert.deepEqual({ spans, deltas: written.positive_delta }, expected);
    },
  }),
];

/** Sequences of exemplars, and those that are kept. */
export const exemplars: Runner = runner<{
  maxExemplars: number;
  ttlSeconds: number;
  steps: { observe: [value: number, seconds: number][]; wantValues: number[] }[];
}>({
  cases: list("sequences"),
  name: ({ maxExemplars, ttlSeconds }) => `at most ${maxExemplars}, for ${ttlSeconds} s`,
  verify: ({ maxExemplars, ttlSeconds, steps }) => {
    const kept = new NativeExemplars({ maxExemplars, maxAgeSeconds: ttlSeconds });
    for (const { observe, wantValues } of steps) {
      for (const [value, timestamp] of observe) kept.add({ labels: {}, value, timestamp });
      // The age does not matter here, because it is only checked at exposition.
      assert.deepEqual(kept.list(-Infinity).map(({ value }) => value), wantValues);
    }
  },
});
