/**
 * Reproducible random numbers: a seed determines all choices of a test.
 *
 * @module
 */

/** A source of random numbers. The same seed gives the same numbers on every runtime. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
    // Similar seeds start far apart.
    for (let i = 0; i < 3; i++) this.next();
  }

  /** Returns a number from 0 (inclusive) to 1 (exclusive). The generator is known as mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Returns an integer from 0 (inclusive) to `end` (exclusive). */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** Returns a random item. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
