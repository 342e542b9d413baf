import type { SeriesExpiry } from "../../model.ts";

/**
 * Keeps series from expiring before their last numbers were taken to the store: what
 * expires may be freed, and what it counted must not be lost with it.
 */
export class UnreadSeries {
  /** The metrics that are to be read, and what ends the read of those that it has met. */
  #reads: Map<SeriesExpiry, (() => void) | undefined> = new Map();
  /** The metrics of the last complete read. */
  #kept: readonly SeriesExpiry[] = [];

  /**
   * Says that a metric will be read some time.
   *
   * @param expiry That of the metric, of any copy of the package.
   */
  await(expiry: SeriesExpiry): void {
    if (this.#reads.has(expiry)) return;
    expiry.beginRead(this);
    // It may come in the middle of a read, which does not meet it.
    this.#reads.set(expiry, undefined);
  }

  /**
   * Says that a metric is about to be read.
   *
   * @param expiry That of the metric, of any copy of the package.
   */
  beginRead(expiry: SeriesExpiry): void {
    this.#reads.set(expiry, expiry.beginRead(this));
  }

  /** Says that all metrics were read for which a read has begun. */
  endRead(): void {
    const reads = this.#reads;
    for (const end of reads.values()) end?.();
    // What is registered no more is not read any more.
    for (const expiry of this.#kept) if (!reads.has(expiry)) expiry.release(this);
    this.#kept = [...reads.keys()];
    this.#reads = new Map();
  }

  /** Lets all series expire without being read. */
  release(): void {
    for (const expiry of [...this.#kept, ...this.#reads.keys()]) expiry.release(this);
  }
}
