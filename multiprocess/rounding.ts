/**
 * Returns a total with a number added. A total that is not finite, or would not be any more, starts
 * again at zero: no number could be added to it for as long as the store exists.
 */
export function sumOf(total: number, added: number): number {
  const sum = total + added;
  const isUsual = Number.isFinite(sum) || (Number.isFinite(total) && !Number.isFinite(added));
  return isUsual ? sum : added;
}

/** Returns what rounding takes from a sum of two numbers: Knuth's TwoSum. */
export function roundingOf(a: number, b: number): number {
  const sum = a + b;
  // Infinities and NaN are exact; the differences below would be NaN.
  if (!Number.isFinite(sum)) return 0;
  const added = sum - a;
  return (a - (sum - added)) + (b - added);
}
