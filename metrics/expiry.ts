import type { SeriesExpiry } from "../model.ts";
import type { Child } from "./child.ts";
import { ChildStore, type ChildStoreOptions, type CreateChild } from "./child_store.ts";
import type { Columns } from "./columns.ts";
import type { MetricCore, WriteListener } from "./metric_core.ts";

/** How often children are checked because of new ones, in each time to live. */
const SWEEPS = 64;

/** Options of {@linkcode ExpiringStore}. */
export interface ExpiringStoreOptions<C extends Child> extends ChildStoreOptions<C> {
  /** The time without a touch after which a child is hidden, in seconds. */
  expireAfterSeconds: number;
}

/**
 * A store that hides children after some time without a touch. A hidden child is removed from the
 * columns, but the store keeps a weak reference to it. The next write or look-up brings it back with
 * its numbers, as the last child. If the program does not hold it, it is garbage-collected.
 *
 * There is no timer. Children are checked when they are read and one of them may have expired, and
 * now and then when new ones come.
 */
export class ExpiringStore<C extends Child> extends ChildStore<C>
  implements WriteListener, SeriesExpiry {
  readonly #seconds: number;
  /** The hidden children by their label values. */
  readonly #hidden: Map<string, WeakRef<C>> = new Map();
  /** Forgets hidden children that were garbage-collected. */
  readonly #freed: FinalizationRegistry<string>;
  /** No child expires before this time, apart from those that wait for a reader. */
  #due: number;
  /** When to check the children next because of new ones. */
  #nextSweep: number;
  /** When each reader that must not miss a number began its last complete read. */
  readonly #readers: Map<object, number> = new Map();

  constructor(core: MetricCore, create: CreateChild<C>, options: ExpiringStoreOptions<C>) {
    super(core, create, options);
    this.#seconds = options.expireAfterSeconds;
    this.#freed = new FinalizationRegistry((key) => {
      if (this.#hidden.get(key)?.deref() === undefined) this.#hidden.delete(key);
    });
    this.#due = this.#nextSweep = this.#now() + this.#seconds;
    core.listener = this;
  }

  override get expiry(): SeriesExpiry {
    return this;
  }

  override findByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    const child = super.findByName(labels);
    if (child !== undefined) this.touch(child);
    return child;
  }

  override findInOrder(values: ArrayLike<unknown>): C | undefined {
    const child = super.findInOrder(values);
    if (child !== undefined) this.touch(child);
    return child;
  }

  override delete(child: C): boolean {
    this.#forget(child);
    return super.delete(child);
  }

  override clear(): void {
    super.clear();
    this.#hidden.clear();
  }

  override reach(labelValues: readonly string[]): C | undefined {
    return super.reach(labelValues) ?? this.#findHidden(labelValues);
  }

  override reachable(): Iterable<C> {
    // Reading them comes first, because it hides some.
    const all = [...this];
    for (const ref of this.#hidden.values()) {
      const child = ref.deref();
      if (child !== undefined) all.push(child);
    }
    return all;
  }

  touch(child: C): void {
    if (!this.holds(child)) {
      // It is hidden, or it was removed.
      if (this.#findHidden(child.labelValues) !== child) return;
      child.moveTo(this.columns);
      this.#forget(child);
    }
    const { touched } = this.columns;
    if (touched[child.slot] !== Infinity) touched[child.slot] = this.#now();
  }

  pin(child: C): void {
    this.touch(child);
    if (this.holds(child)) this.columns.touched[child.slot] = Infinity;
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

  /** Hides expired children first. */
  protected override get visible(): Columns<C> {
    const now = this.#now();
    if (now >= this.#due) this.#sweep(now);
    return this.columns;
  }

  protected override get canFold(): boolean {
    if (!super.canFold) return false;
    this.#sweepForNew();
    // A hidden child may have the labels.
    return this.#hidden.size === 0 && super.canFold;
  }

  protected override make(labelValues: readonly string[]): C {
    this.#sweepForNew();
    const child = this.#findHidden(labelValues) ?? super.make(labelValues);
    this.touch(child);
    return child;
  }

  protected override overflow(): C {
    const child = super.overflow();
    this.touch(child);
    return child;
  }

  #now(): number {
    return this.core.clock.monotonic();
  }

  /** Called before a child is made. Seldom enough not to take more time than making it. */
  #sweepForNew(): void {
    const now = this.#now();
    if (now >= this.#nextSweep) this.#sweep(now);
  }

  /** Called when children that waited for a reader may expire. */
  #lookAgain(): void {
    this.#due = -Infinity;
    this.#nextSweep = Math.min(this.#nextSweep, this.#now() + this.#seconds / SWEEPS);
  }

  #sweep(now: number): void {
    const limit = now - this.#seconds;
    let unread = Infinity;
    for (const begun of this.#readers.values()) unread = Math.min(unread, begun);
    const { children, touched } = this.columns;
    let oldest = now;
    for (let slot = 0; slot < children.length; slot++) {
      const child = children[slot];
      if (child === undefined) continue;
      const time = touched[slot]!;
      if (time > limit) oldest = Math.min(oldest, time);
      else if (time < unread) this.#hide(child);
    }
    this.#due = oldest + this.#seconds;
    this.#nextSweep = Math.max(this.#due, now + this.#seconds / SWEEPS);
    this.tidy();
  }

  #hide(child: C): void {
    const key = keyOf(child.labelValues);
    this.detach(child);
    this.#hidden.set(key, new WeakRef(child));
    this.#freed.register(child, key, child);
  }

  #findHidden(labelValues: readonly string[]): C | undefined {
    return this.#hidden.size === 0 ? undefined : this.#hidden.get(keyOf(labelValues))?.deref();
  }

  #forget(child: C): void {
    if (this.#findHidden(child.labelValues) !== child) return;
    this.#hidden.delete(keyOf(child.labelValues));
    this.#freed.unregister(child);
  }
}

/** Different label values have different keys. */
function keyOf(labelValues: readonly string[]): string {
  return JSON.stringify(labelValues);
}
