import type { OpenOptions, StoredInstance } from "../backend.ts";
import {
  AREA_HEAD,
  Data,
  type FamilyRecord,
  GENERATION,
  HEAD_WORDS,
  HEARTBEAT,
  JOURNAL_LENGTH,
  LEFT,
  type MemoryMessage,
  type MemoryRow,
  OWNER,
  PARSED_SINCE,
  STATE,
  TURN,
} from "./memory.ts";
import { rowsOf, type Snapshot } from "./snapshot.ts";

/** About how much of a journal is read between two looks at the clock, in bytes. */
const CHUNK = 16_384;

/** The end of a line. */
const NEWLINE = 10;

/** Data that an instance needs to take over the memory of an ended one. */
export interface FormerMemory extends MemoryMessage {
  readonly snapshot: Snapshot;
}

/** A memory of any isolate, to read. */
export class KnownMemory {
  /** The message that announced the newest data. */
  #message: MemoryMessage;
  readonly #head: Int32Array;
  #data: Data;
  #heartbeat: number;
  /** When the instance was last heard of, in milliseconds of this isolate's monotonic clock. */
  seen: number;
  /** How much of the journal was read. */
  #parsed = 0;
  #rows: (MemoryRow | undefined)[] = [];
  #families: FamilyRecord[] = [];
  #used = 0;

  constructor(message: MemoryMessage, now: number) {
    this.#message = message;
    this.#head = new Int32Array(message.head, 0, HEAD_WORDS);
    this.#data = new Data(message.data);
    this.#heartbeat = Atomics.load(this.#head, HEARTBEAT);
    this.seen = now - message.silentMs;
    this.update(message, now);
  }

  get key(): number {
    return this.#message.key;
  }

  get node(): string {
    return this.#message.node;
  }

  /** Who owns it, as far as this isolate knows. */
  get instance(): Omit<StoredInstance, "alive"> {
    const { id, process, order } = this.#message;
    return { id, process, order };
  }

  /** What other isolates need to read it. */
  message(now: number): MemoryMessage {
    return { ...this.#message, silentMs: now - this.seen };
  }

  /** Takes over newer data, and lets the isolates that have the former ones miss them. */
  update(message: MemoryMessage, now: number): void {
    this.seen = Math.max(this.seen, now - message.silentMs);
    if (message.generation > this.#message.generation) {
      this.#data = new Data(message.data);
      if (this.#data.words[PARSED_SINCE]! > this.#message.generation) this.#forget();
      this.#message = message;
    }
    while (true) {
      const marked = Atomics.load(this.#head, GENERATION);
      if (marked >= this.#message.generation) return;
      Atomics.compareExchange(this.#head, GENERATION, marked, this.#message.generation);
    }
  }

  /** Whether there are newer data that have not arrived. */
  get isOutdated(): boolean {
    return Atomics.load(this.#head, GENERATION) > this.#message.generation;
  }

  /** Whether it has the keys that a session knows, and no numbers. */
  get isRoster(): boolean {
    return this.key < 0;
  }

  /** Whether its owner, known here or not, was heard of within `deadAfterMs` and has not left. */
  isAlive(now: number, { deadAfterMs }: OpenOptions): boolean {
    return (Atomics.load(this.#head, STATE) & LEFT) === 0 && now - this.seen <= deadAfterMs;
  }

  /**
   * Whether the instance was silent for so long that its own values do not count any more, or has
   * lost the memory to another one.
   */
  isForgotten(now: number, options: OpenOptions): boolean {
    const { owner } = this.#message;
    return (now - this.seen > options.retentionMs && !this.isAlive(now, options)) ||
      Atomics.load(this.#head, STATE) >= (owner + 1) * OWNER;
  }

  /**
   * Takes the memory away from an instance that has ended. An instance that is terminated in the
   * middle of a write keeps it.
   *
   * @returns What the next owner needs. Undefined if the instance has not ended, if its own values
   * still count, or if another isolate was faster.
   */
  async takeOver(
    now: number,
    options: OpenOptions,
    pauseIfOver: () => Promise<void>,
  ): Promise<FormerMemory | undefined> {
    const owner = this.#message.owner + 1;
    const state = Atomics.load(this.#head, STATE);
    const hasLeft = state === this.#message.owner * OWNER + LEFT;
    const isSilent = state === this.#message.owner * OWNER &&
      now - this.seen > options.retentionMs + options.deadAfterMs;
    if (this.isRoster || this.isOutdated || (!hasLeft && !isSilent)) return undefined;
    if (!this.isForgotten(now, options)) {
      const { value } = rowsOf(await this.snapshot(pauseIfOver), "own").next();
      if (value !== undefined) return undefined;
    }
    const found = Atomics.compareExchange(this.#head, STATE, state, owner * OWNER);
    // The owner may have written once more just before, to data that have not arrived.
    if (found !== state || this.isOutdated) return undefined;
    const snapshot = await this.snapshot(pauseIfOver);
    return { ...this.#message, owner, snapshot };
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
      const numbers = areas[turn & 1]!.slice();
      // A read-modify-write, which no processor moves before the copy.
      if (Atomics.add(words, TURN, 0) !== turn) continue;
      const length = numbers[JOURNAL_LENGTH]!;
      while (data === this.#data && this.#parsed < length) {
        this.#parse(length);
        await pauseIfOver();
      }
      if (data !== this.#data) continue;
      return {
        families: this.#families.slice(),
        rows: this.#rows.slice(),
        numbers: numbers.subarray(AREA_HEAD),
      };
    }
  }

  #forget(): void {
    this.#parsed = this.#used = 0;
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
      this.#rows[Number(line.slice(1))] = undefined;
    } else if (letter === "F") {
      const record: FamilyRecord = JSON.parse(line.slice(1));
      const place = this.#families.findIndex(({ family }) => family === record.family);
      this.#families[place === -1 ? this.#families.length : place] = record;
    } else {
      const first = line.indexOf(" ");
      const second = line.indexOf(" ", first + 1);
      const family = Number(line.slice(1, first));
      const width = Number(line.slice(first + 1, second));
      const [series = "", partOf] = line.slice(second + 1).split("\t");
      const kind = letter === "V" ? "own" : "total";
      const hasLife = letter === "L";
      this.#rows.push({ kind, family, series, offset: this.#used, width, hasLife, partOf });
      this.#used += width;
    }
  }
}
