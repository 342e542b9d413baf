import { Piece } from "../encoding/byte_writer.ts";
import { encodeLines } from "../encoding/lines.ts";
import { type SeriesName, SeriesWriter } from "../encoding/series_writer.ts";
import { TEXT_TYPE_NAMES } from "../encoding/text.ts";
import {
  type Exemplar,
  familyLike,
  type LabelledMetric,
  LabelledView,
  type LabelSet,
  type LiveMetrics,
  type Metric,
  type MetricFamily,
  type NumberMetric,
  openMetricsName,
} from "../model.ts";
import { shared } from "./shared.ts";

/** How the text of a registry is written. */
export interface TextOptions {
  /** Whether in OpenMetrics. */
  readonly isOpenMetrics: boolean;
  /** Labels that yield to those of a metric. */
  readonly defaults: LabelSet | undefined;
}

/** A metric with the labels that prom-client writes. */
class OrderedView extends LabelledView {
  readonly #labelValues: readonly string[];

  constructor(metric: Metric, labelNames: readonly string[], labelValues: readonly string[]) {
    super(metric, labelNames, [], []);
    this.#labelValues = labelValues;
  }

  override get labelValues(): readonly string[] {
    return this.#labelValues;
  }
}

/** A summary whose quantiles are 0 while there are no values. */
class SummaryView extends OrderedView {
  override quantileValues(): readonly number[] {
    return super.quantileValues().map((value) => value || 0);
  }
}

/** Writes bounds and quantiles before all other labels: as if they were part of the name. */
class BoundsFirstWriter extends SeriesWriter {
  #name: SeriesName | undefined;
  #parts: readonly (number | string)[] = [];
  #names: readonly SeriesName[] = [];

  override samples(
    name: SeriesName,
    metric: LabelledMetric,
    label: string,
    parts: readonly (number | string)[],
    values: readonly number[],
    exemplars: readonly (Exemplar | undefined)[] = [],
  ): void {
    if (name !== this.#name || parts !== this.#parts) {
      this.#name = name;
      this.#parts = parts;
      this.#names = values.map((_, i) => {
        const begun = name.text + this.partLabel(label, parts[i]);
        const text = `${begun},`;
        return { head: new Piece(text), text, bare: new Piece(`${begun}} `) };
      });
    }
    for (const [i, value] of values.entries()) {
      this.sample(this.#names[i]!, metric, value, exemplars[i]);
    }
  }
}

/**
 * Writes families as prom-client does: bounds before all other labels, labels in the order of the
 * first write, default labels behind them (in histograms before them), and HELP unquoted.
 *
 * @param families The families, as exposed.
 * @param options The format and the default labels.
 * @param separator What stands between two families.
 * @returns The text, without a line feed at the end.
 */
export function writeText(
  families: Iterable<MetricFamily>,
  options: TextOptions,
  separator: string,
): string {
  const { isOpenMetrics } = options;
  const writer = new BoundsFirstWriter({
    // What comes from elsewhere may have any name.
    escaping: "underscores",
    formatBound: (bound) => bound === Infinity ? "+Inf" : String(bound),
    writeTimestamp: (out, seconds) =>
      isOpenMetrics ? out.number(seconds) : out.text(String(Math.round(seconds * 1000))),
    exemplars: isOpenMetrics,
  });
  const decoder = new TextDecoder();
  let text = "";
  const take = (chunk: Uint8Array): void => {
    text += decoder.decode(chunk, { stream: true });
  };
  let isFirst = true;
  for (const family of families) {
    if (!isFirst) writer.out.text(separator);
    isFirst = false;
    const { type, help } = family;
    const name = writer.spell(family.name);
    const header = isOpenMetrics ? openMetricsName(name, type) : name;
    writer.comment("HELP", header, help, false);
    writer.comment("TYPE", header, isOpenMetrics ? type : TEXT_TYPE_NAMES[type], false);
    // OpenMetrics has this suffix in the name of every counter.
    const isRenamed = isOpenMetrics && type === "counter" && !family.name.endsWith("_total");
    const renamed = isRenamed ? familyLike(family, { name: `${family.name}_total` }) : family;
    const ordered = orderLabels(renamed, options.defaults);
    for (const chunk of encodeLines(writer, ordered, { created: false, negativeSums: true })) {
      take(chunk);
    }
  }
  take(writer.take());
  text += decoder.decode();
  return text.endsWith("\n") ? text.slice(0, -1) : text;
}

