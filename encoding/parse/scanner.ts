import { checkShape, ParseError, received } from "../../model.ts";
import { checkLimits, type Limits, type ParseOptions } from "./limits.ts";

const LF = 0x0a;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SURROGATE_REGEXP = /\p{Surrogate}/u;
/** The length of the excerpt of the text in an error message. */
const EXCERPT_LENGTH = 30;

/** The maximum length of an error message. */
const MESSAGE_LENGTH = 500;

/** A text and a place in it. It reads the parts that both formats share. */
export class Scanner {
  /** The text. */
  readonly text: string;
  /** The index of the next character. */
  position = 0;
  readonly #format: string;
  readonly #limits: Limits;
  /** The beginning of the present line, and the numbers of samples and families so far. */
  #lineStart = 0;
  #samples = 0;
  #families = 0;

  /**
   * Starts at the beginning of a text.
   *
   * @param text The text.
   * @param format The name of the format in error messages.
   * @param options The limits.
   * @throws {TypeError} If the text is not a string, or an option is invalid.
   * @throws {RangeError} If a limit is out of bounds.
   * @throws {ParseError} If the text is too large, or has a lone surrogate, which cannot come from
   * UTF-8.
   */
  constructor(text: string, format: string, options: ParseOptions) {
    const doing = `Cannot parse ${format}`;
    checkShape(typeof text === "string", doing, "text must be a string", text);
    this.text = text;
    this.#format = format;
    this.#limits = checkLimits(options, doing);
    const { maxSize } = this.#limits;
    if (text.length > maxSize) {
      // The place is not determined, because lines would have to be counted.
      const rule = `text must have at most ${maxSize} characters (maxSize)`;
      throw new ParseError(`${doing}: ${rule}: received ${text.length}`, 1, 1);
    }
    if (!text.isWellFormed()) {
      throw this.error(
        "text must be well-formed: received a lone surrogate",
        text.search(SURROGATE_REGEXP),
      );
    }
  }

