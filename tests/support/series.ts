/**
 * What a collector brings, in a form that is easy to compare.
 *
 * @module
 */
import { gatherAsync, type MetricFamily, type Registry, type Sample } from "../../mod.ts";

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

/** The samples of a registry that is read asynchronously, by name and labels as text. */
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
