/**
 * Checks the types of the test helpers. This file is only type-checked and never run: each line
 * below a `@ts-expect-error` must be an error.
 *
 * @module
 */
import { REGISTRY } from "../../mod.ts";
import {
  compareMetrics,
  compareMetricsAsync,
  LINT_RULES,
  lintMetrics,
  lintMetricsAsync,
  type LintRuleName,
  type Problem,
  snapshot,
  snapshotAsync,
} from "../../testing.ts";

const changes: Record<string, number> = snapshot(REGISTRY).diff();
changes["a_total"]?.toFixed();

const before = await snapshotAsync(REGISTRY, { timeoutMs: 1 });
const later: Promise<Record<string, number>> = before.diff();
await later;
// @ts-expect-error The difference must be awaited.
const now: Record<string, number> = before.diff();
void now;

const differences: string[] = compareMetrics("a_total 1", {
  registry: REGISTRY,
  names: ["a_total"],
});
differences.push(...await compareMetricsAsync("a_total 1", { timeoutMs: 1 }));
// @ts-expect-error The registry is an option.
compareMetrics("a_total 1", REGISTRY);
// @ts-expect-error A time limit only applies to the asynchronous function.
compareMetrics("a_total 1", { timeoutMs: 1 });

const problems: Problem[] = lintMetrics();
(await lintMetricsAsync(REGISTRY)).push(...problems);
problems.filter(({ rule, source }) => rule !== "colon-in-name" && source === "promtool");
// @ts-expect-error This rule does not exist, so nothing would be filtered.
problems.filter(({ rule }) => rule !== "collon-in-name");
// @ts-expect-error A problem is frozen.
problems[0]!.metric = "other";
// @ts-expect-error The label is optional.
problems[0]!.label.length;

const names: LintRuleName[] = LINT_RULES.map(({ rule }) => rule);
void names;
// @ts-expect-error The list of rules is read-only.
LINT_RULES.push(LINT_RULES[0]!);
