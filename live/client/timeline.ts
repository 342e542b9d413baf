/**
 * The times of the latest scrapes, and the numbers of a series at these times. Numbers are in rings of
 * equal size. The number of a scrape has the same place as its time.
 *
 * @module
 */
export class Timeline {
  /** The maximum number of scrapes on the page. */
  readonly length: number;
  /** The size of a ring: the visible numbers, and room for one that is being written. */
  readonly capacity: number;
  /** The times of the scrapes, in seconds. NaN for a pause. */
  readonly times: Float64Array;
  /** The index of the latest complete scrape, from 0. */
  latest = -1;

  constructor(length: number) {
    this.length = length;
    // Two more, because a pause and the scrape after it may be written together.
    this.capacity = length + 2;
    this.times = this.ring();
  }

  /** Returns an empty ring for the numbers of a series. */
  ring(): Float64Array {
    return new Float64Array(this.capacity).fill(NaN);
  }

  /** Returns the place of a scrape in a ring. */
  at(scrape: number): number {
    return ((scrape % this.capacity) + this.capacity) % this.capacity;
  }

  /** Returns the latest number of a series. NaN if it was missing. */
  now(ring: Float64Array): number {
    return this.latest < 0 ? NaN : ring[this.at(this.latest)]!;
  }

  /** The number of visible scrapes. A new page shows only the scrapes that it has. */
  get shown(): number {
    return Math.min(this.length, Math.max(2, this.latest + 1));
  }

  /** Returns the content of a ring, from the oldest visible scrape to the latest. */
  read<Value>(ring: { readonly [index: number]: Value }): Value[] {
    const values: Value[] = [];
    for (let scrape = this.latest - this.shown + 1; scrape <= this.latest; scrape++) {
      values.push(ring[this.at(scrape)]!);
    }
    return values;
  }

  /**
   * Returns the rates of a counter, per second, from each scrape to the next: one number less than there
   * are scrapes. A counter that falls was reset to 0, so its value is its increase. NaN if a scrape is
   * missing.
   */
  rates(ring: Float64Array): number[] {
    const values = this.read(ring);
    const times = this.read(this.times);
    return values.slice(1).map((value, i) =>
      increase(values[i]!, value) / (times[i + 1]! - times[i]!)
    );
  }

  /** Returns the rate over the last steps, without missing ones. NaN if all are missing. */
  rate(ring: Float64Array, steps: number): number {
    let sum = 0;
    let seconds = 0;
    for (let scrape = this.latest; scrape > this.#before(steps); scrape--) {
      const here = this.at(scrape);
      const before = this.at(scrape - 1);
      const grown = increase(ring[before]!, ring[here]!);
      if (Number.isNaN(grown)) continue;
      sum += grown;
      seconds += this.times[here]! - this.times[before]!;
    }
    return sum / seconds;
  }

  /** Returns the time of the last steps, in seconds, without pauses. */
  covered(steps: number): number {
    let seconds = 0;
    for (let scrape = this.latest; scrape > this.#before(steps); scrape--) {
      const step = this.times[this.at(scrape)]! - this.times[this.at(scrape - 1)]!;
      if (step > 0) seconds += step;
    }
    return seconds;
  }

  /** Returns the age of a scrape, in seconds. The latest is 0, the one before it is 1. */
  age(stepsBack: number): number {
    return this.times[this.at(this.latest)]! - this.times[this.at(this.latest - stepsBack)]!;
  }

  /** Returns the scrape that lies the given number of steps before the latest, if it is visible. */
  #before(steps: number): number {
    return this.latest - Math.min(steps, this.length - 1);
  }
}

function increase(before: number, after: number): number {
  return after < before ? after : after - before;
}
