import type { NumberColumn, NumberMetric } from "../model.ts";
import type { Child, MetricCore } from "./child.ts";
import { Columns } from "./columns.ts";

/**
 * The children of a metric, in the order of their creation. They lie in columns;
 * one that is removed leaves a hole there, and when holes are the most of it, the
 * others move to new columns. Who reads the former ones goes on reading them.
 *
 * | operation | cost |
 * | --- | --- |
 * | `get`, `find…`, `delete` | the number of labels |
 * | iteration | the number of children |
 *
 * @typeParam C The type of the children.
 */
export class ChildStore<C extends Child> implements Iterable<C> {
  readonly #core: MetricCore;
  readonly #create: (columns: Columns<C>, slot: number) => C;
  #columns: Columns<C>;
  #holes = 0;

  /**
   * Makes a store without children.
   *
   * @param core What all children share.
   * @param create Makes a child at a slot of some columns.
   */
  constructor(core: MetricCore, create: (columns: Columns<C>, slot: number) => C) {
    this.#core = core;
    this.#create = create;
    this.#columns = new Columns(core, 1);
  }

  /** The number of children. */
  get size(): number {
    return this.#columns.children.length - this.#holes;
  }

  /** The numbers of the children, where a child is one number and that stands in its column. */
  get numberColumn(): NumberColumn | undefined {
    if (!this.#core.isNumber || this.#core.sources !== undefined) return undefined;
    // The children of such a type are metrics of one number.
    return this.#columns as Columns<C & NumberMetric>;
  }

  /** The child of labels by name: nothing if it does not exist, or the labels are not the metric's. */
  findByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    return this.#columns.findByName(labels);
  }

  /** The child of label values in the order of the label names, if there is one. */
  findInOrder(values: ArrayLike<unknown>): C | undefined {
    return this.#columns.findInOrder(values);
  }

  /** The child of some label values, created if there is none. */
  get(labelValues: readonly string[]): C {
    const columns = this.#columns;
    return columns.findInOrder(labelValues) ??
      columns.append(labelValues, (slot) => this.#create(columns, slot));
  }

  /** Lets a number or boolean that was given for a label be found as fast as its text. */
  alias(labelName: string, value: unknown): void {
    if (typeof value !== "string") this.#columns.alias(labelName, value as number | boolean);
  }

  /** Takes a child out. What is written to it from now on goes nowhere. */
  delete(child: C): void {
    const { slot } = child;
    // Columns of its own: it must not keep those of its siblings in memory.
    child.moveTo(new Columns(this.#core, 1));
    this.#columns.remove(slot);
    this.#holes++;
    if (this.#holes > 32 && this.#holes > this.#columns.children.length / 2) this.#compact();
  }

  /** Takes all children out. */
  clear(): void {
    const children = [...this];
    // Those who just read the columns find nothing there; those who hold a child go on with it.
    const former = this.#columns.clear();
    for (const child of children) child.columns = former;
    this.#columns = new Columns(this.#core, 1);
    this.#holes = 0;
  }

  /** The children that exist when the iteration begins and still do when they are reached. */
  [Symbol.iterator](): Iterator<C> {
    const { children } = this.#columns;
    const { length } = children;
    let i = 0;
    const next = (): IteratorResult<C> => {
      while (i < length) {
        const child = children[i++];
        // One that was removed after the others had moved is still in the former columns.
        if (child !== undefined && child.columns === this.#columns) {
          return { done: false, value: child };
        }
      }
      return { done: true, value: undefined };
    };
    return { next };
  }

  #compact(): void {
    const columns = new Columns<C>(this.#core, this.size);
    for (const child of this) child.moveTo(columns);
    this.#columns = columns;
    this.#holes = 0;
  }
}
