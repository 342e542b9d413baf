import type { Batch, FamilyEntry, Instance, Row, RowName } from "../backend.ts";
import { sumOf } from "../rounding.ts";
import type { FormerMemory } from "./known_memory.ts";
import {
  AREA_HEAD,
  CAPACITY,
  Data,
  type FamilyRecord,
  HEAD_WORDS,
  HEARTBEAT,
  JOURNAL_LENGTH,
  LEFT,
  type MemoryMessage,
  type MemoryRow,
  OWNER,
  PARSED_SINCE,
  type RowKind,
  STATE,
  TURN,
  WRITING,
} from "./memory.ts";
import { type Life, LIFE_WIDTH, lifeOf, Lives, rowsOf } from "./snapshot.ts";

/** How much room new data have, at least. */
const [MIN_NUMBERS, MIN_BYTES] = [16, 512];

/** After how many times the time to live a series starts again at zero, and its memory is freed. */
const EXPIRED_AFTER = 2;

/** How many rows may be gone before the data are made again without them. */
const MAX_GONE = 256;

/** A row, and its place in the journal. */
type PlacedRow = MemoryRow & { readonly place: number };

/** Rows by kind, place of the family, and series. */
class Rows {
  readonly #byKind: Record<RowKind, Map<string, PlacedRow>[]> = {
    total: [],
    own: [],
  };
  /** The parts of each row that has any. */
  readonly #parts: Map<string, PlacedRow[]> = new Map();
  size = 0;

  get(kind: RowKind, family: number, series: string): PlacedRow | undefined {
    return this.#byKind[kind][family]?.get(series);
  }

  add(row: PlacedRow): void {
    this.size++;
    (this.#byKind[row.kind][row.family] ??= new Map()).set(row.series, row);
    if (row.partOf === undefined) return;
    const key = `${row.family} ${row.partOf}`;
    const parts = this.#parts.get(key);
    if (parts === undefined) this.#parts.set(key, [row]);
    else parts.push(row);
  }

  /** Returns the parts of a row that are to be deleted. */
  takeParts(family: number, series: string): readonly PlacedRow[] {
    const key = `${family} ${series}`;
    const parts = this.#parts.get(key) ?? [];
    this.#parts.delete(key);
    return parts;
  }

  delete({ kind, family, series }: PlacedRow): void {
    if (this.#byKind[kind][family]?.delete(series)) this.size--;
  }

  /** Goes over all rows. A part comes after the row that it is a part of. */
  *[Symbol.iterator](): Generator<PlacedRow> {
    for (const families of Object.values(this.#byKind)) {
      for (const rows of families) if (rows !== undefined) yield* rows.values();
    }
  }
}

/** The memory of an instance of this isolate. */
export class OwnMemory {
  readonly #message: Omit<MemoryMessage, "data" | "generation" | "silentMs">;
  readonly #head: Int32Array;
  /** The state of the memory while it is not written. */
  readonly #idle: number;
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
  #rows: Rows = new Rows();
  #rowCount = 0;
  #gone = 0;
  /** Lines that are not in the journal yet. */
  #lines: string[] = [];
  /** Where numbers changed since the last commit, and before that: the other area lacks both. */
  #dirty: number[] = [];
  #formerlyDirty: number[] = [];
  /** How many areas lack everything. */
  #emptyAreas = 2;
  /** The number of the last batch that was applied. */
  sequence = 0;
  /** Whether there are data that were not sent yet. */
  hasGrown = true;

  /**
   * Makes an empty memory, or one with the totals of an instance that has ended.
   *
   * @param instance Whose it is.
   * @param stamp Returns numbers that order what the isolates of the process do.
   * @param former The memory of the ended instance.
   */
  constructor(
    instance: Instance & { readonly node: string },
    stamp: () => number,
    former?: FormerMemory,
  ) {
    const isRoster = instance.id === instance.node;
    const { key, owner, head } = former ?? {
      key: isRoster ? -randomKey() : randomKey(),
      owner: 0,
      head: new SharedArrayBuffer(HEAD_WORDS * 4),
    };
    this.#head = new Int32Array(head);
    this.#idle = owner * OWNER;
    this.#message = { ...instance, key, owner, head, order: stamp() };
    this.#stamp = stamp;
    if (former === undefined) return;
    for (const record of former.snapshot.families) this.#remember(record);
    for (const row of rowsOf(former.snapshot, "total")) {
      const { life } = row;
      const numbers = life ? [...row.numbers, life.changed, life.life] : row.numbers;
      this.#set(this.#row("total", row, numbers.length, life !== undefined), numbers);
    }
    this.#generation = former.generation;
    this.compact();
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
   * Keeps other isolates from taking over the memory until {@linkcode endWrite}.
   *
   * @returns Whether the memory can be written: false if another isolate has taken it over.
   */
  beginWrite(): boolean {
    return this.#changeState(this.#idle, this.#idle + WRITING);
  }

  endWrite(): void {
    this.#changeState(this.#idle + WRITING, this.#idle);
  }

  /** Says that the instance ends. */
  leave(): void {
    this.#changeState(this.#idle, this.#idle + LEFT);
  }

  #changeState(from: number, to: number): boolean {
    return Atomics.compareExchange(this.#head, STATE, from, to) === from;
  }

  /** Whether a batch may bring back expired series. If so, {@linkcode apply} needs their lives. */
  needsLives({ families, adds }: Batch, now: number): boolean {
    const expiring = new Map<string, number>();
    for (const { family, expireAfterMs } of families) {
      if (expireAfterMs !== undefined) expiring.set(family, expireAfterMs);
    }
    return adds.some(({ family, series, partOf }) => {
      const expireAfterMs = expiring.get(family);
      if (expireAfterMs === undefined || partOf !== undefined) return false;
      const row = this.#find("total", family, series);
      const own = row && lifeOf(row, this.#numbers);
      return own === undefined || now - own.changed > expireAfterMs;
    });
  }

  /**
   * Changes rows. {@linkcode commit} shows the changes.
   *
   * @param batch What changes.
   * @param now The time of day, in milliseconds.
   * @param lives The lives of series in other memories, if the batch needs them.
   */
  apply(
    { families, adds, sets, deletes }: Pick<Batch, "families" | "adds" | "sets" | "deletes">,
    now = 0,
    lives: Lives = new Lives(),
  ): void {
    for (const entry of families) this.#introduce(entry.family, entry);
    for (const { family, series, numbers, partOf } of adds) {
      const { expireAfterMs } = this.#known(family) ?? {};
      const hasLife = expireAfterMs !== undefined && partOf === undefined;
      // A part is known by what it is a part of only where that matters.
      const name = { family, series, partOf: expireAfterMs === undefined ? undefined : partOf };
      const width = numbers.length + (hasLife ? LIFE_WIDTH : 0);
      const known = hasLife ? this.#find("total", family, series) : undefined;
      const own = known && lifeOf(known, this.#numbers);
      const row = this.#row("total", name, width, hasLife);
      if (hasLife) this.#revive(row, own, { now, lives, expireAfterMs });
      for (let i = 0; i < numbers.length; i++) {
        this.#put(row.offset + i, sumOf(this.#numbers[row.offset + i]!, numbers[i]!));
      }
    }
    for (const row of sets) this.#set(this.#row("own", row, row.numbers.length), row.numbers);
    for (const { family, series } of deletes) {
      const row = this.#find("own", family, series);
      if (row !== undefined) this.#delete(row);
    }
  }

  /**
   * Deletes rows of series that have expired in all memories, or have a later life there.
   *
   * @param now The time of day, in milliseconds.
   * @param lives The lives of series in other memories.
   */
  expire(now: number, lives: Lives): void {
    for (const row of [...this.#rows]) {
      const own = lifeOf(row, this.#numbers);
      if (own === undefined) continue;
      const { changed, life } = own;
      const { family, expireAfterMs = Infinity } = this.#families[row.family]!;
      const limit = now - EXPIRED_AFTER * expireAfterMs;
      const other = lives.find(family, row.series);
      const isOver = changed < limit && (other === undefined || other.changed < limit);
      if (!isOver && (other === undefined || other.life <= life)) continue;
      if (!isOver && changed >= now - expireAfterMs) {
        // Something was added just when another isolate started the later life: it goes on there.
        this.#put(row.offset + row.width - 1, other!.life);
        continue;
      }
      this.#deleteParts(row);
      this.#delete(row);
    }
  }

  /** The shortest time after which rows expire, in milliseconds. */
  get expireAfterMs(): number {
    return Math.min(...this.#families.map(({ expireAfterMs = Infinity }) => expireAfterMs));
  }

  /** Starts a new life of a series if it has expired everywhere, or joins that of others. */
  #revive(
    row: PlacedRow,
    own: Life | undefined,
    { now, lives, expireAfterMs }: { now: number; lives: Lives; expireAfterMs: number },
  ): void {
    const other = lives.find(this.#families[row.family]!.family, row.series);
    let life = own?.life ?? 0;
    if (own === undefined || now - own.changed > expireAfterMs) {
      const changed = Math.max(own?.changed ?? -Infinity, other?.changed ?? -Infinity);
      life = Math.max(life, other?.life ?? 0);
      // Until then a series that comes back goes on where it was, so that two isolates that bring it
      // back at the same time agree.
      if (changed > -Infinity && now - changed > EXPIRED_AFTER * expireAfterMs) life++;
    }
    const end = row.offset + row.width - LIFE_WIDTH;
    if (own !== undefined && own.life < life) {
      // A new life starts at zero and without parts.
      this.#deleteParts(row);
      for (let i = row.offset; i < end; i++) this.#put(i, 0);
    }
    this.#put(end, now);
    this.#put(end + 1, life);
  }

  #deleteParts({ family, series }: PlacedRow): void {
    for (const part of this.#rows.takeParts(family, series)) this.#delete(part);
  }

  /** Shows all changes to other isolates, at once. */
  commit(): void {
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
    const rows = new Rows();
    for (const row of this.#rows) {
      const moved = { ...row, offset: numbers.length, place: rows.size };
      for (let i = 0; i < row.width; i++) numbers.push(this.#numbers[row.offset + i]!);
      rows.add(moved);
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

  #known(family: string): FamilyRecord | undefined {
    return this.#families[this.#places.get(family) ?? -1];
  }

  #introduce(family: string, entry?: FamilyEntry): number {
    const place = this.#places.get(family);
    if (place !== undefined && entry === undefined) return place;
    const known = this.#known(family);
    const isSame = known?.help === entry?.help && known?.maxSeries === entry?.maxSeries &&
      known?.expireAfterMs === entry?.expireAfterMs;
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

  #row(
    kind: RowKind,
    { family, series, partOf }: RowName & Pick<Row, "partOf">,
    width: number,
    hasLife = false,
  ): PlacedRow {
    const familyPlace = this.#introduce(family);
    const known = this.#rows.get(kind, familyPlace, series);
    if (known?.width === width && known.partOf === partOf) return known;
    const [offset, place] = [this.#used, this.#rowCount++];
    const row = { kind, family: familyPlace, series, offset, width, hasLife, partOf, place };
    this.#used += width;
    if (this.#used > this.#numbers.length) {
      const larger = new Float64Array(2 * this.#used);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    if (known !== undefined) this.#delete(known);
    this.#rows.add(row);
    this.#lines.push(rowLine(row));
    // The family expires from now on, or does no longer: the numbers stay, and have a life or none.
    const kept = Math.min(width, known?.width ?? 0);
    for (let i = 0; i < kept; i++) this.#put(offset + i, this.#numbers[known!.offset + i]!);
    return row;
  }

  #find(kind: RowKind, family: string, series: string): PlacedRow | undefined {
    return this.#rows.get(kind, this.#places.get(family) ?? -1, series);
  }

  #delete(row: PlacedRow): void {
    this.#rows.delete(row);
    this.#gone++;
    this.#lines.push(`D${row.place}\n`);
  }

  #set({ offset }: PlacedRow, numbers: readonly number[]): void {
    for (let i = 0; i < numbers.length; i++) this.#put(offset + i, numbers[i]!);
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

  /** Writes the numbers to the area that is not read, and makes it the one to read. */
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
    Atomics.store(words, TURN, turn);
  }
}

function randomKey(): number {
  const [high = 0, low = 0] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 12) * 2 ** 32 + low;
}

/** A line of the journal for a family. */
function familyLine(record: FamilyRecord): string {
  return `F${JSON.stringify(record)}\n`;
}

/** A line of the journal for a row. */
function rowLine({ kind, family, series, width, hasLife, partOf }: MemoryRow): string {
  const letter = kind === "own" ? "V" : hasLife ? "L" : "T";
  const part = partOf === undefined ? "" : `\t${partOf}`;
  return `${letter}${family} ${width} ${series}${part}\n`;
}
