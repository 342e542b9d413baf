import assert from "node:assert/strict";
import { test } from "node:test";
import type { EscapingScheme } from "../../encoding/escaping.ts";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import {
  CollectorRegistry,
  Counter,
  generateProtobuf,
  Histogram,
  MetricFamily,
  type NativeHistogram,
  Summary,
} from "../../mod.ts";
import {
  decodeFamilies,
  encodeFamilies,
  type ProtoFamily,
  type ProtoHistogram,
  type ProtoMetric,
  readBuckets,
} from "../support/protobuf.ts";
import { encode, roundTrip } from "../support/protobuf_round_trip.ts";

/** Returns the only metric of a family. */
function onlyMetric(family: MetricFamily): ProtoMetric {
  const [decoded, ...others] = roundTrip([family]);
  const [metric, ...moreMetrics] = decoded?.metric ?? [];
  assert.ok(metric);
  assert.deepEqual([others, moreMetrics], [[], []]);
  return metric;
}

/** A native histogram. By default, its count is that of its buckets. */
function nativeHistogram(parts: Partial<NativeHistogram>): NativeHistogram {
  const { zeroCount = 0, positive = [], negative = [] } = parts;
  return {
    schema: 0,
    zeroThreshold: 2 ** -128,
    zeroCount: 0,
    positive: new Map(),
    negative: new Map(),
    sum: 0,
    count: [...positive, ...negative].reduce((sum, [, count]) => sum + count, zeroCount),
    ...parts,
  };
}

function histogramOf(native: Partial<NativeHistogram>): ProtoHistogram {
  const family = new MetricFamily("h", "H.", "histogram")
    .addSample("h", {}, 0, { nativeHistogram: nativeHistogram(native) });
  const { histogram } = onlyMetric(family);
  assert.ok(histogram);
  return histogram;
}

const TYPES: { family: MetricFamily; expected: ProtoFamily }[] = [
  {
    family: new MetricFamily("c_total", "A counter.", "counter")
      .addSample("c_total", { a: "x" }, 5)
      .addSample("c_total", { a: "y" }, 0),
    expected: {
      name: "c_total",
      help: "A counter.",
      type: "COUNTER",
      metric: [
        { label: [{ name: "a", value: "x" }], counter: { value: 5 } },
        { label: [{ name: "a", value: "y" }], counter: { value: 0 } },
      ],
    },
  },
  {
    family: new MetricFamily("g", "", "gauge").addSample("g", {}, -0),
    expected: { name: "g", help: "", type: "GAUGE", metric: [{ gauge: { value: -0 } }] },
  },
  {
    family: new MetricFamily("u", "Who knows.", "unknown").addSample("u", {}, NaN),
    expected: {
      name: "u",
      help: "Who knows.",
      type: "UNTYPED",
      metric: [{ untyped: { value: NaN } }],
    },
  },
  {
    family: new MetricFamily("i", "An info.", "info").addSample("i_info", { version: "1.2" }, 1),
    expected: {
      name: "i_info",
      help: "An info.",
      type: "GAUGE",
      metric: [{ label: [{ name: "version", value: "1.2" }], gauge: { value: 1 } }],
    },
  },
  {
    family: new MetricFamily("state", "A stateset.", "stateset")
      .addSample("state", { who: "me", state: "on" }, 1)
      .addSample("state", { who: "me", state: "off" }, 0),
    expected: {
      name: "state",
      help: "A stateset.",
      type: "GAUGE",
      metric: [
        {
          label: [{ name: "who", value: "me" }, { name: "state", value: "on" }],
          gauge: { value: 1 },
        },
        {
          label: [{ name: "who", value: "me" }, { name: "state", value: "off" }],
          gauge: { value: 0 },
        },
      ],
    },
  },
  {
    family: new MetricFamily("s", "A summary.", "summary")
      .addSample("s", { quantile: 0.5 }, 2)
      .addSample("s", { quantile: 0.9 }, NaN)
      .addSample("s_sum", {}, 6.5)
      .addSample("s_count", {}, 3),
    expected: {
      name: "s",
      help: "A summary.",
      type: "SUMMARY",
      metric: [{
        summary: {
          sample_count: 3,
          sample_sum: 6.5,
          quantile: [{ quantile: 0.5, value: 2 }, { quantile: 0.9, value: NaN }],
        },
      }],
    },
  },
  {
    family: new MetricFamily("h", "A histogram.", "histogram")
      .addSample("h_bucket", { le: 1 }, 2)
      .addSample("h_bucket", { le: Infinity }, 3)
      .addSample("h_sum", {}, 12)
      .addSample("h_count", {}, 3),
    expected: {
      name: "h",
      help: "A histogram.",
      type: "HISTOGRAM",
      metric: [{
        histogram: {
          sample_count: 3,
          sample_sum: 12,
          bucket: [
            { cumulative_count: 2, upper_bound: 1 },
            { cumulative_count: 3, upper_bound: Infinity },
          ],
        },
      }],
    },
  },
  {
    family: new MetricFamily("gh", "A gaugehistogram.", "gaugehistogram")
      .addSample("gh_bucket", { le: -1 }, 2)
      .addSample("gh_bucket", { le: Infinity }, 2)
      .addSample("gh_gsum", {}, -4)
      .addSample("gh_gcount", {}, 2),
    expected: {
      name: "gh",
      help: "A gaugehistogram.",
      type: "GAUGE_HISTOGRAM",
      metric: [{
        histogram: {
          sample_count: 2,
          sample_sum: -4,
          bucket: [
            { cumulative_count: 2, upper_bound: -1 },
            { cumulative_count: 2, upper_bound: Infinity },
          ],
        },
      }],
    },
  },
];

