import {
  familyLike,
  LabelledView,
  type LabelSet,
  type LiveMetrics,
  type Metric,
  type MetricFamily,
  reservedLabelName,
  viewOf,
} from "../model.ts";
import { READABLE_METRICS, unread } from "./unread.ts";

/**
 * A family seen with constant labels before its own. A label that a metric has
 * itself, or that its type keeps for itself, wins over the constant one.
 *
 * @param family The family.
 * @param constLabels The constant labels.
 * @param exposedName The name under which the family is exposed.
 * @param isBehind Whether they stand behind its own instead. @default {false}
 * @returns A view of the family, as live as the family is.
 */
export function withConstLabels(
  family: MetricFamily,
  constLabels: LabelSet,
  exposedName: string,
  isBehind = false,
): MetricFamily {
  const { type, labelNames } = family;
  const metrics: LiveMetrics = family.metrics;
  const reserved = reservedLabelName(type, exposedName);
  // With a label of the same name, two metrics that differed may become alike.
  const isDisjoint = labelNames !== undefined &&
    !constLabels.labelNames.some((name) => labelNames.includes(name));
  const walk = function* (): Generator<Metric> {
    // Metrics of one family nearly always share their names, so the union is computed once.
    let own: readonly string[] | undefined;
    let names: readonly string[] = [];
    let constant: readonly string[] = [];
    for (const metric of unread(metrics, READABLE_METRICS)) {
      if (metric.labelNames !== own) {
        own = metric.labelNames;
        const added = constLabels.labelNames.filter((name) =>
          name !== reserved && !metric.labelNames.includes(name)
        );
        names = isBehind ? [...own, ...added] : [...added, ...own];
        constant = constLabels.labelValues.filter((_, i) =>
          added.includes(constLabels.labelNames[i]!)
        );
      }
      yield isBehind
        ? new LabelledView(metric, names, [], constant)
        : new LabelledView(metric, names, constant, []);
    }
  };
  return familyLike(family, {
    metrics: viewOf(metrics, walk, isDisjoint),
    labelNames: labelNames && [
      ...constLabels.labelNames.filter((name) => name !== reserved && !labelNames.includes(name)),
      ...labelNames,
    ],
  });
}