/** The family with the labels that prom-client writes. It is the same if they are. */
function orderLabels(family: MetricFamily, defaults: LabelSet | undefined): MetricFamily {
  const metrics: LiveMetrics = family.metrics;
  const known = shared.stores.get(metrics);
  const isPlain = known === undefined ? metrics.numberColumn !== undefined : !known.isOdd;
  if (defaults === undefined && isPlain && known?.isSummary !== true) return family;
  const View = known?.isSummary ? SummaryView : OrderedView;
  const areDefaultsFirst = family.type === "histogram";
  const isNumber = family.type === "counter" || family.type === "gauge";
  return familyLike(family, {
    metrics: {
      *[Symbol.iterator](): Generator<Metric> {
        const orders = new Orders(defaults, areDefaultsFirst);
        for (const metric of metrics) yield orders.view(metric, View, isNumber);
      },
    },
  });
}

/** The label names of the metrics of one family. */
class Orders {
  readonly #defaults: LabelSet | undefined;
  readonly #areDefaultsFirst: boolean;
  /** For the names of the last metric: the names to write, and the values that are added. */
  #viewed: readonly string[] | undefined;
  #own: readonly string[] | undefined;
  #names: readonly string[] = [];
  #added: readonly string[] = [];
  /** The places of labels that the metric itself does not have, such as constant ones. */
  #extras: readonly number[] = [];

  constructor(defaults: LabelSet | undefined, areDefaultsFirst: boolean) {
    this.#defaults = defaults;
    this.#areDefaultsFirst = areDefaultsFirst;
  }

  view(metric: Metric, View: typeof OrderedView, isNumber: boolean): Metric {
    const origin = metric.origin ?? metric;
    const own: LabelSet = shared.given.get(origin) ?? origin;
    // The array of the names is the same for all metrics that have the same.
    if (metric.labelNames !== this.#viewed || own.labelNames !== this.#own) {
      this.#arrange(metric.labelNames, origin.labelNames, own.labelNames);
    }
    const labelValues = this.#valuesOf(metric, own.labelValues);
    if (!isNumber) return new View(metric, this.#names, labelValues);
    // It is written at once, so that it need not be a view.
    const { value, exemplar, timestamp } = metric as NumberMetric;
    return { labelNames: this.#names, labelValues, value, exemplar, timestamp };
  }

  #valuesOf(metric: Metric, own: readonly string[]): readonly string[] {
    let added = this.#added;
    if (this.#extras.length > 0) {
      const { labelValues } = metric;
      added = [...this.#extras.map((place) => labelValues[place]!), ...added];
    }
    if (added.length === 0) return own;
    return this.#areDefaultsFirst ? [...added, ...own] : [...own, ...added];
  }

  #arrange(
    viewed: readonly string[],
    origin: readonly string[],
    own: readonly string[],
  ): void {
    const defaultNames = this.#defaults?.labelNames ?? [];
    this.#viewed = viewed;
    this.#own = own;
    const extras = viewed.filter((name) => !origin.includes(name) && !defaultNames.includes(name));
    const added = defaultNames.filter((name) => !own.includes(name));
    this.#extras = extras.map((name) => viewed.indexOf(name));
    this.#added = added.map((name) => this.#defaults!.labelValues[defaultNames.indexOf(name)]!);
    this.#names = this.#areDefaultsFirst
      ? [...extras, ...added, ...own]
      : [...own, ...extras, ...added];
  }
}
