/**
 * Replaces the clocks of the machine in a test.
 *
 * @module
 */

/** Fake clocks behind `Date.now()` and `performance.now()`. */
export class MachineClocks {
  /** The time of day, in seconds since 1970. */
  wall = 1_700_000_000;
  /** The monotonic time, in seconds. A test may still move it back, as faulty machines do. */
  monotonic = 100_000;
  readonly #date = Date.now;
  readonly #performance = Object.getOwnPropertyDescriptor(performance, "now");

  /** Replaces the clocks. */
  constructor() {
    Date.now = () => Math.round(this.wall * 1000);
    Object.defineProperty(performance, "now", {
      value: () => this.monotonic * 1000,
      configurable: true,
      writable: true,
    });
  }

  /** Moves both clocks forward. */
  advance(seconds: number): void {
    this.wall += seconds;
    this.monotonic += seconds;
  }

  /** Restores the clocks. */
  restore(): void {
    Date.now = this.#date;
    // If `now` was inherited, deleting the replacement reveals it again.
    if (this.#performance === undefined) delete (performance as { now?: () => number }).now;
    else Object.defineProperty(performance, "now", this.#performance);
  }
}
