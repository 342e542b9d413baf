import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CollectorRegistry, Counter, Gauge } from "../../mod.ts";
import { LINT_RULES, lintMetrics } from "../../testing.ts";
import { ROOT_URL } from "../support/paths.ts";

const text = readFileSync(new URL("docs/testing.md", ROOT_URL), "utf8");

test("docs/testing.md has the rules, and the suggestions for its examples", () => {
  const rows = [...text.matchAll(/^\| `([a-z-]+)` +\| (.+?) +\| (?:`(\w+)`)? +\|$/gm)];
  assert.deepEqual(rows.map(([, rule]) => rule), LINT_RULES.map(({ rule }) => rule));
  for (const [, rule, example = "", suggested] of rows) {
    const [, type, name = "", label] = /^(\w+) `([\w:]+)(?:\{(\w+)\})?`$/.exec(example) ?? [];
    assert.equal(suggested === undefined, type === undefined, example);
    if (type === undefined) continue;
    const registry = new CollectorRegistry();
    const Metric = type === "counter" ? Counter : Gauge;
    new Metric(name, "Help.", { registry, labelNames: label === undefined ? [] : [label] });
    const problems = lintMetrics(registry);
    assert.deepEqual(problems.map(({ rule, rename }) => [rule, rename]), [[rule, suggested]]);
  }
});
