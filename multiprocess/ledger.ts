import type { Batch, FamilyEntry, Instance, InstanceRow, Row } from "./backend.ts";

/** How many rows are in a piece, about. */
const PIECE = 1000;

/** A family, as one instance has introduced it. Times are those of a {@linkcode Stamps}. */
export interface FamilyRecord extends FamilyEntry {
  /** When the instance first named it. */
  readonly first: number;
  /** When it said its help text; 0 for never. */
  readonly changed: number;
}

/**
 * What changed, as it travels between isolates. A row is named once; from then on it is
 * meant by its place. Numbers are in typed arrays, which cost a copy and no more.
 */
export interface Changes {
  /** Families that are new or have another help text, with their places. */
  readonly families: readonly (readonly [place: number, record: FamilyRecord])[];
  /** Rows that are named: for each its place, the place of its family, and how it is kept. */
  readonly named: Uint32Array;
  readonly namedFamilies: Uint32Array;
  /** How many numbers they have; negative for rows that replace what was there. */
  readonly namedWidths: Int32Array;
  readonly namedSeries: readonly string[];
  /** Rows that have numbers here, by their places, and all their numbers in this order. */
  readonly places: Uint32Array;
  readonly numbers: Float64Array;
  /** The places of rows that are gone. Others may take them over afterwards. */
  readonly deleted: Uint32Array;
}

/** Who wrote a ledger, and where. */
export interface LedgerHead extends Instance {
  /** The session that the instance belongs to. */
  readonly node: string;
  /** When it joined, by {@linkcode Stamps}. */
  readonly order: number;
}

interface LedgerRow {
  readonly family: number;
  readonly series: string;
  readonly isTotal: boolean;
  readonly offset: number;
  readonly width: number;
  readonly isGone: boolean;
}

/** The rows of one moment: they are never changed, but replaced. */
interface Snapshot {
  readonly rows: readonly LedgerRow[];
  readonly numbers: Float64Array;
}

/** Times that never come twice, to order what several isolates of one process do. */
export class Stamps {
  #last = 0;

  next(): number {
    return this.#last = Math.max(Date.now(), this.#last + 0.001);
  }
}

/** Everything that one instance has told: every isolate keeps one for each instance. */
export class Ledger {
  readonly head: LedgerHead;
  /** The number of the last batch that is in it. */
  sequence = 0;
  /** When it was last heard of, by `performance.now()` of this isolate. */
  seen: number;
  /** The number of the last batch that there will be, once the instance has left. */
  last: number | undefined = undefined;
  /** Which batch the sessions have said to know of it. */
  readonly confirmedBy: Map<string, number> = new Map();
  readonly #families: FamilyRecord[] = [];
  #rows: LedgerRow[] = [];
  #numbers: Float64Array = new Float64Array(64);
  #used = 0;

  constructor(head: LedgerHead, seen: number) {
    this.head = head;
    this.seen = seen;
  }

  get families(): readonly FamilyRecord[] {
    return this.#families;
  }

  /** Whether the instance has left, even if some of its batches are still missing. */
  get hasLeft(): boolean {
    return this.last !== undefined;
  }

  /** Whether nothing can follow. */
  get isComplete(): boolean {
    return this.last !== undefined && this.sequence >= this.last;
  }

  /** Adds to totals and replaces the rest. */
  apply(changes: Changes): void {
    const { families, named, namedFamilies, namedWidths, namedSeries } = changes;
    for (const [place, record] of families) this.#families[place] = record;
    for (let i = 0; i < named.length; i++) {
      this.#name(named[i]!, namedFamilies[i]!, namedWidths[i]!, namedSeries[i]!);
    }
    const { places, numbers, deleted } = changes;
    const all = this.#numbers;
    let next = 0;
    for (const place of places) {
      const { offset, width, isTotal } = this.#rows[place]!;
      for (let i = offset; i < offset + width; i++) {
        const number = numbers[next++]!;
        all[i] = isTotal ? all[i]! + number : number;
      }
    }
    // Another object, since a reader may hold the former one.
    for (const place of deleted) this.#rows[place] = { ...this.#rows[place]!, isGone: true };
  }

  /** Forgets the totals, which are kept elsewhere from now on. */
  dropTotals(): void {
    this.#rows = this.#rows.map((row) => row.isTotal ? { ...row, isGone: true } : row);
  }

  /** The totals of now, whatever is applied while they are walked over. */
  totals(): Iterable<Row> {
    return this.#rowsOf(true, this.#snapshot());
  }

