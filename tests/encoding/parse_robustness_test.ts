import assert from "node:assert/strict";
import { test } from "node:test";
import { ParseError, parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";

const PARSERS = [parsePrometheusText, parseOpenMetrics];

test("parsers throw if the text is not a string", () => {
  for (const parse of PARSERS) {
    // @ts-expect-error A parser takes a string.
    assert.throws(() => parse(undefined), /: text must be a string: received undefined$/);
  }
});

test("errors count line breaks in values", () => {
  assert.throws(() => parsePrometheusText('a{b="\n\n"} 1\nc x\n'), { line: 4, column: 3 });
});

test("errors show a short excerpt of the text", () => {
  assert.throws(() => parsePrometheusText(`a ${"x".repeat(1e6)}`), (error) => {
    assert.ok(error instanceof ParseError);
    assert.ok(error.message.length < 200);
    return true;
  });
});

test("errors with long names are short", () => {
  const name = "x".repeat(3e5);
  const texts = [
    `# TYPE a gauge\n# UNIT a ${name}\n# EOF\n`,
    `# TYPE ${name} gauge\n# TYPE b gauge\n# TYPE ${name} gauge\n# EOF\n`,
    `# TYPE ${name} info\n# UNIT ${name} ${name}\n# EOF\n`,
  ];
  for (const text of texts) {
    assert.throws(() => parseOpenMetrics(text), (error) => {
      assert.ok(error instanceof ParseError);
      assert.ok(error.message.length < 600, `${error.message.length} characters`);
      assert.match(error.message, /… \(line \d, column \d+\)$/);
      return true;
    });
  }
});

test("random tokens either parse or throw a ParseError", () => {
  const tokens = [
    ...["# TYPE ", "# HELP ", "# UNIT ", "# EOF\n", "a", "a_bucket", "a_sum", "a_total", " "],
    ...["constructor", " counter\n", " histogram\n", " summary\n", " info\n", " stateset\n"],
    ...["{", "}", '"', "=", ",", 'le="1"', 'le="+Inf"', 'quantile="0.5"', 'a="b"', " 1", " NaN"],
    ...[" -1 5", "\n", "\t", "\\", "\r", "\0", "é", "\ud800", '{"x.y"} 1\n', " # {} 1", "{count:"],
  ];
  let seed = 42;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * n);
  };
  for (let i = 0; i < 20_000; i++) {
    const text = Array.from({ length: 1 + random(12) }, () => tokens[random(tokens.length)]).join(
      "",
    );
    for (const parse of PARSERS) {
      try {
        for (const family of parse(text)) for (const _ of family.samples);
      } catch (error) {
        assert.ok(error instanceof ParseError, `${JSON.stringify(text)}: ${error}`);
        assert.ok(error.line >= 1 && error.column >= 1);
      }
    }
  }
});

test("names such as __proto__ do not change prototypes", () => {
  for (const name of ["__proto__", "constructor", "prototype"]) {
    const text = `# TYPE ${name} gauge\n${name}{constructor="x",valueOf="y"} 1\n`;
    for (const [family] of [parsePrometheusText(text), parseOpenMetrics(`${text}# EOF\n`)]) {
      assert.equal(family?.name, name);
      assert.deepEqual([...family.samples][0]?.labels, { constructor: "x", valueOf: "y" });
    }
  }
  assert.equal(({} as Record<string, unknown>)["valueOf"], Object.prototype.valueOf);
});

test("parsePrometheusText() reads reserved labels", () => {
  const [family] = parsePrometheusText('m{__proto__="1",__address__="host:1"} 1\n');
  const labels = [...family!.samples][0]!.labels;
  assert.deepEqual(Object.entries(labels), [["__proto__", "1"], ["__address__", "host:1"]]);
});

/** Texts that would take minutes if the time grew faster than the length. */
const LARGE: [name: string, text: string][] = [
  ["labels", `a{${Array.from({ length: 50_000 }, (_, i) => `l${i}="x"`).join()}} 1\n`],
  ["an escaped value", `a{b="${"\\n".repeat(500_000)}"} 1\n`],
  ["a value without an end", `a{b="${"\\\\".repeat(500_000)}`],
  ["digits", `a ${"1".repeat(1e6)}.`],
  ["quotes", `{${'"'.repeat(1e6)}`],
  ["families", Array.from({ length: 50_000 }, (_, i) => `a${i} 1\n`).join("")],
  ["repeated series", "a 1\n".repeat(100_000)],
  [
    "buckets from the highest to the lowest",
    "# TYPE a histogram\n" +
    Array.from({ length: 100_000 }, (_, i) => `a_bucket{le="${-i}"} 1\n`).join(""),
  ],
  [
    "quantiles",
    "# TYPE a summary\n" +
    Array.from({ length: 100_000 }, (_, i) => `a{quantile="${i / 100_000}"} 1\n`).join(""),
  ],
  [
    "states",
    "# TYPE a stateset\n" +
    Array.from({ length: 100_000 }, (_, i) => `a{a="${i}"} 1\n`).join(""),
  ],
];

for (const [name, text] of LARGE) {
  test(`parsers finish with many ${name}`, () => {
    for (const parse of PARSERS) {
      try {
        parse(parse === parseOpenMetrics ? `${text}# EOF\n` : text);
      } catch (error) {
        assert.ok(error instanceof ParseError);
      }
    }
  });
}
