/** How much an encoder collects before it hands a chunk on, in bytes. */
export const CHUNK_SIZE = 65_536;

const ZERO = 48;

const encoder = new TextEncoder();

/**
 * Something on the heap for each chunk. Chunks lie outside of it, and an encoder
 * leaves so little on it that V8 finds no reason to collect before 64 MiB of chunks
 * are dead: with this, a long scrape takes half of that (`deno task bench:million`).
 */
let _ballast: number[] = [];
const BALLAST_LENGTH = CHUNK_SIZE / 8;

/**
 * Bytes that grow at their end. All encoders write into one of these and hand on
 * what it has whenever that is worth a chunk, so that a scrape never exists as a
 * whole in memory.
 */
export class ByteWriter {
  /** The buffer; what is behind `length` is not written yet. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(CHUNK_SIZE + CHUNK_SIZE / 4);
  /** How many bytes are written. */
  length = 0;

  /** Makes room for more bytes; the buffer may be another one afterwards. */
  reserve(more: number): void {
    const needed = this.length + more;
    if (needed <= this.bytes.length) return;
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2));
    bytes.set(this.bytes.subarray(0, this.length));
    this.bytes = bytes;
  }

  /**
   * Hands over what is written and begins anew. The buffer goes with it: whoever reads
   * the chunk may keep it for as long as it likes.
   */
  take(): Uint8Array<ArrayBuffer> {
    const chunk = this.bytes.subarray(0, this.length);
    _ballast = new Array(BALLAST_LENGTH).fill(0);
    this.bytes = new Uint8Array(CHUNK_SIZE + CHUNK_SIZE / 4);
    this.length = 0;
    return chunk;
  }

  /** Writes one byte. */
  byte(byte: number): void {
    this.reserve(1);
    this.bytes[this.length++] = byte;
  }

  /** Writes bytes that were encoded before. */
  copy(source: Uint8Array): void {
    this.reserve(source.length);
    // A call of `set` costs more than the bytes of a name or a label.
    const { bytes } = this;
    let at = this.length;
    for (let i = 0; i < source.length; i++) bytes[at++] = source[i]!;
    this.length = at;
  }

  /** Writes bytes once more that were written before, from one place up to another. */
  repeat(from: number, to: number): void {
    this.reserve(to - from);
    this.bytes.copyWithin(this.length, from, to);
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
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    const { bytes } = this;
    let rest = value | 0;
    for (let at = this.length + digits - 1; at >= this.length; at--) {
      const next = (rest / 10) | 0;
      bytes[at] = ZERO + rest - next * 10;
      rest = next;
    }
    this.length += digits;
  }
}

const ESCAPES_REGEXP = /[\\\n]/g;
const QUOTED_ESCAPES_REGEXP = /[\\\n"]/g;

/** Text with what the text formats escape, escaped: see {@linkcode ByteWriter.escaped}. */
export function escapeText(text: string, quotes: boolean): string {
  const pattern = quotes ? QUOTED_ESCAPES_REGEXP : ESCAPES_REGEXP;
  return text.replace(pattern, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
