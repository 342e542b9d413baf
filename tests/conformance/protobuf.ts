/**
 * Cases of families and the bytes that other libraries write for them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import { MetricFamily, type MetricType } from "../../model.ts";
import { decodeFamilies } from "../support/protobuf.ts";
import type { Wanted } from "./native.ts";
import { inapplicable, type JsonObject, list, type Runner, runner } from "./runner.ts";
import { hexToBytes, type JsonNumber, toNative, toNumber, toSeconds } from "./vector_families.ts";

interface Timestamp {
  readonly seconds: number;
  readonly nanos?: number;
}

/** A family with one metric, in flattened form. */
interface EncodeCase {
  readonly name: string;
  readonly family: {
    readonly name: string;
    readonly help: string;
    readonly type: string;
    readonly unit?: string;
    readonly labels?: Record<string, string>;
    readonly timestamp_ms?: number;
    readonly created_timestamp?: Timestamp;
    readonly value?: JsonNumber;
    readonly exemplar?: {
      labels: Record<string, string>;
      value: JsonNumber;
      timestamp?: Timestamp;
    };
    readonly sampleCount?: JsonNumber;
    readonly sampleSum?: JsonNumber;
    readonly quantiles?: readonly (readonly [JsonNumber, JsonNumber])[];
    readonly buckets?: readonly (readonly [JsonNumber, JsonNumber])[];
    readonly want?: Wanted;
  };
  readonly delimitedHex: string;
}

const TYPES: Readonly<Record<string, MetricType>> = {
  COUNTER: "counter",
  GAUGE: "gauge",
  UNTYPED: "unknown",
  SUMMARY: "summary",
  HISTOGRAM: "histogram",
  GAUGE_HISTOGRAM: "gaugehistogram",
};

function toFamily(family: EncodeCase["family"]): MetricFamily {
  const { name, help, unit, labels = {}, want, exemplar } = family;
  const type = TYPES[family.type]!;
  const result = new MetricFamily(name, help, type, { unit, nameValidation: "utf8" });
  const timestamp = family.timestamp_ms === undefined ? undefined : family.timestamp_ms / 1000;
  const add = (suffix: string, value: JsonNumber, extra: Record<string, number> = {}) =>
    result.addSample(name + suffix, { ...labels, ...extra }, toNumber(value), { timestamp });
  if (family.value !== undefined) {
    result.addSample(name, labels, toNumber(family.value), {
      timestamp,
      exemplar: exemplar && {
        labels: exemplar.labels,
        value: toNumber(exemplar.value),
        ...exemplar.timestamp && { timestamp: toSeconds(exemplar.timestamp) },
      },
    });
  }
  if (want?.schema !== undefined) {
    const { sampleCount, sampleSum, schema, zeroThreshold, zeroCount, ...buckets } = want;
    const nativeHistogram = toNative({
      ...buckets,
      schema,
      zeroThreshold: zeroThreshold!,
      zeroCount: zeroCount!,
      sum: sampleSum,
      count: sampleCount,
    });
    result.addSample(name, labels, 0, { timestamp, nativeHistogram });
  }
  const buckets = family.buckets ?? want?.classicBuckets ?? [];
  for (const [le, count] of buckets) add("_bucket", count, { le: toNumber(le) });
  for (const [quantile, value] of family.quantiles ?? []) {
    add("", value, { quantile: toNumber(quantile) });
  }
  const g = type === "gaugehistogram" ? "g" : "";
  const isClassic = want !== undefined && want.schema === undefined;
  const sum = family.sampleSum ?? (isClassic ? want.sampleSum : undefined);
  const count = family.sampleCount ?? (isClassic ? want.sampleCount : undefined);
  if (sum !== undefined) add(`_${g}sum`, sum);
  if (count !== undefined) add(`_${g}count`, count);
  if (family.created_timestamp !== undefined) {
    const base = type === "counter" ? name.replace(/_total$/, "") : name;
    const created = toSeconds(family.created_timestamp);
    result.addSample(`${base}_created`, labels, created, { timestamp });
  }
  return result;
}

/** Families and the bytes of an encoder that also writes fields in order. */
export const encode: Runner = runner<EncodeCase>({
  cases: (file) => list<EncodeCase>("cases")((file["encode"] ?? {}) as JsonObject),
  name: ({ name }) => name,
  verify: ({ family, delimitedHex }) => {
    const expected = hexToBytes(delimitedHex);
    const [bytes] = encodeProtobuf([toFamily(family)], "allow-utf-8");
    assert.deepEqual(decodeFamilies(bytes!), decodeFamilies(expected));
    assert.deepEqual(bytes, expected);
  },
});

/** Bytes to decode, which only servers do. */
export const decode: Runner[] = [
  inapplicable(
    "the library does not read protobuf",
    // This is the shape of the file. Without it, there are no cases.
    (file) => (file["decode"] as JsonObject | undefined)?.["cases"],
  ),
];
