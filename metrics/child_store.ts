import type { Child } from "./child.ts";

/** A level of the tree: by the value of one label, the next level or, at the last, the child. */
type Level<C> = Map<string, Level<C> | C>;

/**
 * The children of a metric. Two structures work together: a tree of maps, one
 * level for each label, finds a child by its label values, so that no two label
 * sets can collide whatever their values are; an array keeps the children in the
 * order of their creation. Each child knows its place in the array, so that
 * removing it leaves a hole and costs no search; when holes are the most of it,
 * the array is replaced. Who reads the former array goes on reading it.
 *
 * | operation | cost |
 * | --- | --- |
 * | `get`, `find`, `delete` | the number of labels |
 * | iteration | the number of children |
 */
export class ChildStore<C extends Child> implements Iterable<C> {
  readonly #depth: number;
  readonly #create: (labelValues: readonly string[]) => C;
  #root: Level<C> = new Map();
  #children: (C | undefined)[] = [];
  #holes = 0;

  constructor(depth: number, create: (labelValues: readonly string[]) => C) {
    this.#depth = depth;
    this.#create = create;
  }

  /** The tree, for callers that walk it with label values of their own. */
  get root(): Level<C> {
    return this.#root;
  }

  /** The number of children. */
  get size(): number {
    return this.#children.length - this.#holes;
  }

  /** The child of some label values, if there is one. */
  find(labelValues: readonly string[]): C | undefined {
    if (this.#depth === 0) return this.#children[0];
    // The levels are as many as the labels, so what stands at the end is a child.
    let node: Level<C> | C | undefined = this.#root;
    for (const value of labelValues) node = (node as Level<C>)?.get(value);
    return node as C | undefined;
  }

  /** The child of some label values, created if there is none. */
  get(labelValues: readonly string[]): C {
    if (this.#depth === 0) return this.#children[0] ?? this.#add(this.#create(labelValues));
    let level = this.#root;
    const last = this.#depth - 1;
    for (let i = 0; i < last; i++) {
      const value = labelValues[i]!;
      let next = level.get(value);
      if (next === undefined) level.set(value, next = new Map());
      // Only the last level holds children.
      level = next as Level<C>;
    }
    const value = labelValues[last]!;
    let child = level.get(value) as C | undefined;
    if (child === undefined) {
      child = this.#add(this.#create(labelValues));
      level.set(value, child);
    }
    return child;
  }

  /** Takes a child out. */
  delete(child: C): void {
    this.#prune(this.#root, child, 0);
    this.#children[child.slot] = undefined;
    child.slot = -1;
    this.#holes++;
    if (this.#holes > 32 && this.#holes > this.#children.length / 2) this.#compact();
  }

  /** Takes all children out. */
  clear(): void {
    for (const child of this) child.slot = -1;
    this.#root = new Map();
    this.#children = [];
    this.#holes = 0;
  }

  /** The children that exist when the iteration begins and still do when they are reached. */
  [Symbol.iterator](): Iterator<C> {
    const children = this.#children;
    const length = children.length;
    let i = 0;
    const next = (): IteratorResult<C> => {
      while (i < length) {
        const child = children[i++];
        if (child !== undefined && child.slot !== -1) return { done: false, value: child };
      }
      return { done: true, value: undefined };
    };
    return { next };
  }

  #add(child: C): C {
    child.slot = this.#children.length;
    this.#children.push(child);
    return child;
  }

  #prune(level: Level<C>, child: C, depth: number): void {
    const value = child.labelValues[depth]!;
    if (depth < this.#depth - 1) {
      const next = level.get(value) as Level<C>;
      this.#prune(next, child, depth + 1);
      if (next.size > 0) return;
    }
    level.delete(value);
  }

  #compact(): void {
    const children: C[] = [];
    for (const child of this) {
      child.slot = children.length;
      children.push(child);
    }
    this.#children = children;
    this.#holes = 0;
  }
}
