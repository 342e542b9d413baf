import type { Row } from "./backend.ts";
import type { FamilyRecord } from "./ledger.ts";
import { roundingOf } from "./packed_totals.ts";

/** How many rows are in a piece, about. */
const PIECE = 1000;

/** The totals of instances that have ended, as they travel to an isolate that starts. */
export interface FoldedPiece {
  readonly families: readonly FamilyRecord[];
  /** The family of each row, by its place in `families`. */
  readonly rows: Uint32Array;
  readonly series: readonly string[];
  /** How many numbers each row has. */
  readonly widths: Uint32Array;
  /** Their sums, and then what rounding took from them. */
  readonly numbers: Float64Array;
}

/**
 * The totals of instances that have ended, in one sum, so that neither memory nor the
 * time of a scrape grows with each of them. What rounding takes from a sum is kept
 * beside it: the order of additions, which differs between isolates, must not show.
 */
export class FoldedTotals {
  readonly #families: Map<string, FamilyRecord> = new Map();
  /** For each family and series the sums, and then what rounding took from them. */
  readonly #rows: Map<string, Map<string, Float64Array>> = new Map();

  get families(): Iterable<FamilyRecord> {
    return this.#families.values();
  }

  /** Remembers a family, in its earliest place and with its latest help text. */
  introduce(record: FamilyRecord): void {
    this.#families.set(record.family, laterHelp(this.#families.get(record.family), record));
  }

  /** Adds a row, and what rounding took from it, if that is known. */
  add({ family, series, numbers }: Row, lost?: Float64Array): void {
    let bySeries = this.#rows.get(family);
    if (bySeries === undefined) this.#rows.set(family, bySeries = new Map());
    const width = numbers.length;
    let sums = bySeries.get(series);
    if (sums === undefined) bySeries.set(series, sums = new Float64Array(2 * width));
    for (let i = 0; i < width; i++) {
      const [sum, number] = [sums[i]!, numbers[i]!];
      sums[i] = sum + number;
      sums[width + i]! += roundingOf(sum, number) + (lost?.[i] ?? 0);
    }
  }

  /** Its rows: sums, and rows of what rounding took from them, where that is not nothing. */
  *totals(): Generator<Row> {
    for (const [family, bySeries] of this.#rows) {
      for (const [series, sums] of bySeries) {
        const width = sums.length / 2;
        yield { family, series, numbers: [...sums.subarray(0, width)] };
        const lost = [...sums.subarray(width)];
        if (lost.some((number) => number !== 0)) yield { family, series, numbers: lost };
      }
    }
  }

  /** Everything of now, in pieces. */
  *pieces(): Generator<FoldedPiece> {
    const families = [...this.#families.values()];
    const places = new Map(families.map(({ family }, place) => [family, place]));
    let [rows, series, widths, numbers] = [[], [], [], []] as [
      number[],
      string[],
      number[],
      number[],
    ];
    const piece = (): FoldedPiece => ({
      families,
      rows: Uint32Array.from(rows),
      series,
      widths: Uint32Array.from(widths),
      numbers: Float64Array.from(numbers),
    });
    for (const [family, bySeries] of [...this.#rows]) {
      for (const [name, sums] of [...bySeries]) {
        rows.push(places.get(family)!);
        series.push(name);
        widths.push(sums.length / 2);
        for (const number of sums) numbers.push(number);
        if (rows.length < PIECE) continue;
        yield piece();
        [rows, series, widths, numbers] = [[], [], [], []];
      }
    }
    yield piece();
  }

  /** Adds everything that another isolate has folded. */
  merge({ families, rows, series, widths, numbers }: FoldedPiece): void {
    for (const record of families) this.introduce(record);
    let offset = 0;
    for (let i = 0; i < rows.length; i++) {
      const width = widths[i]!;
      const sums = [...numbers.subarray(offset, offset + width)];
      const lost = numbers.subarray(offset + width, offset + 2 * width);
      this.add({ family: families[rows[i]!]!.family, series: series[i]!, numbers: sums }, lost);
      offset += 2 * width;
    }
  }
}

/** One record of two: the place is that of the earlier one, the help text that of the later. */
export function laterHelp(a: FamilyRecord | undefined, b: FamilyRecord): FamilyRecord {
  if (a === undefined) return b;
  const first = Math.min(a.first, b.first);
  // All isolates have to come to the same end, also of two that spoke at the same time.
  const isLater = b.changed > a.changed || (b.changed === a.changed && b.help > a.help);
  return { ...(isLater ? b : a), first };
}
