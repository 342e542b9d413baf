import {
  checkShape,
  type Exemplar,
  familyLike,
  type LabelledMetric,
  type Metric,
  toJson,
} from "../model.ts";
import type { Columns } from "./columns.ts";
import type { MetricCore } from "./metric_core.ts";

/**
 * A writable handle for one series, or for one set of series of a histogram or summary. `labels()`
 * returns it. It only changes its own numbers, which lie in columns beside those of its siblings, so
 * that series take little memory and can be read together. After it was removed from its metric it
 * is a dead handle: later writes to it go nowhere.
 *
 * It has two fields, and no `#private` methods: V8 adds a field to every object for each class
 * that has some.
 */
export abstract class Child implements LabelledMetric {
  #columns: Columns<unknown>;
  #slot: number;

  /** Makes a child that has no place in the columns yet. */
  constructor(columns: Columns<unknown>) {
    this.#columns = columns;
    this.#slot = -1;
  }

  /** The columns with its numbers. */
  get columns(): Columns<unknown> {
    return this.#columns;
  }

  /** Its place in the columns. */
  get slot(): number {
    return this.#slot;
  }

  /** Whether writes still reach its metric: it was neither removed nor hidden. */
  get isLive(): boolean {
    return this.#columns.children[this.#slot] === this;
  }

  /** The state that all series of the metric share. */
  protected get core(): MetricCore {
    return this.#columns.core;
  }

  get labelNames(): readonly string[] {
    return this.core.labelNames;
  }

  get labelValues(): readonly string[] {
    return this.#columns.labelValues(this.#slot);
  }

  /** When the series began to count, in seconds since 1970. */
  get created(): number {
    // Rounded to milliseconds, because more digits are noise of the addition.
    return Math.round(this.core.created * 1000 + this.#columns.since(this.#slot)) / 1000;
  }

  /** Whether the value comes from a function. */
  protected get isComputed(): boolean {
    return this.core.sources?.has(this) ?? false;
  }

  /** The metrics that readers see of the series. */
  get metrics(): readonly Metric[] {
    // The class of a type has the shape of its metrics.
    return [this as unknown as Metric];
  }

  /** Returns the series for `JSON.stringify`. */
  toJSON(): object {
    // A metric sets it before it makes series.
    const family = this.core.family!;
    return toJson(family, familyLike(family, { metrics: this.metrics }).samples);
  }

  /** Starts again at zero, without a function and exemplars. */
  reset(): void {
    const { core } = this;
    this.#columns.reset(this.#slot, core.age());
    core.sources?.delete(this);
    core.kept?.delete(this);
  }

  /**
   * Takes a place at the end of columns.
   *
   * @param columns The columns.
   * @param labelValues The label values, in the order of the label names.
   * @param since When it began to count, see {@linkcode Columns.since}.
   */
  enter(columns: Columns<unknown>, labelValues: readonly string[], since: number): void {
    this.#slot = columns.append(labelValues, since, this);
    this.#columns = columns;
  }

  /** Moves to the end of other columns, with its labels and numbers. */
  moveTo(target: Columns<unknown>): void {
    const from = this.#columns;
    const slot = this.#slot;
    this.enter(target, from.labelValues(slot), from.since(slot));
    target.copyNumbers(this.#slot, from, slot);
  }

  /** Changes to columns that have it in the same place. */
  stayIn(columns: Columns<unknown>): void {
    this.#columns = columns;
  }

  /**
   * Does a whole write that does more than change numbers: it is refused, or has an exemplar, or
   * {@linkcode MetricCore.extras} is not 0.
   *
   * @param verb The failing action of the error message, as in `increment`.
   * @param value The value.
   * @param exemplarLabels Labels of an exemplar.
   */
  protected write(verb: string, value: number, exemplarLabels?: Record<string, string>): void {
    const { core } = this;
    this.check(verb, value);
    const exemplar = core.exemplarOf(verb, value, exemplarLabels);
    if (this.isOpen()) this.change(verb, value, exemplar);
  }

  /**
   * Throws if the value cannot be written. Types with narrower rules extend this.
   *
   * @param verb The failing action of the error message.
   * @param value The value.
   */
  protected check(verb: string, value: unknown): void {
    const { core } = this;
    if (typeof value !== "number") throw core.notANumber(verb, value);
    if (!this.isComputed) return;
    checkShape(false, core.doing(verb), "its value comes from a function", value);
  }

  /** Returns whether writes reach the series, and brings it back if it has expired. */
  protected isOpen(): boolean {
    const { core } = this;
    if (core.isDropped) return false;
    core.listener?.touch(this);
    return true;
  }

  /** Changes the numbers. Everything has been checked before. */
  protected change(_verb: string, _value: number, _exemplar?: Required<Exemplar>): void {}

  /** Keeps something that is not a number, in place of what was kept before. */
  protected keep(value: unknown): void {
    const { core } = this;
    core.kept ??= new WeakMap();
    core.kept.set(this, value);
  }
}
