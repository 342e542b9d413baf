/**
 * Helpers for your own tests: whether your metrics are named as others expect.
 *
 * ```ts
 * import { Counter } from "@narthex/prometheus";
 * import { lintMetrics } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * new Counter("orders_total", "Orders.");
 * assert.deepEqual(lintMetrics(), []);
 * ```
 *
 * @module
 */
export { LINT_RULES, lintMetrics, lintMetricsAsync, type Problem } from "./testing/lint.ts";
export type { LintRule, LintRuleName } from "./testing/lint_rules.ts";
