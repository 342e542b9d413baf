/**
 * The clocks of the machine, in the hands of a test.
 *
 * @module
 */

/** Clocks that a program sees as `Date.now()` and `performance.now()`. */
export class MachineClocks {
  /** The time of day, in seconds since 1970. */
  wall = 1_700_000_000;
  /** The time that never goes back, on machines that keep their word, in seconds. */
  monotonic = 100_000;
  readonly #date = Date.now;
  readonly #performance = Object.getOwnPropertyDescriptor(performance, "now");

  /** Takes the clocks over. */
  constructor() {
    Date.now = () => Math.round(this.wall * 1000);
    Object.defineProperty(performance, "now", {
      value: () => this.monotonic * 1000,
      configurable: true,
      writable: true,
    });
  }

  /** Lets time pass, as both clocks see it. */
  advance(seconds: number): void {
    this.wall += seconds;
    this.monotonic += seconds;
  }

  /** Gives the clocks back. */
  restore(): void {
    Date.now = this.#date;
    // Where it is inherited, what is inherited is seen again.
    if (this.#performance === undefined) delete (performance as { now?: () => number }).now;
    else Object.defineProperty(performance, "now", this.#performance);
  }
}
