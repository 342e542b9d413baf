import assert from "node:assert/strict";
import { test } from "node:test";
import { ParseError, parseOpenMetrics } from "../../encoding/parse.ts";
import type { HistogramMetric, Sample } from "../../model.ts";

/** Parses lines after adding `# EOF`. */
const parse = (...lines: string[]) => parseOpenMetrics([...lines, "# EOF\n"].join("\n"));
const samples = (...lines: string[]): Sample[] => parse(...lines).flatMap((f) => [...f.samples]);

test("parseOpenMetrics() names families after their series", () => {
  const families = parse(
    "# TYPE a_seconds counter",
    "# UNIT a_seconds seconds",
    '# HELP a_seconds Said \\"so\\" \\\\ over\\ntwo lines.',
    "a_seconds_total 1",
    "a_seconds_created 1500000000.25",
    "# TYPE b info",
    'b_info{version="1"} 1',
    "# TYPE c unknown",
    "c 2",
    "d_total 3",
    "# TYPE e counter",
  );
  assert.deepEqual(
    families.map(({ name, type, unit, help }) => [name, type, unit, help]),
    [
      ["a_seconds_total", "counter", "seconds", 'Said "so" \\ over\ntwo lines.'],
      ["b_info", "info", "", ""],
      ["c", "unknown", "", ""],
      ["d_total", "unknown", "", ""],
      ["e_total", "counter", "", ""],
    ],
  );
  assert.deepEqual([...families[0]!.samples], [
    { name: "a_seconds_total", labels: {}, value: 1 },
    { name: "a_seconds_created", labels: {}, value: 1500000000.25 },
  ]);
});

test("parseOpenMetrics() assembles histograms, summaries and statesets", () => {
  const [histogram, summary, states, gauges] = parse(
    "# TYPE h histogram",
    'h_bucket{le="1"} 2 # {trace="x"} 0.5 9.5',
    'h_bucket{le="+Inf"} 3',
    "h_created 7",
    "h_count 3",
    "h_sum 2.5",
    "# TYPE s summary",
    's{quantile="0.5"} NaN',
    "s_sum 1",
    "s_count 4",
    "# TYPE t stateset",
    't{t="on",at="home"} 1',
    't{t="off",at="home"} 0',
    "# TYPE g gaugehistogram",
    'g_bucket{le="-1"} 1',
    'g_bucket{le="+Inf"} 1',
    "g_gcount 1",
    "g_gsum -3",
  );
  // The type of the family determines the shape of its metrics.
  const [metric] = [...histogram!.metrics] as HistogramMetric[];
  assert.deepEqual(metric!.bounds, [1]);
  assert.deepEqual([...metric!.cumulativeCounts()], [2, 3]);
  assert.deepEqual([metric!.sum, metric!.count, metric!.created], [2.5, 3, 7]);
  assert.deepEqual(metric!.exemplars, [
    { labels: { trace: "x" }, value: 0.5, timestamp: 9.5 },
    undefined,
  ]);
  assert.deepEqual([...summary!.samples], [
    { name: "s", labels: { quantile: "0.5" }, value: NaN },
    { name: "s_sum", labels: {}, value: 1 },
    { name: "s_count", labels: {}, value: 4 },
  ]);
  assert.deepEqual([...states!.samples].map(({ labels, value }) => [labels, value]), [
    [{ at: "home", t: "on" }, 1],
    [{ at: "home", t: "off" }, 0],
  ]);
  assert.deepEqual([...gauges!.samples].map(({ name, value }) => [name, value]), [
    ["g_bucket", 1],
    ["g_bucket", 1],
    ["g_gsum", -3],
    ["g_gcount", 1],
  ]);
});

test("parseOpenMetrics() reads all spellings of values", () => {
  const values: [text: string, value: number][] = [
    ["1", 1],
    ["-0", -0],
    ["+1.", 1],
    [".5e-3", 0.0005],
    ["1E3", 1000],
    ["9223372036854775807", 2 ** 63],
    ["1e-400", 0],
    ["+Inf", Infinity],
    ["-inf", -Infinity],
    ["infinity", Infinity],
    ["nan", NaN],
  ];
  for (const [text, value] of values) {
    assert.deepEqual(samples(`a ${text}`), [{ name: "a", labels: {}, value }], text);
  }
});

