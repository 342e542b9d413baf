/** A part of a text. */
export interface TextRange {
  readonly start: number;
  readonly end: number;
}

/** A shorter text is part of too many words. It is found only where it stands alone. */
const MIN_LENGTH = 4;

/** How often a text may be encoded. */
const MAX_DEPTH = 4;

const DECODER = new TextDecoder();

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

/** Spellings of characters, and how to decode them. */
const DECODINGS: readonly (readonly [spelling: RegExp, decode: (match: string) => string])[] = [
  [/(?:%[0-9a-f]{2})+/gi, decodePercents],
  [/\\(?:u[0-9a-f]{4}|x[0-9a-f]{2})/gi, (match) => fromCode(parseInt(match.slice(2), 16))],
  [/&#(?:\d{1,7}|x[0-9a-f]{1,6});/gi, decodeReference],
  [/&(?:amp|lt|gt|quot|apos);/gi, (match) => ENTITIES.get(match.slice(1, -1).toLowerCase())!],
];

/**
 * Characters that encodings add, drop or replace: backslashes before quotes, line breaks in a long
 * text with the indentation behind them, plus signs for spaces.
 */
const LOOSE_REGEXP = /\\+[rnt]?|[\s+]/g;

/**
 * A text without its encodings, for finding another text that may be spelled differently:
 * percent-encoded, escaped as in JSON, as entities of HTML, folded over several lines, in upper case.
 *
 * The work is linear in the length of the text, for any text.
 */
export class PlainText {
  readonly #text: string;
  /** The plain characters, in lower case. */
  #plain: string;
  /** Where each of them begins in the text. */
  #starts: number[];
  /** Where each of them ends in the text. */
  #ends: number[];

  constructor(text: string) {
    this.#text = text;
    this.#plain = text;
    this.#starts = Array.from({ length: text.length }, (_, i) => i);
    this.#ends = Array.from({ length: text.length }, (_, i) => i + 1);
    for (let depth = 0; depth < MAX_DEPTH; depth++) {
      const before = this.#plain;
      for (const [spelling, decode] of DECODINGS) this.#replace(spelling, decode);
      if (this.#plain === before) break;
    }
    this.#replace(LOOSE_REGEXP, () => "");
    const lower = this.#plain.toLowerCase();
    // A few letters of some languages become two.
    if (lower.length === this.#plain.length) this.#plain = lower;
  }

  /** Finds all occurrences of another text, in any spelling. */
  *find(text: string): Generator<TextRange> {
    const sought = new PlainText(text).#plain;
    if (sought === "") return;
    for (
      let at = this.#plain.indexOf(sought);
      at >= 0;
      at = this.#plain.indexOf(sought, at + 1)
    ) {
      const start = this.#starts[at]!;
      const end = this.#ends[at + sought.length - 1]!;
      if (sought.length >= MIN_LENGTH || this.#standsAlone(start, end)) yield { start, end };
    }
  }

  #standsAlone(start: number, end: number): boolean {
    const isPartOfWord = (character = ""): boolean => /[\p{L}\p{N}]/u.test(character);
    return !isPartOfWord(this.#text[start - 1]) && !isPartOfWord(this.#text[end]);
  }

  #replace(pattern: RegExp, replacement: (match: string) => string): void {
    const starts: number[] = [];
    const ends: number[] = [];
    let plain = "";
    let copied = 0;
    const copyTo = (end: number): void => {
      plain += this.#plain.slice(copied, end);
      for (let i = copied; i < end; i++) {
        starts.push(this.#starts[i]!);
        ends.push(this.#ends[i]!);
      }
    };
    for (const { 0: match, index } of this.#plain.matchAll(pattern)) {
      copyTo(index);
      copied = index + match.length;
      const decoded = replacement(match);
      plain += decoded;
      for (let i = 0; i < decoded.length; i++) {
        starts.push(this.#starts[index]!);
        ends.push(this.#ends[copied - 1]!);
      }
    }
    copyTo(this.#plain.length);
    this.#plain = plain;
    this.#starts = starts;
    this.#ends = ends;
  }
}

function decodePercents(match: string): string {
  const bytes = match.slice(1).split("%").map((hex) => parseInt(hex, 16));
  return DECODER.decode(Uint8Array.from(bytes));
}

function decodeReference(match: string): string {
  const digits = match.slice(2, -1);
  return fromCode(/^x/i.test(digits) ? parseInt(digits.slice(1), 16) : parseInt(digits, 10));
}

function fromCode(code: number): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : "";
}
