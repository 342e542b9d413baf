import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { ByteWriter, CHUNK_SIZE, escapeText } from "../../encoding/byte_writer.ts";
import type { EscapingScheme } from "../../encoding/escaping.ts";
import { encodeText } from "../../encoding/text.ts";
import { type Metric, MetricFamily, type MetricFamilyOptions, type MetricType } from "../../mod.ts";
import { allTypes } from "../support/all_types.ts";
import { ROOT_URL } from "../support/paths.ts";

function encode(families: MetricFamily[], escaping: EscapingScheme = "underscores"): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  return [...encodeText(families, escaping)].map((chunk) => decoder.decode(chunk)).join("");
}

function written(write: (out: ByteWriter) => void): string {
  const out = new ByteWriter();
  write(out);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(out.take());
}

test("all types are written as in tests/golden/text.txt", () => {
  const golden = readFileSync(new URL("tests/golden/text.txt", ROOT_URL), "utf8");
  assert.equal(encode(allTypes()), golden);
});

test("an empty registry is written as no chunk", () => {
  assert.deepEqual([...encodeText([], "underscores")], []);
});

const UTF8: MetricFamilyOptions = { nameValidation: "utf8" };

/** Returns families with names outside the classic alphabet. */
function utf8Families(): MetricFamily[] {
  return [
    new MetricFamily("http.requests_total", "R.", "counter", UTF8)
      .addSample("http.requests_total", {}, 1)
      .addSample("http.requests_total", { "http.route": "/", plain: "x" }, 2),
    new MetricFamily("größe", "S.", "histogram", UTF8)
      .addSample("größe_bucket", { le: "+Inf" }, 1)
      .addSample("größe_sum", {}, 1)
      .addSample("größe_count", {}, 1),
    new MetricFamily('a "b"\\\n', "Q.", "stateset", UTF8)
      .addSample('a "b"\\\n', { 'a "b"\\\n': "on" }, 1),
  ];
}

const ESCAPED: [scheme: EscapingScheme, text: string][] = [
  [
    "underscores",
    `# HELP http_requests_total R.
# TYPE http_requests_total counter
http_requests_total 1
http_requests_total{http_route="/",plain="x"} 2
# HELP gr__e S.
# TYPE gr__e histogram
gr__e_bucket{le="+Inf"} 1
gr__e_sum 1
gr__e_count 1
# HELP a__b___ Q.
# TYPE a__b___ gauge
a__b___{a__b___="on"} 1
`,
  ],
  [
    "dots",
    `# HELP http_dot_requests__total R.
# TYPE http_dot_requests__total counter
http_dot_requests__total 1
http_dot_requests__total{http_dot_route="/",plain="x"} 2
# HELP gr____e S.
# TYPE gr____e histogram
gr____e_bucket{le="+Inf"} 1
gr____e_sum 1
gr____e_count 1
# HELP a____b______ Q.
# TYPE a____b______ gauge
a____b______{a____b______="on"} 1
`,
  ],
  [
    "values",
    `# HELP U__http_2e_requests__total R.
# TYPE U__http_2e_requests__total counter
U__http_2e_requests__total 1
U__http_2e_requests__total{U__http_2e_route="/",plain="x"} 2
# HELP U__gr_f6__df_e S.
# TYPE U__gr_f6__df_e histogram
U__gr_f6__df_e_bucket{le="+Inf"} 1
U__gr_f6__df_e_sum 1
U__gr_f6__df_e_count 1
# HELP U__a_20__22_b_22__5c__a_ Q.
# TYPE U__a_20__22_b_22__5c__a_ gauge
U__a_20__22_b_22__5c__a_{U__a_20__22_b_22__5c__a_="on"} 1
`,
  ],
  [
    "allow-utf-8",
    `# HELP "http.requests_total" R.
# TYPE "http.requests_total" counter
{"http.requests_total"} 1
{"http.requests_total","http.route"="/",plain="x"} 2
# HELP "größe" S.
# TYPE "größe" histogram
{"größe_bucket",le="+Inf"} 1
{"größe_sum"} 1
{"größe_count"} 1
# HELP "a \\"b\\"\\\\\\n" Q.
# TYPE "a \\"b\\"\\\\\\n" gauge
{"a \\"b\\"\\\\\\n","a \\"b\\"\\\\\\n"="on"} 1
`,
  ],
];

for (const [scheme, text] of ESCAPED) {
  test(`names outside the classic alphabet are escaped by ${scheme}`, () => {
    assert.equal(encode(utf8Families(), scheme), text);
  });
}

