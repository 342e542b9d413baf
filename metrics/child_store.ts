import { type MetricType, type NumberColumn, type NumberMetric, TRUSTED } from "../model.ts";
import type { Child } from "./child.ts";
import { Columns } from "./columns.ts";
import { MetricCore } from "./metric_core.ts";

/** What every label of the overflow child says. */
const OVERFLOW = "overflow";

/**
 * How many detached children share columns. To make columns for each would take longer than all
 * the rest. The columns stay in memory as long as the program holds one of these children.
 */
const MAX_DETACHED = 64;

/** Makes a child that is in no columns yet. */
export type CreateChild<C extends Child> = (columns: Columns<unknown>) => C;

/** Options of {@linkcode ChildStore}. */
export interface ChildStoreOptions<C extends Child> {
  /** How many children there are at most, the overflow child apart. @default {Infinity} */
  maxSeries?: number | undefined;
  /**
   * Whether label sets without room share a child whose writes go nowhere, in types
   * whose numbers cannot be folded. Else they share the overflow child. @default {false}
   */
  canDrop?: boolean | undefined;
}

/**
 * The children of a metric, in the order of their creation. They lie in columns;
 * one that is removed leaves a hole there, and when holes are the most of it, the
 * others move to new columns. Who reads the former ones goes on reading them.
 *
 * A store that is full gives one child for all label sets that it does not have.
 *
 * | operation | cost |
 * | --- | --- |
 * | `get`, `find…`, `fold…`, `delete` | the number of labels |
 * | iteration | the number of children |
 *
 * @typeParam C The type of the children.
 */
export class ChildStore<C extends Child> implements Iterable<C> {
  readonly #core: MetricCore;
  #columns: Columns<C>;
  /** Where children are that were taken out. */
  #detached: Columns<C>;
  readonly #create: CreateChild<C>;
  readonly #canDrop: boolean;
  readonly #maxSeries: number;
  #holes = 0;
  /** The child for which there is always room, in a store with a limit. */
  #overflow: C | undefined = undefined;
  /** The child whose writes go nowhere. It is in no column that is read. */
  #dropped: C | undefined = undefined;

  /**
   * Makes a store without children.
   *
   * @param core What all children share.
   * @param create Makes a child at a slot of some columns.
   * @param options A limit.
   */
  constructor(core: MetricCore, create: CreateChild<C>, options: ChildStoreOptions<C> = {}) {
    this.#core = core;
    this.#create = create;
    this.#canDrop = options.canDrop ?? false;
    this.#maxSeries = options.maxSeries ?? Infinity;
    this.#columns = new Columns(core, 1);
    this.#detached = new Columns(core, 1);
  }

  /** What all children share. */
  protected get core(): MetricCore {
    return this.#core;
  }

  /** Where the children are now. */
  protected get columns(): Columns<C> {
    return this.#columns;
  }

  /** The number of children. */
  get size(): number {
    return this.columns.children.length - this.#holes;
  }

  /** The type of the metric, unless a function of the program has to be called for a value. */
  get [TRUSTED](): MetricType | undefined {
    return this.core.sources === undefined ? this.core.type : undefined;
  }

  /** The numbers of the children, where a child is one number and that stands in its column. */
  get numberColumn(): NumberColumn | undefined {
    if (!this.core.isNumber || this.core.sources !== undefined) return undefined;
    // The children of such a type are metrics of one number.
    return this.columns as Columns<C & NumberMetric>;
  }

