import { type LabelValue, type Metric, type NumberMetric, toLabelSet } from "../model.ts";
import { Child } from "./child.ts";
import type { Observable } from "./label_types.ts";
import { BaseMetric } from "./base_metric.ts";
import type { MetricOptions } from "./options.ts";

/** One series of an info: its labels are what it tells. */
export class InfoChild extends Child {
  #metric: NumberMetric | undefined = undefined;

  /**
   * Sets what is told, in the place of what was told before.
   *
   * @param labels The labels.
   * @throws {TypeError} If a label is not legal, or is one of the metric's own.
   */
  info(labels: Readonly<Record<string, LabelValue>>): void {
    const told = this.toMetric(labels);
    if (this.isOpen()) this.#metric = told;
  }

  /**
   * Checks what is to be told.
   *
   * @param labels The labels.
   * @returns The metric that tells it.
   * @throws {TypeError} If a label is not legal, or is one of the metric's own.
   */
  protected toMetric(labels: Readonly<Record<string, LabelValue>>): NumberMetric {
    const doing = this.core.doing("set");
    const told = toLabelSet(labels, this.core.nameValidation, doing);
    const clash = told.labelNames.find((name) => this.labelNames.includes(name));
    if (clash !== undefined) {
      throw new TypeError(`${doing}: label "${clash}" is one of its labelNames`);
    }
    return {
      labelNames: [...this.labelNames, ...told.labelNames],
      labelValues: [...this.labelValues, ...told.labelValues],
      value: 1,
    };
  }

  /** What is told, as a metric; nothing before the first `info()`. */
  get metric(): NumberMetric | undefined {
    return this.#metric;
  }

  /** Tells nothing until the next `info()`. */
  override reset(): void {
    super.reset();
    this.#metric = undefined;
  }
}

/**
 * Facts that do not change while the program runs, such as its version, as labels
 * of a series whose value is 1. The suffix `_info` is appended to the name.
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted Those of them that have a default value.
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
> extends BaseMetric<Names, Defaulted, InfoChild> {
  /**
   * Creates an info and registers it.
   *
   * @param name The name; `_info` is appended if it is missing.
   * @param help What is told.
   * @param options Options; an info has no unit.
   * @throws {TypeError} If a name or an option is not legal.
   * @throws {RangeError} If `maxSeries` or `expireAfterSeconds` is out of bounds.
   * @throws {DuplicateMetricError} If the registry has a collector of that name.
   */
  constructor(name: string, help: string, options: MetricOptions<Names, Defaulted> = {}) {
    super(name, help, options, {
      type: "info",
      width: 0,
      // Processes that tell the same tell it once, for as long as one of them runs.
      aggregation: "livemax",
      canDrop: true,
      create: (columns) => new InfoChild(columns),
    });
  }

  /**
   * Sets what is told, in the place of what was told before. Needs all labels to
   * have defaults, or to be none.
   *
   * @param labels The labels.
   * @throws {TypeError} If a label is not legal, or is one of the metric's own.
   * @throws {UnobservableMetricError} If a label has no value.
   */
  info(this: Observable<Names, Defaulted>, labels: Readonly<Record<string, LabelValue>>): void;
  info(labels: Readonly<Record<string, LabelValue>>): void {
    this.own.info(labels);
  }

  /** Children that tell something; two of them may come to tell the same. */
  protected override read(
    children: Iterable<InfoChild>,
  ): { metrics: Iterable<Metric> } {
    const metrics = {
      *[Symbol.iterator](): Generator<Metric> {
        for (const { metric } of children) if (metric !== undefined) yield metric;
      },
    };
    return { metrics };
  }
}
