/**
 * How often each bucket of a histogram with very many possible buckets was met.
 *
 * @module
 */

/** Places at first; a power of two. */
const FIRST_PLACES = 4;

/**
 * Counts by bucket index: a `Map<number, number>` that is made for adding.
 *
 * It is a hash table with open addressing in one array, which has for each place an index and,
 * beside it, a count; a place whose count is 0 is free. At most half of the places are taken, so
 * the memory follows the number of buckets, however far apart they are.
 *
 * An index belongs to the place that its low bits name. Buckets in use are neighbours, mostly, and
 * neighbours never want the same place, so that nearly every look-up ends where it begins. Where two
 * runs of neighbours do overlap, an index goes on in steps of its own rather than to the next place,
 * which its neighbours have taken: so it leaves the other run at once. Buckets are removed all
 * together or not at all, so that no place has to remember that something was there.
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
  /** How many more buckets may come before half of the places are taken. */
  #room = FIRST_PLACES / 2;

  /** How many buckets have a count. */
  get size(): number {
    return this.#cells.length / 4 - this.#room;
  }

  /**
   * Adds to the count of a bucket. The hot path of a native histogram: it does not check.
   *
   * @param index The index of the bucket, an integer of 32 bits.
   * @param amount What to add, greater than 0.
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

  /** Forgets all buckets. */
  clear(): void {
    this.#begin(FIRST_PLACES);
  }

  /** The indices of the buckets, in no particular order. */
  indices(): number[] {
    const cells = this.#cells;
    const indices: number[] = [];
    for (let at = 1; at < cells.length; at += 2) if (cells[at] !== 0) indices.push(cells[at - 1]!);
    return indices;
  }

  /**
   * A copy.
   *
   * @returns The counts by index, in ascending order of the indices.
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

  /** Gives a bucket the free place where its count was just put; true. */
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

/** How far it is, in cells, from one place of an index to its next: an odd number of places. */
function stepOf(index: number): number {
  // The upper bits of this product differ much from one index to the next.
  return (Math.imul(index, 0x9e3779b1) >>> 16 | 1) << 1;
}
