/**
 * Requests the metrics again and again, while the page is visible.
 *
 * @module
 */

/** The state of the page. */
export type PollState =
  | { readonly kind: "loading" }
  | { readonly kind: "live" }
  | { readonly kind: "paused" }
  | { readonly kind: "hidden" }
  | { readonly kind: "failed"; readonly message: string; readonly retryMs: number };

/** A failed scrape, with the pause that the endpoint asks for. */
export class ScrapeError extends Error {
  override readonly name = "ScrapeError";
  /** The pause that the endpoint asks for, in milliseconds. */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

/** The options of a poller. */
export interface PollerOptions {
  /** The time between the end of a scrape and the next one, in milliseconds. */
  readonly intervalMs: number;
  /** Makes a scrape. `interrupted` means that there was a longer pause before it. */
  readonly scrape: (signal: AbortSignal, interrupted: boolean) => Promise<void>;
  /** Receives the changes. */
  readonly onState: (state: PollState) => void;
  /** Calls back after a time. Returns a function that cancels the call. */
  readonly setTimer: (callback: () => void, ms: number) => () => void;
}

/** The time until the second scrape. There are no rates before it. */
const SECOND_MS = 1000;

/** The longest pause between failed attempts. */
const MAX_RETRY_MS = 60_000;

/** Returns the pause after a number of failures in a row. It doubles each time. */
export function backOff(failures: number, intervalMs: number, retryAfterMs: number): number {
  const doubled = intervalMs * 2 ** Math.min(failures - 1, 10);
  return Math.min(Math.max(doubled, retryAfterMs), Math.max(MAX_RETRY_MS, intervalMs));
}

/** Makes scrapes at an interval, unless it is paused or the page is hidden. */
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

  /** Pauses, or continues immediately. */
  setPaused(paused: boolean): void {
    this.#paused = paused;
    this.wake();
  }

  /** Sets whether the page is visible. Scrapes immediately when it becomes visible. */
  setVisible(visible: boolean): void {
    this.#visible = visible;
    this.wake();
  }

  /** Starts, or scrapes now instead of later. */
  wake(): void {
    this.#callOff();
    if (this.#paused || !this.#visible) {
      this.#interrupted = true;
      this.#running?.abort();
      this.#report({ kind: this.#paused ? "paused" : "hidden" });
      return;
    }
    // The reader sees the last numbers on return, so the next scrape need not be announced.
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
