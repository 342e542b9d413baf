import { SYSTEM_CLOCK, type Timers } from "./clock.ts";

/**
 * Long work in short slices. The work asks now and then whether its slice is over, and then
 * lets the event loop turn.
 */
export class Slices {
  readonly #budgetSeconds: number;
  readonly #timers: Timers;
  #end: number;

  /**
   * Starts the first slice.
   *
   * @param budgetMs How long the work may hold the event loop at a time, in milliseconds.
   * @param timers Where the time comes from. @default {the platform}
   */
  constructor(budgetMs: number, timers: Timers = SYSTEM_CLOCK) {
    this.#budgetSeconds = budgetMs / 1000;
    this.#timers = timers;
    this.#end = timers.monotonic() + this.#budgetSeconds;
  }

  /** Whether it is time to pause. */
  get isOver(): boolean {
    return this.#timers.monotonic() >= this.#end;
  }

  /** Lets everything else run that waits for the event loop, and starts the next slice. */
  async pause(): Promise<void> {
    await nextTurn(this.#timers);
    this.#end = this.#timers.monotonic() + this.#budgetSeconds;
  }
}

/**
 * Waits for the next turn of the event loop.
 *
 * @param timers Where turns come from. @default {the platform}
 */
export function nextTurn(timers: Timers = SYSTEM_CLOCK): Promise<void> {
  return new Promise((resolve) => timers.nextTurn(resolve));
}
