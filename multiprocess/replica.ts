import type { FamilyEntry, OpenOptions, Row, StoredInstance, StoredSlice } from "./backend.ts";
import { type FoldedPiece, FoldedTotals, laterHelp } from "./folded_totals.ts";
import { type Changes, type FamilyRecord, Ledger, type LedgerHead } from "./ledger.ts";

/** How many rows are in a slice. */
const SLICE = 500;

/** What an isolate has of each instance: the number of the last batch. */
export interface Knowledge {
  readonly ids: readonly string[];
  readonly sequences: Float64Array;
  /** The number of the last batch that there will be; negative if it has not left. */
  readonly lasts: Float64Array;
}

/**
 * What one isolate knows of all instances under a namespace: a ledger of each, and the sum
 * of those that were folded. Isolates with the same knowledge show the same totals.
 */
export class Replica {
  readonly ledgers: Map<string, Ledger> = new Map();
  readonly #options: OpenOptions;
  /** How many reads are under way. What is folded meanwhile would be read twice, or not at all. */
  #reads = 0;
  /** What waits for the reads to end. */
  #postponed: (() => void)[] = [];
  #folded: FoldedTotals = new FoldedTotals();
  /** The instances that are in the folded totals, with the number of their last batch. */
  readonly #inFold: Map<string, number> = new Map();

  constructor(options: OpenOptions) {
    this.#options = options;
  }

  /** How many instances are in the folded totals. */
  get foldedCount(): number {
    return this.#inFold.size;
  }

  /** How many instances are folded, or will be: no more of them are in what others have folded. */
  get foldableCount(): number {
    let count = this.foldedCount;
    for (const ledger of this.ledgers.values()) {
      if (!this.isAlive(ledger) && !this.isFolded(ledger.head.id)) count++;
    }
    return count;
  }

  isFolded(id: string): boolean {
    return this.#inFold.has(id);
  }

  /** The number of the last batch of an instance that is known. */
  sequenceOf(id: string): number | undefined {
    return this.ledgers.get(id)?.sequence ?? this.#inFold.get(id);
  }

  isAlive({ hasLeft, seen }: Ledger): boolean {
    return !hasLeft && performance.now() - seen <= this.#options.deadAfterMs;
  }

  /**
   * Whether an instance has been silent for so long that it is forgotten: by itself first,
   * so that it does not go on under a name that others do not know any more.
   */
  isExpired({ seen }: Ledger, isOwn = true): boolean {
    const { retentionMs, deadAfterMs } = this.#options;
    return performance.now() - seen > retentionMs + (isOwn ? 0 : deadAfterMs);
  }

  knowledge(): Knowledge {
    const ledgers = [...this.ledgers.values()].filter((ledger) => !this.isExpired(ledger));
    return {
      ids: ledgers.map(({ head }) => head.id),
      sequences: Float64Array.from(ledgers, ({ sequence }) => sequence),
      lasts: Float64Array.from(ledgers, ({ last }) => last ?? -1),
    };
  }

  /** Begins a ledger, unless there is one. */
  begin(head: LedgerHead): Ledger {
    let ledger = this.ledgers.get(head.id);
    if (ledger === undefined) {
      this.ledgers.set(head.id, ledger = new Ledger(head, performance.now()));
    }
    return ledger;
  }

  /** Takes a batch, if it is the next one. */
  take(ledger: Ledger, sequence: number, changes: Changes): void {
    ledger.apply(changes);
    ledger.sequence = sequence;
    ledger.seen = performance.now();
  }

  /** Puts a ledger that another isolate has sent into the place of what was known. */
  adopt(ledger: Ledger): void {
    const { id } = ledger.head;
    const known = this.ledgers.get(id);
    if (known !== undefined) {
      ledger.seen = Math.max(ledger.seen, known.seen);
      ledger.last ??= known.last;
    }
    if (this.isFolded(id)) ledger.dropTotals();
    this.ledgers.set(id, ledger);
  }

