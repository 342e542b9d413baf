/**
 * Asks again and again, while somebody looks.
 *
 * @module
 */

/** What the page does. */
export type PollState =
  | { readonly kind: "loading" }
  | { readonly kind: "live" }
  | { readonly kind: "paused" }
  | { readonly kind: "hidden" }
  | { readonly kind: "failed"; readonly message: string; readonly retryMs: number };

/** A scrape that was refused, and when to come back if the endpoint said so. */
export class ScrapeError extends Error {
  override readonly name = "ScrapeError";
  /** How long the endpoint wants to be left alone, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** What a poller needs. */
export interface PollerOptions {
  /** From the end of a scrape to the next, in milliseconds. */
  readonly intervalMs: number;
  /** Makes a scrape; `interrupted` if it does not follow the one before at the interval. */
  readonly scrape: (signal: AbortSignal, interrupted: boolean) => Promise<void>;
  /** Receives the changes. */
  readonly onState: (state: PollState) => void;
  /** Calls back after a time; returns what calls that off. */
  readonly setTimer: (callback: () => void, ms: number) => () => void;
}

/** How soon the second scrape follows the first: only then there are rates. */
const SECOND_MS = 1000;

/** The longest wait between attempts that fail. */
const MAX_RETRY_MS = 60_000;

/** How long to wait after the given number of failures in a row: twice as long each time. */
export function backOff(failures: number, intervalMs: number, retryAfterMs: number): number {
  const doubled = intervalMs * 2 ** Math.min(failures - 1, 10);
  return Math.min(Math.max(doubled, retryAfterMs), Math.max(MAX_RETRY_MS, intervalMs));
}

/** Makes scrapes on an interval; not while it is paused or the page is hidden. */
export class Poller {
  readonly #options: PollerOptions;
  #paused = false;
  #visible = true;
  #interrupted = false;
  #scrapes = 0;
  #failures = 0;
  #running: AbortController | undefined;
  #callOff = () => {};
  #reported = "";
  #last: PollState["kind"] | undefined;

  constructor(options: PollerOptions) {
    this.#options = options;
  }

  /** Pauses, or goes on at once. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.wake();
  }

  /** Says whether the page can be seen; it is asked for at once when it can again. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    this.wake();
  }

  /** Begins, or asks at once instead of later. */
  wake(): void {
    this.#callOff();
    if (this.#paused || !this.#visible) {
      this.#interrupted = true;
      this.#running?.abort();
      this.#report({ kind: this.#paused ? "paused" : "hidden" });
      return;
    }
    // Who comes back to the page sees the last numbers, and need not be told of the next.
    if (this.#last === undefined || this.#last === "paused") this.#report({ kind: "loading" });
    if (this.#running === undefined) void this.#run();
  }

  async #run(): Promise<void> {
    const { intervalMs, scrape } = this.#options;
    const running = new AbortController();
    this.#running = running;
    let delay = intervalMs;
    try {
      await scrape(running.signal, this.#interrupted);
      this.#interrupted = false;
      this.#failures = 0;
      if (++this.#scrapes === 1) delay = Math.min(SECOND_MS, intervalMs);
      if (!this.#resting) this.#report({ kind: "live" });
    } catch (error) {
      this.#interrupted = true;
      if (running.signal.aborted) delay = 0;
      else {
        const retryAfterMs = error instanceof ScrapeError ? error.retryAfterMs : 0;
        delay = backOff(++this.#failures, intervalMs, retryAfterMs);
        const message = error instanceof Error ? error.message : String(error);
        if (!this.#resting) this.#report({ kind: "failed", message, retryMs: delay });
      }
    }
    this.#running = undefined;
    if (this.#resting) this.#interrupted = true;
    else this.#callOff = this.#options.setTimer(() => void this.#run(), delay);
  }

  /** Whether it is paused, or the page is hidden. */
  get #resting(): boolean {
    return this.#paused || !this.#visible;
  }

  #report(state: PollState): void {
    const report = JSON.stringify(state);
    if (report === this.#reported) return;
    this.#reported = report;
    this.#last = state.kind;
    this.#options.onState(state);
  }
}