test("names in the classic alphabet are the same in every scheme", () => {
  const texts = ESCAPED.map(([scheme]) => encode(allTypes(), scheme));
  assert.equal(new Set(texts).size, 1);
});

test("a long output is split into chunks at line ends", () => {
  const types: MetricType[] = ["gauge", "counter", "unknown"];
  const families = types.map((type, n) => {
    const name = `m${n}${type === "counter" ? "_total" : ""}`;
    const family = new MetricFamily(name, "M.", type);
    for (let i = 0; i < 20_000; i++) {
      family.addSample(name, { number: i, text: "ä".repeat(i % 7) }, i);
    }
    return family;
  });
  const histogram = new MetricFamily("h", "H.", "gaugehistogram");
  const summary = new MetricFamily("s", "S.", "summary");
  const states = new MetricFamily("st", "St.", "stateset");
  for (let l = 0; l < 8000; l++) {
    histogram.addSample("h_bucket", { l, le: 1 }, 1).addSample("h_bucket", { l, le: "+Inf" }, 2)
      .addSample("h_gsum", { l }, 3).addSample("h_gcount", { l }, 2);
    summary.addSample("s", { l, quantile: 0.5 }, 1).addSample("s_sum", { l }, 2);
    states.addSample("st", { l, st: "on" }, 1).addSample("st", { l, st: "off" }, 0);
  }
  families.push(histogram, summary, states);
  const chunks = [...encodeText(families, "underscores")];
  assert.ok(chunks.length > 10, `${chunks.length} chunks`);
  for (const [i, chunk] of chunks.entries()) {
    assert.equal(chunk.at(-1), 10);
    if (i < chunks.length - 1) assert.ok(chunk.length >= CHUNK_SIZE);
    assert.ok(chunk.length < CHUNK_SIZE * 1.25, "no chunk is much larger than necessary");
  }
  assert.equal(
    chunks.map((chunk) => new TextDecoder().decode(chunk)).join(""),
    families.map((family) => encode([family])).join(""),
  );
});

for (const text of ["x".repeat(200_000), "\n".repeat(200_000), "\u{1f525}é".repeat(60_000)]) {
  test(`a label of ${text.length} times ${JSON.stringify(text.slice(0, 1))} is complete`, () => {
    const family = new MetricFamily("m", text, "histogram")
      .addSample("m_bucket", { text, le: 1 }, 1)
      .addSample("m_bucket", { text, le: "+Inf" }, 2)
      .addSample("m_count", { text }, 2);
    const label = `text="${text.replaceAll("\n", "\\n")}"`;
    assert.equal(
      encode([family, new MetricFamily("n", "N.", "gauge").addSample("n", {}, 1)]),
      `# HELP m ${
        text.replaceAll("\n", "\\n")
      }\n# TYPE m histogram\nm_bucket{${label},le="1"} 1\n` +
        `m_bucket{${label},le="+Inf"} 2\nm_count{${label}} 2\n# HELP n N.\n# TYPE n gauge\nn 1\n`,
    );
  });
}

test("the lines of a metric in several chunks have all labels", () => {
  const text = "x".repeat(CHUNK_SIZE);
  const family = new MetricFamily("m", "M.", "gaugehistogram")
    .addSample("m_bucket", { text, le: "+Inf" }, 2)
    .addSample("m_gsum", { text }, 3)
    .addSample("m_gcount", { text }, 2);
  const label = `text="${text}"`;
  assert.equal([...encodeText([family], "underscores")].length, 3);
  assert.equal(
    encode([family]),
    `# HELP m M.\n# TYPE m histogram\nm_bucket{${label},le="+Inf"} 2\n` +
      `# HELP m_gcount M.\n# TYPE m_gcount gauge\nm_gcount{${label}} 2\n` +
      `# HELP m_gsum M.\n# TYPE m_gsum gauge\nm_gsum{${label}} 3\n`,
  );
});

test("chunks do not change when more is written", () => {
  const family = new MetricFamily("m", "M.", "gauge");
  for (let i = 0; i < 10_000; i++) family.addSample("m", { i }, i);
  const chunks = encodeText([family], "underscores");
  const first = chunks.next().value!;
  const copy = first.slice();
  while (!chunks.next().done);
  assert.deepEqual(first, copy);
});

const NUMBERS = [
  0,
  -0,
  1,
  9,
  10,
  99,
  100,
  999_999_999,
  1e9,
  1_000_000_001,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  -5,
  -1,
  1e21,
  5e-324,
  0.1,
  1.5,
  123456.789,
  Number.MAX_VALUE,
  Number.MIN_SAFE_INTEGER,
];

