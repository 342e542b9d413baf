import { type Collector, MetricFamily, type NumberMetric, type SelfCounts } from "../model.ts";
import type { CollectorErrorCause } from "./protocol.ts";

/** What was left out of reads, by collector and cause. */
const ERRORS = {
  name: "narthex_collector_errors_total",
  help: "Collectors, families and series that were left out of a scrape.",
  type: "counter",
} as const;
const ERROR_LABELS: readonly string[] = ["collector", "cause"];

/** What collectors count about themselves, by which of the counts it is. */
const SELF_COUNTS = {
  exemplarErrors: {
    name: "narthex_exemplar_errors_total",
    help: "Exemplars that the source could not give.",
    type: "counter",
  },
  seriesOverflows: {
    name: "narthex_series_overflow_total",
    help: "Look-ups of label sets for which the metric had no room.",
    type: "counter",
  },
} as const satisfies Record<keyof SelfCounts, unknown>;
const METRIC_LABELS: readonly string[] = ["metric"];

/** The families that a registry brings by itself: their names are claimed from the beginning. */
export const OWN_FAMILIES: readonly Pick<MetricFamily, "name" | "help" | "type">[] = [
  ERRORS,
  ...Object.values(SELF_COUNTS),
];

/** How many different things are counted by name. */
const MAX_NAMES = 1000;

/** What is counted for all names beyond that. */
const OTHERS = "others";

/**
 * What a registry had to leave out of its reads, and what its collectors count about
 * themselves, as families of the model. What was left out is live: a read that has the
 * family sees what is counted later in the same read.
 */
export class OwnCounts implements Collector {
  readonly #errors: Map<string, NumberMetric & { value: number }> = new Map();
  readonly #nameOf: (collector: Collector) => string;

  /**
   * Begins with nothing counted.
   *
   * @param nameOf What the label `metric` says of a collector.
   */
  constructor(nameOf: (collector: Collector) => string) {
    this.#nameOf = nameOf;
  }

  /** Counts one more that was left out. */
  count(collector: string, cause: CollectorErrorCause): void {
    // Collectors that yield ever new names must not fill the memory with them.
    const known = this.#errors.size < MAX_NAMES || this.#errors.has(`${cause} ${collector}`);
    const name = known ? collector.toWellFormed() : OTHERS;
    const key = `${cause} ${name}`;
    let metric = this.#errors.get(key);
    if (metric === undefined) {
      metric = { labelNames: ERROR_LABELS, labelValues: [name, cause], value: 0 };
      this.#errors.set(key, metric);
    }
    metric.value++;
  }

  /** Forgets what was left out. */
  clear(): void {
    this.#errors.clear();
  }

  /**
   * The families that have something to tell.
   *
   * @param collectors Whose own counts to tell. @default {[]}
   * @returns The families.
   */
  families(collectors: readonly Collector[] = []): MetricFamily[] {
    const families: MetricFamily[] = [];
    if (this.#errors.size > 0) {
      const options = { metrics: [...this.#errors.values()], distinct: true };
      families.push(familyOf(ERRORS, ERROR_LABELS, options));
    }
    for (const [count, family] of Object.entries(SELF_COUNTS)) {
      const metrics: NumberMetric[] = [];
      for (const collector of collectors) {
        // The keys are those of `SelfCounts`.
        const value = countOf(collector, count as keyof SelfCounts);
        if (value === 0) continue;
        metrics.push({ labelNames: METRIC_LABELS, labelValues: [this.#nameOf(collector)], value });
      }
      // Collectors of one's own may call themselves the same: whoever reads takes the first.
      if (metrics.length > 0) families.push(familyOf(family, METRIC_LABELS, { metrics }));
    }
    return families;
  }

  /** What was left out. */
  collect(): MetricFamily[] {
    return this.families();
  }
}

/** What a collector counts about itself; 0 when it does not, or not in numbers. */
function countOf(collector: Collector, count: keyof SelfCounts): number {
  try {
    const value: unknown = collector.selfCounts?.[count];
    return typeof value === "number" && value > 0 ? value : 0;
  } catch {
    // A collector that cannot tell costs only itself.
    return 0;
  }
}

function familyOf(
  { name, help, type }: typeof OWN_FAMILIES[number],
  labelNames: readonly string[],
  options: { metrics: readonly NumberMetric[]; distinct?: boolean },
): MetricFamily {
  return new MetricFamily(name, help, type, { ...options, labelNames, aggregation: "sum" });
}
