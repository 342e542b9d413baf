/**
 * The size at which an encoder yields a chunk, in bytes. With smaller chunks a scrape has more of
 * them, and each costs its reader some microseconds. V8 also garbage-collects small chunks less
 * often, so that they take more memory (`deno task bench:million`).
 */
export const CHUNK_SIZE = 262_144;

/** The output of an encoder, in chunks of about {@linkcode CHUNK_SIZE}. */
export type Chunks = Generator<Uint8Array<ArrayBuffer>>;

/** A quarter more, so that the lines which complete a chunk fit in. */
const BUFFER_SIZE = CHUNK_SIZE + CHUNK_SIZE / 4;

/** The numbers from 0 to 999 with three digits each, as little-endian integers of three bytes. */
const GROUPS: Uint32Array = Uint32Array.from({ length: 1000 }, (_, number) => {
  const digits = [Math.floor(number / 100), Math.floor(number / 10) % 10, number % 10];
  return 0x303030 + digits[0]! + (digits[1]! << 8) + (digits[2]! << 16);
});

const LINE_FEED = 10;

const EMPTY = new Uint8Array(0);

const encoder = new TextEncoder();

/** A text that is encoded once, to be written many times. */
export class Piece {
  /** The number of bytes. */
  readonly length: number;
  /** The bytes, followed by zeros, so that they can be read eight at a time. */
  readonly view: DataView;

  /**
   * Encodes a text in UTF-8.
   *
   * @param text The text.
   */
  constructor(text: string) {
    const bytes = encoder.encode(text);
    this.length = bytes.length;
    const padded = new Uint8Array(bytes.length + 8);
    padded.set(bytes);
    this.view = new DataView(padded.buffer);
  }
}

/**
 * A buffer that grows at its end. All encoders write into one, and yield its bytes when they are
 * enough for a chunk. So a scrape never exists as a whole in memory.
 */
export class ByteWriter {
  /** The buffer. Bytes after `length` are not written yet. */
  bytes: Uint8Array<ArrayBuffer> = EMPTY;
  /** The number of bytes that are written. */
  length = 0;
  #capacity = 0;
  #view: DataView<ArrayBuffer> = new DataView(EMPTY.buffer);

  /** Makes room for more bytes. May replace the buffer. */
  reserve(more: number): void {
    if (this.length + more > this.#capacity) this.#grow(this.length + more);
  }

  /**
   * Returns the bytes that are written, and starts again without a buffer. The caller may keep the
   * chunk.
   */
  take(): Uint8Array<ArrayBuffer> {
    const chunk = this.bytes.subarray(0, this.length);
    // A new buffer is allocated only when more is written.
    this.bytes = EMPTY;
    this.#capacity = 0;
    this.#view = new DataView(EMPTY.buffer);
    this.length = 0;
    return chunk;
  }

  /** Writes one byte. */
  byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  /** Writes a text that was encoded before. */
  piece({ view, length }: Piece): void {
    this.#copy(view, 0, length);
  }

  /** Repeats text that was written before, from one place up to another. */
  repeat(from: number, to: number): void {
    // This may replace the buffer.
    this.reserve(to - from + 8);
    const view = this.#view;
    // Bytes after the end are read as well, and must not be part of a NaN.
    view.setFloat64(this.length, 0);
    this.#copy(view, from, to - from);
  }

  /**
   * Writes lines that begin with the same text. The beginning of the first line is written already.
   * Each line continues with a piece and a number. This is most of the work for a scrape of
   * histograms, so it is one loop: `repeat()`, `piece()` and `number()` for each line take 1.6
   * times as long.
   *
   * @param from The place where the first line begins.
   * @param pieces The piece of each line.
   * @param values The number of each line.
   * @param finish Writes the rest of a line. Undefined if lines end after the number.
   */
  lines(
    from: number,
    pieces: readonly Piece[],
    values: readonly number[],
    finish: ((line: number) => void) | undefined,
  ): void {
    const shared = this.length - from;
    let view = this.#view;
    let at = this.length;
    for (let line = 0; line < values.length; line++) {
      const { view: piece, length } = pieces[line]!;
      // A copy writes up to seven bytes after its end, an integer up to twelve.
      if (at + shared + length + 16 > this.#capacity) {
        this.#grow(at + shared + length + 16);
        view = this.#view;
      }
      if (line > 0) {
        // Bytes after the end may be read as well, and must not be part of a NaN.
        view.setFloat64(at, 0);
        copyText(view, at, view, from, shared);
        at += shared;
      }
      copyText(view, at, piece, 0, length);
      at += length;
      const value = values[line]!;
      if (finish === undefined && isInteger(value)) {
        at = writeInteger(view, at, value);
      } else {
        this.length = at;
        this.number(value);
        finish?.(line);
        this.reserve(1);
        view = this.#view;
        at = this.length;
      }
      view.setUint8(at++, LINE_FEED);
    }
    this.length = at;
  }

  /** Writes the bytes of an array from one place up to another. */
  copy(source: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    this.reserve(to - from);
    this.bytes.set(source.subarray(from, to), this.length);
    this.length += to - from;
  }

  /** Writes text in UTF-8, without escaping. */
  text(text: string): void {
    // A UTF-16 code unit takes at most three bytes.
    this.reserve(text.length * 3);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code > 127) {
        this.length += encoder.encodeInto(text, bytes.subarray(this.length)).written;
        return;
      }
      bytes[at++] = code;
    }
    this.length = at;
  }

  /**
   * Writes text with a backslash before each backslash, and with `\n` for a line feed. Optionally
   * writes a backslash before each quotation mark.
   */
  escaped(text: string, quotes: boolean): void {
    this.reserve(text.length * 3);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      // A backslash, a line feed, a quotation mark, or a character of more than one byte.
      if (code === 92 || code === 10 || (code === 34 && quotes) || code > 127) {
        return this.text(escapeText(text, quotes));
      }
      bytes[at++] = code;
    }
    this.length = at;
  }

  /** Writes a number for the text formats: the shortest form that is read as the same number. */
  number(value: number): void {
    if (isInteger(value)) {
      this.reserve(12);
      this.length = writeInteger(this.#view, this.length, value);
    } else if (value === Infinity) {
      this.text("+Inf");
    } else if (value === -Infinity) {
      this.text("-Inf");
    } else {
      this.text(String(value));
    }
  }

  #copy(source: DataView, from: number, length: number): void {
    this.reserve(length + 8);
    copyText(this.#view, this.length, source, from, length);
    this.length += length;
  }

  #grow(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2, BUFFER_SIZE));
    bytes.set(this.bytes);
    this.bytes = bytes;
    this.#capacity = bytes.length;
    this.#view = new DataView(bytes.buffer);
  }
}

