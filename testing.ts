/**
 * Helpers for your own tests: assert what your code has counted, compare what a registry exposes
 * with a text, and check the names of your metrics.
 *
 * ```ts
 * import { Counter } from "@narthex/prometheus";
 * import { compareMetrics, lintMetrics, snapshot } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * const orders = new Counter("orders_total", "Orders.", { labelNames: ["kind"] });
 *
 * const before = snapshot();
 * orders.labels({ kind: "rye" }).inc(2);
 * assert.deepEqual(before.diff(), { 'orders_total{kind="rye"}': 2 });
 *
 * assert.deepEqual(compareMetrics('orders_total{kind="rye"} 2'), []);
 * assert.deepEqual(lintMetrics(), []);
 * ```
 *
 * @module
 */
export {
  type CompareAsyncOptions,
  compareMetrics,
  compareMetricsAsync,
  type CompareOptions,
} from "./testing/compare.ts";
export { LINT_RULES, lintMetrics, lintMetricsAsync, type Problem } from "./testing/lint.ts";
export type { LintRule, LintRuleName } from "./testing/lint_rules.ts";
export { type AsyncSnapshot, type Snapshot, snapshot, snapshotAsync } from "./testing/snapshot.ts";
