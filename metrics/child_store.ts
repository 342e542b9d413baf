import {
  type MetricType,
  type NumberColumn,
  type NumberMetric,
  type SeriesExpiry,
  TRUSTED,
} from "../model.ts";
import type { Child } from "./child.ts";
import { Columns } from "./columns.ts";
import { MetricCore } from "./metric_core.ts";

/** The value of every label of the overflow child. */
const OVERFLOW = "overflow";

/**
 * The number of detached children that share columns, because columns of their own would take
 * longer to make than all the rest. The columns stay in memory while the program holds one of these
 * children.
 */
const MAX_DETACHED = 64;

/** Makes a child that is in no columns yet. */
export type CreateChild<C extends Child> = (columns: Columns<unknown>) => C;

/** Options of {@linkcode ChildStore}. */
export interface ChildStoreOptions<C extends Child> {
  /** The maximum number of children, without the overflow child. @default {Infinity} */
  maxSeries?: number | undefined;
  /**
   * Whether label sets without room share a child that ignores its writes. Otherwise they share
   * the overflow child. @default {false}
   */
  canDrop?: boolean | undefined;
}

/**
 * The children of a metric, in the order of their creation. They lie in columns. A child that is
 * removed leaves a hole there, and when most slots are holes, the others move to new columns.
 * Iterators over the old columns stay valid.
 *
 * A full store returns one child for all label sets that it does not have.
 *
 * | operation | cost |
 * | --- | --- |
 * | `get`, `find…`, `fold…`, `delete` | the number of labels |
 * | iteration | the number of children |
 *
 * @typeParam C The type of the children.
 */
export class ChildStore<C extends Child> implements Iterable<C> {
  #columns: Columns<C>;
  /** The columns of children that were removed. */
  #detached: Columns<C> | undefined = undefined;
  readonly #create: CreateChild<C>;
  readonly #canDrop: boolean;
  readonly #maxSeries: number;
  #holes = 0;
  /** The child for label sets without room. No reader sees it if it ignores its writes. */
  #overflow: C | undefined = undefined;

  /** Makes a store without children. */
  constructor(core: MetricCore, create: CreateChild<C>, options: ChildStoreOptions<C> = {}) {
    this.#create = create;
    this.#canDrop = options.canDrop ?? false;
    this.#maxSeries = options.maxSeries ?? Infinity;
    this.#columns = new Columns(core, 1);
  }

  /** What all children share. */
  protected get core(): MetricCore {
    return this.#columns.core;
  }

  /** Where the children are now. */
  protected get columns(): Columns<C> {
    return this.#columns;
  }

  /** Where the children are that readers see. */
  protected get visible(): Columns<C> {
    return this.#columns;
  }

  /** The number of children. */
  get size(): number {
    return this.columns.children.length - this.#holes;
  }

  /** The type of the metric. Undefined if a function of the program gives a value. */
  get [TRUSTED](): MetricType | undefined {
    return this.core.sources === undefined ? this.core.type : undefined;
  }

  /** How a reader keeps children from expiring. Undefined if they do not expire. */
  get expiry(): SeriesExpiry | undefined {
    return undefined;
  }

  /** The numbers of the children. Undefined if a child is not one number in its column. */
  get numberColumn(): NumberColumn | undefined {
    if (!this.core.isNumber || this.core.sources !== undefined) return undefined;
    // The children of such a type are metrics of one number.
    return this.visible as Columns<C & NumberMetric>;
  }

