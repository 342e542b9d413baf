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

/** The content of a memory at one moment. */
export interface Snapshot {
  /** The families by their places. */
  readonly families: readonly FamilyRecord[];
  /** The rows by their places. A deleted row is undefined. */
  readonly rows: readonly (MemoryRow | undefined)[];
  /** The numbers of all rows. */
  readonly numbers: Float64Array;
}

/** Returns the life of a row that has one. */
export function lifeOf(
  { hasLife, offset, width }: MemoryRow,
  numbers: Float64Array,
): Life | undefined {
  if (!hasLife) return undefined;
  const end = offset + width - LIFE_WIDTH;
  return { changed: numbers[end]!, life: numbers[end + 1]! };
}

/** Yields the rows of a kind. A part comes after the row that it is a part of. */
export function* rowsOf({ families, rows, numbers }: Snapshot, kind: RowKind): Generator<KeptRow> {
  for (const row of rows) {
    if (row?.kind !== kind) continue;
    const { offset, series, hasLife, partOf } = row;
    const end = offset + row.width - (hasLife ? LIFE_WIDTH : 0);
    const own: number[] = [];
    for (let i = offset; i < end; i++) own.push(numbers[i]!);
    const { family } = families[row.family]!;
    // Nearly all rows are small.
    if (hasLife) yield { family, series, numbers: own, life: lifeOf(row, numbers) };
    else if (partOf !== undefined) yield { family, series, numbers: own, partOf };
    else yield { family, series, numbers: own };
  }
}

/** The lives of series that expire, of several memories. */
export class Lives {
  readonly #lives: Map<string, Life> = new Map();

  /** Adds the lives of one memory. */
  add({ families, rows, numbers }: Snapshot): void {
    for (const row of rows) {
      const one = row && lifeOf(row, numbers);
      if (one === undefined) continue;
      const key = `${families[row!.family]!.family} ${row!.series}`;
      const { changed, life } = this.#lives.get(key) ?? one;
      this.#lives.set(key, {
        changed: Math.max(changed, one.changed),
        life: Math.max(life, one.life),
      });
    }
  }

  /** The greatest life of a series, and when any of its rows has changed. */
  find(family: string, series: string): Life | undefined {
    return this.#lives.get(`${family} ${series}`);
  }
}
