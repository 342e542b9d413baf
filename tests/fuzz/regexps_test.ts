import assert from "node:assert/strict";
import { test } from "node:test";
import { reportFault } from "../support/fault_report.ts";
import { StepCounter } from "../support/regexp_steps.ts";
import { readSources } from "../support/sources.ts";

/** Matches a regular expression at a place where a literal can start, as opposed to a division. */
const LITERAL_REGEXP =
  /(?<=[=(,:?!&|;]\s*|\breturn )\/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])*)\/([dgimsuvy]*)(?=[\s;,.)\]])/g;

/** Parts of texts. Each is matched by some regular expression of the library. */
const UNITS = [
  ...["a", "A", "z9", "0", "1", "f", "_", "__", "_a", ".", "-", "+", "e", "E", ":", "::", "/", "%"],
  ...[" ", "\t", "\n", "\\", "\\n", '"', '\\"', "=", ",", ";", "{", "}", "*", "é", "\u{1f525}"],
  ...["_sum", "_total", "_count", "_counter", "_bucket", "1.", ".1", "1e", "inf", "infinity"],
  ...["nan", "U__", "_20_", "q=1;", "a/b,", "gzip,", "text/", "aB"],
];
/** Texts before and after, so that a long match fails at the end. */
const AROUND = [["", ""], ["", "!"], ["", "\0"], ["U__", "!"], ["1", "x"], ["a", "\n"]] as const;

/** The factor by which a text grows. */
const FACTOR = 4;
/** The length of the longest text, in characters. */
const LENGTH = 400;
/** The limit of growth. Linear growth is 4, and quadratic growth is 16. */
const MAX_RATIO = 6;

const found = readSources().flatMap(({ path, code }) =>
  [...code.matchAll(LITERAL_REGEXP)].flatMap(([, source = "", flags]) => {
    try {
      return [{ path, regexp: new RegExp(source, flags) }];
    } catch {
      return []; // It only looks like a regular expression.
    }
  })
);

/** Returns the ratio of the steps of a text to those of a text of a quarter of its length. */
function growthOf(counter: StepCounter, make: (n: number) => string): number {
  return counter.stepsOf(make(LENGTH)) / counter.stepsOf(make(LENGTH / FACTOR));
}

test("finds the regular expressions of the library", () => {
  const sources = found.map(({ regexp }) => regexp.source);
  assert.ok(found.length > 20, `${found.length}`);
  for (const known of ["^nan$", "[a-zA-Z0-9_+.-]*", '[\\\\\\n"]']) {
    assert.ok(sources.includes(known), `${known} of ${sources.join("   ")}`);
  }
});

test("the matcher that counts steps finds the same matches as the engine", () => {
  for (const { path, regexp } of found) {
    const counter = new StepCounter(regexp);
    for (const text of UNITS.flatMap((a) => UNITS.map((b) => `${a}${b}${a}${a}${b}x`))) {
      regexp.lastIndex = 0;
      const match = regexp.exec(text);
      const expected = match === null ? undefined : [match.index, match.index + match[0].length];
      assert.deepEqual(counter.search(text).match, expected, `${path}: ${regexp}: ${text}`);
    }
  }
});

test("expressions that take more than linear time are detected", () => {
  const make = (n: number) => `${"a".repeat(n)}!`;
  assert.ok(growthOf(new StepCounter(/a+$/), make) > 12);
  assert.ok(growthOf(new StepCounter(/(?:a|b)+c/), make) > 12);
  assert.ok(growthOf(new StepCounter(/^a*a*a*$/), make) > 30);
  assert.equal(new StepCounter(/^(?:a+)+$/).stepsOf(make(40)), Infinity);
  assert.ok(growthOf(new StepCounter(/^a+$/), make) < 4.1);
  assert.ok(growthOf(new StepCounter(/(?<!a)a+$/), make) < 4.1);
});

test("every regular expression of the library takes linear time", () => {
  const offences: string[] = [];
  for (const { path, regexp } of found) {
    const counter = new StepCounter(regexp);
    for (const unit of UNITS) {
      for (const [before, behind] of AROUND) {
        const make = (n: number) => before + unit.repeat(n / unit.length) + behind;
        const growth = growthOf(counter, make);
        if (growth < MAX_RATIO) continue;
        offences.push(`${path}: ${regexp} with many ${JSON.stringify(unit)}: ${growth}`);
      }
    }
  }
  assert.deepEqual(offences, []);
  reportFault({
    fault: `${found.length} regular expressions of the library, each with ` +
      `${UNITS.length * AROUND.length} texts of ${LENGTH} characters that should make it backtrack`,
    bar: `four times the text takes less than ${MAX_RATIO} times as many steps (a square: 16)`,
    figure: "none takes more",
  });
});