  /** Finds a child by the names of its labels. Returns undefined for labels of another metric. */
  findByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    return this.#columns.findByName(labels);
  }

  /** Finds a child by its label values, in the order of the label names. */
  findInOrder(values: ArrayLike<unknown>): C | undefined {
    return this.#columns.findInOrder(values);
  }

  /**
   * Returns the child for label sets without room, if the store is full and certainly has no child
   * of these labels. Must be called right after `findByName()` failed, and is nearly as fast.
   */
  foldByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    return this.canFold && this.#columns.lacksByName(labels) ? this.overflow() : undefined;
  }

  /** Does the same right after `findInOrder()` failed. */
  foldInOrder(values: ArrayLike<unknown>): C | undefined {
    return this.canFold && this.#columns.lacksInOrder(values) ? this.overflow() : undefined;
  }

  /** Finds or creates a child. Returns the one for label sets without room if there is none. */
  get(labelValues: readonly string[]): C {
    return this.findInOrder(labelValues) ?? this.make(labelValues);
  }

  /** Creates a child, whether there is room or not. */
  add(labelValues: readonly string[]): C {
    // Both may call the clock of a test, which may do anything.
    const since = this.core.age();
    const child = this.#create(this.columns);
    child.enter(this.columns, labelValues, since);
    return child;
  }

  /** Lets look-ups find a number or boolean as fast as its text. */
  alias(labelName: string, value: unknown): void {
    if (typeof value !== "string") this.columns.alias(labelName, value as number | boolean);
  }

  /**
   * Removes a child. Later writes to it go nowhere.
   *
   * @returns Whether readers saw it.
   */
  delete(child: C): boolean {
    if (child === this.#overflow) this.#overflow = undefined;
    if (!this.holds(child)) return false;
    this.detach(child);
    this.tidy();
    return true;
  }

  /** Removes all children. */
  clear(): void {
    const children = [...this];
    // Running iterators find nothing more. Handles keep their numbers.
    const former = this.columns.clear();
    for (const child of children) child.stayIn(former);
    this.#columns = new Columns(this.core, 1);
    this.#holes = 0;
    this.#overflow = undefined;
  }

  /** Finds a child that readers see. Does not keep it from expiring. */
  peek(labelValues: ArrayLike<unknown>): C | undefined {
    return this.visible.findInOrder(labelValues);
  }

  /** Does the same as `peek()`, by name. Labels that need a closer look are not found. */
  peekByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    return this.visible.findByName(labels);
  }

  /** Finds a child for removal, whether readers see it or not. */
  reach(labelValues: readonly string[]): C | undefined {
    return this.peek(labelValues);
  }

  /** Returns all children that `reach()` finds. */
  reachable(): Iterable<C> {
    return this;
  }

  /** Iterates over the children that exist now, as long as they exist. */
  [Symbol.iterator](): Iterator<C> {
    return new ChildIterator(this, this.visible.children);
  }

  /** Whether readers see a child. */
  holds(child: C): boolean {
    return child.columns === this.#columns;
  }

  /** Whether label sets without a child share one that exists already. */
  protected get canFold(): boolean {
    return this.#overflow !== undefined && this.#isFull;
  }

  /** Whether there is no room for another child. */
  get #isFull(): boolean {
    // The overflow child takes no room from others.
    const extra = this.#overflow?.columns === this.columns ? 1 : 0;
    return this.size - extra >= this.#maxSeries;
  }

  /** Creates a child, or returns the one for label sets without room. */
  protected make(labelValues: readonly string[]): C {
    if (this.#maxSeries === Infinity) return this.add(labelValues);
    // The overflow child can also be looked up by its labels.
    const isOverflow = !this.#canDrop && labelValues.every((value) => value === OVERFLOW);
    if (isOverflow) return this.#overflow = this.add(labelValues);
    return this.#isFull ? this.overflow() : this.add(labelValues);
  }

  /** Returns the child for label sets without room, and counts the look-up. */
  protected overflow(): C {
    this.core.overflows++;
    // The labels of an overflow child may have been looked up before.
    return this.#overflow ??= this.#canDrop
      ? this.#makeDropped()
      : this.get(this.#overflowValues());
  }

  /** Moves a child to columns that no reader sees. */
  protected detach(child: C): void {
    const { slot } = child;
    let detached = this.#detached;
    if (detached === undefined || detached.children.length >= MAX_DETACHED) {
      this.#detached = detached = new Columns(this.core, 1);
    }
    child.moveTo(detached);
    // Its siblings must not keep it in memory.
    detached.children[child.slot] = undefined;
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

  #overflowValues(): string[] {
    return this.core.labelNames.map(() => OVERFLOW);
  }

  #makeDropped(): C {
    // It has its own core, so that writes to other series stay simple.
    const core = new MetricCore({ ...this.core, isDropped: true });
    const columns = new Columns<C>(core, 1);
    const dropped = this.#create(columns);
    dropped.enter(columns, this.#overflowValues(), 0);
    return dropped;
  }
}

/** Iterates over the children that exist when it is made, as long as they exist. */
class ChildIterator<C extends Child> implements Iterator<C> {
  /**
   * An iterator that is never garbage-collected. V8 discards compiled code when a garbage
   * collection finds no object of the kind that it was compiled for.
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
      // A child that was removed after the others had moved is still in the old columns.
      if (value !== undefined && this.#store.holds(value)) return { done: false, value };
    }
    return { done: true, value: undefined };
  }
}