for (const { family, expected } of TYPES) {
  test(`encodeProtobuf() writes families of type ${family.type}`, () => {
    assert.deepEqual(roundTrip([family]), [expected]);
  });
}

test("encodeProtobuf() writes families in order, even those without metrics", () => {
  const empty = new MetricFamily("empty_total", "None yet.", "counter");
  const families = [empty, ...TYPES.map(({ family }) => family)];
  assert.deepEqual(roundTrip(families), [
    { name: "empty_total", help: "None yet.", type: "COUNTER" },
    ...TYPES.map(({ expected }) => expected),
  ]);
  assert.deepEqual(encode([]), new Uint8Array());
});

test("encodeProtobuf() writes these exact bytes", () => {
  const family = new MetricFamily("a_total", "A.", "counter").addSample("a_total", { b: "c" }, 1);
  const hex = Array.from(encode([family]), (byte) => byte.toString(16).padStart(2, "0")).join("");
  assert.equal(
    hex,
    "24" + "0a07615f746f74616c" + "1202412e" + "1800" + // name, help, type
      "2213" + "0a06" + "0a0162" + "120163" + "1a09" + "09000000000000f03f",
  );
});

test("encodeProtobuf() writes the exemplars of counters, buckets and native histograms", () => {
  const exemplar = { labels: { trace_id: "äöü" }, value: -1.5, timestamp: 1_700_000_000.25 };
  const expected = {
    label: [{ name: "trace_id", value: "äöü" }],
    value: -1.5,
    timestamp: { seconds: 1_700_000_000, nanos: 250_000_000 },
  };
  const bare = { labels: {}, value: 3 };
  const counter = new MetricFamily("c_total", "C.", "counter")
    .addSample("c_total", {}, 1, { exemplar });
  assert.deepEqual(onlyMetric(counter), { counter: { value: 1, exemplar: expected } });

  const histogram = new MetricFamily("h", "H.", "histogram")
    .addSample("h_bucket", { le: 1 }, 1, { exemplar })
    .addSample("h_bucket", { le: 2 }, 1)
    .addSample("h_bucket", { le: Infinity }, 2, { exemplar: bare })
    .addSample("h", {}, 0, { nativeHistogram: nativeHistogram({ count: 2 }), exemplar });
  const { bucket, exemplars } = onlyMetric(histogram).histogram ?? {};
  assert.deepEqual(bucket?.map((one) => one.exemplar), [expected, undefined, { value: 3 }]);
  assert.deepEqual(exemplars, [expected]);
});

