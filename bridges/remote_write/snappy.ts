/**
 * The block format of Snappy, in which requests of remote write are compressed.
 *
 * @module
 */

const HASH_BITS = 14;
const HASH_SHIFT = 32 - HASH_BITS;
/** A multiplier that spreads four bytes over the upper bits. */
const HASH_FACTOR = 0x9e3779b1;
/** The maximum offset of a copy, which has two bytes. */
const MAX_OFFSET = 65_535;
const MIN_MATCH = 4;
/** The maximum length of a copy. */
const MAX_COPY = 64;
/** The number of misses, as a power of two, after which the search takes larger steps. */
const PATIENCE_BITS = 5;

/** The last place of four bytes with a hash, plus one. Only used during a call. */
let _table: Uint32Array | undefined;

/**
 * Compresses bytes in Snappy's block format: LZ77 without entropy coding, optimized for speed.
 * Bytes that cannot be compressed grow by about a ten-thousandth.
 *
 * Takes linear time. While it runs, it needs memory for the longest possible result, about 7/6 of
 * the input. It keeps a table of 64 KiB.
 *
 * See https://github.com/google/snappy/blob/main/format_description.txt
 *
 * @param input The bytes, fewer than 2^32.
 * @returns The compressed bytes, in a buffer of the same size.
 *
 * @example A repeated text
 * ```ts
 * import { compressSnappy } from "./snappy.ts";
 * import assert from "node:assert/strict";
 *
 * const text = new TextEncoder().encode("na ".repeat(20));
 * assert.deepEqual([...compressSnappy(text)], [60, 2 << 2, 110, 97, 32, 2 | 56 << 2, 3, 0]);
 * ```
 */
export function compressSnappy(input: Uint8Array): Uint8Array<ArrayBuffer> {
  const { length } = input;
  const output = new Uint8Array(32 + length + Math.ceil(length / 6));
  let at = writeVarint(output, length);
  const table = _table ??= new Uint32Array(1 << HASH_BITS);
  table.fill(0);
  /** The beginning of the bytes that are not written yet. */
  let literal = 0;
  let misses = 1 << PATIENCE_BITS;
  const last = length - MIN_MATCH;
  for (let i = 0; i <= last;) {
    const bytes = input[i]! | input[i + 1]! << 8 | input[i + 2]! << 16 | input[i + 3]! << 24;
    const hash = Math.imul(bytes, HASH_FACTOR) >>> HASH_SHIFT;
    const candidate = table[hash]! - 1;
    table[hash] = i + 1;
    const isMatch = candidate >= 0 && i - candidate <= MAX_OFFSET &&
      input[candidate] === input[i] && input[candidate + 1] === input[i + 1] &&
      input[candidate + 2] === input[i + 2] && input[candidate + 3] === input[i + 3];
    if (!isMatch) {
      // Bytes without repetition are skipped faster and faster.
      i += misses++ >> PATIENCE_BITS;
      continue;
    }
    let end = i + MIN_MATCH;
    for (let from = candidate + MIN_MATCH; end < length && input[end] === input[from]; from++) {
      end++;
    }
    at = writeLiteral(output, at, input, literal, i);
    at = writeCopies(output, at, i - candidate, end - i);
    i = literal = end;
    misses = 1 << PATIENCE_BITS;
  }
  at = writeLiteral(output, at, input, literal, length);
  return output.slice(0, at);
}

function writeVarint(output: Uint8Array, value: number): number {
  let at = 0;
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) output[at++] = rest % 128 | 128;
  output[at++] = rest;
  return at;
}

function writeLiteral(
  output: Uint8Array,
  start: number,
  input: Uint8Array,
  from: number,
  to: number,
): number {
  if (from === to) return start;
  let at = start;
  const length = to - from - 1;
  if (length < 60) {
    output[at++] = length << 2;
  } else {
    const size = length < 0x100 ? 1 : length < 0x10000 ? 2 : length < 0x1000000 ? 3 : 4;
    output[at++] = (59 + size) << 2;
    for (let i = 0; i < size; i++) output[at++] = length >>> (8 * i);
  }
  output.set(input.subarray(from, to), at);
  return at + to - from;
}

function writeCopies(output: Uint8Array, start: number, offset: number, length: number): number {
  let at = start;
  let rest = length;
  while (rest > 0) {
    if (rest >= MIN_MATCH && rest < 12 && offset < 2048) {
      output[at++] = 1 | (rest - MIN_MATCH) << 2 | (offset >> 8) << 5;
      output[at++] = offset;
      return at;
    }
    // The rest must not be too short for a copy with a two-byte offset.
    const size = rest <= MAX_COPY ? rest : rest < MAX_COPY + MIN_MATCH ? 60 : MAX_COPY;
    output[at++] = 2 | (size - 1) << 2;
    output[at++] = offset;
    output[at++] = offset >> 8;
    rest -= size;
  }
  return at;
}
