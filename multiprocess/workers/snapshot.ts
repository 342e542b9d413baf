import type { Row } from "../backend.ts";
import type { FamilyRecord, MemoryRow, RowKind } from "./memory.ts";

/** What a memory held at one moment. */
export class Snapshot {
  readonly families: readonly FamilyRecord[];
  readonly #rows: readonly (MemoryRow | undefined)[];
  readonly #numbers: Float64Array;

  /**
   * Takes over what was copied.
   *
   * @param families The families by their places.
   * @param rows The rows. Those that are gone left a hole.
   * @param numbers The numbers of all rows.
   */
  constructor(
    families: readonly FamilyRecord[] = [],
    rows: readonly (MemoryRow | undefined)[] = [],
    numbers: Float64Array = new Float64Array(),
  ) {
    this.families = families;
    this.#rows = rows;
    this.#numbers = numbers;
  }

  /** The keys of other memories. */
  keys(): number[] {
    return this.#rows.flatMap((row) => row?.kind === "key" ? Number(row.series) : []);
  }

  /** The rows of some kinds. */
  *rowsOf(kinds: readonly RowKind[]): Generator<Row> {
    const numbers = this.#numbers;
    for (const row of this.#rows) {
      if (row === undefined || !kinds.includes(row.kind)) continue;
      const { offset, width, series } = row;
      const own: number[] = [];
      for (let i = offset; i < offset + width; i++) own.push(numbers[i]!);
      yield { family: this.families[row.family]!.family, series, numbers: own };
    }
  }
}
