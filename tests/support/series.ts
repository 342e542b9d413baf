/**
 * What a collector brings, in a form that is easy to compare.
 *
 * @module
 */
import type { MetricFamily, Sample } from "../../mod.ts";

/** A collector that is read at once, as all metrics are. */
interface Readable {
  collect(): Iterable<MetricFamily>;
}

/** All samples of a collector. */
export function samplesOf(collector: Readable): Sample[] {
  return [...collector.collect()].flatMap((family) => [...family.samples]);
}

/** All samples of a collector, each as `name{label="value"} 1`, with its strings as in JSON. */
export function seriesOf(collector: Readable): string[] {
  return samplesOf(collector).map(({ name, labels, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
  });
}

/** What a metric counts about itself. */
export function ownCounts(
  metric: { selfCounts: { exemplarErrors: number; seriesOverflows: number } },
): { exemplarErrors: number; seriesOverflows: number } {
  return metric.selfCounts;
}