test("parseOpenMetrics() keeps unknown escapes, and spaces, braces and hashes in quotes", () => {
  const values: [text: string, value: string][] = [
    ["", ""],
    ["\\\\", "\\"],
    ['\\"', '"'],
    ["\\n", "\n"],
    ["\\t\\z", "\\t\\z"],
    ["\\\\n", "\\n"],
    [' # {a="b"} 1'.replaceAll('"', '\\"'), ' # {a="b"} 1'],
    ["},{=", "},{="],
    ["\u0000", "\u0000"],
    ["🔥", "🔥"],
  ];
  for (const [text, value] of values) {
    assert.deepEqual(samples(`a{x="${text}"} 1`), [{ name: "a", labels: { x: value }, value: 1 }]);
    const [sample] = samples("# TYPE a counter", `a_total 1 # {x="${text}"} 1`);
    assert.deepEqual(sample?.exemplar, { labels: { x: value }, value: 1 });
  }
});

test("parseOpenMetrics() reads quoted names with spaces after the commas", () => {
  const [family, other] = parse(
    '# TYPE "my.hits" counter',
    '# HELP "my.hits" Hits.',
    '{"my.hits_total", "a b"="c",d="e"} 1',
    '{x="y","odd \\"name\\""} 2',
  );
  assert.deepEqual([family!.name, family!.type, family!.help], [
    "my.hits_total",
    "counter",
    "Hits.",
  ]);
  assert.deepEqual([...family!.samples], [
    { name: "my.hits_total", labels: { "a b": "c", d: "e" }, value: 1 },
  ]);
  assert.deepEqual([...other!.samples], [{ name: 'odd "name"', labels: { x: "y" }, value: 2 }]);
});

test("parseOpenMetrics() reads several points of a metric, and leaves out repeated ones", () => {
  assert.deepEqual(
    samples(
      "# TYPE a counter",
      "a_total 1 1",
      "a_created 0 1",
      "a_total 2 2.5",
      "a_created 0 2.5",
      "a_total 9 2.5000000001",
      "# TYPE b gauge",
      "b 1 -2.000000001",
      "b 2 -2",
    ).map(({ name, value, timestamp }) => [name, value, timestamp]),
    [
      ["a_total", 1, 1],
      ["a_created", 0, 1],
      ["a_total", 2, 2.5],
      ["a_created", 0, 2.5],
      ["b", 1, -2.000000001],
      ["b", 2, -2],
    ],
  );
});

test("parseOpenMetrics() reads native histograms with and without classic buckets", () => {
  const text = "{count:9,sum:4.5,schema:-2,zero_threshold:0.001,zero_count:1," +
    "positive_spans:[-3:2,2:1],positive_deltas:[3,-2,3],negative_spans:[0:0],negative_deltas:[]}";
  const native = {
    schema: -2,
    zeroThreshold: 0.001,
    zeroCount: 1,
    positive: new Map([[-3, 3], [-2, 1], [1, 4]]),
    negative: new Map(),
    sum: 4.5,
    count: 9,
  };
  const [alone, both] = parse(
    "# TYPE a histogram",
    `a ${text} 5`,
    "# TYPE b histogram",
    `b{x="y"} ${text}`,
    'b_bucket{x="y",le="+Inf"} 9',
    'b_count{x="y"} 9',
    'b_sum{x="y"} 4.5',
  );
  // The type of the families determines the shape of their metrics.
  const [first, ...others] = [...alone!.metrics] as HistogramMetric[];
  assert.deepEqual([first!.native, first!.timestamp, others], [native, 5, []]);
  const [second, ...rest] = [...both!.metrics] as HistogramMetric[];
  assert.deepEqual([second!.native, [...second!.cumulativeCounts()], rest], [native, [9], []]);
});

test("parseOpenMetrics() reads a native histogram with a created timestamp and without buckets", () => {
  const text = "a {count:1,sum:1,schema:0,zero_threshold:0,zero_count:1}";
  const [family] = parse("# TYPE a histogram", text, "a_created 7");
  // The type of the family determines the shape of its metrics.
  const [metric] = [...family!.metrics] as HistogramMetric[];
  assert.deepEqual([metric!.native?.count, metric!.created], [1, 7]);
});

const NATIVE = "count:1,sum:1,schema:0,zero_threshold:0,zero_count:1";

