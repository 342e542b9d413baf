import { setImmediate } from "node:timers";

/** How long the event loop is held at a time, in milliseconds: well under the 10 that are promised. */
const BUDGET_MS = 2;

/**
 * Long work in short slices: the work asks now and then whether its time is up, and
 * then lets the event loop turn.
 */
export class Slices {
  #began: number = performance.now();

  /** Whether it is time to pause. */
  get isOver(): boolean {
    return performance.now() - this.#began > BUDGET_MS;
  }

  /** Lets everything else run that waits for the event loop. */
  async pause(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    this.#began = performance.now();
  }
}
