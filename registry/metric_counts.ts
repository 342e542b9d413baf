import { type Collector, MetricFamily, type SelfCounts } from "../model.ts";

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
    const counted: { collector: Collector; counts: SelfCounts }[] = [];
    for (const collector of this.#collectors) {
      const counts = countsOf(collector);
      if (counts !== undefined) counted.push({ collector, counts });
    }
    return FAMILIES.flatMap(({ count, name, help }) => {
      const metrics = counted.filter(({ counts }) => counts[count] > 0).map((
        { collector, counts },
      ) => ({
        labelNames: LABEL_NAMES,
        labelValues: [this.#nameOf(collector)],
        value: counts[count],
      }));
      return metrics.length === 0 ? [] : [familyOf(name, help, metrics)];
    });
  }

  /** The families, without counts. */
  describe(): MetricFamily[] {
    return FAMILIES.map(({ name, help }) => familyOf(name, help, []));
  }
}

/** What a collector counts about itself; nothing when it does not, or not in numbers. */
function countsOf(collector: Collector): SelfCounts | undefined {
  try {
    const { exemplarErrors, seriesOverflows } = collector.selfCounts ?? {};
    if (!(exemplarErrors! > 0 || seriesOverflows! > 0)) return undefined;
    return { exemplarErrors: Number(exemplarErrors), seriesOverflows: Number(seriesOverflows) };
  } catch {
    // A collector that cannot tell costs only itself.
    return undefined;
  }
}

function familyOf(
  name: string,
  help: string,
  metrics: { labelNames: readonly string[]; labelValues: string[]; value: number }[],
): MetricFamily {
  return new MetricFamily(name, help, "counter", {
    metrics,
    // Two collectors that call themselves the same are left to who reads.
    distinct: false,
    labelNames: LABEL_NAMES,
    aggregation: "sum",
  });
}
