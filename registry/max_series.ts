import { received } from "../model.ts";

/**
 * Checks a limit of series.
 *
 * @param maxSeries The limit as it was given; nothing for none.
 * @param doing What is being done, as in `Cannot create registry`.
 * @returns The limit; `Infinity` for none.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is neither an integer of at least 0 nor `Infinity`.
 */
export function checkMaxSeries(maxSeries: unknown, doing: string): number {
  if (maxSeries === undefined) return Infinity;
  if (typeof maxSeries !== "number") {
    throw new TypeError(`${doing}: maxSeries must be a number: received ${received(maxSeries)}`);
  }
  if (maxSeries === Infinity || (Number.isInteger(maxSeries) && maxSeries >= 0)) return maxSeries;
  throw new RangeError(
    `${doing}: maxSeries must be an integer >= 0, or Infinity: received ${maxSeries}`,
  );
}