test("encodeProtobuf() writes created timestamps of counters, summaries and histograms", () => {
  const registry = new CollectorRegistry();
  let now = 1_700_000_000.5;
  const options = { registry, clock: { now: () => now, monotonic: () => now } };
  new Counter("c_total", "C.", options);
  new Summary("s", "S.", options);
  new Histogram("h", "H.", { ...options, buckets: [1] });
  now = -0.25; // A quarter of a second before 1970.
  new Histogram("n", "N.", { ...options, nativeHistogram: true });
  const [c, s, h, n] = decodeFamilies(generateProtobuf(registry)).map(({ metric }) => metric?.[0]);
  const created_timestamp = { seconds: 1_700_000_000, nanos: 500_000_000 };
  assert.deepEqual(c?.counter?.created_timestamp, created_timestamp);
  assert.deepEqual(s?.summary?.created_timestamp, created_timestamp);
  assert.deepEqual(h?.histogram?.created_timestamp, created_timestamp);
  assert.deepEqual(n?.histogram?.created_timestamp, { seconds: -1, nanos: 750_000_000 });
});

const TIMESTAMPS: [seconds: number, milliseconds: number][] = [
  [0, 0],
  [-0, 0],
  [1_700_000_000.123, 1_700_000_000_123],
  [0.0004, 0],
  [0.0006, 1],
  [1.0014, 1001],
  [-1, -1000],
  [-0.001, -1],
  [-62_135_596_800, -62_135_596_800_000],
];
test("encodeProtobuf() writes timestamps in whole milliseconds, even before 1970", () => {
  for (const [timestamp, milliseconds] of TIMESTAMPS) {
    const gauge = new MetricFamily("g", "G.", "gauge").addSample("g", {}, 1, { timestamp });
    assert.deepEqual(onlyMetric(gauge), { gauge: { value: 1 }, timestamp_ms: milliseconds });
    const histogram = new MetricFamily("h", "H.", "histogram")
      .addSample("h_count", {}, 1, { timestamp });
    assert.equal(onlyMetric(histogram).timestamp_ms, milliseconds);
  }
});

test("encodeProtobuf() writes units", () => {
  const family = new MetricFamily("size", "S.", "gauge", { unit: "bytes" })
    .addSample("size_bytes", {}, 1);
  assert.deepEqual(roundTrip([family]), [
    {
      name: "size_bytes",
      help: "S.",
      type: "GAUGE",
      metric: [{ gauge: { value: 1 } }],
      unit: "bytes",
    },
  ]);
});

const ESCAPED: Record<EscapingScheme, [name: string, label: string, state: string]> = {
  "allow-utf-8": ["höhe.m", "stadt:ß", "höhe.m"],
  underscores: ["h_he_m", "stadt__", "h_he_m"],
  dots: ["h__he_dot_m", "stadt____", "h__he_dot_m"],
  values: ["U__h_f6_he_2e_m", "U__stadt_3a__df_", "U__h_f6_he_2e_m"],
};
for (const [escaping, [name, label, state]] of Object.entries(ESCAPED)) {
  test(`encodeProtobuf() escapes names by the scheme ${escaping}`, () => {
    const options = { nameValidation: "utf8" } as const;
    const families = [
      new MetricFamily("höhe.m", "H.", "gauge", options).addSample("höhe.m", { "stadt:ß": 1 }, 2),
      new MetricFamily("höhe.m", "H.", "stateset", options)
        .addSample("höhe.m", { "stadt:ß": 1, "höhe.m": "ja" }, 1),
    ];
    // The keys of ESCAPED are schemes.
    const decoded = roundTrip(families, { escaping: escaping as EscapingScheme });
    assert.deepEqual(decoded.map((family) => family.name), [name, name]);
    assert.deepEqual(decoded.map(({ metric }) => metric?.[0]?.label), [
      [{ name: label, value: "1" }],
      [{ name: label, value: "1" }, { name: state, value: "ja" }],
    ]);
  });
}

test("encodeProtobuf() splits a large family into messages that are not empty", () => {
  const family = new MetricFamily("g", "H".repeat(300), "gauge", { unit: "bytes" });
  for (let i = 0; i < 1000; i++) family.addSample("g_bytes", { i }, i);
  const whole = roundTrip([family]);
  assert.equal(whole.length, 1);
  for (const messageSize of [0, 1, 100, 2000, 1e6]) {
    const parts = roundTrip([family, family], { messageSize });
    for (const { metric, ...header } of parts) {
      assert.ok(metric !== undefined && metric.length > 0, `${messageSize}`);
      assert.deepEqual(header, {
        name: "g_bytes",
        help: "H".repeat(300),
        type: "GAUGE",
        unit: "bytes",
      });
    }
    const metrics = parts.flatMap(({ metric }) => metric);
    assert.deepEqual(metrics, [...whole[0]!.metric!, ...whole[0]!.metric!]);
    const sizes = parts.slice(0, -1).map((part) => encodeFamilies([part]).length);
    assert.ok(Math.max(...sizes) < messageSize + 300 + 100 || messageSize === 1e6, `${sizes}`);
  }
  assert.equal(roundTrip([family], { messageSize: 0 }).length, 1000);
});

