import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type Aggregation,
  CollectorRegistry,
  Counter,
  gather,
  Gauge,
  Histogram,
  type HistogramMetric,
  Info,
  type MetricFamily,
  StateSet,
  Summary,
} from "../../mod.ts";
import { mergeFamilies } from "../../multiprocess/mod.ts";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { encodeText } from "../../encoding/text.ts";
import { toPlain } from "../support/plain.ts";

function textOf(families: Iterable<MetricFamily>): string {
  const decoder = new TextDecoder();
  return [...encodeText(families, "underscores")].map((chunk) => decoder.decode(chunk)).join("");
}

/** The lines of some families, without those that describe them. */
function linesOf(families: Iterable<MetricFamily>): string[] {
  return textOf(families).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

/** The families of one process. */
function collectorOf(define: (registry: CollectorRegistry) => void): Iterable<MetricFamily> {
  const registry = new CollectorRegistry();
  define(registry);
  return gather(registry);
}

test("counters, histograms and summaries add up, with and without common series", () => {
  const source = (queue: string, value: number) =>
    collectorOf((registry) => {
      const options = { registry, labelNames: ["queue"] } as const;
      new Counter("jobs_total", "Jobs.", options).labels(queue).inc(value);
      new Histogram("size", "Sizes.", { ...options, buckets: [1, 10] }).labels(queue).observe(
        value,
      );
      new Summary("time", "Times.", { ...options, quantiles: [0.5] }).labels(queue).observe(value);
    });
  const merged = mergeFamilies(source("a", 1), source("b", 2), source("a", 30));
  assert.deepEqual(linesOf(merged), [
    'jobs_total{queue="a"} 31',
    'jobs_total{queue="b"} 2',
    'size_bucket{queue="a",le="1"} 1',
    'size_bucket{queue="a",le="10"} 1',
    'size_bucket{queue="a",le="+Inf"} 2',
    'size_sum{queue="a"} 31',
    'size_count{queue="a"} 2',
    'size_bucket{queue="b",le="1"} 0',
    'size_bucket{queue="b",le="10"} 1',
    'size_bucket{queue="b",le="+Inf"} 1',
    'size_sum{queue="b"} 2',
    'size_count{queue="b"} 1',
    'time_sum{queue="a"} 31',
    'time_count{queue="a"} 2',
    'time_sum{queue="b"} 2',
    'time_count{queue="b"} 1',
  ]);
});

const GAUGES: [aggregation: Aggregation, values: number[], expected: string[]][] = [
  ["all", [1, 2], ['g{process="0"} 1', 'g{process="1"} 2']],
  ["liveall", [1, 2], ['g{process="0"} 1', 'g{process="1"} 2']],
  ["sum", [1, 2, NaN], ["g NaN"]],
  ["livesum", [1, 2], ["g 3"]],
  ["min", [3, 2, NaN], ["g 2"]],
  ["min", [NaN, NaN], ["g NaN"]],
  ["max", [NaN, -Infinity, -2], ["g -2"]],
  ["mostrecent", [5, 7, 6], ["g 6"]],
];
for (const [aggregation, values, expected] of GAUGES) {
  test(`gauges that aggregate by ${aggregation}: ${values} become ${expected}`, () => {
    let time = 0;
    const clock = { now: () => ++time, monotonic: () => 0 };
    const sources = values.map((value) =>
      collectorOf((registry) => {
        new Gauge("g", "G.", { registry, aggregation, clock }).set(value);
      })
    );
    assert.deepEqual(linesOf(mergeFamilies(...sources)), expected);
  });
}

test("the most recent gauge is the one that was set last, in any order of sources", () => {
  const source = (value: number, at: number) =>
    collectorOf((registry) => {
      const clock = { now: () => at, monotonic: () => 0 };
      new Gauge("g", "G.", { registry, aggregation: "mostrecent", clock }).set(value);
    });
  assert.deepEqual(linesOf(mergeFamilies(source(1, 9), source(2, 5), source(3, 7))), ["g 1"]);
});

test("equal infos become one, and states stay separate by process", () => {
  const source = (version: string, state: "on" | "off") =>
    collectorOf((registry) => {
      new Info("build", "Build.", { registry }).info({ version });
      new StateSet("mode", "Mode.", { registry, states: ["on", "off"] }).state(state);
    });
  assert.deepEqual(
    linesOf(mergeFamilies(source("1", "on"), source("2", "off"), source("1", "on"))),
    [
      'build_info{version="1"} 1',
      'build_info{version="2"} 1',
      'mode{process="0",mode="on"} 1',
      'mode{process="0",mode="off"} 0',
      'mode{process="1",mode="on"} 0',
      'mode{process="1",mode="off"} 1',
      'mode{process="2",mode="on"} 1',
      'mode{process="2",mode="off"} 0',
    ],
  );
});

test("histograms of different buckets keep their common bounds", () => {
  const source = (buckets: number[]) =>
    collectorOf((registry) => {
      const size = new Histogram("size", "Sizes.", { registry, buckets });
      for (const value of [0.5, 1.5, 2.5, 3.5]) size.observe(value);
    });
  assert.deepEqual(linesOf(mergeFamilies(source([1, 2, 3]), source([1, 3, 4]))), [
    'size_bucket{le="1"} 2',
    'size_bucket{le="3"} 6',
    'size_bucket{le="+Inf"} 8',
    "size_sum 16",
    "size_count 8",
  ]);
});

test("parsed expositions can be merged, and merged again", () => {
  const one = parsePrometheusText('# TYPE a counter\na{x="1"} 1\n# TYPE g gauge\ng{y="2"} 5\n');
  const two = parsePrometheusText('# TYPE a counter\na{x="1"} 2\n# TYPE g gauge\ng{y="2"} 6\n');
  const merged = mergeFamilies(one, two);
  const lines = ['a{x="1"} 3', 'g{y="2",process="0"} 5', 'g{y="2",process="1"} 6'];
  assert.deepEqual(linesOf(merged), lines);
  assert.deepEqual(linesOf(mergeFamilies(merged)), lines);
});

test("a family whose type differs from the first one's is left out", () => {
  const one = parsePrometheusText("# TYPE a counter\na 1\n");
  const two = parsePrometheusText("# TYPE a gauge\na 5\n");
  assert.deepEqual(linesOf(mergeFamilies(one, two)), ["a 1"]);
  assert.deepEqual(mergeFamilies(), []);
});

const observations = fc.array(
  fc.tuple(fc.nat({ max: 2 }), fc.oneof(fc.integer({ min: -1000, max: 1000 }), fc.constant(0))),
  { maxLength: 60 },
);

test("merged observations of several processes equal those of one process", () => {
  const define = (registry: CollectorRegistry) => ({
    jobs: new Counter("jobs_total", "Jobs.", { registry, labelNames: ["sign"] }),
    size: new Histogram("size", "Sizes.", { registry, buckets: [-10, 0, 10, 100] }),
    time: new Summary("time", "Times.", { registry }),
    wide: new Histogram("wide", "Wide.", {
      registry,
      nativeHistogram: { bucketFactor: 1.5, maxBuckets: 0 },
    }),
  });
  fc.assert(fc.property(observations, (list) => {
    const registries = [0, 1, 2].map(() => new CollectorRegistry());
    const processes = registries.map(define);
    const all = new CollectorRegistry();
    const one = define(all);
    for (const [process, value] of list) {
      for (const { jobs, size, time, wide } of [processes[process]!, one]) {
        jobs.labels(String(Math.sign(value))).inc(Math.abs(value));
        for (const distribution of [size, time, wide]) distribution.observe(value);
      }
    }
    const merged = mergeFamilies(...registries.map((registry) => gather(registry)));
    assert.deepEqual(merged.map(toPlain), [...gather(all)].map(toPlain));
  }));
});

test("native histograms of different resolutions and zero buckets keep all observations", () => {
  const options = fc.record({
    bucketFactor: fc.constantFrom(1.05, 1.1, 1.5, 2, 10),
    maxBuckets: fc.constantFrom(0, 2, 5),
    zeroThreshold: fc.constantFrom(0, 2 ** -128, 0.3, 1, 3),
    maxZeroThreshold: fc.constantFrom(0, 1, 50),
  });
  fc.assert(
    fc.property(fc.array(options, { minLength: 1, maxLength: 4 }), observations, (all, list) => {
      const sources = all.map((nativeHistogram, i) =>
        collectorOf((registry) => {
          const wide = new Histogram("wide", "Wide.", { registry, nativeHistogram });
          for (const [process, value] of list) if (process % all.length === i) wide.observe(value);
        })
      );
      const [family] = mergeFamilies(...sources);
      const [metric] = [...family!.metrics] as HistogramMetric[];
      const native = metric!.native!;
      let inBuckets = native.zeroCount;
      for (const side of [native.positive, native.negative]) {
        for (const [index, count] of side) {
          // These observations were farther from zero than the zero bucket.
          assert.ok(2 ** (index * 2 ** -native.schema) > native.zeroThreshold * (1 - 1e-12));
          inBuckets += count;
        }
      }
      assert.equal(inBuckets, list.length);
      assert.equal(native.count, list.length);
      assert.equal(native.sum, list.reduce((sum, [, value]) => sum + value, 0));
    }),
  );
});
