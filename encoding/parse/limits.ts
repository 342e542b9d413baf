import { checkKnownOptions, checkNumber, type KnownOptions } from "../../model.ts";

/**
 * Limits of the parsers, for texts that others have written. Each is held before the work that
 * it limits is done. `Infinity` is no limit.
 */
export interface ParseOptions {
  /**
   * How long the text may be, in UTF-16 code units, as its `length` has it; looked at before
   * anything else. @default {134217728}
   */
  maxSize?: number | undefined;
  /**
   * How long a line may be, in UTF-16 code units, without its end. A value that goes on in the
   * next line, as format 0.0.4 allows it, is part of one line. @default {4194304}
   */
  maxLineLength?: number | undefined;
  /**
   * How many samples there may be, and how many families: a histogram has a sample for each
   * bucket, one for its sum and one for its count. Each takes some hundred bytes.
   * @default {1000000}
   */
  maxSeries?: number | undefined;
}

/** The limits of a parser, checked and complete. */
export type Limits = { readonly [Name in keyof ParseOptions]-?: number };

const KNOWN_OPTIONS: KnownOptions<ParseOptions> = {
  maxSize: true,
  maxLineLength: true,
  maxSeries: true,
};

/** 128 Mi: what one and a half million series take. */
const MAX_SIZE = 2 ** 27;

/** 4 Mi: some labels of 200,000 characters, each of them escaped. */
const MAX_LINE_LENGTH = 2 ** 22;

const MAX_SERIES = 1_000_000;

/**
 * Checks the options of a parser.
 *
 * @param options The options.
 * @param doing What cannot be done, for errors.
 * @returns The limits.
 * @throws {TypeError} If an option is unknown, or a limit is not a number.
 * @throws {RangeError} If a limit is not a whole number, or negative.
 */
export function checkLimits(options: ParseOptions, doing: string): Limits {
  const {
    maxSize = MAX_SIZE,
    maxLineLength = MAX_LINE_LENGTH,
    maxSeries = MAX_SERIES,
  } = checkKnownOptions(options, KNOWN_OPTIONS, doing);
  const limits = { maxSize, maxLineLength, maxSeries };
  const isLimit = (value: number) => value === Infinity || (Number.isInteger(value) && value >= 0);
  for (const [name, value] of Object.entries(limits)) {
    checkNumber(value, isLimit, "a whole number >= 0, or Infinity", doing, name);
  }
  return limits;
}
