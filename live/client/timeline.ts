/**
 * The times of the latest scrapes, and what the numbers of a series did over them. Numbers are
 * kept in rings of equal size: that of a scrape is where the scrape's time is.
 *
 * @module
 */
export class Timeline {
  /** How many scrapes are shown at most. */
  readonly length: number;
  /** How many numbers a ring holds: the shown ones, and one that is being written. */
  readonly capacity: number;
  /** When the scrapes were made, in seconds; NaN where there was a pause. */
  readonly times: Float64Array;
  /** The number of the latest scrape that is complete, counted from 0. */
  latest = -1;

  constructor(length: number) {
    this.length = length;
    // Another two: a pause and the scrape after it may be written at once.
    this.capacity = length + 2;
    this.times = this.ring();
  }

  /** An empty ring for the numbers of a series. */
  ring(): Float64Array {
    return new Float64Array(this.capacity).fill(NaN);
  }

  /** Where the numbers of a scrape are in a ring. */
  at(scrape: number): number {
    return ((scrape % this.capacity) + this.capacity) % this.capacity;
  }

  /** The latest number of a series; NaN if it was not there. */
  now(ring: Float64Array): number {
    return this.latest < 0 ? NaN : ring[this.at(this.latest)]!;
  }

  /** How many scrapes are shown now: all there were while the page is new, so that none is empty. */
  get shown(): number {
    return Math.min(this.length, Math.max(2, this.latest + 1));
  }

  /** What is in a ring, from the oldest scrape shown to the latest. */
  read<Value>(ring: { readonly [index: number]: Value }): Value[] {
    const values: Value[] = [];
    for (let scrape = this.latest - this.shown + 1; scrape <= this.latest; scrape++) {
      values.push(ring[this.at(scrape)]!);
    }
    return values;
  }

  /**
   * The rate of a counter, per second, from each scrape to the next: one number less than
   * scrapes are shown. A counter that falls has started again at 0, so that what it has now
   * is its increase. NaN where a scrape is missing.
   */
  rates(ring: Float64Array): number[] {
    const values = this.read(ring);
    const times = this.read(this.times);
    return values.slice(1).map((value, i) =>
      increase(values[i]!, value) / (times[i + 1]! - times[i]!)
    );
  }

  /** The rate over the last `steps` steps, those that are missing left out; NaN if all are. */
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

  /** How much time, in seconds, the last `steps` steps have covered; pauses left out. */
  covered(steps: number): number {
    let seconds = 0;
    for (let scrape = this.latest; scrape > this.#before(steps); scrape--) {
      const step = this.times[this.at(scrape)]! - this.times[this.at(scrape - 1)]!;
      if (step > 0) seconds += step;
    }
    return seconds;
  }

  /** How long ago, in seconds, a scrape was made: 0 for the latest, 1 for the one before it. */
  age(stepsBack: number): number {
    return this.times[this.at(this.latest)]! - this.times[this.at(this.latest - stepsBack)]!;
  }

  /** The scrape from which the last `steps` steps lead to the latest, if that is shown. */
  #before(steps: number): number {
    return this.latest - Math.min(steps, this.length - 1);
  }
}

function increase(before: number, after: number): number {
  return after < before ? after : after - before;
}
