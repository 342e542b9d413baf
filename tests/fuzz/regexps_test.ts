import assert from "node:assert/strict";
import { test } from "node:test";
import { IS_FULL, load, reportFault } from "../support/fault_report.ts";
import { readSources } from "../support/sources.ts";
import { startWatchdog } from "./watchdog.ts";

/** A regular expression where one can begin; a division stands elsewhere. */
const LITERAL_REGEXP =
  /(?<=[=(,:?!&|;]\s*|\breturn )\/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])*)\/([dgimsuvy]*)(?=[\s;,.)\]])/g;

/** What texts are made of, of which some regular expression here takes each. */
const UNITS = [
  ...["a", "A", "z9", "0", "1", "f", "_", "__", "_a", ".", "-", "+", "e", "E", ":", "::", "/", "%"],
  ...[" ", "\t", "\n", "\\", "\\n", '"', '\\"', "=", ",", ";", "{", "}", "*", "é", "\u{1f525}"],
  ...["_sum", "_total", "_count", "_counter", "_bucket", "1.", ".1", "1e", "inf", "infinity"],
  ...["nan", "U__", "_20_", "q=1;", "a/b,", "gzip,", "text/", "aB"],
];
/** What stands before and behind, so that what has been taken is in vain. */
const AROUND = [["", ""], ["", "!"], ["", "\0"], ["U__", "!"], ["1", "x"], ["a", "\n"]] as const;

/** How much longer a text becomes. */
const FACTOR = 4;
/** Up to which length, in characters. */
const LENGTH = load(8000, 2000);
/** Times of which less is too short to be compared, in milliseconds. */
const SHORT_MS = 4;
/** What a square would be is 16. */
const MAX_RATIO = 10;

const found = readSources().flatMap(({ path, code }) =>
  [...code.matchAll(LITERAL_REGEXP)].flatMap(([, source = "", flags]) => {
    try {
      return [{ path, regexp: new RegExp(source, flags) }];
    } catch {
      return []; // It only looked like one.
    }
  })
);

/** How long a regular expression takes for a text: the best of some tries. */
function timeOf(regexp: RegExp, text: string, tries: number): number {
  let best = Infinity;
  for (let i = 0; i < tries; i++) {
    const began = performance.now();
    // All matches, as replacing and splitting want them.
    if (regexp.global) text.replace(regexp, "");
    else regexp.test(text);
    regexp.lastIndex = 0;
    best = Math.min(best, performance.now() - began);
  }
  return best;
}

/**
 * How many times longer a text takes that is four times as long: the least of some tries, since
 * others use the machine too. It is 0 where both take no time, and in a sample, which only looks
 * whether there is an end.
 */
function growthOf(regexp: RegExp, make: (n: number) => string): number {
  if (timeOf(regexp, make(LENGTH), 1) < SHORT_MS || !IS_FULL) return 0;
  const tries = Array.from({ length: 3 }, () => {
    return timeOf(regexp, make(LENGTH), 3) / timeOf(regexp, make(LENGTH / FACTOR), 3);
  });
  return Math.min(...tries);
}

test("the regular expressions of the library are found", () => {
  const sources = found.map(({ regexp }) => regexp.source);
  assert.ok(found.length > 20, `${found.length}`);
  for (const known of ["^nan$", "[a-zA-Z0-9_+.-]*", '[\\\\\\n"]']) {
    assert.ok(sources.includes(known), `${known} of ${sources.join("   ")}`);
  }
});

test("what looks for repetition at the end of a text does not begin anew within it", () => {
  // Tried at each of n places, /x+$/ takes n steps from there: a square.
  const late = found.filter(({ regexp: { source } }) =>
    /[+*]\)?\$$/.test(source) && !/^\^|^\(\?<!|\[\^\]\*\$$/.test(source)
  );
  assert.deepEqual(late.map(({ path, regexp }) => `${path}: ${regexp}`), []);
});

test("no regular expression of the library takes more than time in proportion to a text", () => {
  using watchdog = startWatchdog("a regular expression does not come to an end: ");
  const offences: string[] = [];
  for (const [i, { path, regexp }] of found.entries()) {
    watchdog.beat(i);
    for (const unit of UNITS) {
      for (const [before, behind] of AROUND) {
        const make = (n: number) => before + unit.repeat(n / unit.length) + behind;
        const growth = growthOf(regexp, make);
        if (growth < MAX_RATIO) continue;
        offences.push(`${path}: ${regexp} with many ${JSON.stringify(unit)}: ${growth}`);
      }
    }
  }
  assert.deepEqual(offences, []);
  if (IS_FULL) {
    reportFault({
      fault: `${found.length} regular expressions of the library, each with ` +
        `${
          UNITS.length * AROUND.length
        } texts of ${LENGTH} characters that should make it backtrack`,
      bar: `four times the text takes less than ${MAX_RATIO} times as long (a square: 16)`,
      figure: "0 that take longer",
    });
  }
});
