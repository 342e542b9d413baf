import assert from "node:assert/strict";
import { test } from "node:test";
import { ParseError, parsePrometheusText } from "../../encoding/parse.ts";

/**
 * Returns families in a short form: name, type, and each sample as name, labels, value and
 * timestamp.
 */
const short = (text: string) =>
  parsePrometheusText(text).map(({ name, type, samples }) => [
    name,
    type,
    ...[...samples].map((sample) => {
      const { timestamp } = sample;
      const base = [sample.name, sample.labels, sample.value];
      return timestamp === undefined ? base : [...base, timestamp];
    }),
  ]);

const GOOD: [name: string, text: string, families: unknown[]][] = [
  ["nothing", "", []],
  [
    "blank lines and comments",
    "\n \t \n#\n# a comment\n#HELP a b\n# HELPa b\n# HELP\n# TYPE",
    [],
  ],
  ["a sample without metadata", "a 1\n", [["a", "unknown", ["a", {}, 1]]]],
  ["a last line without an end", "a 1", [["a", "unknown", ["a", {}, 1]]]],
  ["metadata without samples", "# HELP a b\n# TYPE c gauge\n", [["a", "unknown"], ["c", "gauge"]]],
  ["a counter without _total", "# TYPE a counter\na 1\n", [["a", "counter", ["a", {}, 1]]]],
  ["untyped", "# TYPE a untyped\na 1\n", [["a", "unknown", ["a", {}, 1]]]],
  [
    "blanks and tabs everywhere",
    '\t#\tTYPE  a \tgauge\n  a\t{ \tb = "c"\t, d="e" , }\t1 \t 2000 \t\n',
    [["a", "gauge", ["a", { b: "c", d: "e" }, 1, 2]]],
  ],
  ["no blanks", 'a{b="c"}1\n', [["a", "unknown", ["a", { b: "c" }, 1]]]],
  ["missing commas", 'a{b="c"d="e"} 1\n', [["a", "unknown", ["a", { b: "c", d: "e" }, 1]]]],
  ["empty braces", "a{} 1\na{ } 2\n", [["a", "unknown", ["a", {}, 1], ["a", {}, 2]]]],
  [
    "escapes",
    'a{b="\\\\ \\" \\n \\t"} 1\n',
    [["a", "unknown", ["a", { b: '\\ " \n \\t' }, 1]]],
  ],
  ["a line break in a value", 'a{b="c\nd"} 1\n', [["a", "unknown", ["a", { b: "c\nd" }, 1]]]],
  [
    "quoted names",
    '# TYPE "a.b" gauge\n{"a.b","c d"="e"} 1\n{ c="d" , "a.b" } 2\nf{"g.h"="i"} 3\n',
    [
      ["a.b", "gauge", ["a.b", { "c d": "e" }, 1], ["a.b", { c: "d" }, 2]],
      ["f", "unknown", ["f", { "g.h": "i" }, 3]],
    ],
  ],
  [
    "names of properties of objects",
    '__proto__ 1\nconstructor{toString="x",hasOwnProperty="y"} 2\n# TYPE valueOf gauge\n',
    [
      ["__proto__", "unknown", ["__proto__", {}, 1]],
      ["constructor", "unknown", ["constructor", { toString: "x", hasOwnProperty: "y" }, 2]],
      ["valueOf", "gauge"],
    ],
  ],
  [
    "all of Go's spellings of numbers",
    "a nan\na NaN\na inf\na -Inf\na +Infinity\na 1e+06\na .5\na 5.\na -0\n",
    [[
      "a",
      "unknown",
      ...[NaN, NaN, Infinity, -Infinity, Infinity, 1e6, 0.5, 5, -0].map((
        value,
      ) => ["a", {}, value]),
    ]],
  ],
  ["a timestamp before 1970", "a 1 -1500\n", [["a", "unknown", ["a", {}, 1, -1.5]]]],
  [
    "the first and the last timestamp of 64 bits",
    "a 1 -9223372036854775808\na 2 9223372036854775807\n",
    [["a", "unknown", ["a", {}, 1, -(2 ** 63) / 1000], ["a", {}, 2, 2 ** 63 / 1000]]],
  ],
  [
    "a type after its samples, and the last of two types",
    "a 1\n# TYPE a gauge\nb 2\na 3\n# TYPE a counter\n",
    [["a", "counter", ["a", {}, 1], ["a", {}, 3]], ["b", "unknown", ["b", {}, 2]]],
  ],
  [
    "a histogram in any order, between other families",
    '# TYPE h histogram\nh_count 3\nb 1\nh_bucket{le="inf"} 3\nh_sum 4\nh_bucket{le="1."} 2\n',
    [
      [
        "h",
        "histogram",
        ["h_bucket", { le: "1" }, 2],
        ["h_bucket", { le: "+Inf" }, 3],
        ["h_sum", {}, 4],
        ["h_count", {}, 3],
      ],
      ["b", "unknown", ["b", {}, 1]],
    ],
  ],
  [
    "a gauge histogram",
    '# TYPE g gauge_histogram\ng_bucket{le="+Inf"} 3\ng_sum 4\ng_count 3\n',
    [[
      "g",
      "gaugehistogram",
      ["g_bucket", { le: "+Inf" }, 3],
      ["g_gsum", {}, 4],
      ["g_gcount", {}, 3],
    ]],
  ],
  [
    "a summary with any quantiles",
    '# TYPE s summary\ns{quantile="-12.5"} 1\ns{quantile="0.5",a="b"} NaN\ns_sum 4\ns_count 3\n',
    [[
      "s",
      "summary",
      ["s", { quantile: "-12.5" }, 1],
      ["s_sum", {}, 4],
      ["s_count", {}, 3],
      ["s", { a: "b", quantile: "0.5" }, NaN],
    ]],
  ],
  [
    "a declared family with the name of another one's sample",
    "# TYPE s summary\ns_count 3\n# TYPE s_sum gauge\ns_sum 4\n",
    [["s", "summary", ["s_count", {}, 3]], ["s_sum", "gauge", ["s_sum", {}, 4]]],
  ],
  [
    "invalid buckets, as a separate family",
    '# TYPE h histogram\nh_bucket 1\nh_bucket{le="x"} 2\nh_bucket{le="nan"} 3\nh_sum 4\n',
    [
      ["h", "histogram", ["h_sum", {}, 4]],
      [
        "h_bucket",
        "unknown",
        ["h_bucket", {}, 1],
        ["h_bucket", { le: "x" }, 2],
        ["h_bucket", { le: "nan" }, 3],
      ],
    ],
  ],
  [
    "a histogram with a sample of its name, as unknown",
    '# TYPE h histogram\nh 1\nh_bucket{le="1."} 2\nh_sum 3\n',
    [
      ["h", "unknown", ["h", {}, 1]],
      ["h_bucket", "unknown", ["h_bucket", { le: "1." }, 2]],
      ["h_sum", "unknown", ["h_sum", {}, 3]],
    ],
  ],
  [
    "a summary with a sample without quantile, as unknown",
    '# TYPE s summary\ns{quantile=".5"} 1\ns 2\n',
    [["s", "unknown", ["s", { quantile: ".5" }, 1], ["s", {}, 2]]],
  ],
  [
    "repeated series",
    "# TYPE h histogram\na 1\na 2\nh_sum 3\nh_sum 4\n",
    [
      ["h", "histogram", ["h_sum", {}, 3], ["h_sum", {}, 4]],
      ["a", "unknown", ["a", {}, 1], ["a", {}, 2]],
    ],
  ],
];

