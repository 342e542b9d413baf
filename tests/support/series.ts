/**
 * Reads the families of collectors in forms that are easy to compare.
 *
 * @module
 */
import { gatherAsync, type MetricFamily, type Registry, type Sample } from "../../mod.ts";
import type { LiveMetrics, SeriesExpiry } from "../../model.ts";

/** A synchronous collector, such as a metric. */
interface Readable {
  collect(): Iterable<MetricFamily>;
}

/** Returns all samples of a collector, except a metric's counts about itself. */
export function samplesOf(collector: Readable): Sample[] {
  return [...collector.collect()]
    .filter(({ name }) => !name.startsWith("narthex_"))
    .flatMap((family) => [...family.samples]);
}

/** Returns a metric's counts about itself. */
export function ownCounts(
  metric: Readable,
): { exemplarErrors: number; seriesOverflows: number } {
  const valueOf = (name: string): number => {
    const family = [...metric.collect()].find((family) => family.name === name);
    const [sample] = family?.samples ?? [];
    return sample?.value ?? 0;
  };
  return {
    exemplarErrors: valueOf("narthex_exemplar_errors_total"),
    seriesOverflows: valueOf("narthex_series_overflow_total"),
  };
}

/** Returns the object with which a reader keeps a metric's series from expiring. */
export function expiryOf(metric: Readable): SeriesExpiry | undefined {
  const [family] = metric.collect();
  return (family?.metrics as LiveMetrics | undefined)?.expiry;
}

/** Formats all samples of a collector as `name{label="value"} 1`, with strings as in JSON. */
export function seriesOf(collector: Readable): string[] {
  return samplesOf(collector).map(({ name, labels, value }) => {
    const pairs = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
    return `${name}${pairs.length === 0 ? "" : `{${pairs.join(",")}}`} ${value}`;
  });
}

/** Reads a registry asynchronously, and returns its values by name and labels as text. */
export async function samplesAsync(registry: Registry): Promise<Map<string, number>> {
  const samples = new Map<string, number>();
  for await (const family of gatherAsync(registry)) {
    for (const { name, labels, value } of family.samples) {
      const pairs = Object.entries(labels).map(([key, text]) => `${key}=${JSON.stringify(text)}`);
      samples.set(pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`, value);
    }
  }
  return samples;
}
