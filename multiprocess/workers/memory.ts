/**
 * The memory of one instance, which all isolates of the process can read and only its owner
 * writes: a small head, a journal of families and rows that is only appended to, and numbers.
 *
 * Numbers are written to two areas in turn. One atomic word says which area is whole, so an owner
 * that is terminated in the middle of a write leaves the former area. When something does not fit,
 * the owner makes larger data and marks the old ones.
 *
 * @module
 */
import type { FamilyEntry, Instance } from "../backend.ts";

/** The words of a head. */
export const [HEARTBEAT, GENERATION, STATE, HEAD_WORDS] = [0, 1, 2, 3];

/** The parts of a state: the owner writes, the owner has left, and how many owners there were. */
export const [WRITING, LEFT, OWNER] = [1, 2, 4];

/** The words at the beginning of data, before the areas. */
export const [TURN, PARSED_SINCE, CAPACITY, DATA_WORDS] = [0, 1, 2, 4];

/** The first number of an area is the length of the journal. The numbers of rows follow. */
export const [JOURNAL_LENGTH, AREA_HEAD] = [0, 1];

/** A memory as it travels to other isolates: shared memory is not copied. */
export interface MemoryMessage extends Instance {
  /** Names the memory: a random integer, which is negative for a roster. */
  readonly key: number;
  /** The session that it belongs to. */
  readonly node: string;
  /** Is greater for instances that joined later. */
  readonly order: number;
  /** How many instances owned the memory before. */
  readonly owner: number;
  readonly head: SharedArrayBuffer;
  readonly data: SharedArrayBuffer;
  /** Which data these are, counted from 0. */
  readonly generation: number;
  /** For how long the sender has not heard of the instance, in milliseconds. */
  readonly silentMs: number;
}

/** A family in a journal. */
export interface FamilyRecord extends FamilyEntry {
  /** When the instance first named it. */
  readonly first: number;
  /** When it last changed the help text. 0 if it never had one. */
  readonly changed: number;
}

/** How a row is kept: a total, or a value of the instance itself. */
export type RowKind = "total" | "own";

/** A row in a journal. */
export interface MemoryRow {
  readonly kind: RowKind;
  /** The place of its family. */
  readonly family: number;
  readonly series: string;
  readonly offset: number;
  readonly width: number;
  /**
   * Whether its last two numbers are its {@linkcode Life}: it is a total that is deleted when
   * nothing is added to it for some time.
   */
  readonly hasLife: boolean;
  /** The series that it is a part of: it expires with that. */
  readonly partOf: string | undefined;
}

/** Views of data. */
export class Data {
  readonly buffer: SharedArrayBuffer;
  readonly words: Int32Array;
  readonly areas: readonly [Float64Array, Float64Array];
  readonly journal: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.buffer = buffer;
    this.words = new Int32Array(buffer, 0, DATA_WORDS);
    const length = AREA_HEAD + this.words[CAPACITY]!;
    const first = DATA_WORDS * 4;
    const second = first + length * 8;
    this.areas = [
      new Float64Array(buffer, first, length),
      new Float64Array(buffer, second, length),
    ];
    this.journal = new Uint8Array(buffer, second + length * 8);
  }

  static make(numbers: number, bytes: number): Data {
    const size = DATA_WORDS * 4 + 2 * (AREA_HEAD + numbers) * 8 + bytes;
    const buffer = new SharedArrayBuffer(size);
    new Int32Array(buffer, 0, DATA_WORDS)[CAPACITY] = numbers;
    return new Data(buffer);
  }
}
