import {
  checkExemplarLabels,
  type Exemplar,
  type LabelledMetric,
  type MetricType,
  type NameValidation,
  received,
} from "../model.ts";
import type { Columns } from "./columns.ts";
import { askExemplarLabels } from "./exemplar_source.ts";
import { checkFunction, type Clock } from "./timer.ts";

/** What is settled when a metric is made. */
export type MetricCoreOptions = Pick<
  MetricCore,
  "type" | "name" | "labelNames" | "clock" | "nameValidation" | "bounds" | "width"
>;

/** What children of a metric whose series expire tell of themselves. */
export interface Watch {
  /**
   * Says that a child was written to, or looked up.
   *
   * @param child The child.
   */
  touch(child: Child): void;
  /**
   * Says that a child must not expire.
   *
   * @param child The child.
   */
  pin(child: Child): void;
}

/** What the children of one metric share. */
export class MetricCore {
  /** The type of the metric. */
  readonly type: MetricType;
  /** The full name of the metric. */
  readonly name: string;
  /** The label names. */
  readonly labelNames: readonly string[];
  /** Where the time comes from. */
  readonly clock: Clock;
  /** The time of day by that clock, in seconds since 1970. */
  readonly now: () => number;
  /** The alphabet of the label names. */
  readonly nameValidation: NameValidation;
  /** The finite upper bounds of a histogram's buckets; `[]` for other types. */
  readonly bounds: readonly number[];
  /** How many numbers a child has in its column. */
  readonly width: number;
  /** Whether a child is one number, and that the one in its column. */
  readonly isNumber: boolean;
  /** When the metric was made, in seconds since 1970. */
  readonly created: number;
  /** How often the exemplar source failed. */
  exemplarErrors: number = 0;
  /** How often a label set was looked up for which there was no room. */
  overflows: number = 0;
  /** What is told of writes; nothing where series do not expire. */
  watch: Watch | undefined = undefined;
  /** The functions that children read their values from; nothing as long as none does. */
  sources: WeakMap<Child, () => number> | undefined = undefined;
  /** The exemplars of the children, as their type keeps them; nothing as long as there is none. */
  kept: WeakMap<Child, unknown> | undefined = undefined;

  /**
   * Prepares what the children of a metric share.
   *
   * @param options What was settled when the metric was made.
   */
  constructor(options: MetricCoreOptions) {
    this.type = options.type;
    this.name = options.name;
    this.labelNames = options.labelNames;
    this.clock = options.clock;
    this.now = () => this.clock.now();
    this.nameValidation = options.nameValidation;
    this.bounds = options.bounds;
    this.width = options.width;
    this.isNumber = options.type === "counter" || options.type === "gauge";
    this.created = this.now();
  }

  /**
   * The beginning of an error message.
   *
   * @param verb What was tried, as in `increment`.
   * @returns `Cannot increment counter "x"`.
   */
  doing(verb: string): string {
    return `Cannot ${verb} ${this.type} "${this.name}"`;
  }

  /**
   * The exemplar that a caller gives.
   *
   * @param verb What is tried, as in `increment`.
   * @param value The value that is observed.
   * @param labels The labels as they were given.
   * @returns The exemplar.
   * @throws {TypeError} If a label is not legal.
   * @throws {RangeError} If the labels are longer than 128 characters together.
   */
  makeExemplar(
    verb: string,
    value: number,
    labels: Readonly<Record<string, string>>,
  ): Required<Exemplar> {
    const checked = checkExemplarLabels(labels, this.doing(verb));
    return { labels: checked, value, timestamp: this.now() };
  }

  /**
   * The exemplar that the exemplar source gives for an observation.
   *
   * @param value The value that is observed.
   * @returns The exemplar, if there is one.
   */
  askExemplar(value: number): Required<Exemplar> | undefined {
    const labels = askExemplarLabels(() => this.exemplarErrors++);
    return labels && { labels, value, timestamp: this.now() };
  }

  /**
   * The error for something that is not a number.
   *
   * @param verb What was tried, as in `increment`.
   * @param value What was received.
   * @returns The error.
   */
  notANumber(verb: string, value: unknown): TypeError {
    return new TypeError(
      `${this.doing(verb)}: value must be a number: received ${received(value)}`,
    );
  }
}

/**
 * A writable handle for one series or one set of series: the metric with all of
 * its labels given. It only changes its own numbers, which lie in columns beside
 * those of its siblings: so many children cost little, and whoever reads them all
 * need not visit each. Once it is removed from its metric it is a dead handle,
 * whose writes go nowhere.
 *
 * It has as few fields as can be, and no `#private` methods: for each class that has
 * some, V8 gives every object one more field.
 */
export abstract class Child implements LabelledMetric {
  /** Where its numbers are; its store changes that. */
  columns: Columns<unknown>;
  /** Its place in the columns. */
  slot: number;

  /**
   * Makes a child; metrics do so in `labels()`.
   *
   * @param columns Where its numbers are.
   * @param slot Its place there.
   */
  constructor(columns: Columns<unknown>, slot: number) {
    this.columns = columns;
    this.slot = slot;
    this.begin();
  }

  /** What all children of the metric share. */
  protected get core(): MetricCore {
    return this.columns.core;
  }

  /** The label names. */
  get labelNames(): readonly string[] {
    return this.core.labelNames;
  }

  /** The label values, in the order of `labelNames`. */
  get labelValues(): readonly string[] {
    return this.columns.labelValues(this.slot);
  }

  /** When the child began to count, in seconds since 1970. */
  get created(): number {
    // Whole milliseconds: more would be the noise of the addition.
    return Math.round(this.core.created * 1000 + this.columns.since(this.slot)) / 1000;
  }

  /** Whether the value comes from a function. */
  get computed(): boolean {
    return this.core.sources?.has(this) ?? false;
  }

  /**
   * Reads the value from a function from now on.
   *
   * @param source Returns the value.
   * @throws {TypeError} If it is not a function.
   */
  protected setSource(source: () => number): void {
    const { core } = this;
    checkFunction(source, core.doing("set function of"));
    core.sources ??= new WeakMap();
    core.sources.set(this, source);
  }

  /**
   * Keeps exemplars, in place of those before.
   *
   * @param exemplars What `core.kept` will give for this child.
   */
  protected keep(exemplars: unknown): void {
    const { core } = this;
    core.kept ??= new WeakMap();
    core.kept.set(this, exemplars);
  }

  /** Begins to count anew, at zero; a function and exemplars are let go. */
  reset(): void {
    const { columns, slot } = this;
    const { width, sources, kept } = columns.core;
    columns.numbers.fill(0, slot * width, (slot + 1) * width);
    sources?.delete(this);
    kept?.delete(this);
    this.begin();
  }

  /**
   * Moves to a new place at the end of other columns, with its labels and numbers.
   *
   * @param target The other columns.
   */
  moveTo(target: Columns<unknown>): void {
    const { columns, slot } = this;
    const { width } = columns.core;
    target.append(columns.labelValues(slot), (to) => {
      target.setSince(to, columns.since(slot));
      const from = slot * width;
      target.numbers.set(columns.numbers.subarray(from, from + width), to * width);
      this.columns = target;
      this.slot = to;
      return this;
    });
  }

  /** Notes since when it counts. */
  private begin(): void {
    const { core } = this;
    this.columns.setSince(this.slot, Math.round((core.now() - core.created) * 1000));
  }
}
