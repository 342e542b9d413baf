/**
 * What a writer of the soak has counted, kept where neither its end nor that of its process
 * takes it away: in a file, which is written in place.
 *
 * @module
 */
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { join } from "node:path";

/** The upper bounds of the classic histogram of the soak. */
export const BUCKETS: readonly number[] = [2, 5, 10];

/** The totals of a writer: samples of one name, added up over all labels but `kind` and `le`. */
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

/** Numbers that are noted once: how many updates were made, and how much is on the heap. */
const NOTES = ["updates", "heap"] as const;

const LENGTH = 2 * TOTALS.length + NOTES.length;

/** The ledger of one writer, and of those that take its place when it was killed. */
export class Ledger implements Disposable {
  /** What may be in the totals: at least as much as was counted. */
  readonly issued: Float64Array;
  /** What must be in the totals, since it was flushed. */
  readonly acknowledged: Float64Array;
  readonly #numbers: Float64Array<ArrayBuffer> = new Float64Array(LENGTH);
  readonly #file: number;

  /**
   * Opens the ledger of a slot, with what is in it.
   *
   * @param folder Where ledgers are.
   * @param slot Which one it is.
   */
  constructor(folder: string, slot: number) {
    this.issued = this.#numbers.subarray(0, TOTALS.length);
    this.acknowledged = this.#numbers.subarray(TOTALS.length, 2 * TOTALS.length);
    const path = join(folder, `ledger-${slot}`);
    // Only what is not opened for appending can be written in place.
    closeSync(openSync(path, "a"));
    this.#file = openSync(path, "r+");
    this.read();
  }

  /** How many updates were made, those included that were lost with a writer. */
  get updates(): number {
    return this.#numbers[LENGTH - 2]!;
  }
  set updates(count: number) {
    this.#numbers[LENGTH - 2] = count;
  }

  /** How many bytes the writer's heap had after its last garbage collection; 0 when it is new. */
  get heap(): number {
    return this.#numbers[LENGTH - 1]!;
  }
  set heap(bytes: number) {
    this.#numbers[LENGTH - 1] = bytes;
  }

  /** Takes over what is in the file. */
  read(): this {
    readSync(this.#file, new Uint8Array(this.#numbers.buffer), 0, LENGTH * 8, 0);
    return this;
  }

  /** Writes everything to the file. */
  write(): void {
    writeSync(this.#file, new Uint8Array(this.#numbers.buffer), 0, LENGTH * 8, 0);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
