import { ByteWriter } from "./byte_writer.ts";

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;

/** The first integer that a double cannot distinguish from the next one. */
const UNSAFE = 2 ** 53;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);
/** Whether the platform stores doubles like protobuf, with the least significant byte first. */
const isLittleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/**
 * Writes protobuf fields, see https://protobuf.dev/programming-guides/encoding/. One byte is left
 * for the length of a message. The message is moved if its length needs more bytes.
 */
export class ProtoWriter {
  readonly out: ByteWriter = new ByteWriter();

  /** Begins a message. Pass the result to `end()`. */
  begin(field: number): number {
    this.#varint(field << 3 | DELIMITED);
    return this.beginDelimited();
  }

  /** Begins a message that has a length but no field number. */
  beginDelimited(): number {
    this.out.byte(0);
    return this.out.length;
  }

  /** Ends the message that began at `start`. */
  end(start: number): void {
    const { out } = this;
    const size = out.length - start;
    const lengthSize = size < 128 ? 1 : varintSize(size);
    if (lengthSize > 1) {
      out.reserve(lengthSize - 1);
      out.bytes.copyWithin(start + lengthSize - 1, start, out.length);
    }
    out.length = start - 1;
    this.#varint(size);
    out.length += size;
  }

  /** Writes a string. */
  string(field: number, text: string): void {
    const start = this.begin(field);
    this.out.text(text);
    this.end(start);
  }

  /** Writes a double. */
  double(field: number, value: number): void {
    const { out } = this;
    this.#varint(field << 3 | FIXED64);
    out.reserve(8);
    float[0] = value;
    for (let i = 0; i < 8; i++) out.bytes[out.length++] = floatBytes[isLittleEndian ? i : 7 - i]!;
  }

  /** Writes an integer that is not negative in eight bytes. */
  fixed64(field: number, value: bigint): void {
    const { out } = this;
    this.#varint(field << 3 | FIXED64);
    out.reserve(8);
    const { bytes, length } = out;
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(length, value, true);
    out.length += 8;
  }

  /** Writes an integer that is not negative. */
  unsigned(field: number, value: number): void {
    this.#varint(field << 3 | VARINT);
    this.#varint(value);
  }

  /** Writes an integer as `int64`. A negative one takes ten bytes. */
  signed(field: number, value: number): void {
    this.#varint(field << 3 | VARINT);
    if (value >= 0) this.#varint(value);
    else this.#bigVarint(BigInt.asUintN(64, BigInt(value)));
  }

  /** Writes an integer as `sint32` or `sint64`: 0, -1, 1, -2, … as 0, 1, 2, 3, … */
  zigzag(field: number, value: number): void {
    this.#varint(field << 3 | VARINT);
    if (value >= 0) this.#varint(2 * value);
    // Doubles beyond this have no odd integers.
    else if (value >= -UNSAFE / 2) this.#varint(-2 * value - 1);
    else this.#bigVarint(BigInt(value) * -2n - 1n);
  }

  #varint(value: number): void {
    const { out } = this;
    out.reserve(10);
    let rest = value;
    // Bitwise operators would drop the bits above the 32nd.
    while (rest > 127) {
      out.bytes[out.length++] = (rest % 128) | 128;
      rest = Math.floor(rest / 128);
    }
    out.bytes[out.length++] = rest;
  }

  #bigVarint(value: bigint): void {
    const { out } = this;
    let rest = value;
    for (; rest > 127n; rest >>= 7n) out.byte(Number(rest & 127n) | 128);
    out.byte(Number(rest));
  }
}

function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
}

/** The largest double that fits an `int64`. */
const MAX_INT64 = 2 ** 63 - 1024;

/**
 * Returns a time in the unit of protobuf.
 *
 * @param seconds Seconds since 1970.
 * @returns Whole milliseconds that fit an `int64`.
 */
export function toMilliseconds(seconds: number): number {
  return Math.max(-MAX_INT64, Math.min(MAX_INT64, Math.round(seconds * 1000)));
}

/** Returns whether a count can be written as an integer. Others are written as floats. */
export function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < UNSAFE;
}

/** Returns the closest integer to a count, for fields that have no float. */
export function toCount(value: number): number {
  if (isCount(value)) return value;
  return value > 0 ? Math.min(Math.round(value), UNSAFE - 1) : 0;
}
