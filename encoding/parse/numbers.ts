/**
 * A decimal number for Go's `ParseFloat` and for the OpenMetrics grammar: no hexadecimal, no
 * underscores, no spaces. Each character can match in one way only, so there is no backtracking.
 */
const REAL_REGEXP = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const INFINITY_REGEXP = /^[+-]?inf(?:inity)?$/i;
const NAN_REGEXP = /^nan$/i;
const INTEGER_REGEXP = /^[+-]?[0-9]+$/;
const FRACTION_REGEXP = /^([+-]?[0-9]*\.[0-9]{9})[0-9]+$/;

/**
 * Reads a finite number.
 *
 * @param token The text.
 * @returns The number, or undefined if it is not a number or too large for a double.
 */
function parseReal(token: string): number | undefined {
  if (!REAL_REGEXP.test(token)) return undefined;
  const value = Number(token);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * Reads the value of a sample: a number, an infinity, or NaN.
 *
 * @param token The text.
 * @returns The number, or undefined if it is not a number or too large for a double.
 */
export function parseValue(token: string): number | undefined {
  const value = parseReal(token);
  if (value !== undefined) return value;
  if (INFINITY_REGEXP.test(token)) return token.startsWith("-") ? -Infinity : Infinity;
  return NAN_REGEXP.test(token) ? NaN : undefined;
}

/**
 * Reads a timestamp of OpenMetrics. Digits after the nanoseconds are ignored.
 *
 * @param token The text.
 * @returns Seconds since 1970, or undefined if it is not a finite number.
 */
export function parseSeconds(token: string): number | undefined {
  return parseReal(FRACTION_REGEXP.exec(token)?.[1] ?? token);
}

/**
 * Reads a timestamp of format 0.0.4: a whole number of milliseconds in 64 bits.
 *
 * @param token The text.
 * @returns Seconds since 1970, or undefined if it is not such a number.
 */
export function parseMilliseconds(token: string): number | undefined {
  if (!INTEGER_REGEXP.test(token)) return undefined;
  const value = Number(token);
  return Math.abs(value) <= 2 ** 63 ? value / 1000 : undefined;
}

/**
 * Reads a whole number that a double can hold exactly.
 *
 * @param token The text.
 * @returns The number, or undefined if it is not such a number.
 */
export function parseInteger(token: string): number | undefined {
  if (!INTEGER_REGEXP.test(token)) return undefined;
  const value = Number(token);
  return Number.isSafeInteger(value) ? value : undefined;
}
