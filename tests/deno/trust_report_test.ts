import assert from "node:assert/strict";
import { test } from "node:test";
import { putFigures, readFigures } from "../support/trust_report.ts";

const LINES =
  '{"fault":"a __b","bar":"holds","figure":"1"}\n{"fault":"c","bar":"d","figure":"e"}\n';

test("figures replace those of the last run, and keep the rest of the page", () => {
  const first = putFigures("", "A run.", readFigures(LINES));
  assert.match(first, /^# Reliability\n/);
  assert.match(first, /\n\nA run\.\n\n/);
  assert.match(first, /^- a \\_\\_b\n {2}- must hold: holds\n {2}- measured: 1\n- c$/m);
  const page = first.replace("# Reliability\n", "# Reliability\n\nBefore.\n") + "\nAfter.\n";
  const second = putFigures(page, "Another run.", readFigures(LINES.split("\n")[1]!));
  assert.match(second, /Before\.[^]*Another run\.[^]*After\.\n$/);
  assert.doesNotMatch(second, /A run|holds/);
});

test("putFigures() throws on a page without marks", () => {
  assert.throws(() => putFigures("# Reliability\n", "A run.", []), /must have "<!-- figures/);
});
