import type { SeriesExpiry } from "../../model.ts";

/**
 * Keeps series from expiring before their last numbers are sent to the store. Series that
 * expire may be garbage-collected, and their counts would be lost.
 */
export class UnreadSeries {
  /** The metrics of the next read, and for each that it has reached, a function to end the read. */
  #reads: Map<SeriesExpiry, (() => void) | undefined> = new Map();
  /** The metrics of the last complete read. */
  #kept: readonly SeriesExpiry[] = [];

  /**
   * Announces that a metric will be read later.
   *
   * @param expiry The expiry of the metric, of any copy of the package.
   */
  await(expiry: SeriesExpiry): void {
    if (this.#reads.has(expiry)) return;
    expiry.beginRead(this);
    // A read that is under way may not reach it.
    this.#reads.set(expiry, undefined);
  }

  /**
   * Announces that a metric is about to be read.
   *
   * @param expiry The expiry of the metric, of any copy of the package.
   */
  beginRead(expiry: SeriesExpiry): void {
    this.#reads.set(expiry, expiry.beginRead(this));
  }

  /** Ends the read of all metrics that it has reached. */
  endRead(): void {
    const reads = this.#reads;
    for (const end of reads.values()) end?.();
    // Unregistered metrics are no longer read.
    for (const expiry of this.#kept) if (!reads.has(expiry)) expiry.release(this);
    this.#kept = [...reads.keys()];
    this.#reads = new Map();
  }

  /** Lets all series expire without being read. */
  release(): void {
    for (const expiry of [...this.#kept, ...this.#reads.keys()]) expiry.release(this);
  }
}