  /** What the instance has set, as of now. */
  *values(): Generator<InstanceRow> {
    const { id } = this.head;
    for (const row of this.#rowsOf(false, this.#snapshot())) yield { ...row, instance: id };
  }

  /** Everything of now, as changes to an empty ledger. */
  *pieces(): Generator<Changes> {
    const { rows, numbers } = this.#snapshot();
    const families = this.#families.map((record, place) => [place, record] as const);
    for (let begin = 0; begin === 0 || begin < rows.length; begin += PIECE) {
      const part = rows.slice(begin, begin + PIECE);
      const writer = new ChangesWriter();
      if (begin === 0) writer.families.push(...families);
      for (const [i, row] of part.entries()) {
        // A place that nobody holds has a name too, so that it can be taken over.
        writer.name(begin + i, row.family, row.isTotal ? row.width : -row.width, row.series);
        if (row.isGone) writer.deleted.push(begin + i);
        writer.put(begin + i, numbers.subarray(row.offset, row.offset + row.width));
      }
      yield writer.finish();
    }
  }

  #name(place: number, family: number, signedWidth: number, series: string): void {
    const width = Math.abs(signedWidth);
    const former = this.#rows[place];
    let offset = this.#used;
    if (former?.width === width) offset = former.offset;
    else this.#used += width;
    if (this.#used > this.#numbers.length) {
      const larger = new Float64Array(Math.max(2 * this.#numbers.length, this.#used));
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers.fill(0, offset, offset + width);
    this.#rows[place] = { family, series, isTotal: signedWidth > 0, offset, width, isGone: false };
  }

  #snapshot(): Snapshot {
    return { rows: this.#rows.slice(), numbers: this.#numbers.slice(0, this.#used) };
  }

  *#rowsOf(isTotal: boolean, { rows, numbers }: Snapshot): Generator<Row> {
    for (const row of rows) {
      if (row.isTotal !== isTotal || row.isGone) continue;
      const { offset, width, series } = row;
      const own: number[] = [];
      for (let i = offset; i < offset + width; i++) own.push(numbers[i]!);
      yield { family: this.#families[row.family]!.family, series, numbers: own };
    }
  }
}

/** Changes that are being written. */
class ChangesWriter {
  readonly families: (readonly [number, FamilyRecord])[] = [];
  readonly deleted: number[] = [];
  readonly #named: number[] = [];
  readonly #namedFamilies: number[] = [];
  readonly #namedWidths: number[] = [];
  readonly #namedSeries: string[] = [];
  readonly #places: number[] = [];
  readonly #numbers: number[] = [];

  name(place: number, family: number, signedWidth: number, series: string): void {
    this.#named.push(place);
    this.#namedFamilies.push(family);
    this.#namedWidths.push(signedWidth);
    this.#namedSeries.push(series);
  }

  put(place: number, numbers: Iterable<number>): void {
    this.#places.push(place);
    for (const number of numbers) this.#numbers.push(number);
  }

  finish(): Changes {
    return {
      families: this.families,
      named: Uint32Array.from(this.#named),
      namedFamilies: Uint32Array.from(this.#namedFamilies),
      namedWidths: Int32Array.from(this.#namedWidths),
      namedSeries: this.#namedSeries,
      places: Uint32Array.from(this.#places),
      numbers: Float64Array.from(this.#numbers),
      deleted: Uint32Array.from(this.deleted),
    };
  }
}

/** Knows the places of an instance's rows, and turns its batches into changes. */
export class Places {
  readonly #stamps: Stamps;
  readonly #families: Map<string, number> = new Map();
  readonly #records: FamilyRecord[] = [];
  /** The places of rows by their families and series. */
  readonly #totals: Map<number, Map<string, number>> = new Map();
  readonly #values: Map<number, Map<string, number>> = new Map();
  /** Places that nobody holds, by how many numbers they have. */
  readonly #free: Map<number, number[]> = new Map();
  readonly #widths: number[] = [];

  constructor(stamps: Stamps) {
    this.#stamps = stamps;
  }

  /** The changes that a batch makes. */
  changesOf({ families, adds, sets, deletes }: Batch): Changes {
    const writer = new ChangesWriter();
    for (const { family, help } of families) this.#introduce(family, writer, help);
    for (const row of adds) writer.put(this.#placeOf(row, true, writer), row.numbers);
    for (const row of sets) writer.put(this.#placeOf(row, false, writer), row.numbers);
    for (const { family, series } of deletes) {
      const places = this.#values.get(this.#families.get(family) ?? -1);
      const place = places?.get(series);
      if (place === undefined) continue;
      places!.delete(series);
      writer.deleted.push(place);
    }
    // Only now: what is named in this batch must not be deleted by it.
    for (const place of writer.deleted) {
      const width = this.#widths[place]!;
      const free = this.#free.get(width);
      if (free === undefined) this.#free.set(width, [place]);
      else free.push(place);
    }
    return writer.finish();
  }

  #introduce(family: string, writer: ChangesWriter, help?: string): number {
    let place = this.#families.get(family);
    const known = place === undefined ? undefined : this.#records[place];
    if (known !== undefined && (help === undefined || known.help === help)) return place!;
    place ??= this.#records.length;
    const now = this.#stamps.next();
    const changed = help === undefined ? 0 : now;
    const record = { family, help: help ?? "", first: known?.first ?? now, changed };
    this.#families.set(family, place);
    this.#records[place] = record;
    writer.families.push([place, record]);
    return place;
  }

  #placeOf({ family, series, numbers }: Row, isTotal: boolean, writer: ChangesWriter): number {
    const familyPlace = this.#introduce(family, writer);
    const byFamily = isTotal ? this.#totals : this.#values;
    let bySeries = byFamily.get(familyPlace);
    if (bySeries === undefined) byFamily.set(familyPlace, bySeries = new Map());
    let place = bySeries.get(series);
    if (place !== undefined) return place;
    const width = numbers.length;
    place = this.#free.get(width)?.pop() ?? this.#widths.length;
    this.#widths[place] = width;
    bySeries.set(series, place);
    writer.name(place, familyPlace, isTotal ? width : -width, series);
    return place;
  }
}
