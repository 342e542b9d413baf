import { type Collector, MetricFamily, type NumberMetric, type SelfCounts } from "../model.ts";

const LABEL_NAMES: readonly string[] = ["metric"];

/** The families, by which of the counts they bring. */
const FAMILIES: readonly { count: keyof SelfCounts; name: string; help: string }[] = [
  {
    count: "exemplarErrors",
    name: "narthex_exemplar_errors_total",
    help: "Exemplars that the source could not give.",
  },
  {
    count: "seriesOverflows",
    name: "narthex_series_overflow_total",
    help: "Look-ups of label sets for which the metric had no room.",
  },
];

/** What the collectors of a registry count about themselves, as families of the model. */
export class MetricCounts implements Collector {
  readonly #collectors: Iterable<Collector>;
  readonly #nameOf: (collector: Collector) => string;

  /**
   * Prepares to read the counts.
   *
   * @param collectors Whose counts; only asked for when they are read.
   * @param nameOf What the label `metric` says of a collector.
   */
  constructor(collectors: Iterable<Collector>, nameOf: (collector: Collector) => string) {
    this.#collectors = collectors;
    this.#nameOf = nameOf;
  }

  /** The families that have something to tell. */
  collect(): MetricFamily[] {
    const families = new Map<keyof SelfCounts, NumberMetric[]>();
    for (const collector of this.#collectors) {
      for (const { count } of FAMILIES) {
        const value = countOf(collector, count);
        if (value === 0) continue;
        const metrics = families.get(count) ?? [];
        metrics.push({ labelNames: LABEL_NAMES, labelValues: [this.#nameOf(collector)], value });
        families.set(count, metrics);
      }
    }
    return FAMILIES.filter(({ count }) => families.has(count))
      .map(({ count, name, help }) => familyOf(name, help, families.get(count)!));
  }

  /** The families, without counts. */
  describe(): MetricFamily[] {
    return FAMILIES.map(({ name, help }) => familyOf(name, help, []));
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

function familyOf(name: string, help: string, metrics: readonly NumberMetric[]): MetricFamily {
  return new MetricFamily(name, help, "counter", {
    metrics,
    // Collectors of one's own may call themselves the same: whoever reads takes the first.
    distinct: false,
    labelNames: LABEL_NAMES,
    aggregation: "sum",
  });
}
