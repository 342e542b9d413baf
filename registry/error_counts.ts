import { MetricFamily, type NumberMetric } from "../model.ts";
import type { CollectorErrorCause } from "./protocol.ts";

/**
 * What a registry had to leave out of its reads, as a family of the model. It is
 * live: a read that has the family sees what is counted later in the same read.
 */
export class ErrorCounts {
  readonly #counts: Map<string, NumberMetric & { value: number }> = new Map();

  /** Counts one more. */
  count(collector: string, cause: CollectorErrorCause): void {
    const name = collector.toWellFormed();
    const key = `${cause} ${name}`;
    const metric = this.#counts.get(key);
    if (metric !== undefined) {
      metric.value++;
      return;
    }
    this.#counts.set(key, {
      labelNames: ["collector", "cause"],
      labelValues: [name, cause],
      value: 1,
    });
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts.clear();
  }

  /** The family, absent while nothing was counted. */
  families(): MetricFamily[] {
    if (this.#counts.size === 0) return [];
    return [
      new MetricFamily(
        "narthex_collector_errors_total",
        "Collectors, families and series that were left out of a scrape.",
        "counter",
        {
          metrics: [...this.#counts.values()],
          distinct: true,
          labelNames: ["collector", "cause"],
        },
      ),
    ];
  }
}