  /** Calls something at once, or as soon as nothing is read. */
  whenUnread(work: () => void): void {
    if (this.#reads === 0) work();
    else this.#postponed.push(work);
  }

  /** Begins a read: nothing is folded until what it returns is called. */
  hold(): () => void {
    this.#reads++;
    return () => {
      if (--this.#reads === 0) { for (const work of this.#postponed.splice(0)) work(); }
    };
  }

  /** Adds the totals of an instance, which ends, to those that are folded. Not during a read. */
  fold(ledger: Ledger): void {
    const { id } = ledger.head;
    if (this.isFolded(id)) return;
    for (const record of ledger.families) this.#folded.introduce(record);
    for (const row of ledger.totals()) this.#folded.add(row);
    this.#inFold.set(id, ledger.sequence);
    ledger.dropTotals();
  }

  /** Forgets an instance but for its totals. */
  forget(ledger: Ledger): void {
    this.fold(ledger);
    this.ledgers.delete(ledger.head.id);
  }

  /** What is folded, for an isolate that starts. */
  foldedPieces(): {
    ids: readonly string[];
    sequences: Float64Array;
    pieces: Iterable<FoldedPiece>;
  } {
    return {
      ids: [...this.#inFold.keys()],
      sequences: Float64Array.from(this.#inFold.values()),
      pieces: this.#folded.pieces(),
    };
  }

  /**
   * Takes over what another isolate has folded: beside what is folded here, or in its place
   * if all of that is among it. Sums that have only a part in common cannot be told
   * apart any more, and are left. Not during a read.
   */
  adoptFolded(ids: readonly string[], sequences: Float64Array, pieces: FoldedPiece[]): void {
    let common = 0;
    for (const [i, id] of ids.entries()) {
      if (this.isFolded(id)) common++;
      // No total must fall.
      if ((this.#inFold.get(id) ?? this.ledgers.get(id)?.sequence ?? 0) > sequences[i]!) return;
    }
    if (common > 0 && (common < this.foldedCount || common === ids.length)) return;
    if (common > 0) {
      // Records of families say what was said first and last, in whichever order they come.
      const { families } = this.#folded;
      this.#folded = new FoldedTotals();
      for (const record of families) this.#folded.introduce(record);
    }
    for (const piece of pieces) this.#folded.merge(piece);
    for (const [i, id] of ids.entries()) {
      this.#inFold.set(id, sequences[i]!);
      this.ledgers.get(id)?.dropTotals();
    }
  }

  /** Everything, in slices. All totals are of the moment in which the first one is asked for. */
  *read(): Generator<StoredSlice> {
    const ledgers = [...this.ledgers.values()].filter((ledger) => !this.isExpired(ledger))
      .sort((a, b) => a.head.order - b.head.order || (a.head.id < b.head.id ? -1 : 1));
    const totals = [this.#folded.totals(), ...Array.from(this.ledgers.values(), (l) => l.totals())];
    const release = this.hold();
    try {
      const instances = ledgers.map((ledger) => this.#describe(ledger));
      yield { instances, families: this.#families() };
      for (const rows of totals) {
        for (const part of slicesOf(rows)) yield { totals: part };
      }
      for (const ledger of ledgers) {
        for (const part of slicesOf(ledger.values())) yield { values: part };
      }
    } finally {
      release();
    }
  }

  #describe(ledger: Ledger): StoredInstance {
    const { id, process, order } = ledger.head;
    return { id, process, order, alive: this.isAlive(ledger) };
  }

  /** The families in the order in which the first instance named them. */
  #families(): FamilyEntry[] {
    const records = new Map<string, FamilyRecord>();
    const all = [this.#folded.families, ...Array.from(this.ledgers.values(), (l) => l.families)];
    for (const families of all) {
      for (const record of families) {
        records.set(record.family, laterHelp(records.get(record.family), record));
      }
    }
    return [...records.values()]
      .sort((a, b) => a.first - b.first || (a.family < b.family ? -1 : 1))
      .map(({ family, help }) => ({ family, help }));
  }
}

function* slicesOf<R extends Row>(rows: Iterable<R>): Generator<R[]> {
  let slice: R[] = [];
  for (const row of rows) {
    slice.push(row);
    if (slice.length < SLICE) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}
