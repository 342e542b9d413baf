import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import fc from "fast-check";
import { escapeMetricName } from "../../encoding/escaping.ts";
import { type CollectorRegistry, gather, generateMetrics, type MetricFamily } from "../../mod.ts";
import { lintMetrics } from "../../testing.ts";
import { arbitraryFamilies } from "../support/families.ts";
import { arbitraryRegistry, promtoolLines, registryOf } from "../support/linting.ts";
import { ROOT_URL } from "../support/paths.ts";
import { testWithPrograms } from "../support/programs.ts";

/** A problem with a unit. For a name with several units, promtool picks one at random. */
const UNIT_REGEXP = /^(\S+) use base unit /;

/** A word that is, or resembles, a unit. */
const WORD_OF_UNIT_REGEXP =
  /(?:amperes|bytes|celsius|grams|joules|kelvins?|meters|metres|volts|bits|miles|seconds|minutes|hours|days|weeks)$/;

/** Returns the output of promtool for the scrape of a registry, without repeated lines. */
function checkMetrics(promtool: string, registry: CollectorRegistry): string[] {
  const { status, stdout, stderr } = spawnSync(promtool, ["check", "metrics"], {
    input: generateMetrics(registry),
    encoding: "utf8",
  });
  assert.ok(status === 0 || status === 3, `promtool cannot read it: ${stderr}`);
  assert.equal(stdout, "");
  const lines = [...new Set(stderr.split("\n").slice(0, -1))];
  assert.equal(status, lines.length === 0 ? 0 : 3);
  return lines;
}

/** Returns the problems of a registry in promtool's format, with escaped names. */
function lint(registry: CollectorRegistry): string[] {
  const problems = lintMetrics(registry);
  return promtoolLines(
    problems.map((problem) => ({
      ...problem,
      metric: escapeMetricName(problem.metric, "underscores"),
    })),
  );
}

/**
 * Assigns promtool's problems with the sum and the count of a gaugehistogram to the gaugehistogram.
 */
function ofFamilies(lines: readonly string[], families: Iterable<MetricFamily>): string[] {
  const owners = new Map<string, string>();
  for (const { name, type } of families) {
    const read = escapeMetricName(name, "underscores");
    if (type === "gaugehistogram") {
      for (const g of ["sum", "count"]) owners.set(`${read}_g${g}`, read);
    }
  }
  return [
    ...new Set(lines.map((line) => line.replace(/^\S+/, (name) => owners.get(name) ?? name))),
  ];
}

/** Compares the found problems with promtool's output. */
function compare(printed: readonly string[], linted: readonly string[]): void {
  const isUnit = (line: string) => UNIT_REGEXP.test(line);
  const withoutUnits = (lines: readonly string[]) => lines.filter((line) => !isUnit(line));
  assert.deepEqual(withoutUnits(linted), withoutUnits(printed));
  const known = new Set(linted);
  for (const line of printed) assert.ok(known.has(line), `not found: ${line}`);
  // For names with one unit, the output is not random.
  const words = (line: string) => UNIT_REGEXP.exec(line)![1]!.split("_");
  const certain = linted.filter((line) =>
    isUnit(line) && words(line).filter((word) => WORD_OF_UNIT_REGEXP.test(word)).length === 1
  );
  const all = new Set(printed);
  for (const line of certain) assert.ok(all.has(line), `not printed: ${line}`);
}

testWithPrograms(
  ["promtool"],
  "lintMetrics() finds the problems of random registries that promtool finds, in the same order",
  (promtool) => {
    const rules = new Set<string>();
    fc.assert(
      fc.property(arbitraryRegistry, (registry) => {
        const printed = checkMetrics(promtool, registry);
        compare(ofFamilies(printed, gather(registry)), lint(registry));
        for (const { rule, source } of lintMetrics(registry)) {
          if (source === "promtool") rules.add(rule);
        }
      }),
      { seed: 42, numRuns: 60 },
    );
    // The random registries break every rule.
    assert.equal(rules.size, 11);
    return Promise.resolve();
  },
);

testWithPrograms(
  ["promtool"],
  "promtool reads every scrape of random families, and finds the problems of lintMetrics()",
  (promtool) => {
    fc.assert(
      fc.property(arbitraryFamilies({ legal: false }), (families) => {
        const registry = registryOf(families);
        const printed = checkMetrics(promtool, registry);
        compare(ofFamilies(printed, families), lint(registry));
      }),
      { seed: 42, numRuns: 60 },
    );
    return Promise.resolve();
  },
);

/** The folder of the rules. */
const RULES = fileURLToPath(new URL("examples/compose/", ROOT_URL));

testWithPrograms(
  ["promtool"],
  "promtool accepts the ten rules, and their tests pass",
  (promtool) => {
    const run = (...args: string[]) =>
      execFileSync(promtool, args, { cwd: RULES, encoding: "utf8", stdio: "pipe" });
    assert.match(run("check", "rules", "rules.yml"), /SUCCESS: 10 rules found/);
    assert.match(run("test", "rules", "rules_test.yml"), /SUCCESS/);
    return Promise.resolve();
  },
);

test("each alert has a test, and instructions in docs/operating.md", async () => {
  const rules = await readFile(join(RULES, "rules.yml"), "utf8");
  const tests = await readFile(join(RULES, "rules_test.yml"), "utf8");
  const page = await readFile(new URL("docs/operating.md", ROOT_URL), "utf8");
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name = ""]) => name);
  assert.equal(alerts.length, 7);
  for (const alert of alerts) {
    assert.ok(tests.includes(`alertname: ${alert}\n`), alert);
    assert.match(page, new RegExp(`^\\| \`${alert}\` `, "m"));
  }
  for (const [, record = ""] of rules.matchAll(/- record: (\S+)/g)) {
    assert.ok(tests.includes(record), record);
  }
});

testWithPrograms(
  ["promtool"],
  "promtool accepts the configuration in docs/operating.md",
  async (promtool) => {
    const page = await readFile(new URL("docs/operating.md", ROOT_URL), "utf8");
    const [, config = ""] = /^```yaml\n(.*?)^```/ms.exec(page) ?? [];
    const folder = await mkdtemp(join(tmpdir(), "narthex-promtool-"));
    try {
      // The token is on the machine that runs Prometheus.
      const token = join(folder, "token");
      const path = "/etc/prometheus/shop_token";
      assert.ok(config.includes(path));
      await writeFile(token, "s3cr3t");
      await writeFile(join(folder, "prometheus.yml"), config.replace(path, token));
      await copyFile(join(RULES, "rules.yml"), join(folder, "rules.yml"));
      const args = ["check", "config", "prometheus.yml"];
      const output = execFileSync(promtool, args, { cwd: folder, encoding: "utf8" });
      assert.match(output, /SUCCESS: 10 rules found/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
);
