import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ParseError,
  parseOpenMetrics,
  type ParseOptions,
  parsePrometheusText,
} from "../../encoding/parse.ts";

const PARSERS = [
  ["parsePrometheusText()", "Prometheus text", parsePrometheusText, ""],
  ["parseOpenMetrics()", "OpenMetrics", parseOpenMetrics, "# EOF\n"],
] as const;

/** A text and limits, with the expected error and its position, if any. */
const CASES: [
  what: string,
  text: string,
  options: ParseOptions,
  problem?: [message: string, line: number, column: number],
][] = [
  ["a line as long as allowed", "a 1\nbcd 12345\n", { maxLineLength: 9 }],
  ["a line that is longer", "a 1\nbcd 123456\n", { maxLineLength: 9 }, [
    "a line must have at most 9 characters (maxLineLength): received 10",
    2,
    10,
  ]],
  ["a comment that is longer", "a 1\n# HELP b Far too long.\n", { maxLineLength: 9 }, [
    "a line must have at most 9 characters (maxLineLength): received 22",
    2,
    10,
  ]],
  ["as many series as allowed", "a 1\nb 1\n", { maxSeries: 2 }],
  ["more series", "a 1\nb 1\nc 1\nd 1\n", { maxSeries: 2 }, [
    "text must have at most 2 samples (maxSeries): received 3 or more",
    3,
    1,
  ]],
  [
    "more series in a family",
    '# TYPE a gauge\na{b="1"} 1\na{b="2"} 1\na{b="3"} 1\n',
    { maxSeries: 2 },
    ["text must have at most 2 samples (maxSeries): received 3 or more", 4, 1],
  ],
  [
    "a histogram with more buckets",
    '# TYPE a histogram\na_bucket{le="1"} 1\na_bucket{le="+Inf"} 1\na_count 1\na_sum 1\n',
    { maxSeries: 3 },
    ["text must have at most 3 samples (maxSeries): received 4 or more", 5, 1],
  ],
  ["a histogram with as many as allowed", '# TYPE a histogram\na_bucket{le="+Inf"} 1\n', {
    maxSeries: 1,
  }],
  ["no series, as allowed", "", { maxSeries: 0, maxLineLength: 5 }],
  ["no limits", `a{b="${"x".repeat(2 ** 22)}"} 1\n`, {
    maxSize: Infinity,
    maxLineLength: Infinity,
    maxSeries: Infinity,
  }],
  ["a long line with default limits", `a{b="${"x".repeat(2 ** 22)}"} 1\n`, {}, [
    "a line must have at most 4194304 characters (maxLineLength): received 4194313",
    1,
    4194305,
  ]],
];

for (const [name, format, parse, end] of PARSERS) {
  for (const [what, text, options, problem] of CASES) {
    test(`${name} with limits ${problem === undefined ? "reads" : "refuses"} ${what}`, () => {
      if (problem === undefined) {
        parse(text + end, options);
        return;
      }
      const [message, line, column] = problem;
      assert.throws(() => parse(text + end, options), (error) => {
        assert.ok(error instanceof ParseError);
        const place = `(line ${line}, column ${column})`;
        assert.equal(error.message, `Cannot parse ${format}: ${message} ${place}`);
        assert.deepEqual([error.line, error.column], [line, column]);
        return true;
      });
    });
  }

  test(`${name} checks the size first`, () => {
    const text = `a 1\n${end}`;
    parse(text, { maxSize: text.length });
    assert.throws(() => parse(`\ud800${text}`, { maxSize: text.length }), {
      name: "ParseError",
      message: `Cannot parse ${format}: text must have at most ${text.length} characters ` +
        `(maxSize): received ${text.length + 1} (line 1, column 1)`,
    });
    // No character is read, so even the largest possible string is refused quickly.
    assert.throws(() => parse("x".repeat(2 ** 27) + text), /at most 134217728 characters/);
  });

  test(`${name} stops at a limit and ignores the rest`, () => {
    assert.throws(() => parse("a 1\nb 1\nno sample\n", { maxSeries: 1 }), /\(maxSeries\)/);
    assert.throws(() => parse("a 1\nno sample\nb 1\n", { maxSeries: 1 }), /number/);
    const long = `a 1\n${"x".repeat(100)}\nno sample\n`;
    assert.throws(() => parse(long, { maxLineLength: 50 }), /\(maxLineLength\)/);
  });

  test(`${name} limits families without samples`, () => {
    const text = Array.from({ length: 3 }, (_, i) => `# TYPE a${i} gauge\n`).join("");
    assert.equal(parse(text + end, { maxSeries: 3 }).length, 3);
    assert.throws(() => parse(text + end, { maxSeries: 2 }), {
      message: `Cannot parse ${format}: text must have at most 2 families (maxSeries): received ` +
        "3 or more (line 3, column 1)".replace("column 1", end === "" ? "column 8" : "column 1"),
    });
  });

  test(`${name} refuses an unknown option`, () => {
    // A misspelt limit, which JavaScript does not notice.
    const options = { maxSizes: 10 } as ParseOptions;
    assert.throws(() => parse(end, options), {
      name: "TypeError",
      message: `Cannot parse ${format}: unknown option "maxSizes": known options are "maxSize", ` +
        '"maxLineLength", "maxSeries"',
    });
  });

  for (const limit of ["maxSize", "maxLineLength", "maxSeries"]) {
    for (
      const [value, error] of [
        [-1, "RangeError"],
        [0.5, "RangeError"],
        [NaN, "RangeError"],
        ["10", "TypeError"],
        [null, "TypeError"],
      ] as const
    ) {
      test(`${name} refuses the ${limit} ${JSON.stringify(value)} with a ${error}`, () => {
        const received = typeof value === "string" ? `"${value}"` : value;
        const rule = error === "TypeError" ? "a number" : "a whole number >= 0, or Infinity";
        assert.throws(() => parse(end, { [limit]: value }), {
          name: error,
          message: `Cannot parse ${format}: ${limit} must be ${rule}: received ${received}`,
        });
      });
    }
  }
}

test("a value over several lines counts as one line", () => {
  const text = `a 1\nb{c="${"x\n".repeat(10)}"} 1\nd 1\n`;
  assert.equal(parsePrometheusText(text, { maxLineLength: 29 }).length, 3);
  assert.throws(() => parsePrometheusText(text, { maxLineLength: 28 }), {
    message: "Cannot parse Prometheus text: a line must have at most 28 characters " +
      "(maxLineLength): received 29 (line 12, column 4)",
  });
});