/**
 * Copies text, eight bytes at a time. For the length of a name or a label, this is faster than
 * `set` or `copyWithin`. Up to seven more bytes are written after the text. The next write
 * overwrites them.
 *
 * Bytes are read as little-endian doubles, which engines handle best. A platform may change the
 * bits of a NaN, but no eight bytes of UTF-8 are a NaN, wherever they begin. The last byte of a NaN
 * is 0xFF, which does not occur in UTF-8, or 0x7F after a byte of at least 0xF0, which begins a
 * character and is never followed by 0x7F. Zeros after the text make no difference.
 */
function copyText(
  target: DataView,
  at: number,
  source: DataView,
  from: number,
  length: number,
): void {
  for (let i = 0; i < length; i += 8) {
    target.setFloat64(at + i, source.getFloat64(from + i, true), true);
  }
}

/** Returns whether a number is an integer that `writeInteger()` can write. */
function isInteger(value: number): boolean {
  return value >= 0 && value <= 999_999_999 && value === Math.trunc(value);
}

/**
 * Writes an integer from 0 to 999,999,999, three digits at a time. Up to three bytes after it
 * change. The next write overwrites them.
 *
 * @returns The end of the integer.
 */
function writeInteger(view: DataView, start: number, value: number): number {
  let at = start;
  let rest = value | 0;
  let scale = rest < 1000 ? 1 : rest < 1_000_000 ? 1000 : 1_000_000;
  let group = (rest / scale) | 0;
  const digits = group < 10 ? 1 : group < 100 ? 2 : 3;
  // The first group has no leading zeros.
  view.setUint32(at, GROUPS[group]! >>> (24 - 8 * digits), true);
  at += digits;
  while (scale > 1) {
    rest -= group * scale;
    scale = scale === 1000 ? 1 : 1000;
    group = (rest / scale) | 0;
    view.setUint32(at, GROUPS[group]!, true);
    at += 3;
  }
  return at;
}

const ESCAPES_REGEXP = /[\\\n]/g;
const QUOTED_ESCAPES_REGEXP = /[\\\n"]/g;

/** Returns text escaped for the text formats: see {@linkcode ByteWriter.escaped}. */
export function escapeText(text: string, quotes: boolean): string {
  const pattern = quotes ? QUOTED_ESCAPES_REGEXP : ESCAPES_REGEXP;
  return text.replace(pattern, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
