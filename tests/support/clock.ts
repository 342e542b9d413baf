/**
 * A clock for tests.
 *
 * @module
 */
import type { Clock } from "../../mod.ts";

/** A clock that stands still until it is told to go on. */
export class ManualClock implements Clock {
  /** The time of day, in seconds since 1970. */
  seconds: number;

  constructor(seconds = 1_700_000_000) {
    this.seconds = seconds;
  }

  now(): number {
    return this.seconds;
  }

  /** Begins elsewhere than the time of day, so that the two cannot be taken for each other. */
  monotonic(): number {
    return this.seconds - 1_000_000_000;
  }

  /** Goes on, or back. */
  advance(seconds: number): void {
    this.seconds += seconds;
  }
}