/** Violations of the specification: the violated rule, the lines, and the position of the error. */
const BAD: [rule: string, lines: string, place?: [line: number, column: number]][] = [
  ["a line is not empty", "a 1\n", [2, 1]],
  ["a line does not begin with a blank", " a 1", [1, 1]],
  ["a line does not end with a blank", "a 1 ", [1, 5]],
  ["a line has no carriage return", "a 1\r", [1, 3]],
  ["blanks are single", "a  1", [1, 3]],
  ["blanks are spaces", "a\t1", [1, 2]],
  ["a name has a value", "a", [1, 2]],
  ["a blank precedes the value", 'a{b="c"}1', [1, 9]],
  ["a value is decimal", "a 0x1p-3", [1, 3]],
  ["a value has no underscore", "a 1_0", [1, 3]],
  ["a value is not too large", "a 1e400", [1, 3]],
  ["NaN has no sign", "a +NaN", [1, 3]],
  ["a timestamp is finite", "a 1 NaN", [1, 5]],
  ["a timestamp is decimal", "a 1 0x5", [1, 5]],
  ["a comment is metadata or EOF", "# a comment", [1, 3]],
  ["a blank follows the hash", "#TYPE a gauge", [1, 1]],
  ["HELP names a metric", "# HELP ", [1, 8]],
  ["HELP has a text", "# HELP a", [1, 9]],
  ["a name has no dash", "# HELP a-b c", [1, 9]],
  ["TYPE has a known type", "# TYPE a thing", [1, 10]],
  ["an untyped family has the type unknown", "# TYPE a untyped", [1, 10]],
  ["a type is followed by a line end", "# TYPE a gauge ", [1, 10]],
  ["HELP comes once", "# HELP a b\n# HELP a b", [2, 1]],
  ["TYPE comes once", "# TYPE a gauge\n# TYPE a gauge", [2, 1]],
  ["UNIT comes once", "# UNIT a_b b\n# UNIT a_b b", [2, 1]],
  ["metadata comes first", "# TYPE a gauge\na 1\n# HELP a b", [3, 1]],
  ["a unit ends the name", "# UNIT ab b", [1, 1]],
  ["an info has no unit", "# TYPE a_b info\n# UNIT a_b b", [1, 1]],
  ["families do not interleave", "a 1\nb 1\na 2", [3, 1]],
  ["families do not clash", "# TYPE a_count gauge\n# TYPE a summary", [2, 1]],
  ["a label name has letters", 'a{1="b"} 1', [1, 3]],
  ["a label has a value", "a{b} 1", [1, 4]],
  ["a label value has quotes", "a{b=c} 1", [1, 5]],
  ["a label value ends", 'a{b="c', [1, 5]],
  ["a label value ends in its line", 'a{b="c\n"} 1', [1, 5]],
  ["labels are joined by commas", 'a{b="c"d="e"} 1', [1, 8]],
  ["labels do not begin with a comma", 'a{,b="c"} 1', [1, 3]],
  ["labels do not end with a comma", 'a{b="c",} 1', [1, 9]],
  ["labels have no blanks between them", 'a{b="c", d="e"} 1', [1, 9]],
  ["labels differ", 'a{b="c",b="d"} 1', [1, 9]],
  ["labels are not reserved", 'a{__b="c"} 1', [1, 3]],
  ["a name appears once", 'a{"b"} 1', [1, 3]],
  ["a name appears once in braces", '{"a","b"} 1', [1, 6]],
  ["a series has a name", '{a="b"} 1', [1, 1]],
  ["a name is not empty", '{""} 1', [1, 1]],
  ["an exemplar has labels", "# TYPE a counter\na_total 1 # 1", [2, 13]],
  ["an exemplar has a value", "# TYPE a counter\na_total 1 # {}", [2, 15]],
  ["an exemplar has a finite timestamp", "# TYPE a counter\na_total 1 # {} 1 Inf", [2, 18]],
  ["a gauge has no exemplar", "# TYPE a gauge\na 1 # {} 1", [2, 3]],
  ["a sum has no exemplar", "# TYPE a summary\na_sum 1 # {} 1", [2, 7]],
  ["an exemplar is short", `# TYPE a counter\na_total 1 # {a="${"🔥".repeat(128)}"} 1`, [2, 1]],
  ["a counter is a number", "# TYPE a counter\na_total NaN", [2, 9]],
  ["a counter is not negative", "# TYPE a counter\na_total -1", [2, 9]],
  ["a counter has its suffix", "# TYPE a counter\na 1", [2, 1]],
  ["a created timestamp has its counter", "# TYPE a counter\na_created 1", [2, 1]],
  ["an info is 1", "# TYPE a info\na_info 2", [2, 8]],
  ["a state is 0 or 1", '# TYPE a stateset\na{a="b"} 2', [2, 10]],
  ["a state has its label", "# TYPE a stateset\na 1", [2, 1]],
  ["a quantile has its label", "# TYPE a summary\na 1", [2, 1]],
  ["a quantile is at most 1", '# TYPE a summary\na{quantile="1.5"} 1', [2, 1]],
  ["a quantile is not negative", '# TYPE a summary\na{quantile="1"} -1', [2, 17]],
  ["a count is whole", "# TYPE a summary\na_count 0.5", [2, 9]],
  ["a bucket has le", '# TYPE a histogram\na_bucket{b="c"} 1', [2, 1]],
  ["le is a number", '# TYPE a histogram\na_bucket{le="NaN"} 1', [2, 1]],
  ["infinity is +Inf", '# TYPE a histogram\na_bucket{le="Inf"} 1', [2, 1]],
  ["a bucket is whole", '# TYPE a histogram\na_bucket{le="+Inf"} 0.5', [2, 21]],
  ["bounds rise", '# TYPE a histogram\na_bucket{le="1"} 1\na_bucket{le="1.0"} 1', [3, 1]],
  ["buckets do not fall", '# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1', [3, 21]],
  ["the last bucket is +Inf", '# TYPE a histogram\na_bucket{le="1"} 2', [2, 1]],
  ["a sum comes with buckets", "# TYPE a histogram\na_sum 1\na_count 1", [3, 1]],
  ["a sum comes with a count", '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_sum 1', [3, 1]],
  ["a count comes with a sum", '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_count 1', [3, 1]],
  [
    "the count equals the +Inf bucket",
    '# TYPE a histogram\na_bucket{le="+Inf"} 1\na_count 2\na_sum 1',
    [4, 1],
  ],
  [
    "negative buckets have no sum",
    '# TYPE a histogram\na_bucket{le="-1"} 1\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1',
    [5, 1],
  ],
  [
    "each point of a histogram is complete",
    '# TYPE a histogram\na_bucket{le="1"} 1 1\na_bucket{le="+Inf"} 1 2',
    [2, 1],
  ],
  ["samples of a metric are consecutive", 'a{b="1"} 1\na{b="2"} 1\na{b="1"} 2', [3, 1]],
  ["a series is unique", "a 1\na 1", [2, 1]],
  ["all points have timestamps", "a 1 1\na 1", [2, 1]],
  ["timestamps do not fall", "a 1 1\na 1 0.5", [2, 1]],
  ["a native histogram has the type histogram", `# TYPE a gauge\na {${NATIVE}}`, [2, 3]],
  ["a native histogram has all fields", "# TYPE a histogram\na {count:1}", [2, 3]],
  ["a native histogram ends", `# TYPE a histogram\na {${NATIVE}`, [2, 56]],
  ["a native histogram has only known fields", "# TYPE a histogram\na {what:1}", [2, 4]],
  [
    "spans and deltas agree",
    `# TYPE a histogram\na {${NATIVE},positive_spans:[0:9007199254740991],positive_deltas:[1]}`,
    [2, 3],
  ],
  [
    "buckets are not negative",
    `# TYPE a histogram\na {${NATIVE},positive_spans:[0:1],positive_deltas:[-1]}`,
  ],
  ["a schema is from -4 to 8", `# TYPE a histogram\na {${NATIVE.replace("a:0", "a:9")}}`, [2, 1]],
];

