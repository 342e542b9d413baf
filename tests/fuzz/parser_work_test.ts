import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { reportFault } from "../support/fault_report.ts";
import { WORK_FLAGS } from "../support/work.ts";
import { DOUBLINGS, type Growth, SIZE } from "./parser_work.ts";

/** The limit of linear growth. It allows for sorting, which takes slightly more. */
const MAX_RATIO = 2.3;

let growths: Growth[] = [];
before(async () => {
  const program = fileURLToPath(new URL("parser_work.ts", import.meta.url));
  const args = ["run", "-A", "--no-check", `--v8-flags=${WORK_FLAGS.join()}`, program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
  growths = stdout.trim().split("\n").map((line) => JSON.parse(line));
});

for (const name of ["parsePrometheusText()", "parseOpenMetrics()"]) {
  test(`the work of ${name} is proportional to the text`, () => {
    const ofParser = growths.filter(({ of }) => of === name);
    assert.ok(ofParser.length > 50, `${ofParser.length} texts`);
    const [worst] = ofParser.toSorted((a, b) => b.ratio - a.ratio);
    reportFault({
      fault: `${ofParser.length} pathological texts for ${name}, of ${SIZE} to ` +
        `${SIZE * 2 ** DOUBLINGS} quotes, backslashes, blanks, braces, labels, families, …`,
      bar: `linear: twice the text is at most ${MAX_RATIO} times the work (blocks of code run, ` +
        "and characters and items looked at)",
      figure: `at most ${worst!.ratio.toFixed(2)} times (${worst!.shape})`,
    });
    assert.deepEqual(ofParser.filter(({ ratio }) => !(ratio < MAX_RATIO)), []);
  });
}

test("quadratic work is detected", () => {
  const ratio = growths.find(({ of }) => of === "quadratic()")?.ratio ?? 0;
  assert.ok(ratio > 3.5, `twice the text is ${ratio} times the work`);
});
