/**
 * How much an encoder collects before it hands a chunk on, in bytes. Of smaller chunks a
 * scrape has more, each of which costs its reader some microseconds; and V8 collects
 * those that were read less often, so that they take more memory (`deno task bench:million`).
 */
export const CHUNK_SIZE = 262_144;

/** A quarter more, so that what fills a chunk has room. */
const BUFFER_SIZE = CHUNK_SIZE + CHUNK_SIZE / 4;

const ZERO = 48;

const EMPTY = new Uint8Array(0);

const encoder = new TextEncoder();

/** A text that is encoded once, to be written many times. */
export class Piece {
  /** How many bytes it has. */
  readonly length: number;
  /** The bytes, and some behind them, so that they can be read four at a time. */
  readonly view: DataView;

  /**
   * Encodes a text in UTF-8.
   *
   * @param text The text.
   */
  constructor(text: string) {
    const bytes = encoder.encode(text);
    this.length = bytes.length;
    const padded = new Uint8Array(bytes.length + 4);
    padded.set(bytes);
    this.view = new DataView(padded.buffer);
  }
}

/**
 * Bytes that grow at their end. All encoders write into one of these and hand on
 * what it has whenever that is worth a chunk, so that a scrape never exists as a
 * whole in memory.
 */
export class ByteWriter {
  /** The buffer; what is behind `length` is not written yet. */
  bytes: Uint8Array<ArrayBuffer> = EMPTY;
  /** How many bytes are written. */
  length = 0;
  #view = new DataView(EMPTY.buffer);

  /** Makes room for more bytes; the buffer may be another one afterwards. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2, BUFFER_SIZE));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  /**
   * Hands over what is written and begins anew. The buffer goes with it: whoever reads
   * the chunk may keep it for as long as it likes.
   */
  take(): Uint8Array<ArrayBuffer> {
    const chunk = this.bytes.subarray(0, this.length);
    // There may be nothing more to come, so there is no room either as yet.
    this.bytes = EMPTY;
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

  /** Writes bytes once more that were written before, from one place up to another. */
  repeat(from: number, to: number): void {
    // The buffer may become another one.
    this.reserve(to - from + 4);
    this.#copy(this.#view, from, to - from);
  }

  /** Writes many bytes, those of an array from one place up to another. */
  copy(source: Uint8Array, from: number, to: number): void {
    if (from === to) return;
    this.reserve(to - from);
    this.bytes.set(source.subarray(from, to), this.length);
    this.length += to - from;
  }

  /** Writes text as it is, in UTF-8. */
  text(text: string): void {
    // No UTF-16 code unit takes more than three bytes.
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
   * Writes text with a backslash before each backslash, `\n` for a line feed, and,
   * if asked for, a backslash before each quotation mark.
   */
  escaped(text: string, quotes: boolean): void {
    this.reserve(text.length * 3);
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      // A backslash, a line feed, a quotation mark, or what takes more than one byte.
      if (code === 92 || code === 10 || (code === 34 && quotes) || code > 127) {
        return this.text(escapeText(text, quotes));
      }
      bytes[at++] = code;
    }
    this.length = at;
  }

  /** Writes a number as the text formats have it: the shortest form that reads back the same. */
  number(value: number): void {
    if (value >= 0 && value <= 999_999_999 && value === Math.trunc(value)) {
      return this.#integer(value);
    }
    if (value === Infinity) return this.text("+Inf");
    if (value === -Infinity) return this.text("-Inf");
    this.text(String(value));
  }

  #integer(value: number): void {
    this.reserve(9);
    const { bytes } = this;
    const digits = countDigits(value | 0);
    let rest = value | 0;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const next = (rest / 10) | 0;
      bytes[at] = ZERO + rest - next * 10;
      rest = next;
    }
    this.length += digits;
  }

  /**
   * Writes some bytes, four at a time: for those of a name or a label, a call of `set` or
   * `copyWithin` takes longer. Up to three more bytes are written behind them, which what
   * comes next overwrites.
   */
  #copy(source: DataView, from: number, length: number): void {
    this.reserve(length + 4);
    const view = this.#view;
    const at = this.length;
    for (let i = 0; i < length; i += 4) view.setUint32(at + i, source.getUint32(from + i));
    this.length = at + length;
  }
}

/** The number of decimal digits of an integer from 0 up to 999,999,999. */
function countDigits(value: number): number {
  if (value < 1000) return value < 10 ? 1 : value < 100 ? 2 : 3;
  if (value < 1_000_000) return value < 10_000 ? 4 : value < 100_000 ? 5 : 6;
  return value < 10_000_000 ? 7 : value < 100_000_000 ? 8 : 9;
}

const ESCAPES_REGEXP = /[\\\n]/g;
const QUOTED_ESCAPES_REGEXP = /[\\\n"]/g;

/** Text with what the text formats escape, escaped: see {@linkcode ByteWriter.escaped}. */
export function escapeText(text: string, quotes: boolean): string {
  const pattern = quotes ? QUOTED_ESCAPES_REGEXP : ESCAPES_REGEXP;
  return text.replace(pattern, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
