import type { Attributes } from "./api.ts";
import type { Buckets, FamilyCollector, Series } from "./family_collector.ts";
import { type LabelRules, type Labels, toLabels } from "./labels.ts";
import { SeriesTree } from "./series_tree.ts";

/** The attribute of the overflow series. */
const OVERFLOW: Attributes = { "otel.metric.overflow": true };

/** The number of attribute orders, on average for each series, that have a fast look-up. */
const ORDERS = 4;

/** Options of {@linkcode Stream}. */
export interface StreamOptions {
  readonly family: FamilyCollector;
  readonly rules: LabelRules;
  readonly keeps: ((key: string) => boolean) | undefined;
  /** The maximum number of series. It includes the overflow series. */
  readonly maxSeries: number;
  readonly buckets: Buckets;
}

/** The series of one instrument in one metric. */
export class Stream {
  readonly options: StreamOptions;
  readonly #tree: SeriesTree<Series>;
  readonly #byKey: Map<string, Series> = new Map();
  #overflow: Series | undefined;

  constructor(options: StreamOptions) {
    this.options = options;
    this.#tree = new SeriesTree(Math.min(options.maxSeries, 1e9) * ORDERS, options.keeps);
  }

  /** Returns the series of some attributes. Creates it if there is room, else returns the overflow. */
  find(attributes: object): Series {
    return this.#tree.find(attributes) ?? this.#look(attributes);
  }

  /** Returns the labels of some attributes. */
  labelsOf(attributes: object): Labels {
    const { keeps, rules } = this.options;
    return toLabels(attributes as Attributes, keeps, rules);
  }

  /** Returns the labels of the overflow series. */
  overflowLabels(): Labels {
    return toLabels(OVERFLOW, undefined, this.options.rules);
  }

  #look(attributes: object): Series {
    const { family, maxSeries, buckets } = this.options;
    const labels = this.labelsOf(attributes);
    let series = this.#byKey.get(labels.key);
    if (series === undefined) {
      // See https://opentelemetry.io/docs/specs/otel/metrics/sdk/#cardinality-limits
      if (this.#byKey.size >= maxSeries - 1) {
        return this.#overflow ??= family.series(this.overflowLabels(), buckets);
      }
      series = family.series(labels, buckets);
      this.#byKey.set(labels.key, series);
    }
    this.#tree.put(attributes, series);
    return series;
  }
}
