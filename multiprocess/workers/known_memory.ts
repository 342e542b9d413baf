import type { OpenOptions } from "../backend.ts";
import {
  AREA_HEAD,
  Data,
  type FamilyRecord,
  FOLDED,
  FOLDER,
  FOLDING,
  GENERATION,
  HAS_LEFT,
  HEARTBEAT,
  IDLE,
  JOURNAL_LENGTH,
  KINDS,
  type MemoryMessage,
  type MemoryRow,
  PARSED_SINCE,
  STATE,
  TURN,
} from "./memory.ts";
import { Snapshot } from "./snapshot.ts";

/** About how much of a journal is read between two looks at the clock, in bytes. */
const CHUNK = 16_384;

/** The end of a line. */
const NEWLINE = 10;

/** A memory of any isolate, to read. */
export class KnownMemory {
  readonly key: number;
  readonly id: string;
  readonly process: string;
  readonly node: string;
  readonly order: number;
  readonly #head: Int32Array;
  readonly #folder: Float64Array;
  #data: Data;
  #generation: number;
  #heartbeat: number;
  /** When the instance was last heard of, in milliseconds of this isolate's monotonic clock. */
  seen: number;
  /** How much of the journal was read. */
  #parsed = 0;
  #rows: (MemoryRow | undefined)[] = [];
  #families: FamilyRecord[] = [];
  #used = 0;
  /** How many rows are values of the instance itself. */
  #values = 0;

  constructor(message: MemoryMessage, now: number) {
    const { key, id, process, node, order, head } = message;
    this.key = key;
    this.id = id;
    this.process = process;
    this.node = node;
    this.order = order;
    this.#head = new Int32Array(head, 0, FOLDER / 4);
    this.#folder = new Float64Array(head, FOLDER, 1);
    this.#data = new Data(message.data);
    this.#generation = message.generation;
    this.#heartbeat = Atomics.load(this.#head, HEARTBEAT);
    this.seen = now - message.silentMs;
    this.update(message, now);
  }

  /** What other isolates need to read it. */
  message(now: number): MemoryMessage {
    const { key, id, process, node, order, seen } = this;
    const generation = this.#generation;
    // A head is always shared.
    const head = this.#head.buffer as SharedArrayBuffer;
    const { buffer: data } = this.#data;
    return { key, id, process, node, order, head, data, generation, silentMs: now - seen };
  }