test("encodeProtobuf() yields chunks that end between messages", () => {
  const family = new MetricFamily("g", "G.", "gauge");
  for (let i = 0; i < 50_000; i++) family.addSample("g", { i }, i);
  const chunks = [...encodeProtobuf([family, family], "underscores", 1000)];
  assert.ok(chunks.length > 5);
  for (const chunk of chunks.slice(0, -1)) assert.ok(chunk.length >= 262_144);
  const metrics = chunks.flatMap((chunk) => decodeFamilies(chunk).flatMap(({ metric }) => metric));
  assert.equal(metrics.length, 100_000);
});

test("encodeProtobuf() writes classic and native histograms of a family in separate messages", () => {
  const family = new MetricFamily("h", "H.", "histogram");
  for (const [i, kind] of ["classic", "classic", "native", "native", "classic"].entries()) {
    if (kind === "classic") family.addSample("h_bucket", { i, le: Infinity }, i);
    else family.addSample("h", { i }, 0, { nativeHistogram: nativeHistogram({ zeroCount: i }) });
  }
  const messages = roundTrip([family]);
  assert.deepEqual(
    messages.map(({ metric }) => metric?.map(({ histogram }) => histogram?.sample_count)),
    [[0, 1], [2, 3], [4]],
  );
});

const LONG_TEXTS = [0, 1, 126, 127, 128, 129, 16_382, 16_383, 16_384, 200_000];
test("encodeProtobuf() writes label values and help texts of any length and alphabet", () => {
  for (const character of ["x", "é", "漢", "😀"]) {
    for (const length of LONG_TEXTS) {
      // Lengths in bytes on both sides of each limit, for every character size.
      const bytes = new TextEncoder().encode(character).length;
      const text = character.repeat(length / bytes) + "y".repeat(length % bytes);
      const family = new MetricFamily("g", text, "gauge")
        .addSample("g", { a: text, b: "after" }, 1)
        .addSample("g", { a: "", b: text }, 2);
      assert.deepEqual(roundTrip([family]), [{
        name: "g",
        help: text,
        type: "GAUGE",
        metric: [
          {
            label: [{ name: "a", value: text }, { name: "b", value: "after" }],
            gauge: { value: 1 },
          },
          { label: [{ name: "a", value: "" }, { name: "b", value: text }], gauge: { value: 2 } },
        ],
      }]);
    }
  }
});

test("encodeProtobuf() writes label values with NUL, quotes and line feeds unchanged", () => {
  const value = 'a\0b"c\\d\ne\u{1f600}';
  const family = new MetricFamily("g", value, "gauge").addSample("g", { a: value }, 1);
  assert.deepEqual(onlyMetric(family).label, [{ name: "a", value }]);
});

test("encodeProtobuf() writes all counts of a classic histogram as floats if one is not an integer", () => {
  const family = new MetricFamily("h", "H.", "histogram")
    .addSample("h_bucket", { le: 1 }, 1)
    .addSample("h_bucket", { le: Infinity }, 2.5)
    .addSample("h_count", {}, 2.5);
  assert.deepEqual(onlyMetric(family).histogram, {
    bucket: [
      { upper_bound: 1, cumulative_count_float: 1 },
      { upper_bound: Infinity, cumulative_count_float: 2.5 },
    ],
    sample_count_float: 2.5,
  });
});

const FLOATS: Partial<NativeHistogram>[] = [
  { count: 1, positive: new Map([[0, 0.5], [1, 0.5]]) },
  { count: 1.5, positive: new Map([[0, 1]]), zeroCount: 0.5 },
  { count: 2.5, positive: new Map([[0, 1]]), negative: new Map([[0, 1]]) },
  { count: 2 ** 53, positive: new Map([[0, 2 ** 53]]) },
  // The count of the buckets differs, as in the sum of a classic histogram and a native one.
  { count: 11, positive: new Map([[0, 1]]), zeroCount: 2 },
  { count: 2, positive: new Map([[0, 1]]), zeroCount: 2, sum: NaN },
];
test("encodeProtobuf() writes all counts of a native histogram as floats if they are no integers or do not add up", () => {
  for (const parts of FLOATS) {
    const { count, zeroCount, positive, negative } = nativeHistogram(parts);
    const histogram = histogramOf(parts);
    assert.equal(histogram.sample_count, undefined);
    assert.equal(histogram.sample_count_float, count);
    assert.equal(histogram.zero_count, undefined);
    assert.equal(histogram.zero_count_float, zeroCount);
    assert.equal(histogram.positive_delta, undefined);
    assert.equal(histogram.negative_delta, undefined);
    assert.deepEqual(readBuckets(histogram, "positive"), positive);
    assert.deepEqual(readBuckets(histogram, "negative"), negative);
  }
});

