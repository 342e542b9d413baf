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

/**
 * A text and promtool's output. The exit code is 0 for no problems, 3 for problems, and 1 for
 * unreadable text.
 */
interface LintCase {
  readonly name: string;
  readonly exitCode: number;
  readonly message: string;
  readonly text?: string;
  readonly base64?: string;
}

/** Texts with promtool's findings. */
export const promtool: Runner = runner<LintCase>({
  cases: list("cases"),
  name: ({ name }) => name,
  inapplicable: ({ exitCode }) =>
    exitCode === 1
      ? "a text that promtool cannot read; an end-to-end test shows that a registry never writes one"
      : undefined,
  verify: ({ text = "", message }) => {
    const registry = registryOf(parsePrometheusText(text));
    assert.equal(promtoolLines(lintMetrics(registry)).join("\n"), message);
    // The result is the same for the registry's own output.
    const again = registryOf(parsePrometheusText(generateMetrics(registry)));
    assert.equal(promtoolLines(lintMetrics(again)).join("\n"), message);
  },
});