for (const number of NUMBERS) {
  test(`the number ${Object.is(number, -0) ? "-0" : number} is written like String() does`, () => {
    assert.equal(written((out) => out.number(number)), String(number));
  });
}

test("NaN and infinities are written as in Prometheus", () => {
  const all = [NaN, Infinity, -Infinity].map((number) => written((out) => out.number(number)));
  assert.deepEqual(all, ["NaN", "+Inf", "-Inf"]);
});

test("any number is written in the shortest form that parses to the same number", () => {
  const powers = Array.from({ length: 40 }, (_, i) => [10 ** i - 1, 10 ** i, 2 ** i]).flat();
  for (const number of powers) assert.equal(written((out) => out.number(number)), String(number));
  fc.assert(
    fc.property(
      fc.oneof(fc.integer(), fc.nat(), fc.maxSafeInteger(), fc.double({ noNaN: true })),
      (number) => {
        const text = written((out) => out.number(number));
        assert.equal(text, Math.abs(number) === Infinity ? text : String(number));
        assert.equal(Number(text.replace("Inf", "Infinity")), number === 0 ? 0 : number);
      },
    ),
    { numRuns: 2000, seed: 7 },
  );
});

test("texts are escaped and encoded completely", () => {
  const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });
  fc.assert(
    fc.property(
      fc.array(
        fc.string({
          unit: fc.oneof(
            fc.constantFrom(...'\\"\n\0\r\ufeff\u2028'),
            fc.string({ unit: "binary", maxLength: 2 }),
          ),
        }),
      ),
      fc.boolean(),
      (texts, quotes) => {
        const out = new ByteWriter();
        for (const text of texts) {
          const from = out.length;
          out.escaped(text, quotes);
          const escaped = utf8.decode(out.bytes.subarray(from, out.length));
          assert.equal(escaped, escapeText(text, quotes));
          const unescaped = escaped.replace(/\\(.)/g, (_, c) => c === "n" ? "\n" : c);
          assert.equal(unescaped, text.toWellFormed());
        }
      },
    ),
    { numRuns: 500, seed: 7 },
  );
});

test("labels are complete when metrics share some of them, with and without buckets", () => {
  const labelNames = ["a", "b"];
  const metric = (a: string, b: string, counts: number[]) => ({
    labelNames,
    labelValues: [a, b],
    bounds: counts.length > 0 ? [1] : [],
    sum: 3,
    count: 2,
    cumulativeCounts: () => counts,
  });
  const metrics = [
    metric("x", "y", []),
    metric("x", "y2", []),
    metric("x", "y2", [1, 2]),
    metric('"', "y2", [1, 2]),
    metric('"', "", []),
    metric("", "", [0, 2]),
  ];
  const family = new MetricFamily("h", "H.", "histogram", { metrics });
  const expected = metrics.flatMap(({ labelValues, bounds, cumulativeCounts }) => {
    const [a, b] = labelValues.map((value) => value.replace('"', '\\"'));
    const labels = `a="${a}",b="${b}"`;
    return [
      ...cumulativeCounts().map((count, i) =>
        `h_bucket{${labels},le="${bounds[i] ?? "+Inf"}"} ${count}\n`
      ),
      `h_sum{${labels}} 3\n`,
      `h_count{${labels}} 2\n`,
    ];
  });
  assert.equal(encode([family]), `# HELP h H.\n# TYPE h histogram\n${expected.join("")}`);
});

test("a repeated metric of a family is written twice", () => {
  for (const labelValues of [[], ["x"]]) {
    const labelNames = labelValues.map(() => "a");
    const labelled = { labelNames, labelValues };
    const number = { ...labelled, value: 1.5 };
    const histogram = {
      ...labelled,
      bounds: [1],
      sum: 3,
      count: 2,
      cumulativeCounts: () => [1, 2],
    };
    const summary = { ...labelled, quantiles: [0.5], quantileValues: () => [7] };
    const states = { ...labelled, states: ["on", "off"], stateValues: [1, 0] };
    const families: [MetricType, Metric][] = [
      ["gauge", number],
      ["counter", number],
      ["histogram", histogram],
      ["summary", summary as unknown as Metric],
      ["stateset", states],
    ];
    for (const [type, metric] of families) {
      const lines = (metrics: Metric[]): string =>
        encode([new MetricFamily("m", "M.", type, { metrics })]).replaceAll(/^#.*\n/gm, "");
      assert.equal(lines([metric, metric, metric]), lines([metric]).repeat(3), type);
    }
  }
});
