/**
 * Cases of the linter.
 *
 * @module
 */
import assert from "node:assert/strict";
import { parsePrometheusText } from "../../encoding/parse.ts";
import { generateMetrics } from "../../mod.ts";
import { lintMetrics } from "../../testing.ts";
import { promtoolLines, registryOf } from "../support/linting.ts";
import { list, type Runner, runner } from "./runner.ts";

/** A text, and what promtool says of it: 0 for nothing, 3 for problems, 1 for what it cannot read. */
interface LintCase {
  readonly name: string;
  readonly exitCode: number;
  readonly message: string;
  readonly text?: string;
  readonly base64?: string;
}

/** Texts that promtool has read, and what it found. */
export const promtool: Runner = runner<LintCase>({
  cases: list("cases"),
  name: ({ name }) => name,
  inapplicable: ({ exitCode }) =>
    exitCode === 1
      ? "a text that promtool cannot read; a registry writes none such, as an end-to-end test holds"
      : undefined,
  verify: ({ text = "", message }) => {
    const registry = registryOf(parsePrometheusText(text));
    assert.equal(promtoolLines(lintMetrics(registry)).join("\n"), message);
    // The same once more, from what the registry itself writes.
    const again = registryOf(parsePrometheusText(generateMetrics(registry)));
    assert.equal(promtoolLines(lintMetrics(again)).join("\n"), message);
  },
});