test("encodeProtobuf() writes integers if the count includes NaN, which is in no bucket", () => {
  const histogram = histogramOf({ count: 5, positive: new Map([[0, 1]]), zeroCount: 2, sum: NaN });
  assert.equal(histogram.sample_count, 5);
  assert.equal(histogram.zero_count, 2);
});

test("encodeProtobuf() writes the closest integer to the count of a summary", () => {
  const counts: [number, number][] = [
    [2.4, 2],
    [2.5, 3],
    [-1, 0],
    [NaN, 0],
    [Infinity, 2 ** 53 - 1],
    [2 ** 53, 2 ** 53 - 1],
    [2 ** 53 - 1, 2 ** 53 - 1],
  ];
  for (const [count, expected] of counts) {
    const family = new MetricFamily("s", "S.", "summary").addSample("s_count", {}, count);
    assert.deepEqual(onlyMetric(family).summary, { sample_count: expected });
  }
});

interface Side {
  spans: [offset: number, length: number][];
  deltas: number[];
}
interface NativeCase {
  title: string;
  buckets: [index: number, count: number][];
  expected: Side;
}

const NATIVE: NativeCase[] = [
  { title: "no buckets", buckets: [], expected: { spans: [], deltas: [] } },
  { title: "one bucket", buckets: [[0, 7]], expected: { spans: [[0, 1]], deltas: [7] } },
  {
    title: "neighbours",
    buckets: [[4, 1], [5, 3], [6, 2]],
    expected: { spans: [[4, 3]], deltas: [1, 2, -1] },
  },
  {
    title: "unsorted buckets",
    buckets: [[6, 2], [4, 1], [5, 3]],
    expected: { spans: [[4, 3]], deltas: [1, 2, -1] },
  },
  {
    title: "a gap of one bucket, filled with a zero",
    buckets: [[1, 2], [3, 5]],
    expected: { spans: [[1, 3]], deltas: [2, -2, 5] },
  },
  {
    title: "a gap of two buckets, filled with zeros",
    buckets: [[1, 2], [4, 5]],
    expected: { spans: [[1, 4]], deltas: [2, -2, 0, 5] },
  },
  {
    title: "a gap of three buckets, between two spans",
    buckets: [[1, 2], [5, 5]],
    expected: { spans: [[1, 1], [3, 1]], deltas: [2, 3] },
  },
  {
    title: "negative indices",
    buckets: [[-1, 1], [-100, 4], [-98, 2]],
    expected: { spans: [[-100, 3], [96, 1]], deltas: [4, -4, 2, -1] },
  },
  {
    title: "indices on both sides of zero",
    buckets: [[-2, 3], [-1, 5], [2, 1], [4, 3], [5, 2]],
    expected: { spans: [[-2, 8]], deltas: [3, 2, -5, 0, 1, -1, 3, -1] },
  },
  {
    title: "an empty bucket",
    buckets: [[10, 0], [20, 1]],
    expected: { spans: [[10, 1], [9, 1]], deltas: [0, 1] },
  },
  {
    title: "the outermost buckets of the finest resolution",
    buckets: [[-274_943, 1], [262_145, 2 ** 53 - 2]],
    expected: { spans: [[-274_943, 1], [537_087, 1]], deltas: [1, 2 ** 53 - 3] },
  },
];

for (const { title, buckets, expected } of NATIVE) {
  test(`encodeProtobuf() writes native buckets, positive and negative: ${title}`, () => {
    const counts = new Map(buckets);
    for (const sign of ["positive", "negative"] as const) {
      const histogram = histogramOf({ schema: 8, [sign]: counts });
      const other = sign === "positive" ? "negative" : "positive";
      const spans = histogram[`${sign}_span`] ?? [];
      assert.deepEqual(spans.map(({ offset, length }) => [offset, length]), expected.spans);
      assert.deepEqual(histogram[`${sign}_delta`] ?? [], expected.deltas);
      assert.equal(histogram[`${other}_span`], undefined);
      assert.equal(histogram[`${other}_delta`], undefined);
      assert.equal(histogram.schema, 8);
    }
  });
}

