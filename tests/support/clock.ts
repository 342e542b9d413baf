/**
 * A manual clock for tests.
 *
 * @module
 */
import type { Timers } from "../../time/clock.ts";

/** The longest wait of `until()`, in milliseconds. Only a failing test reaches it. */
const PATIENCE_MS = 60_000;

/** The real clock and timer, even if a test replaces the global ones. */
const now = performance.now.bind(performance);
const startTimer = setTimeout.bind(globalThis);

/** Waits, turn by turn of the event loop, until a condition holds. Rejects after a time limit. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = now() + PATIENCE_MS;
  while (!await condition()) {
    if (now() > end) throw new Error(`Cannot wait any longer until ${what}`);
    await turn();
  }
}

/** Waits for one turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => startTimer(resolve, 0));
}

/** A pending timer. */
interface Waiting {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. Timers fire while it moves. */
export class ManualClock implements Timers {
  /** The time of day, in seconds since 1970. */
  seconds: number;
  /** The difference of `monotonic()` and `now()`. Only the time of day can be set. */
  #ahead = -1_000_000_000;
  readonly #waiting: Set<Waiting> = new Set();

  constructor(seconds = 1_700_000_000) {
    this.seconds = seconds;
  }

  now(): number {
    return this.seconds;
  }

  /** Returns a time that differs from the time of day, so that a test cannot confuse the two. */
  monotonic(): number {
    return this.seconds + this.#ahead;
  }

  setTimeout(callback: () => void, milliseconds: number): () => void {
    const waiting = { at: this.monotonic() + Math.max(0, milliseconds) / 1000, callback };
    this.#waiting.add(waiting);
    return () => this.#waiting.delete(waiting);
  }

  nextTurn(callback: () => void): void {
    startTimer(callback, 0);
  }

  /** The number of pending timers. */
  get timers(): number {
    return this.#waiting.size;
  }

  /** Moves both clocks forward or back, and fires the timers that become due, in order. */
  advance(seconds: number): void {
    const end = this.monotonic() + seconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) this.#fire(next);
    this.seconds = end - this.#ahead;
  }

  /** Does the same as `advance()`, but waits for a turn of the event loop after each timer. */
  async advanceSlowly(seconds: number): Promise<void> {
    const end = this.monotonic() + seconds;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#fire(next);
      await turn();
    }
    this.seconds = end - this.#ahead;
  }

  /** Moves both clocks to the next timer, and fires it. */
  advanceToNext(): void {
    const next = this.#next(Infinity);
    if (next !== undefined) this.#fire(next);
  }

  /** Sets the time of day, as NTP or an administrator does. The monotonic clock is not affected. */
  setTimeOfDay(seconds: number): void {
    this.#ahead += this.seconds - seconds;
    this.seconds = seconds;
  }

  #fire(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    this.seconds = Math.max(this.monotonic(), waiting.at) - this.#ahead;
    waiting.callback();
  }

  #next(end: number): Waiting | undefined {
    let first: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (waiting.at <= end && (first === undefined || waiting.at < first.at)) first = waiting;
    }
    return first;
  }
}

/**
 * Waits for a promise while virtual time passes. Before the time moves, promises that need no
 * virtual time get some turns of the event loop.
 *
 * @param clock The clock.
 * @param promise The promise.
 * @param seconds The longest wait, in virtual time.
 * @returns The value of the promise.
 */
export async function settle<T>(
  clock: ManualClock,
  promise: Promise<T>,
  seconds = 30,
): Promise<T> {
  let isSettled = false;
  const settled = promise.finally(() => isSettled = true);
  settled.catch(() => {});
  const end = clock.monotonic() + seconds;
  for (let i = 1; !isSettled; i++) {
    await turn();
    if (isSettled || i % 4 !== 0) continue;
    if (clock.monotonic() >= end) {
      throw new Error(`Cannot wait any longer: ${seconds} s have passed`);
    }
    await clock.advanceSlowly(i > 80 ? 0.05 : 0.001);
  }
  return await settled;
}