  /** The child of labels by name: nothing if it does not exist, or the labels are not the metric's. */
  findByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    return this.#columns.findByName(labels);
  }

  /** The child of label values in the order of the label names, if there is one. */
  findInOrder(values: ArrayLike<unknown>): C | undefined {
    return this.#columns.findInOrder(values);
  }

  /**
   * The child for labels by name that `findByName()` did not find, when there is no room:
   * as fast as finding one. Nothing if there is room, there was no overflow yet, or the
   * labels need a closer look.
   */
  foldByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    return this.#hasFold && this.isFull && this.lacksByName(labels) ? this.overflow() : undefined;
  }

  /** The same for label values in the order of the label names. */
  foldInOrder(values: ArrayLike<unknown>): C | undefined {
    return this.#hasFold && this.isFull && this.lacksInOrder(values) ? this.overflow() : undefined;
  }

  /**
   * The child of some label values, created if there is none and there is room; else the
   * one for all that have no room.
   */
  get(labelValues: readonly string[]): C {
    return this.findInOrder(labelValues) ?? this.make(labelValues);
  }

  /** Makes a child for which there is always room. */
  add(labelValues: readonly string[]): C {
    // Both may call a clock that is not the platform's.
    const since = this.core.age();
    const child = this.#create(this.columns);
    child.enter(this.columns, labelValues, since);
    return child;
  }

  /** Lets a number or boolean that was given for a label be found as fast as its text. */
  alias(labelName: string, value: unknown): void {
    if (typeof value !== "string") this.columns.alias(labelName, value as number | boolean);
  }

  /**
   * Removes a child. Later writes to it go nowhere.
   *
   * @returns Whether readers would have met it.
   */
  delete(child: C): boolean {
    if (child === this.#overflow) this.#overflow = undefined;
    if (!this.holds(child)) return false;
    this.detach(child);
    this.tidy();
    return true;
  }

  /** Takes all children out. */
  clear(): void {
    const children = [...this];
    // Those who just read the columns find nothing there; those who hold a child go on with it.
    const former = this.columns.clear();
    for (const child of children) child.stayIn(former);
    this.#columns = new Columns(this.core, 1);
    this.#holes = 0;
    this.#overflow = undefined;
  }

  /** Finds a child without using it, if readers would meet it. */
  peek(labelValues: ArrayLike<unknown>): C | undefined {
    return this.#columns.findInOrder(labelValues);
  }

  /** Does the same as `peek()`, by name. Labels that need a closer look are not found. */
  peekByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    return this.#columns.findByName(labels);
  }

  /** Finds a child without using it, for removal. */
  reach(labelValues: readonly string[]): C | undefined {
    return this.peek(labelValues);
  }

  /** All children that `reach()` would find. */
  reachable(): Iterable<C> {
    return this;
  }

  /** The children that exist when the iteration begins and still do when they are reached. */
  [Symbol.iterator](): Iterator<C> {
    return new ChildIterator(this, this.columns.children);
  }

  /** Whether a child is one of those that readers meet. */
  holds(child: C): boolean {
    return child.columns === this.#columns;
  }

  /** Whether there is no room for another child. */
  protected get isFull(): boolean {
    if (this.#maxSeries === Infinity) return false;
    // The overflow child takes no room from others.
    const extra = this.#overflow?.columns === this.columns ? 1 : 0;
    return this.size - extra >= this.#maxSeries;
  }

  /** Whether labels by name are all there and legal, and those of no child. */
  protected lacksByName(labels: Readonly<Record<string, unknown>>): boolean {
    return this.columns.lacksByName(labels);
  }

  /** Whether label values in order are all there and legal, and those of no child. */
  protected lacksInOrder(values: ArrayLike<unknown>): boolean {
    return this.columns.lacksInOrder(values);
  }

  /** A child that is not there yet, or the one for all that have no room. */
  protected make(labelValues: readonly string[]): C {
    if (this.#maxSeries === Infinity) return this.add(labelValues);
    // Whoever asks for the labels of the overflow child gets that one.
    const isOverflow = !this.#canDrop && labelValues.every((value) => value === OVERFLOW);
    if (isOverflow) return this.#overflow = this.add(labelValues);
    return this.isFull ? this.overflow() : this.add(labelValues);
  }

  /** Counts that there was no room. */
  protected overflow(): C {
    this.core.overflows++;
    return this.#canDrop
      ? this.#dropped ??= this.#makeDropped()
      : this.#overflow ?? this.#makeOverflow();
  }

  /** Moves a child out of the columns that are read. */
  protected detach(child: C): void {
    const { slot } = child;
    if (this.#detached.children.length >= MAX_DETACHED) this.#detached = new Columns(this.core, 1);
    child.moveTo(this.#detached);
    // Its siblings there must not keep it in memory.
    this.#detached.children[child.slot] = undefined;
    this.columns.remove(slot);
    this.#holes++;
  }

  /** Moves the children to new columns, in their order, when most slots are holes. */
  protected tidy(): void {
    if (this.#holes <= 32 || this.#holes <= this.columns.children.length / 2) return;
    const columns = new Columns<C>(this.core, this.size);
    for (const child of this.columns.children) child?.moveTo(columns);
    this.#columns = columns;
    this.#holes = 0;
  }

  /** Whether there is a child for those without room already. */
  get #hasFold(): boolean {
    return (this.#overflow ?? this.#dropped) !== undefined;
  }

  #overflowValues(): string[] {
    return this.core.labelNames.map(() => OVERFLOW);
  }

  #makeOverflow(): C {
    // Its labels may have been looked up before.
    return this.#overflow = this.get(this.#overflowValues());
  }

  #makeDropped(): C {
    // Its metric is one of its own, so that writes to other series stay simple.
    const columns = new Columns<C>(new MetricCore({ ...this.core, isDropped: true }), 1);
    const dropped = this.#create(columns);
    dropped.enter(columns, this.#overflowValues(), 0);
    return dropped;
  }
}

/** Goes over the children that exist now and still do when they are reached. */
class ChildIterator<C extends Child> implements Iterator<C> {
  /**
   * One that is always there. V8 throws away what it has compiled for objects of which a garbage
   * collection finds none, and from one scrape to the next there are no others.
   */
  static readonly kept: Iterator<Child> = new ChildIterator({ holds: () => false }, []);
  readonly #store: { holds(child: C): boolean };
  readonly #children: readonly (C | undefined)[];
  readonly #end: number;
  #next = 0;

  constructor(store: { holds(child: C): boolean }, children: readonly (C | undefined)[]) {
    this.#store = store;
    this.#children = children;
    this.#end = children.length;
  }

  next(): IteratorResult<C> {
    while (this.#next < this.#end) {
      const value = this.#children[this.#next++];
      // One that was removed after the others had moved is still in the former columns.
      if (value !== undefined && this.#store.holds(value)) return { done: false, value };
    }
    return { done: true, value: undefined };
  }
}
