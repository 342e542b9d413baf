import { escapeLabelName, escapeMetricName } from "../encoding/escaping.ts";
import { TEXT_TYPE_NAMES } from "../encoding/text.ts";
import {
  gather,
  gatherAsync,
  type Gatherer,
  type HistogramMetric,
  type MetricFamily,
  type ReadAsyncOptions,
  REGISTRY,
} from "../mod.ts";
import { type LintRule, type LintRuleName, type LintSubject, RULES } from "./lint_rules.ts";
import { readSynchronously } from "./synchronous.ts";

/** A problem of a metric. Plain data, frozen. */
export interface Problem {
  /** The name of the metric family, as exposed, with the prefix of the registry. */
  readonly metric: string;
  /** The label that has the problem, as exposed. Absent if the metric has the problem. */
  readonly label?: string;
  /** The rule that is broken. */
  readonly rule: LintRuleName;
  /** The source of the rule: `promtool check metrics`, or only this library. */
  readonly source: "promtool" | "narthex";
  /** The problem, as promtool prints it after the name of the metric. */
  readonly message: string;
  /** Why it matters. */
  readonly reason: string;
  /** How to fix it. */
  readonly suggestion: string;
  /**
   * A better name for the label, or for the metric. It is the exposed name, which begins with the
   * prefix of the registry. Absent if there is no obvious one.
   */
  readonly rename?: string;
}

/**
 * All rules of {@linkcode lintMetrics}, with their reasons and general suggestions.
 *
 * @example The rules that promtool does not have
 * ```ts
 * import { LINT_RULES } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * const own = LINT_RULES.filter(({ source }) => source === "narthex").map(({ rule }) => rule);
 * assert.deepEqual(own, ["target-label", "negative-bounds"]);
 * ```
 */
export const LINT_RULES: readonly LintRule[] = Object.freeze(
  RULES.map(({ find: _, ...rule }) => Object.freeze(rule)),
);

/**
 * Finds the problems that `promtool check metrics` of Prometheus 2.42 finds in a scrape, with the
 * same messages in the same order, and some more. `source` tells them apart.
 *
 * There are three differences to promtool. It does not see a metric whose labels have no values
 * yet, but this function does. It repeats some problems for each series, or for the sum and the
 * count of a gaugehistogram. This function reports them once, or once for each label. If a name has
 * several units, promtool reports a random one. This function reports each.
 *
 * Names outside the classic alphabet are checked as older scrapers see them, with underscores. For
 * promtool, an info and a stateset are gauges, and a gaugehistogram is a histogram.
 *
 * Asynchronous collectors are left out, and counted. {@linkcode lintMetricsAsync} awaits them.
 *
 * Takes time in proportion to the number of metrics.
 *
 * @param registry The registry. @default {REGISTRY}
 * @returns The problems by name of the metric, then by message. To ignore a rule, filter them by
 * `rule`.
 * @throws {TypeError} If the registry can only be read asynchronously, like a shared registry.
 *
 * @example A test of the names
 * ```ts
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 * import { lintMetrics } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Gauge("queue_wait_ms", "How long jobs wait.", { registry });
 *
 * const problems = lintMetrics(registry).filter(({ rule }) => rule !== "help-missing");
 * assert.deepEqual(problems, [{
 *   metric: "queue_wait_ms",
 *   rule: "unit-abbreviation",
 *   source: "promtool",
 *   message: "metric names should not contain abbreviated units",
 *   reason: "One letter stands for several units, and readers have to guess which one it is.",
 *   suggestion: 'Rename it to "queue_wait_seconds", and give its values in seconds.',
 *   rename: "queue_wait_seconds",
 * }]);
 * ```
 */
export function lintMetrics(registry: Gatherer = REGISTRY): Problem[] {
  const names = { doing: "Cannot lint metrics", instead: "lintMetricsAsync()" };
  return lint(readSynchronously(registry, names, () => gather(registry)));
}

