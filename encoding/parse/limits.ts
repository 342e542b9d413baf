import { checkKnownOptions, checkNumber, type KnownOptions } from "../../model.ts";

/**
 * Limits of the parsers, for texts from other programs. Each limit is checked before the work that
 * it limits. `Infinity` means no limit.
 */
export interface ParseOptions {
  /**
   * The maximum length of the text, in UTF-16 code units. It is checked first.
   * @default {134217728}
   */
  maxSize?: number | undefined;
  /**
   * The maximum length of a line, in UTF-16 code units, without its end. If a value continues in
   * the next line, as format 0.0.4 allows, both lines count as one. @default {4194304}
   */
  maxLineLength?: number | undefined;
  /**
   * The maximum number of samples, and of families. A histogram has a sample for each bucket, one
   * for its sum and one for its count. Each sample takes some hundred bytes. @default {1000000}
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

/** 128 Mi: the size of one and a half million series. */
const MAX_SIZE = 2 ** 27;

/** 4 Mi: a few labels of 200,000 escaped characters. */
const MAX_LINE_LENGTH = 2 ** 22;

const MAX_SERIES = 1_000_000;

/**
 * Checks the options of a parser.
 *
 * @param options The options.
 * @param doing The failing action, as in `Cannot parse OpenMetrics`.
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