for (const [rule, lines, place] of BAD) {
  test(`parseOpenMetrics() throws unless ${rule}`, () => {
    assert.throws(() => parse(lines), (error) => {
      assert.ok(error instanceof ParseError);
      assert.match(error.message, /^Cannot parse OpenMetrics: .*\(line \d+, column \d+\)$/);
      if (place !== undefined) assert.deepEqual([error.line, error.column], place, error.message);
      return true;
    });
  });
}

test("parseOpenMetrics() throws unless the text ends with # EOF", () => {
  const bad: [text: string, place: [line: number, column: number]][] = [
    ["", [1, 1]],
    ["a 1", [1, 4]],
    ["a 1\n", [2, 1]],
    ["a 1\n# EOF\n\n", [3, 1]],
    ["a 1\n# EOF ", [2, 6]],
    ["# EOF\na 1", [2, 1]],
    ["#EOF\n", [1, 1]],
    ["# EOF\r\n", [1, 6]],
  ];
  for (const [text, place] of bad) {
    assert.throws(() => parseOpenMetrics(text), (error) => {
      assert.ok(error instanceof ParseError);
      assert.deepEqual([error.line, error.column], place, JSON.stringify(text));
      return true;
    });
  }
  assert.deepEqual(parseOpenMetrics("# EOF"), []);
  assert.deepEqual(parseOpenMetrics("# EOF\n"), []);
});
