import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { ParseError, parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import { ROOT_URL } from "../support/paths.ts";

const PARSERS = { OpenMetrics: parseOpenMetrics, "Prometheus text": parsePrometheusText };

/** The error messages for invalid texts, by format. */
const golden: Record<string, Record<string, string>> = JSON.parse(
  readFileSync(new URL("tests/golden/parse_errors.json", ROOT_URL), "utf8"),
);

for (const [format, parse] of Object.entries(PARSERS)) {
  for (const [text, message] of Object.entries(golden[format]!)) {
    test(`the error in ${JSON.stringify(text)} as ${format} has the golden message`, () => {
      assert.throws(() => parse(text), (error) => {
        assert.ok(error instanceof ParseError);
        assert.equal(error.message, `Cannot parse ${format}: ${message}`);
        return true;
      });
    });
  }
}