/**
 * Finds the same problems as {@linkcode lintMetrics}. Awaits asynchronous collectors, and can read
 * shared registries.
 *
 * @param registry The registry. @default {REGISTRY}
 * @param options A signal and a time limit.
 * @returns The problems by name of the metric, then by message.
 *
 * @example An asynchronous collector
 * ```ts
 * import { CollectorRegistry, MetricFamily } from "@narthex/prometheus";
 * import { lintMetricsAsync } from "@narthex/prometheus/testing";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * registry.register({
 *   async *collect() {
 *     yield new MetricFamily("users_total", "Users known.", "gauge")
 *       .addSample("users_total", {}, await Promise.resolve(7));
 *   },
 * });
 * const [problem] = await lintMetricsAsync(registry);
 * assert.equal(
 *   problem?.suggestion,
 *   'Rename it to "users", or make it a Counter if it only grows.',
 * );
 * ```
 */
export async function lintMetricsAsync(
  registry: Gatherer = REGISTRY,
  options: ReadAsyncOptions = {},
): Promise<Problem[]> {
  const families: MetricFamily[] = [];
  for await (const family of gatherAsync(registry, options)) families.push(family);
  return lint(families);
}

function lint(families: Iterable<MetricFamily>): Problem[] {
  const found: { name: string; problem: Problem }[] = [];
  for (const family of families) {
    const subject = toSubject(family);
    if (subject === undefined) continue;
    for (const rule of RULES) {
      for (const problem of apply(rule, subject, family)) {
        found.push({ name: subject.name, problem });
      }
    }
  }
  // This is the order of promtool. The sort is stable, so that labels keep their order.
  found.sort((a, b) => compare(a.name, b.name) || compare(a.problem.message, b.problem.message));
  return found.map(({ problem }) => problem);
}

function apply(
  { rule, source, reason, suggestion, find }: (typeof RULES)[number],
  subject: LintSubject,
  family: MetricFamily,
): Problem[] {
  return find(subject).map(({ message, label, rename, besides, otherwise }) => {
    const isName = rename !== undefined && rename !== "" && rename !== subject.name;
    return Object.freeze({
      metric: family.name,
      ...label !== undefined && { label },
      rule,
      source,
      message,
      reason,
      suggestion: isName ? renaming(rename, label, besides) : otherwise ?? suggestion,
      ...isName && { rename },
    });
  });
}

function renaming(rename: string, label: string | undefined, besides: string | undefined): string {
  const what = label === undefined ? "it" : `the label "${label}"`;
  return `Rename ${what} to "${rename}"${besides === undefined ? "" : `, ${besides}`}.`;
}

/** Returns a family as promtool sees it in a text, or undefined if there is nothing to check. */
function toSubject(family: MetricFamily): LintSubject | undefined {
  const { name, help, type, labelNames } = family;
  const known = new Set<string>();
  let own: readonly string[] | undefined;
  let hasNegativeBounds = false;
  for (const metric of family.metrics) {
    // Most metrics of a family share their names.
    if (metric.labelNames !== own) {
      own = metric.labelNames;
      for (const label of own) known.add(label);
    }
    // The type of the family determines the shape of its metrics.
    if (type === "histogram" && (metric as HistogramMetric).bounds[0]! < 0) {
      hasNegativeBounds = true;
    }
  }
  if (own === undefined && labelNames === undefined) return undefined;
  for (const label of labelNames ?? []) known.add(label);
  const ownLabel = type === "stateset" ? name : undefined;
  if (ownLabel !== undefined) known.add(ownLabel);
  return {
    name: escapeMetricName(name, "underscores"),
    help,
    type: TEXT_TYPE_NAMES[type],
    labels: new Map([...known].map((label) => [label, escapeLabelName(label, "underscores")])),
    ownLabel,
    hasNegativeBounds,
  };
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