test("encodeProtobuf() writes both signs, the zero bucket and the resolution of a native histogram", () => {
  const histogram = histogramOf({
    schema: -4,
    zeroThreshold: 0.25,
    zeroCount: 3,
    positive: new Map([[1, 1], [2, 2]]),
    negative: new Map([[-1, 4]]),
    sum: -2.5,
    count: 10,
  });
  assert.deepEqual(histogram, {
    sample_count: 10,
    sample_sum: -2.5,
    schema: -4,
    zero_threshold: 0.25,
    zero_count: 3,
    negative_span: [{ offset: -1, length: 1 }],
    negative_delta: [4],
    positive_span: [{ offset: 1, length: 2 }],
    positive_delta: [1, 1],
  });
});

test("encodeProtobuf() marks an empty native histogram without zero threshold with an empty span", () => {
  const noop = [{ offset: 0, length: 0 }];
  assert.deepEqual(histogramOf({ zeroThreshold: 0 }).positive_span, noop);
  assert.deepEqual(histogramOf({ zeroThreshold: 0, count: 1, sum: NaN }).positive_span, noop);
  assert.equal(histogramOf({ zeroThreshold: 0, zeroCount: 1 }).positive_span, undefined);
  assert.equal(histogramOf({ zeroThreshold: 2 ** -128 }).positive_span, undefined);
  const negative = histogramOf({ zeroThreshold: 0, negative: new Map([[0, 1]]) });
  assert.equal(negative.positive_span, undefined);
});

test("a native histogram writes its exemplars, and the last one in the +Inf bucket", () => {
  const registry = new CollectorRegistry();
  const clock = { now: () => 1000, monotonic: () => 0 };
  const alone = new Histogram("alone", "A.", { registry, clock, nativeHistogram: true });
  alone.observe(1);
  alone.observe(5, { trace_id: "a" });
  alone.observe(2, { trace_id: "b" });
  alone.observe(3);
  const [family] = decodeFamilies(generateProtobuf(registry));
  const { bucket, exemplars } = family?.metric?.[0]?.histogram ?? {};
  const [b, a] = [["b", 2], ["a", 5]].map(([id, value]) => ({
    label: [{ name: "trace_id", value: id }],
    value,
    timestamp: { seconds: 1000, nanos: 0 },
  }));
  assert.deepEqual(bucket, [{ cumulative_count: 4, upper_bound: Infinity, exemplar: b }]);
  assert.deepEqual(exemplars, [b, a]);
});

test("a native histogram writes native buckets with or without classic ones", () => {
  const registry = new CollectorRegistry();
  const alone = new Histogram("alone", "A.", { registry, nativeHistogram: { bucketFactor: 2 } });
  const beside = new Histogram("beside", "B.", {
    registry,
    nativeHistogram: { bucketFactor: 2, zeroThreshold: 0.5 },
    buckets: [1, 4],
  });
  for (const value of [0, 1, 3, -3, 20]) {
    alone.observe(value);
    beside.observe(value);
  }
  const [first, second] = decodeFamilies(generateProtobuf(registry))
    .map(({ metric }) => metric?.[0]?.histogram);
  assert.ok(first !== undefined && second !== undefined);
  assert.equal(first.bucket, undefined);
  assert.deepEqual(
    second.bucket?.map((bucket) => [bucket.upper_bound, bucket.cumulative_count]),
    [[1, 3], [4, 4], [Infinity, 5]],
  );
  for (const histogram of [first, second]) {
    assert.equal(histogram.schema, 0);
    assert.equal(histogram.sample_count, 5);
    assert.equal(histogram.sample_sum, 21);
    assert.equal(histogram.zero_count, 1);
    assert.deepEqual(readBuckets(histogram, "positive"), new Map([[0, 1], [2, 1], [5, 1]]));
    assert.deepEqual(readBuckets(histogram, "negative"), new Map([[2, 1]]));
  }
  assert.equal(first.zero_threshold, 2 ** -128);
  assert.equal(second.zero_threshold, 0.5);
});