for (const [name, text, families] of GOOD) {
  test(`parsePrometheusText() reads ${name}`, () => assert.deepEqual(short(text), families));
}

test("parsePrometheusText() reads help texts up to the end of the line", () => {
  const helps: [text: string, help: string][] = [
    ["# HELP a b", "b"],
    ["#\tHELP\ta\t b  c ", "b  c "],
    ["# HELP a", ""],
    ["# HELP a ", ""],
    ["# HELP a \\\\ \\n \\\\n \\z \\", "\\ \n \\n \\z \\"],
    ['# HELP a \\" "', '\\" "'],
    ["# HELP a b\r", "b\r"],
    ["# HELP a b\n# HELP a c", "c"],
  ];
  for (const [text, help] of helps) assert.equal(parsePrometheusText(text)[0]?.help, help, text);
});

/** Texts that Prometheus refuses, and the position of the error. */
const BAD: [text: string, place: [line: number, column: number]][] = [
  ["a", [1, 2]],
  ["a \n", [1, 3]],
  ["\n\na b\n", [3, 3]],
  ["0a 1\n", [1, 1]],
  ["a-b 1\n", [1, 2]],
  ["\ufeffa 1\n", [1, 1]],
  ["a 1\r\n", [1, 3]],
  ["a 0x10\n", [1, 3]],
  ["a 1_0\n", [1, 3]],
  ["a +nan\n", [1, 3]],
  ["a 1e400\n", [1, 3]],
  ["a 1 1.5\n", [1, 5]],
  ["a 1 1_0\n", [1, 5]],
  ["a 1 99999999999999999999\n", [1, 5]],
  ["a 1 2 3\n", [1, 7]],
  ['a 1 # {b="c"} 1\n', [1, 5]],
  ["a{\n", [1, 3]],
  ["a{b}\n", [1, 4]],
  ["a{b=}\n", [1, 5]],
  ["a{b='c'} 1\n", [1, 5]],
  ['a{b="c} 1\n', [1, 5]],
  ['a{b="c\\\n"} 1\n', [1, 5]],
  ['a{b="c"+} 1\n', [1, 8]],
  ['a{,b="c"} 1\n', [1, 3]],
  ['a{b="c",,} 1\n', [1, 9]],
  ['a{b="c",b="d"} 1\n', [1, 9]],
  ['a{="c"} 1\n', [1, 3]],
  ['a{""="c"} 1\n', [1, 3]],
  ['a{__name__="c"} 1\n', [1, 3]],
  ['a{"b"} 1\n', [1, 3]],
  ['{"a","b"} 1\n', [1, 6]],
  ['{"a" b="c"} 1\n', [1, 6]],
  ['{b="c"} 1\n', [1, 1]],
  ["{a} 1\n", [1, 3]],
  ['{"a"}\n', [1, 6]],
  ["a\u0000 1\n", [1, 2]],
  ["# TYPE a\n", [1, 9]],
  ["# TYPE a thing\n", [1, 10]],
  ["# TYPE a COUNTER\n", [1, 10]],
  ["# TYPE a Counter\n", [1, 10]],
  ["# TYPE a \n", [1, 10]],
  ["# TYPE a", [1, 9]],
  ["# TYPE a gauge # comment\n", [1, 10]],
  ["# TYPE a unknown\n", [1, 10]],
  ["# TYPE a info\n", [1, 10]],
  ["# TYPE \n", [1, 8]],
  ["# HELP \n", [1, 8]],
  ["# TYPE a gauge \n", [1, 10]],
  ["# TYPE a gauge\r\na 1\n", [1, 10]],
  ["# TYPE #\n", [1, 8]],
  ["# HELP a-b c\n", [1, 8]],
  ['# HELP "a c\n', [1, 8]],
  ['a 1\nb{c="\ud800"} 1\n', [2, 6]],
];

for (const [text, place] of BAD) {
  test(`parsePrometheusText() throws on ${JSON.stringify(text)}`, () => {
    assert.throws(() => parsePrometheusText(text), (error) => {
      assert.ok(error instanceof ParseError);
      assert.match(error.message, /^Cannot parse Prometheus text: .*: received .*\)$/);
      assert.deepEqual([error.line, error.column], place, error.message);
      return true;
    });
  });
}