  /** Takes over larger data, and lets the isolates that have the former ones miss them. */
  update({ data, generation, silentMs }: MemoryMessage, now: number): void {
    this.seen = Math.max(this.seen, now - silentMs);
    if (generation > this.#generation) {
      this.#data = new Data(data);
      if (this.#data.words[PARSED_SINCE]! > this.#generation) this.#forget();
      this.#generation = generation;
    }
    while (true) {
      const marked = Atomics.load(this.#head, GENERATION);
      if (marked >= this.#generation) return;
      Atomics.compareExchange(this.#head, GENERATION, marked, this.#generation);
    }
  }

  /** Whether there are newer data that have not arrived. */
  get isOutdated(): boolean {
    return Atomics.load(this.#head, GENERATION) > this.#generation;
  }

  /** Whether it has the keys that a session knows, and no numbers. */
  get isRoster(): boolean {
    return this.id === this.node;
  }

  get hasLeft(): boolean {
    return Atomics.load(this.#head, HAS_LEFT) !== 0;
  }

  /** The key of the memory that has its totals, if another instance has folded it. */
  get folder(): number | undefined {
    return Atomics.load(this.#head, STATE) === FOLDED ? this.#folder[0] : undefined;
  }

  /** Whether the instance was heard of within `deadAfterMs` and has not left. */
  isAlive(now: number, { deadAfterMs }: OpenOptions): boolean {
    return !this.hasLeft && now - this.seen <= deadAfterMs;
  }

  /** Whether the instance was silent for so long that its own values do not count any more. */
  isForgotten(now: number, { retentionMs }: OpenOptions): boolean {
    return now - this.seen > retentionMs;
  }

  /** Whether another instance may take over its totals. */
  canBeFolded(now: number, { retentionMs, deadAfterMs }: OpenOptions): boolean {
    if (this.isRoster || this.folder !== undefined) return false;
    return this.hasLeft || now - this.seen > retentionMs + deadAfterMs;
  }

  /** Whether no isolate needs it any more. */
  canBeDropped(now: number, options: OpenOptions): boolean {
    if (this.isRoster) return !this.isAlive(now, options);
    return this.folder !== undefined && (this.isForgotten(now, options) || this.#values === 0);
  }

  /** Claims the right to fold it. An owner that comes back cannot write any more. */
  beginFold(): boolean {
    return Atomics.compareExchange(this.#head, STATE, IDLE, FOLDING) === IDLE;
  }

  /** Gives the claim back. */
  cancelFold(): void {
    Atomics.store(this.#head, STATE, IDLE);
  }

  /** Says that another memory has the totals. */
  endFold(folder: number): void {
    this.#folder[0] = folder;
    Atomics.store(this.#head, STATE, FOLDED);
  }

  /** Notices whether the instance was heard of since the last look. */
  look(now: number): void {
    const heartbeat = Atomics.load(this.#head, HEARTBEAT);
    if (heartbeat === this.#heartbeat) return;
    this.#heartbeat = heartbeat;
    this.seen = now;
  }

  /**
   * Copies what it holds. Only one call at a time.
   *
   * @param pauseIfOver Lets the event loop turn, if it is time for that.
   * @returns The numbers and the rows of one moment.
   */
  async snapshot(pauseIfOver: () => Promise<void>): Promise<Snapshot> {
    for (;; await pauseIfOver()) {
      const data = this.#data;
      const { words, areas } = data;
      const turn = Atomics.load(words, TURN);
      if (turn === 0) return new Snapshot();
      const numbers = areas[turn & 1]!.slice();
      // A read-modify-write, which no processor moves before the copy.
      if (Atomics.add(words, TURN, 0) !== turn) continue;
      const length = numbers[JOURNAL_LENGTH]!;
      while (data === this.#data && this.#parsed < length) {
        this.#parse(length);
        await pauseIfOver();
      }
      if (data !== this.#data) continue;
      const [families, rows] = [this.#families.slice(), this.#rows.slice()];
      return new Snapshot(families, rows, numbers.subarray(AREA_HEAD));
    }
  }

  #forget(): void {
    this.#parsed = this.#used = this.#values = 0;
    this.#rows = [];
    this.#families = [];
  }

  /** Reads some lines of the journal. What is in it never changes. */
  #parse(length: number): void {
    const { journal } = this.#data;
    let end = Math.min(this.#parsed + CHUNK, length);
    while (journal[end - 1] !== NEWLINE) end++;
    // A copy, since not every decoder takes shared memory.
    const text = new TextDecoder().decode(journal.slice(this.#parsed, end));
    this.#parsed = end;
    for (let at = 0, next; (next = text.indexOf("\n", at)) !== -1; at = next + 1) {
      this.#read(text.slice(at, next));
    }
  }

  #read(line: string): void {
    const [letter = ""] = line;
    if (letter === "D") {
      const place = Number(line.slice(1));
      if (this.#rows[place]?.kind === "own") this.#values--;
      this.#rows[place] = undefined;
    } else if (letter === "F") {
      const [family, help, first, changed, max, expire] = JSON.parse(line.slice(1));
      const place = this.#families.findIndex((one) => one.family === family);
      const limits = { maxSeries: max ?? undefined, expireAfterMs: expire ?? undefined };
      const record = { family, help, first, changed, ...limits };
      this.#families[place === -1 ? this.#families.length : place] = record;
    } else {
      const first = line.indexOf(" ");
      const second = line.indexOf(" ", first + 1);
      const family = Number(line.slice(1, first));
      const width = Number(line.slice(first + 1, second));
      const expires = line[second + 1] === "1";
      const [series = "", partOf] = line.slice(second + 3).split("\t");
      // The owner writes no other letters.
      const kind = KINDS[letter]!;
      if (kind === "own") this.#values++;
      this.#rows.push({ kind, family, series, offset: this.#used, width, expires, partOf });
      this.#used += width;
    }
  }
}
