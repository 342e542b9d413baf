import type { SeriesTracker } from "../../encoding/write_request.ts";

/** A slot that holds no series; others hold the number of one plus one. */
const NONE = 0;
const FIRST_SLOTS = 64;
const FIRST_BYTES = 4096;

/** A set of series: their labels, one behind the other in one buffer, and a hash table of them. */
class SeriesSet {
  /** How many series there are. */
  size = 0;
  #bytes = new Uint8Array(FIRST_BYTES);
  /** Where the labels of each series end. */
  #ends = new Uint32Array(FIRST_SLOTS / 2);
  #hashes = new Int32Array(FIRST_SLOTS / 2);
  #natives = new Uint8Array(FIRST_SLOTS / 2);
  /** The timestamp of each, NaN where it has none of its own. */
  #timestamps = new Float64Array(FIRST_SLOTS / 2);
  #slots = new Uint32Array(FIRST_SLOTS);

  /** The number of a series, or -1. */
  find(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    for (let slot = hash & mask; slots[slot] !== NONE; slot = (slot + 1) & mask) {
      const number = slots[slot]! - 1;
      if (this.#hashes[number] === hash && this.#equals(number, bytes, from, to)) return number;
    }
    return -1;
  }

  /** Adds a series that is not there yet. */
  add(
    bytes: Uint8Array,
    from: number,
    to: number,
    hash: number,
    isNative: boolean,
    timestampMs: number | undefined,
  ): void {
    const number = this.size++;
    if (number === this.#ends.length) this.#grow();
    const start = this.#start(number);
    const end = start + to - from;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes.subarray(from, to), start);
    this.#ends[number] = end;
    this.#hashes[number] = hash;
    this.#natives[number] = isNative ? 1 : 0;
    this.#timestamps[number] = timestampMs ?? NaN;
    this.#put(number);
  }

  labels(number: number): Uint8Array {
    return this.#bytes.subarray(this.#start(number), this.#ends[number]);
  }

  hash(number: number): number {
    return this.#hashes[number]!;
  }

  isNative(number: number): boolean {
    return this.#natives[number] === 1;
  }

  /** The series' own timestamp; NaN when it has none. */
  timestamp(number: number): number {
    return this.#timestamps[number]!;
  }

  /** How many bytes it takes. */
  get byteLength(): number {
    return [this.#bytes, this.#ends, this.#hashes, this.#natives, this.#timestamps, this.#slots]
      .reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  #start(number: number): number {
    return number === 0 ? 0 : this.#ends[number - 1]!;
  }

  #equals(number: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = this.#start(number);
    if (this.#ends[number]! - start !== to - from) return false;
    for (let i = from, at = start; i < to; i++, at++) {
      if (bytes[i] !== this.#bytes[at]) return false;
    }
    return true;
  }

  #put(number: number): void {
    const slots = this.#slots;
    const mask = slots.length - 1;
    let slot = this.#hashes[number]! & mask;
    while (slots[slot] !== NONE) slot = (slot + 1) & mask;
    slots[slot] = number + 1;
  }

  #grow(): void {
    const length = this.#ends.length * 2;
    const copy = <A extends Uint8Array | Uint32Array | Int32Array | Float64Array>(
      larger: A,
      old: A,
    ): A => {
      larger.set(old);
      return larger;
    };
    this.#ends = copy(new Uint32Array(length), this.#ends);
    this.#hashes = copy(new Int32Array(length), this.#hashes);
    this.#natives = copy(new Uint8Array(length), this.#natives);
    this.#timestamps = copy(new Float64Array(length), this.#timestamps);
    this.#slots = new Uint32Array(2 * length);
    for (let number = 0; number < this.size - 1; number++) this.#put(number);
  }
}

/**
 * Remembers which series were sent last, so that those which have vanished can be told,
 * and samples with a timestamp of their own are sent once.
 *
 * It has the bytes of the labels and some 25 bytes more for each series of the last
 * snapshot, and of the one that is being taken.
 */
export class SeriesMemory implements SeriesTracker {
  #before = new SeriesSet();
  #now = new SeriesSet();
  /** Whether the next snapshot has to send everything, and whether this one does. */
  #resend = false;
  #resending = false;

  /** Begins a snapshot; one that was not finished is forgotten. */
  begin(): void {
    this.#now = new SeriesSet();
    this.#resending ||= this.#resend;
    this.#resend = false;
  }

  note(
    bytes: Uint8Array,
    from: number,
    to: number,
    isNative: boolean,
    timestampMs: number | undefined,
  ): boolean {
    const hash = hashOf(bytes, from, to);
    if (this.#now.find(bytes, from, to, hash) >= 0) return false;
    const known = timestampMs === undefined || this.#resending
      ? -1
      : this.#before.find(bytes, from, to, hash);
    // Older ones than the last are out of order: the series stays where it is.
    const sentMs = known < 0 ? NaN : this.#before.timestamp(known);
    const isOld = timestampMs !== undefined && timestampMs <= sentMs;
    this.#now.add(bytes, from, to, hash, isNative, isOld ? sentMs : timestampMs);
    return !isOld;
  }

  *vanished(): Generator<{ labels: Uint8Array; isNative: boolean }> {
    const before = this.#before;
    for (let number = 0; number < before.size; number++) {
      // When a sample with a timestamp of its own ends to be true, its bringer alone knows.
      if (!Number.isNaN(before.timestamp(number))) continue;
      const labels = before.labels(number);
      if (this.#now.find(labels, 0, labels.length, before.hash(number)) >= 0) continue;
      yield { labels, isNative: before.isNative(number) };
    }
  }

  /** Ends a snapshot: the next one is compared with it. */
  end(): void {
    this.#before = this.#now;
    this.#now = new SeriesSet();
    this.#resending = false;
  }

  /** Sends samples with timestamps of their own once more: some of them were dropped. */
  resend(): void {
    this.#resend = true;
  }

  /** How many bytes it takes. */
  get byteLength(): number {
    return this.#before.byteLength + this.#now.byteLength;
  }
}

/** FNV-1a over 32 bits, see http://www.isthe.com/chongo/tech/comp/fnv/ */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  // The lower bits of a short text differ little.
  return hash ^ hash >>> 15;
}
