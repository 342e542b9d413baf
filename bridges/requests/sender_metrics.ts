import { type Collector, type Gatherer, MetricFamily, type Registerer } from "../../mod.ts";
import type { Sender } from "./sender.ts";

/** The names of the metrics of a kind of sender. */
export interface SenderMetricNames {
  /** The prefix of the names, such as `narthex_remote_write`. */
  readonly prefix: string;
  /** The unit, such as `samples`. */
  readonly unit: string;
}

/** The numbers of all senders of one kind in a registry. Two senders cannot claim one name. */
class SenderMetrics implements Collector {
  readonly name: string;
  readonly senders: Set<Sender> = new Set();
  readonly #names: SenderMetricNames;

  constructor(names: SenderMetricNames) {
    this.#names = names;
    this.name = names.prefix;
  }

  collect(): MetricFamily[] {
    const families = this.describe();
    const [samples, retries, bytes] = families as [MetricFamily, MetricFamily, MetricFamily];
    // Senders to one URL count together.
    const byUrl = Map.groupBy(this.senders, ({ shownUrl }) => shownUrl);
    for (const [url, senders] of byUrl) {
      const sum = (read: (sender: Sender) => number): number =>
        senders.reduce((total, sender) => total + read(sender), 0);
      const outcomes = {
        sent: sum(({ sentSamples }) => sentSamples),
        refused: sum(({ refusedSamples }) => refusedSamples),
        dropped: sum(({ droppedSamples }) => droppedSamples),
      };
      for (const [outcome, value] of Object.entries(outcomes)) {
        samples.addSample(samples.name, { url, outcome }, value);
      }
      retries.addSample(retries.name, { url }, sum(({ retries }) => retries));
      bytes.addSample(bytes.name, { url }, sum(({ bufferedBytes }) => bufferedBytes));
    }
    return families;
  }

  describe(): MetricFamily[] {
    const { prefix, unit } = this.#names;
    const about = `${unit[0]!.toUpperCase()}${unit.slice(1)}`;
    return [
      new MetricFamily(`${prefix}_${unit}_total`, `${about} by what became of them.`, "counter"),
      new MetricFamily(`${prefix}_retries_total`, "Requests that were sent again.", "counter"),
      new MetricFamily(`${prefix}_buffered_bytes`, "Compressed requests that wait.", "gauge"),
    ];
  }
}

/** The collectors of each registry, by the prefix of their names. */
const collectors: WeakMap<object, Map<string, SenderMetrics>> = new WeakMap();

/**
 * Adds the numbers of a sender to the registry that it sends, if the registry accepts collectors.
 *
 * @param sender The sender.
 * @param names The names of its metrics.
 * @returns A function that removes them.
 * @throws {DuplicateMetricError} If another collector uses the names.
 */
export function addSenderMetrics(sender: Sender, names: SenderMetricNames): () => void {
  const registry: Gatherer & Partial<Registerer> = sender.settings.registry;
  if (typeof registry.register !== "function") return () => {};
  const { prefix } = names;
  const ofRegistry = collectors.get(registry) ?? new Map<string, SenderMetrics>();
  collectors.set(registry, ofRegistry);
  const metrics = ofRegistry.get(prefix) ?? new SenderMetrics(names);
  if (metrics.senders.size === 0) {
    registry.register(metrics);
    ofRegistry.set(prefix, metrics);
  }
  metrics.senders.add(sender);
  return () => {
    if (!metrics.senders.delete(sender) || metrics.senders.size > 0) return;
    registry.unregister?.(metrics);
    ofRegistry.delete(prefix);
  };
}
