import type { NumberColumn, SeriesExpiry } from "../model.ts";
import type { Child } from "./child.ts";
import { ChildStore, type ChildStoreOptions, type CreateChild } from "./child_store.ts";
import { Columns } from "./columns.ts";
import type { MetricCore, WriteListener } from "./metric_core.ts";

/** How often children are looked through for the sake of new ones, in each time to live. */
const SWEEPS = 64;

/** Options of {@linkcode ExpiringStore}. */
export interface ExpiringStoreOptions<C extends Child> extends ChildStoreOptions<C> {
  /** After how long without a touch a child is hidden, in seconds. */
  expireAfterSeconds: number;
}

/** A hidden child: it is here as long as somebody else holds it. */
interface Ghost<C extends Child> {
  readonly child: WeakRef<C>;
  /** Its slot in the hidden columns. */
  slot: number;
}

/**
 * A store whose children are hidden when nobody has touched them for some time. A
 * hidden child lies in columns of its own kind, which hold it weakly: readers do not
 * see it, whoever holds it writes to it as before, and the first touch brings it back
 * with all it has, as the last of the children. What nobody holds is freed.
 *
 * There is no timer: children are looked through when they are read and one of them
 * may have expired, and now and then when new ones come.
 */
export class ExpiringStore<C extends Child> extends ChildStore<C>
  implements WriteListener, SeriesExpiry {
  readonly #seconds: number;
  /** When each child was touched last, by slot, on the monotonic clock; `Infinity` for never to expire. */
  #touched: Float64Array = new Float64Array(4);
  #hidden: Columns<Ghost<C>>;
  #hiddenHoles = 0;
  /** What was hidden and is held by nobody any more. */
  readonly #freed: FinalizationRegistry<Ghost<C>>;
  /** No child expires before this time, apart from those that wait to be read. */
  #due: number;
  /** When to look next for the sake of new children. */
  #nextSweep: number;
  /** When those who must not miss a number began their last complete read. */
  readonly #readers: Map<object, number> = new Map();

  /**
   * Makes a store without children.
   *
   * @param core What all children share.
   * @param create Makes a child at a slot of some columns.
   * @param options A limit, and when children expire.
   */
  constructor(core: MetricCore, create: CreateChild<C>, options: ExpiringStoreOptions<C>) {
    super(core, create, options);
    this.#seconds = options.expireAfterSeconds;
    this.#hidden = new Columns(core, 0);
    this.#freed = new FinalizationRegistry((ghost) => this.#bury(ghost));
    this.#due = this.#nextSweep = this.#now() + this.#seconds;
    core.listener = this;
  }

  override get numberColumn(): NumberColumn | undefined {
    this.#sweepIfDue();
    return super.numberColumn;
  }

  override findByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    const child = this.columns.findByName(labels) ?? this.#raise(this.#hidden.findByName(labels));
    if (child !== undefined) this.touch(child);
    return child;
  }

  override findInOrder(values: ArrayLike<unknown>): C | undefined {
    const child = this.columns.findInOrder(values) ?? this.#raise(this.#hidden.findInOrder(values));
    if (child !== undefined) this.touch(child);
    return child;
  }

  override delete(child: C): boolean {
    const isHidden = child.columns === this.#hidden;
    if (isHidden) this.#show(child);
    super.delete(child);
    return !isHidden;
  }

  override clear(): void {
    super.clear();
    // What is not forgotten here would be taken for the next children's, of the same slots.
    this.#touched = new Float64Array(4);
    // Those that are held stay in the former columns, from which nothing comes back.
    this.#hidden = new Columns(this.core, 0);
    this.#hiddenHoles = 0;
  }

  override reach(labelValues: readonly string[]): C | undefined {
    this.#sweepIfDue();
    return super.reach(labelValues) ?? this.#raise(this.#hidden.findInOrder(labelValues));
  }

  override reachable(): Iterable<C> {
    // Reading them comes first: it hides some.
    const all = [...this];
    for (const ghost of this.#hidden.children) {
      const child = ghost?.child.deref();
      if (child !== undefined) all.push(child);
    }
    return all;
  }

  override [Symbol.iterator](): Iterator<C> {
    this.#sweepIfDue();
    return super[Symbol.iterator]();
  }

  touch(child: C): void {
    // A child that was removed is in other columns than these two.
    if (child.columns === this.#hidden) this.#show(child);
    else if (child.columns === this.columns && this.#touched[child.slot] !== Infinity) {
      this.#note(child.slot, this.#now());
    }
  }

  pin(child: C): void {
    this.touch(child);
    if (child.columns === this.columns) this.#note(child.slot, Infinity);
  }

  beginRead(reader: object): () => void {
    const begun = this.#now();
    if (!this.#readers.has(reader)) this.#readers.set(reader, -Infinity);
    return () => {
      if (!this.#readers.has(reader)) return;
      this.#readers.set(reader, begun);
      this.#lookAgain();
    };
  }

  release(reader: object): void {
    this.#readers.delete(reader);
    this.#lookAgain();
  }

  protected override get isFull(): boolean {
    if (!super.isFull) return false;
    this.#sweepForNew();
    return super.isFull;
  }

  protected override lacksByName(labels: Readonly<Record<string, unknown>>): boolean {
    return super.lacksByName(labels) && this.#hidden.lacksByName(labels);
  }

  protected override lacksInOrder(values: ArrayLike<unknown>): boolean {
    return super.lacksInOrder(values) && this.#hidden.lacksInOrder(values);
  }

  protected override make(labelValues: readonly string[]): C {
    this.#sweepForNew();
    const child = super.make(labelValues);
    this.touch(child);
    return child;
  }

  protected override overflow(): C {
    const child = super.overflow();
    this.touch(child);
    return child;
  }

  protected override compact(): void {
    const { children } = this.columns;
    const touched: number[] = [];
    for (const [slot, child] of children.entries()) {
      if (child !== undefined) touched.push(this.#touched[slot]!);
    }
    super.compact();
    this.#touched = Float64Array.from(touched);
  }

  #now(): number {
    return this.core.clock.monotonic();
  }

  #note(slot: number, time: number): void {
    if (slot >= this.#touched.length) {
      const longer = new Float64Array(slot + (slot >> 2) + 4);
      longer.set(this.#touched);
      this.#touched = longer;
    }
    this.#touched[slot] = time;
  }

  /** For who reads: nothing that has expired is seen. */
  #sweepIfDue(): void {
    const now = this.#now();
    if (now >= this.#due) this.#sweep(now);
  }

  /** For who makes a child: not so often that it would take more time than the rest of it. */
  #sweepForNew(): void {
    const now = this.#now();
    if (now >= this.#nextSweep) this.#sweep(now);
  }

  /** What has waited to be read may expire now. */
  #lookAgain(): void {
    this.#due = -Infinity;
    this.#nextSweep = Math.min(this.#nextSweep, this.#now() + this.#seconds / SWEEPS);
  }

  #sweep(now: number): void {
    const limit = now - this.#seconds;
    let unread = Infinity;
    for (const begun of this.#readers.values()) unread = Math.min(unread, begun);
    const { children } = this.columns;
    let oldest = now;
    for (let slot = 0; slot < children.length; slot++) {
      const child = children[slot];
      const touched = this.#touched[slot]!;
      if (child === undefined) continue;
      if (touched > limit) oldest = Math.min(oldest, touched);
      else if (touched < unread) this.#hide(child);
    }
    this.#due = oldest + this.#seconds;
    this.#nextSweep = Math.max(this.#due, now + this.#seconds / SWEEPS);
    this.tidy();
  }

  #hide(child: C): void {
    const { slot } = child;
    const hidden = this.#hidden;
    child.moveTo(hidden);
    this.vacate(slot);
    const ghost = { child: new WeakRef(child), slot: child.slot };
    hidden.children[child.slot] = ghost;
    this.#freed.register(child, ghost, ghost);
  }

  #show(child: C): void {
    const { slot } = child;
    const ghost = this.#hidden.children[slot]!;
    child.moveTo(this.columns);
    this.#note(child.slot, this.#now());
    this.#freed.unregister(ghost);
    this.#leave(ghost);
  }

  /** The child of a ghost; what is dead makes place for another one of its labels. */
  #raise(ghost: Ghost<C> | undefined): C | undefined {
    const child = ghost?.child.deref();
    if (ghost !== undefined && child === undefined) this.#bury(ghost);
    return child;
  }

  #bury(ghost: Ghost<C>): void {
    if (this.#hidden.children[ghost.slot] === ghost) this.#leave(ghost);
  }

  /** Leaves a hole in the hidden columns, and moves the others when holes are the most of them. */
  #leave({ slot }: Ghost<C>): void {
    const { children } = this.#hidden;
    this.#hidden.remove(slot);
    this.#hiddenHoles++;
    if (this.#hiddenHoles <= 32 || this.#hiddenHoles <= children.length / 2) return;
    const columns = new Columns<Ghost<C>>(this.core, children.length - this.#hiddenHoles);
    for (const ghost of children) {
      const child = ghost?.child.deref();
      if (ghost === undefined || child === undefined) continue;
      child.moveTo(columns);
      ghost.slot = child.slot;
      columns.children[child.slot] = ghost;
    }
    this.#hidden = columns;
    this.#hiddenHoles = 0;
  }
}
