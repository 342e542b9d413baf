import { roundingOf } from "../rounding.ts";

/** The totals of one schema, packed to spare the garbage collector many small objects. */
export class PackedTotals {
  /** The index of the first number of each series. */
  readonly #places: Map<string, number> = new Map();
  #numbers: Float64Array = new Float64Array(64);
  /**
   * The rounding error of each number, once any were added up. A sum must not depend
   * on the order of its parts.
   */
  #lost: Float64Array | undefined = undefined;
  #length = 0;
  #width = 0;

  get size(): number {
    return this.#places.size;
  }

  /** Adds a row to its series. All series of a schema have the same count of numbers. */
  add(series: string, numbers: readonly number[]): void {
    if (this.#width === 0) this.#width = numbers.length;
    const width = this.#width;
    const place = this.#places.get(series);
    if (place !== undefined) {
      this.#lost ??= new Float64Array(this.#numbers.length);
      for (let i = 0; i < width; i++) {
        const [sum, number] = [this.#numbers[place + i]!, numbers[i] ?? 0];
        this.#numbers[place + i] = sum + number;
        this.#lost[place + i]! += roundingOf(sum, number);
      }
      return;
    }
    if (this.#length + width > this.#numbers.length) {
      const larger = new Float64Array(Math.max(2 * this.#numbers.length, width));
      larger.set(this.#numbers);
      this.#numbers = larger;
      if (this.#lost !== undefined) {
        const lost = new Float64Array(larger.length);
        lost.set(this.#lost);
        this.#lost = lost;
      }
    }
    this.#places.set(series, this.#length);
    for (let i = 0; i < width; i++) this.#numbers[this.#length + i] = numbers[i] ?? 0;
    this.#length += width;
  }

  *[Symbol.iterator](): Generator<[series: string, numbers: readonly number[]]> {
    const all = this.#numbers;
    const lost = this.#lost;
    const width = this.#width;
    for (const [series, place] of this.#places) {
      const numbers: number[] = [];
      for (let i = place; i < place + width; i++) numbers.push(all[i]! + (lost?.[i] ?? 0));
      yield [series, numbers];
    }
  }
}
