import type { Row } from "../backend.ts";
import type { FamilyRecord, MemoryRow, RowKind } from "./memory.ts";

/** How long a series that expires has lived: it starts again at zero with each life. */
export interface Life {
  /** When something was added to it last, in milliseconds since 1970. */
  readonly changed: number;
  readonly life: number;
}

/** A row with its numbers. A row that expires has a life, or is a part of one that has. */
export interface KeptRow extends Row {
  readonly life?: Life | undefined;
}

/** How many numbers a {@linkcode Life} takes at the end of a row. */
export const LIFE_WIDTH = 2;

/** What a memory held at one moment. */
export class Snapshot {
  readonly families: readonly FamilyRecord[];
  readonly #rows: readonly (MemoryRow | undefined)[];
  readonly #numbers: Float64Array;

  /**
   * Makes a snapshot of copies.
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

  /** The rows of a kind. A part comes after the row that it is a part of. */
  *rowsOf(kind: RowKind): Generator<KeptRow> {
    const numbers = this.#numbers;
    for (const row of this.#rows) {
      if (row?.kind !== kind) continue;
      const { offset, series, expires, partOf } = row;
      const hasLife = expires && partOf === undefined;
      const end = offset + row.width - (hasLife ? LIFE_WIDTH : 0);
      const own: number[] = [];
      for (let i = offset; i < end; i++) own.push(numbers[i]!);
      const { family } = this.families[row.family]!;
      // Nearly all rows are small.
      if (!expires) yield { family, series, numbers: own };
      else if (!hasLife) yield { family, series, numbers: own, partOf };
      else {
        const life = { changed: numbers[end]!, life: numbers[end + 1]! };
        yield { family, series, numbers: own, life };
      }
    }
  }

  /** Calls back with each life of a series that expires. */
  forEachLife(callback: (family: string, series: string, life: Life) => void): void {
    for (const row of this.#rows) {
      if (row === undefined || !row.expires || row.partOf !== undefined) continue;
      const end = row.offset + row.width - LIFE_WIDTH;
      const life = { changed: this.#numbers[end]!, life: this.#numbers[end + 1]! };
      callback(this.families[row.family]!.family, row.series, life);
    }
  }
}

/** The lives of series that expire, of several memories. */
export class Lives {
  readonly #lives: Map<string, Life> = new Map();

  /** Adds those of one memory. */
  add(snapshot: Snapshot): void {
    snapshot.forEachLife((family, series, { changed, life }) => {
      const key = `${family} ${series}`;
      const known = this.#lives.get(key);
      this.#lives.set(key, {
        changed: Math.max(changed, known?.changed ?? -Infinity),
        life: Math.max(life, known?.life ?? 0),
      });
    });
  }

  /** The greatest life of a series, and when any of its rows has changed. */
  find(family: string, series: string): Life | undefined {
    return this.#lives.get(`${family} ${series}`);
  }
}
