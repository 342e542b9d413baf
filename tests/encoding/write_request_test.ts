import fc from "fast-check";
import assert from "node:assert/strict";
import { test } from "node:test";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { encodeText } from "../../encoding/text.ts";
import { encodeWriteRequests, type WriteRequestOptions } from "../../encoding/write_request.ts";
import { MetricFamily } from "../../model.ts";
import { gather } from "../../registry.ts";
import { arbitraryFamilies } from "../support/families.ts";
import { readBuckets } from "../support/protobuf.ts";
import { decodeWriteRequest, type WrittenSeries } from "../support/remote_write.ts";

const NOW_MS = 1_700_000_000_000;
const RUNS = { seed: 42, numRuns: 300 };

/** The members of a registry except collect(). */
const NO_REGISTRY = { prefix: null, register: () => {}, unregister: () => {} };

/** Encodes families with a tracker that accepts everything, and decodes the requests. */
async function encode(
  families: readonly MetricFamily[],
  options: Partial<WriteRequestOptions>,
): Promise<WrittenSeries[]> {
  const requests = encodeWriteRequests(from(families), {
    externalLabels: { labelNames: [], labelValues: [] },
    timestampMs: NOW_MS,
    exemplarsSinceMs: -Infinity,
    exemplars: true,
    nativeHistograms: false,
    metadata: true,
    maxSamples: 7,
    maxBytes: 500,
    tracker: { note: () => true, vanished: () => [] },
    ...options,
  });
  const series: WrittenSeries[] = [];
  for await (const { bytes, samples } of requests) {
    const { timeseries = [] } = decodeWriteRequest(bytes);
    const count = timeseries.reduce(
      (sum, { samples = [], histograms = [] }) => sum + samples.length + histograms.length,
      0,
    );
    assert.equal(samples, count);
    series.push(...timeseries);
  }
  return series;
}

async function* from(families: readonly MetricFamily[]): AsyncGenerator<MetricFamily> {
  yield* families;
}

/** Returns a sample as one text, without empty labels. */
function spell(labels: readonly (readonly [string, string])[], value: number, ms: number): string {
  const rest = labels.filter(([, text]) => text !== "");
  assert.equal(new Set(rest.map(([name]) => name)).size, rest.length);
  // Text keeps the sign of zero. In protobuf, an omitted zero has no sign.
  return `${JSON.stringify(rest)} ${value === 0 ? 0 : value} ${ms}`;
}

test("requests have the series of text 0.0.4, sorted labels and milliseconds", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryFamilies({ legal: false }), async (random) => {
      // gather() leaves out metrics with two labels that are equal when written with underscores.
      const families = [...gather({ ...NO_REGISTRY, collect: () => random })];
      const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
      const text = [...encodeText(families, "underscores")]
        .map((chunk) => decoder.decode(chunk, { stream: true })).join("");
      const expected = parsePrometheusText(text).flatMap((family) => [...family.samples])
        .map(({ name, labels, value, timestamp }) => {
          const all = [...Object.entries(labels), ["__name__", name] as [string, string]];
          const ms = timestamp === undefined ? NOW_MS : Math.round(timestamp * 1000);
          return spell(all.sort(([a], [b]) => a < b ? -1 : 1), value, ms);
        });
      const actual = (await encode(families, {})).flatMap(({ labels, samples = [] }) =>
        samples.map(({ value = 0, timestamp = 0 }) =>
          spell(labels.map(({ name, value = "" }) => [name, value]), value, timestamp)
        )
      );
      assert.deepEqual(actual.sort(), expected.sort());
    }),
    RUNS,
  );
});

/** Returns spans with the zeros that proto3 omits. */
function filled(spans: readonly { offset?: number; length?: number }[]) {
  return spans.map(({ offset = 0, length = 0 }) => ({ offset, length }));
}

test("native histograms keep all their numbers", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryFamilies({ legal: false }), async (families) => {
      const expected = families.flatMap(({ metrics }) => [...metrics])
        .flatMap((metric) => "native" in metric && metric.native ? [metric.native] : []);
      const written = (await encode(families, { nativeHistograms: true }))
        .flatMap(({ histograms = [] }) => histograms);
      const full = (buckets: Map<number, number>) =>
        [...buckets].filter(([, count]) => count !== 0).sort(([a], [b]) => a - b);
      const spellNative = (parts: unknown[]) =>
        JSON.stringify(
          parts,
          (_, value) => typeof value === "number" ? String(value === 0 ? 0 : value) : value,
        );
      assert.deepEqual(
        written.map((histogram) => {
          const { positive_spans, positive_deltas, positive_counts } = histogram;
          const { negative_spans, negative_deltas, negative_counts } = histogram;
          const buckets = {
            ...positive_spans && { positive_span: filled(positive_spans) },
            ...positive_deltas && { positive_delta: positive_deltas },
            ...positive_counts && { positive_count: positive_counts },
            ...negative_spans && { negative_span: filled(negative_spans) },
            ...negative_deltas && { negative_delta: negative_deltas },
            ...negative_counts && { negative_count: negative_counts },
          };
          return spellNative([
            histogram.schema ?? 0,
            histogram.zero_threshold ?? 0,
            histogram.zero_count_int ?? histogram.zero_count_float ?? 0,
            histogram.count_int ?? histogram.count_float ?? 0,
            histogram.sum ?? 0,
            full(readBuckets(buckets, "positive")),
            full(readBuckets(buckets, "negative")),
          ]);
        }).sort(),
        expected.map(({ schema, zeroThreshold, zeroCount, count, sum, positive, negative }) =>
          spellNative([
            schema,
            zeroThreshold,
            zeroCount,
            count,
            sum,
            full(positive),
            full(negative),
          ])
        ).sort(),
      );
    }),
    RUNS,
  );
});

test("all counts of a native histogram with a fractional count are written as floats", async () => {
  const native = {
    schema: 1,
    zeroThreshold: 0.001,
    zeroCount: 0.5,
    positive: new Map([[2, 1.5], [3, 2]]),
    negative: new Map([[0, 0.25]]),
    sum: 3,
    count: 4.25,
  };
  const labels = { labelNames: [], labelValues: [] };
  const metric = { ...labels, bounds: [], sum: 3, count: 4.25, cumulativeCounts: () => [], native };
  const families = [new MetricFamily("h", "H.", "histogram", { metrics: [metric] })];
  const written = await encode(families, { nativeHistograms: true });
  const [histogram] = written.flatMap(({ histograms = [] }) => histograms);
  assert.deepEqual(
    [histogram?.count_float, histogram?.zero_count_float, histogram?.positive_counts],
    [4.25, 0.5, [1.5, 2]],
  );
  assert.deepEqual(histogram?.negative_counts, [0.25]);
  assert.deepEqual(
    [histogram?.count_int, histogram?.zero_count_int, histogram?.positive_deltas],
    [undefined, undefined, undefined],
  );
});

test("of metrics with one number, only counters have exemplars", async () => {
  const exemplar = { labels: { trace_id: "x" }, value: 0.5 };
  for (const type of ["gauge", "counter", "unknown"] as const) {
    const metric = { labelNames: [], labelValues: [], value: 1, exemplar };
    const name = type === "counter" ? "x_total" : "x";
    const [series] = await encode([new MetricFamily(name, "X.", type, { metrics: [metric] })], {});
    assert.deepEqual(
      (series?.exemplars ?? []).map(({ value }) => value),
      type === "counter" ? [0.5] : [],
      type,
    );
  }
});
