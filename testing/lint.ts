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

/** Something about a metric that one will be sorry for. Plain data, frozen. */
export interface Problem {
  /** The name of the metric family, as exposed: with the registry's prefix. */
  readonly metric: string;
  /** The label that it is about, as exposed; absent when it is about the metric. */
  readonly label?: string;
  /** The rule that is broken. */
  readonly rule: LintRuleName;
  /** Where the rule comes from: `promtool check metrics`, or this library alone. */
  readonly source: "promtool" | "narthex";
  /** What is wrong: what promtool prints behind the name of the metric. */
  readonly message: string;
  /** Why it matters. */
  readonly reason: string;
  /** What to do about it. */
  readonly suggestion: string;
  /**
   * The name to give to the label, or else to the metric: the exposed one, which
   * begins with the registry's prefix. Absent where it cannot be told.
   */
  readonly rename?: string;
}

/**
 * All rules of {@linkcode lintMetrics}: what each is for, and what to do about its
 * problems in general.
 *
 * @example What promtool does not know
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
 * Finds what `promtool check metrics` of Prometheus 2.42 finds in the scrape of a
 * registry, in its words and its order, and some more; `source` tells them apart.
 *
 * There are three differences. A metric of this library whose labels have no values
 * yet is looked at too, where promtool sees none. What promtool repeats for each
 * series, or for the sum and the count of a gaugehistogram, is told once, or once for
 * each label. And of a name with several units promtool picks one by chance; here each
 * has its problem.
 *
 * Names outside of the classic alphabet are looked at as older scrapers read them, with
 * underscores. An info and a stateset are gauges to promtool, and a gaugehistogram is
 * a histogram.
 *
 * Asynchronous collectors are left out, and counted; {@linkcode lintMetricsAsync}
 * awaits them.
 *
 * Takes time in proportion to the number of metrics.
 *
 * @param registry The registry; the default one if left out.
 * @returns The problems by name of the metric, then by message; those of a rule that
 * does not suit can be filtered out by it.
 * @throws {TypeError} If the registry can be read only asynchronously, as one that
 * several processes share.
 *
 * @example A test that names are what they should be
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
 * The same as {@linkcode lintMetrics}, with asynchronous collectors awaited, and for
 * registries that several processes share.
 *
 * @param registry The registry; the default one if left out.
 * @param options A signal and a time limit.
 * @returns The problems by name of the metric, then by message.
 *
 * @example A collector that awaits
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
  // As promtool sorts them. The sort is stable, so that labels keep their order.
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

/** A family as promtool sees it in a text; nothing if it does not, and there is nothing to see. */
function toSubject(family: MetricFamily): LintSubject | undefined {
  const { name, help, type, labelNames } = family;
  const known = new Set<string>();
  let own: readonly string[] | undefined;
  let hasNegativeBounds = false;
  for (const metric of family.metrics) {
    // Metrics of one family nearly always share their names.
    if (metric.labelNames !== own) {
      own = metric.labelNames;
      for (const label of own) known.add(label);
    }
    // The type of the family tells the shape of its metrics.
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
