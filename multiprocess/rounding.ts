/**
 * Adds a number to a total. A total that is not finite, or would not be any more, starts again at
 * zero. Otherwise it would stay useless as long as the store exists.
 */
export function sumOf(total: number, added: number): number {
  const sum = total + added;
  const isUsual = Number.isFinite(sum) || (Number.isFinite(total) && !Number.isFinite(added));
  return isUsual ? sum : added;
}

/** Returns the rounding error of a sum of two numbers, by Knuth's TwoSum. */
export function roundingOf(a: number, b: number): number {
  const sum = a + b;
  // Infinities and NaN are exact. The differences below would be NaN.
  if (!Number.isFinite(sum)) return 0;
  const added = sum - a;
  return (a - (sum - added)) + (b - added);
}
