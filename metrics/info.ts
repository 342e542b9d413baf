import {
  type LabelSet,
  type LabelValue,
  type LiveMetrics,
  type Metric,
  type NumberMetric,
  type SeriesExpiry,
  toLabelSet,
} from "../model.ts";
import { BaseMetric, type Own } from "./base_metric.ts";
import { Child } from "./child.ts";
import type { ChildStore } from "./child_store.ts";
import type { IfComplete } from "./label_types.ts";
import { METRIC_OPTIONS, type MetricOptions, readOptions } from "./options.ts";

/** A series of an info: its labels are the information. */
export interface InfoSeries extends LabelSet {
  /**
   * Sets the labels of the series, in place of those before.
   *
   * @param labels The labels.
   * @throws {TypeError} If a label is not legal, or is one of the metric's own.
   */
  info(labels: Readonly<Record<string, LabelValue>>): void;
}

/** The series of an info: what `labels()` returns at run time. */
export class InfoChild extends Child implements InfoSeries {
  #metric: NumberMetric | undefined = undefined;

  info(labels: Readonly<Record<string, LabelValue>>): void {
    const metric = this.toMetric(labels);
    if (this.isOpen()) this.#metric = metric;
  }

  /** Checks labels, and returns the metric that has them. */
  protected toMetric(labels: Readonly<Record<string, LabelValue>>): NumberMetric {
    const doing = this.core.doing("set");
    const given = toLabelSet(labels, this.core.nameValidation, doing);
    const clash = given.labelNames.find((name) => this.labelNames.includes(name));
    if (clash !== undefined) {
      throw new TypeError(`${doing}: label "${clash}" is one of its labelNames`);
    }
    return {
      labelNames: [...this.labelNames, ...given.labelNames],
      labelValues: [...this.labelValues, ...given.labelValues],
      value: 1,
    };
  }

  override get metrics(): readonly NumberMetric[] {
    return this.#metric === undefined ? [] : [this.#metric];
  }

  override reset(): void {
    super.reset();
    this.#metric = undefined;
  }
}

/**
 * Facts that do not change while the program runs, such as its version. They are the labels of a
 * series whose value is 1. The suffix `_info` is appended to the name.
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted The label names that have a default value.
 *
 * @example The version of a program
 * ```ts
 * import { Info, REGISTRY } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * new Info("build", "What is running.").info({ version: "1.2.3" });
 * assert.equal(REGISTRY.getSampleValue("build_info", { version: "1.2.3" }), 1);
 * ```
 */
export class Info<
  const Names extends readonly string[] = readonly [],
  const Defaulted extends Names[number] = never,
> extends BaseMetric<Names, Defaulted, InfoSeries> {
  /**
   * Creates an info and registers it.
   *
   * @param name The name; `_info` is appended if it is missing.
   * @param help The help text: what the labels describe.
   * @param options Options; an info has no unit.
   * @throws {TypeError} If a name or an option is not legal.
   * @throws {RangeError} If `maxSeries` or `expireAfterSeconds` is out of bounds.
   * @throws {DuplicateMetricError} If the registry has a collector of that name.
   */
  constructor(
    name: string,
    help: string,
    options: MetricOptions<Names, Defaulted, Info<Names, Defaulted>> = {},
  ) {
    super(name, help, readOptions("info", name, options, METRIC_OPTIONS).options, {
      type: "info",
      core: { width: 0 },
      // The same labels of several processes are one series, while one of them runs.
      aggregation: "livemax",
      canDrop: true,
      create: (columns) => new InfoChild(columns),
      view: (store) => new InfoMetrics(store),
    });
  }

  /**
   * Sets the labels of the series, in place of those before. Only if no
   * label is missing.
   *
   * @param labels The labels.
   * @throws {TypeError} If a label is not legal, or is one of the metric's own.
   * @throws {UnobservableMetricError} If a label is missing.
   */
  info(this: IfComplete<Names, Defaulted>, labels: Readonly<Record<string, LabelValue>>): void {
    (this as unknown as Own<InfoSeries>).own.info(labels);
  }
}

/**
 * The series of an info that have information. They are checked at each read, because two of them
 * may have the same labels.
 */
class InfoMetrics implements LiveMetrics {
  readonly #store: ChildStore<Child>;

  constructor(store: ChildStore<Child>) {
    this.#store = store;
  }

  get expiry(): SeriesExpiry | undefined {
    return this.#store.expiry;
  }

  *[Symbol.iterator](): Generator<Metric> {
    for (const { metrics } of this.#store) yield* metrics;
  }
}
