import { type Collector, MetricFamily, type NumberMetric } from "../model.ts";
import type { CollectorErrorCause } from "./protocol.ts";

const LABEL_NAMES: readonly string[] = ["collector", "cause"];

/** How many different things are counted by name. */
const MAX_NAMES = 1000;

/** What is counted for all names beyond that. */
const OTHERS = "others";

/**
 * What a registry had to leave out of its reads, as a family of the model. It is
 * live: a read that has the family sees what is counted later in the same read.
 */
export class ErrorCounts implements Collector {
  readonly #counts: Map<string, NumberMetric & { value: number }> = new Map();

  /** Counts one more. */
  count(collector: string, cause: CollectorErrorCause): void {
    // Collectors that yield ever new names must not fill the memory with them.
    const known = this.#counts.size < MAX_NAMES || this.#counts.has(`${cause} ${collector}`);
    const name = known ? collector.toWellFormed() : OTHERS;
    const key = `${cause} ${name}`;
    let metric = this.#counts.get(key);
    if (metric === undefined) {
      metric = { labelNames: LABEL_NAMES, labelValues: [name, cause], value: 0 };
      this.#counts.set(key, metric);
    }
    metric.value++;
  }

  /** Forgets everything. */
  clear(): void {
    this.#counts.clear();
  }

  /** The family, absent while nothing was counted. */
  collect(): MetricFamily[] {
    return this.#counts.size === 0 ? [] : this.describe();
  }

  /** The family, with or without counts. */
  describe(): MetricFamily[] {
    return [
      new MetricFamily(
        "narthex_collector_errors_total",
        "Collectors, families and series that were left out of a scrape.",
        "counter",
        {
          metrics: [...this.#counts.values()],
          distinct: true,
          labelNames: LABEL_NAMES,
          aggregation: "sum",
        },
      ),
    ];
  }
}
