/**
 * Counts for the buckets of a histogram that has very many possible buckets.
 *
 * @module
 */

/** The number of places at first, a power of two. */
const FIRST_PLACES = 4;

/**
 * Counts by bucket index: a `Map<number, number>` that is optimized for adding.
 *
 * It is a hash table with open addressing in one array. Each place has an index and, beside it, a
 * count. A place with the count 0 is free. At most half of the places are used, so the memory grows
 * with the number of buckets, no matter how far apart they are.
 *
 * The low bits of an index are its place. The buckets in use are mostly neighbours, and neighbours
 * never have the same place, so nearly every lookup ends where it begins. If two runs of neighbours
 * overlap, an index is looked for in steps that depend on the index. The next place would belong to
 * a neighbour, but a step leaves the other run at once. Single buckets are never removed, so no
 * place has to be marked as deleted.
 *
 * |           | time                                   |
 * | --------- | -------------------------------------- |
 * | `add()`   | O(1); O(buckets) when the array is full |
 * | `clear()` | O(1)                                   |
 * | `toMap()` | O(buckets · log(buckets))              |
 *
 * @example
 * ```ts
 * import { BucketCounts } from "./bucket_counts.ts";
 * import assert from "node:assert/strict";
 *
 * const counts = new BucketCounts();
 * for (const index of [7, -2, 7]) counts.add(index, 1);
 * assert.deepEqual([...counts.toMap()], [[-2, 1], [7, 2]]);
 * ```
 */
export class BucketCounts {
  /** The index and the count of each place. */
  #cells = new Float64Array(2 * FIRST_PLACES);
  /** How many buckets can be added before half of the places are used. */
  #room = FIRST_PLACES / 2;

  /** The number of buckets that have a count. */
  get size(): number {
    return this.#cells.length / 4 - this.#room;
  }

  /**
   * Adds to the count of a bucket. This is the hot path of a native histogram, so it checks
   * nothing.
   *
   * @param index The index of the bucket, a 32-bit integer.
   * @param amount The amount to add, greater than 0.
   * @returns Whether the bucket had no count before.
   */
  add(index: number, amount: number): boolean {
    const cells = this.#cells;
    const mask = cells.length - 1;
    let at = (index << 1 | 1) & mask;
    while (cells[at] !== 0 && cells[at - 1] !== index) at = (at + stepOf(index)) & mask;
    const count = cells[at]!;
    cells[at] = count + amount;
    return count === 0 && this.#occupy(at, index);
  }

  /** Removes all buckets. */
  clear(): void {
    this.#begin(FIRST_PLACES);
  }

  /** Returns the indices of the buckets, in no particular order. */
  indices(): number[] {
    const cells = this.#cells;
    const indices: number[] = [];
    for (let at = 1; at < cells.length; at += 2) if (cells[at] !== 0) indices.push(cells[at - 1]!);
    return indices;
  }

  /**
   * Returns the counts as a map.
   *
   * @returns A copy, by index, in ascending order of the indices.
   */
  toMap(): Map<number, number> {
    const cells = this.#cells;
    const mask = cells.length - 1;
    const counts = new Map<number, number>();
    for (const index of Float64Array.from(this.indices()).sort()) {
      let at = (index << 1 | 1) & mask;
      while (cells[at - 1] !== index || cells[at] === 0) at = (at + stepOf(index)) & mask;
      counts.set(index, cells[at]!);
    }
    return counts;
  }

  /** Assigns a place to a bucket whose count was just written there. Returns true. */
  #occupy(at: number, index: number): true {
    this.#cells[at - 1] = index;
    if (this.#room-- === 0) this.#grow();
    return true;
  }

  #grow(): void {
    const cells = this.#cells;
    this.#begin(cells.length);
    for (let at = 1; at < cells.length; at += 2) {
      if (cells[at] !== 0) this.add(cells[at - 1]!, cells[at]!);
    }
  }

  #begin(places: number): void {
    this.#cells = new Float64Array(2 * places);
    this.#room = places / 2;
  }
}

/** Returns the distance between two places of an index, in cells: an odd number of places. */
function stepOf(index: number): number {
  // The upper bits of this product differ widely from one index to the next.
  return (Math.imul(index, 0x9e3779b1) >>> 16 | 1) << 1;
}
