/**
 * Random numbers that come again: what a test drew is known from its seed.
 *
 * @module
 */

/** A source of random numbers; the same seed makes the same ones, on every runtime. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
    // Neighbouring seeds begin far apart.
    for (let i = 0; i < 3; i++) this.next();
  }

  /** From 0 up to 1, which it never is. The generator is known as mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to `end`, which it never is. */
  below(end: number): number {
    return Math.floor(this.next() * end);
  }

  /** One of some things. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}
