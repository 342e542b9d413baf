/**
 * The counts of a soak's writer. They are written in place to a file, so that they survive the
 * writer and its process.
 *
 * @module
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

/** The upper bounds of the classic histogram of the soak. */
export const BUCKETS: readonly number[] = [2, 5, 10];

/** The totals of a writer: samples of one name, summed over all labels except `kind` and `le`. */
export const TOTALS = [
  "soak_updates_total/whole",
  "soak_updates_total/half",
  "soak_size_count",
  "soak_size_sum",
  ...[...BUCKETS, Infinity].map((bound) => `soak_size_bucket/${bound}`),
  "soak_wide_count",
  "soak_wide_sum",
  "soak_time_count",
  "soak_time_sum",
  "soak_churn_total",
  "soak_expiring_total",
  "soak_capped_total",
] as const;

/** Other numbers: the number of updates, and the size of the heap. */
const NOTES = ["updates", "heap"] as const;

const LENGTH = 2 * TOTALS.length + NOTES.length;

/** The ledger of one slot: of its writer, and of the writers that replace it after a kill. */
export class Ledger implements Disposable {
  /** Upper limits of the totals: everything that was counted. */
  readonly issued: Float64Array;
  /** Lower limits of the totals: everything that was flushed. */
  readonly acknowledged: Float64Array;
  readonly #numbers: Float64Array<ArrayBuffer> = new Float64Array(LENGTH);
  readonly #file: number;

  /**
   * Opens the ledger of a slot, and reads it.
   *
   * @param folder The folder of the ledgers.
   * @param slot The number of the slot.
   */
  constructor(folder: string, slot: number) {
    this.issued = this.#numbers.subarray(0, TOTALS.length);
    this.acknowledged = this.#numbers.subarray(TOTALS.length, 2 * TOTALS.length);
    const path = join(folder, `ledger-${slot}`);
    // Files that are opened for appending cannot be written in place.
    closeSync(openSync(path, "a"));
    this.#file = openSync(path, "r+");
    this.read();
  }

  /** The number of updates, including updates that were lost with a killed writer. */
  get updates(): number {
    return this.#numbers[LENGTH - 2]!;
  }
  set updates(count: number) {
    this.#numbers[LENGTH - 2] = count;
  }

  /** The heap of the writer in bytes, after its last garbage collection. A new writer has 0. */
  get heap(): number {
    return this.#numbers[LENGTH - 1]!;
  }
  set heap(bytes: number) {
    this.#numbers[LENGTH - 1] = bytes;
  }

  /** Reads the file. */
  read(): this {
    readSync(this.#file, new Uint8Array(this.#numbers.buffer), 0, LENGTH * 8, 0);
    return this;
  }

  /** Writes the file. */
  write(): void {
    writeSync(this.#file, new Uint8Array(this.#numbers.buffer), 0, LENGTH * 8, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
