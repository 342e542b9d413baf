import type { Batch, FamilyEntry, Instance, Row, RowName } from "../backend.ts";
import { roundingOf, sumOf } from "../rounding.ts";
import type { Snapshot } from "./snapshot.ts";
import {
  AREA_HEAD,
  CAPACITY,
  Data,
  familyLine,
  type FamilyRecord,
  HAS_LEFT,
  HEAD_BYTES,
  HEARTBEAT,
  IDLE,
  JOURNAL_LENGTH,
  laterHelp,
  LETTERS,
  type MemoryMessage,
  type MemoryRow,
  PARSED_SINCE,
  type RowKind,
  rowLine,
  SEQUENCE,
  STATE,
  TURN,
  WRITING,
} from "./memory.ts";

/** How much room new data have, at least. */
const [MIN_NUMBERS, MIN_BYTES] = [16, 512];

/** How many rows may be gone before the data are made again without them. */
const MAX_GONE = 256;

/** The memory of an instance of this isolate. */
export class OwnMemory {
  readonly #message: Omit<MemoryMessage, "data" | "generation" | "silentMs">;
  readonly #head: Int32Array;
  readonly #stamp: () => number;
  #data: Data = Data.make(MIN_NUMBERS, MIN_BYTES);
  #generation = 0;
  /** How much of the journal is written. */
  #length = 0;
  /** The numbers of now. The areas are copies. */
  #numbers: Float64Array = new Float64Array(MIN_NUMBERS);
  #used = 0;
  readonly #families: FamilyRecord[] = [];
  readonly #places: Map<string, number> = new Map();
  /** Rows by kind, place of the family and series, each with its place in the journal. */
  #rows: Map<string, MemoryRow & { place: number }> = new Map();
  #rowCount = 0;
  #gone = 0;
  /** Lines that are not in the journal yet. */
  #lines: string[] = [];
  /** Where numbers changed since the last commit, and before that: the other area lacks both. */
  #dirty: number[] = [];
  #formerlyDirty: number[] = [];
  /** How many areas lack everything. */
  #emptyAreas = 2;
  /** The number of the last batch. */
  sequence = 0;
  /** Whether there are larger data that were not sent yet. */
  hasGrown = false;
  #hasLeft = false;

  /**
   * Makes an empty memory.
   *
   * @param instance Whose it is.
   * @param stamp Returns numbers that order what the isolates of the process do.
   */
  constructor(instance: Instance & { readonly node: string }, stamp: () => number) {
    const head = new SharedArrayBuffer(HEAD_BYTES);
    this.#head = new Int32Array(head);
    const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
    this.#message = { ...instance, key: (high >>> 12) * 2 ** 32 + low, head, order: stamp() };
    this.#stamp = stamp;
  }

  get key(): number {
    return this.#message.key;
  }