  /** Whether the scanner is at the end of the text. */
  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }

  /** Whether the scanner is at the end of a line. */
  get isAtLineEnd(): boolean {
    return this.isAtEnd || this.text.charCodeAt(this.position) === LF;
  }

  /**
   * Starts a line at the present place.
   *
   * @throws {ParseError} If the line is too long.
   */
  startLine(): void {
    this.#lineStart = this.position;
    this.#checkLine(this.position);
  }

  /**
   * Counts one more sample.
   *
   * @param at The index where it begins.
   * @throws {ParseError} If there are too many.
   */
  countSample(at: number): void {
    if (++this.#samples > this.#limits.maxSeries) throw this.#tooMany("samples", at);
  }

  /**
   * Counts one more family.
   *
   * @param at The index where it begins.
   * @throws {ParseError} If there are too many.
   */
  countFamily(at: number): void {
    if (++this.#families > this.#limits.maxSeries) throw this.#tooMany("families", at);
  }

  #tooMany(what: string, at: number): ParseError {
    const { maxSeries } = this.#limits;
    const rule = `text must have at most ${maxSeries} ${what} (maxSeries)`;
    return this.error(`${rule}: received ${maxSeries + 1} or more`, at);
  }

  /** Throws if the line, which does not end before `from`, is too long. */
  #checkLine(from: number): void {
    const { maxLineLength } = this.#limits;
    if (maxLineLength === Infinity) return;
    const lf = this.text.indexOf("\n", from);
    const length = (lf === -1 ? this.text.length : lf) - this.#lineStart;
    if (length <= maxLineLength) return;
    const rule = `a line must have at most ${maxLineLength} characters (maxLineLength)`;
    throw this.error(`${rule}: received ${length}`, this.#lineStart + maxLineLength);
  }

  /**
   * Creates an error. Lines and columns are counted only here, from the beginning.
   *
   * @param message The message.
   * @param at The index of the offending character.
   * @returns The error.
   */
  error(message: string, at: number): ParseError {
    const { text } = this;
    let line = 1;
    let start = 0;
    for (let lf = text.indexOf("\n"); lf !== -1 && lf < at; lf = text.indexOf("\n", start)) {
      line++;
      start = lf + 1;
    }
    // The message may have a name that is as long as the text.
    const short = message.length > MESSAGE_LENGTH
      ? `${message.slice(0, MESSAGE_LENGTH).toWellFormed()}…`
      : message;
    return new ParseError(`Cannot parse ${this.#format}: ${short}`, line, at - start + 1);
  }

  /**
   * Creates an error for an unexpected text.
   *
   * @param expected The rule, as in `a label name must follow`.
   * @param at The index of the unexpected text. The present place if it is left out.
   * @returns The error.
   */
  unexpected(expected: string, at: number = this.position): ParseError {
    const { text } = this;
    if (at >= text.length) return this.error(`${expected}: received the end of the text`, at);
    if (text.charCodeAt(at) === LF) {
      return this.error(`${expected}: received the end of the line`, at);
    }
    const lf = text.slice(at, at + EXCERPT_LENGTH).indexOf("\n");
    const excerpt = text.slice(at, at + (lf === -1 ? EXCERPT_LENGTH : lf));
    return this.error(`${expected}: received ${received(excerpt.toWellFormed())}`, at);
  }

  /**
   * Skips a text if it is next.
   *
   * @param expected The text.
   * @returns Whether it was next.
   */
  take(expected: string): boolean {
    if (!this.text.startsWith(expected, this.position)) return false;
    this.position += expected.length;
    return true;
  }

  /** Skips spaces and tabs. */
  skipBlanks(): void {
    const { text } = this;
    let at = this.position;
    for (let c = text.charCodeAt(at); c === 0x20 || c === 0x09; c = text.charCodeAt(at)) at++;
    this.position = at;
  }

  /**
   * Reads a name in the classic alphabet.
   *
   * @param colons Whether colons are allowed. They are in metric names, but not in label names.
   * @returns The name, or an empty string.
   */
  readName(colons: boolean): string {
    const { text, position } = this;
    let at = position;
    for (;; at++) {
      const c = text.charCodeAt(at);
      const isLetter = (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || c === 0x5f;
      if (isLetter || (c === 0x3a && colons)) continue;
      if (!(c >= 0x30 && c <= 0x39 && at > position)) break;
    }
    this.position = at;
    return text.slice(position, at);
  }

  /**
   * Reads the text before the next space, tab or end of the line.
   *
   * @returns The text, which may be empty.
   */
  readToken(): string {
    const { text, position } = this;
    let at = position;
    for (; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === 0x20 || c === 0x09 || c === LF) break;
    }
    this.position = at;
    return text.slice(position, at);
  }

  /**
   * Reads the rest of the line and its end.
   *
   * @returns The text without the end.
   */
  readLine(): string {
    const { text, position } = this;
    const lf = text.indexOf("\n", position);
    this.position = lf === -1 ? text.length : lf + 1;
    return text.slice(position, lf === -1 ? text.length : lf);
  }

  /**
   * Reads a quoted string. `\\`, `\"` and `\n` are escapes. Any other backslash is a backslash.
   *
   * @param what The name of the string in errors.
   * @param lineBreaks Whether the string may continue in the next line.
   * @returns The string without its quotes and escapes.
   * @throws {ParseError} If a quote is missing.
   */
  readQuoted(what: string, lineBreaks: boolean): string {
    const { text, position } = this;
    if (text.charCodeAt(position) !== QUOTE) throw this.unexpected(`${what} must be quoted`);
    let parts = "";
    let from = position + 1;
    for (let at = from; at < text.length; at++) {
      const c = text.charCodeAt(at);
      if (c === QUOTE) {
        this.position = at + 1;
        return parts + text.slice(from, at);
      }
      if (c === BACKSLASH) {
        const escape = text[at + 1];
        if (escape === "\n") break;
        if (escape === "\\" || escape === '"' || escape === "n") {
          parts += text.slice(from, at) + (escape === "n" ? "\n" : escape);
          from = at + 2;
        }
        at++;
      } else if (c === LF) {
        if (!lineBreaks) break;
        this.#checkLine(at + 1);
      }
    }
    throw this.unexpected(`${what} must end with a quote`, position);
  }
}

/**
 * Resolves the escapes of a help text. Any other backslash is a backslash.
 *
 * @param text The text.
 * @param quotes Whether `\"` is an escape, in addition to `\\` and `\n`.
 * @returns The help text.
 */
export function unescapeHelp(text: string, quotes: boolean): string {
  if (!text.includes("\\")) return text;
  return text.replace(quotes ? /\\[\\n"]/g : /\\[\\n]/g, (escape) => {
    return escape === "\\n" ? "\n" : escape.slice(1);
  });
}
