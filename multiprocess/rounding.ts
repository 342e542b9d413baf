/** Returns what rounding takes from a sum of two numbers: Knuth's TwoSum. */
export function roundingOf(a: number, b: number): number {
  const sum = a + b;
  // Infinities and NaN are exact; the differences below would be NaN.
  if (!Number.isFinite(sum)) return 0;
  const added = sum - a;
  return (a - (sum - added)) + (b - added);
}