  /** What other isolates need to read it. */
  get message(): MemoryMessage {
    const { buffer: data } = this.#data;
    return { ...this.#message, data, generation: this.#generation, silentMs: 0 };
  }

  /** Says that the instance is alive. */
  beat(): void {
    Atomics.add(this.#head, HEARTBEAT, 1);
  }

  /**
   * Keeps others from folding the memory until {@linkcode endWrite}.
   *
   * @returns Whether the memory can be written. One that was folded cannot.
   */
  beginWrite(): boolean {
    return Atomics.compareExchange(this.#head, STATE, IDLE, WRITING) === IDLE;
  }

  endWrite(): void {
    Atomics.store(this.#head, STATE, IDLE);
  }

  /** Changes rows, without showing it to anybody yet. */
  apply(
    { families, adds, sets, deletes }: Pick<Batch, "families" | "adds" | "sets" | "deletes">,
  ): void {
    for (const entry of families) this.#introduce(entry.family, entry);
    for (const row of adds) this.#add("total", row);
    for (const { family, series, numbers } of sets) {
      const { offset } = this.#row("own", family, series, numbers.length);
      for (const [i, number] of numbers.entries()) this.#put(offset + i, number);
    }
    for (const name of deletes) this.#delete("own", name);
  }

  /** Notes the keys of other memories, and forgets the rest. Returns whether that is a change. */
  noteAll(keys: ReadonlySet<number>): boolean {
    const place = this.#places.get("") ?? -1;
    for (const { kind, series } of [...this.#rows.values()]) {
      if (kind === "key" && !keys.has(Number(series))) this.note(Number(series), false);
    }
    for (const key of keys) {
      if (!this.#rows.has(keyOf("key", place, String(key)))) this.note(key, true);
    }
    return this.#lines.length > 0;
  }

  /** Adds everything that an ended instance has counted, and notes its key. */
  fold(snapshot: Snapshot, key: number): void {
    for (const record of snapshot.families) {
      if (record.family !== "") this.#remember(laterHelp(this.#known(record.family), record));
    }
    for (const row of snapshot.rowsOf(["total", "folded", "lost"])) {
      const lost = this.#add("folded", row);
      // The order of additions, which differs between isolates, must not show.
      if (lost.some((number) => number !== 0)) this.#add("lost", { ...row, numbers: lost });
    }
    this.note(key, true);
  }

  /** Notes the key of another memory, or forgets it. */
  note(key: number, isKnown: boolean): void {
    const name = { family: "", series: String(key) };
    if (isKnown) this.#row("key", name.family, name.series, 0);
    else this.#delete("key", name);
  }

  /** Adds to a row of totals. Returns what rounding took from each number. */
  #add(kind: RowKind, { family, series, numbers }: Row): number[] {
    const { offset } = this.#row(kind, family, series, numbers.length);
    return numbers.map((number, i) => {
      const old = this.#numbers[offset + i]!;
      this.#put(offset + i, sumOf(old, number));
      return roundingOf(old, number);
    });
  }

  /**
   * Shows all changes to other isolates, at once.
   *
   * @param sequence The number of the batch.
   */
  commit(sequence: number): void {
    this.sequence = sequence;
    if (this.#gone > MAX_GONE && this.#gone > this.#rows.size) return this.compact();
    const bytes = new TextEncoder().encode(this.#lines.join(""));
    this.#lines = [];
    const fits = this.#used <= this.#data.words[CAPACITY]! &&
      this.#length + bytes.length <= this.#data.journal.length;
    if (!fits) this.#grow(bytes.length);
    this.#data.journal.set(bytes, this.#length);
    this.#length += bytes.length;
    this.#show();
  }

  /** Makes new data, without rows that are gone and without room for more. */
  compact(): void {
    this.#lines = [];
    const lines = this.#families.map(familyLine);
    const numbers: number[] = [];
    const rows = new Map<string, MemoryRow & { place: number }>();
    for (const [key, row] of this.#rows) {
      const moved = { ...row, offset: numbers.length, place: rows.size };
      for (let i = 0; i < row.width; i++) numbers.push(this.#numbers[row.offset + i]!);
      rows.set(key, moved);
      lines.push(rowLine(row));
    }
    const bytes = new TextEncoder().encode(lines.join(""));
    this.#rows = rows;
    this.#rowCount = rows.size;
    this.#gone = 0;
    this.#numbers = Float64Array.from(numbers);
    this.#used = numbers.length;
    this.#length = bytes.length;
    this.#replace(Data.make(numbers.length, bytes.length));
    this.#data.words[PARSED_SINCE] = this.#generation;
    this.#data.journal.set(bytes);
    this.#show();
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Says that the instance ends. */
  leave(): void {
    this.#hasLeft = true;
    Atomics.store(this.#head, HAS_LEFT, 1);
  }

  #known(family: string): FamilyRecord | undefined {
    return this.#families[this.#places.get(family) ?? -1];
  }

  #introduce(family: string, entry?: FamilyEntry): number {
    const place = this.#places.get(family);
    if (place !== undefined && entry === undefined) return place;
    const known = this.#known(family);
    const isSame = known?.help === entry?.help && known?.maxSeries === entry?.maxSeries;
    if (known !== undefined && isSame) return place!;
    const first = known?.first ?? this.#stamp();
    const changed = entry === undefined ? 0 : this.#stamp();
    return this.#remember({ help: "", ...entry, family, first, changed });
  }

  #remember(record: FamilyRecord): number {
    const place = this.#places.get(record.family) ?? this.#families.length;
    this.#places.set(record.family, place);
    this.#families[place] = record;
    this.#lines.push(familyLine(record));
    return place;
  }

  #row(kind: RowKind, family: string, series: string, width: number): MemoryRow {
    const place = this.#introduce(family);
    const key = keyOf(kind, place, series);
    let row = this.#rows.get(key);
    if (row !== undefined) return row;
    row = { kind, family: place, series, offset: this.#used, width, place: this.#rowCount++ };
    this.#used += width;
    if (this.#used > this.#numbers.length) {
      const larger = new Float64Array(2 * this.#used);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#rows.set(key, row);
    this.#lines.push(rowLine(row));
    return row;
  }

  #delete(kind: RowKind, { family, series }: RowName): void {
    const place = this.#places.get(family);
    if (place === undefined) return;
    const key = keyOf(kind, place, series);
    const row = this.#rows.get(key);
    if (row === undefined) return;
    this.#rows.delete(key);
    this.#gone++;
    this.#lines.push(`D${row.place}\n`);
  }

  #put(offset: number, number: number): void {
    this.#numbers[offset] = number;
    this.#dirty.push(offset);
  }

  /** Moves to data with more room. Rows stay in their places. */
  #grow(bytes: number): void {
    const { journal, words } = this.#data;
    const room = words[CAPACITY]! >= this.#used ? words[CAPACITY]! : 2 * this.#used;
    const length = this.#length + bytes;
    const data = Data.make(room, journal.length >= length ? journal.length : 2 * length);
    data.journal.set(journal.subarray(0, this.#length));
    data.words[PARSED_SINCE] = words[PARSED_SINCE]!;
    this.#replace(data);
  }

  #replace(data: Data): void {
    this.#data = data;
    this.#generation++;
    this.hasGrown = true;
    this.#emptyAreas = 2;
  }

  /** Writes the numbers to the area that nobody reads, and makes that the one to read. */
  #show(): void {
    const { words, areas } = this.#data;
    const turn = words[TURN]! + 1;
    const area = areas[turn & 1]!;
    if (this.#emptyAreas > 0) {
      this.#emptyAreas--;
      area.set(this.#numbers.subarray(0, this.#used), AREA_HEAD);
    } else {
      for (const list of [this.#formerlyDirty, this.#dirty]) {
        for (const offset of list) area[AREA_HEAD + offset] = this.#numbers[offset]!;
      }
    }
    this.#formerlyDirty = this.#dirty;
    this.#dirty = [];
    area[JOURNAL_LENGTH] = this.#length;
    area[SEQUENCE] = this.sequence;
    Atomics.store(words, TURN, turn);
  }
}

function keyOf(kind: RowKind, family: number, series: string): string {
  return `${LETTERS[kind]}${family} ${series}`;
}
