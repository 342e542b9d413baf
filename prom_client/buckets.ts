/**
 * Creates upper bounds of equal distance.
 *
 * @param start The first bound.
 * @param width The distance between two bounds.
 * @param count How many bounds, at least 1.
 * @returns The bounds.
 * @throws {Error} If the count is less than 1.
 */
export function linearBuckets(start: number, width: number, count: number): number[] {
  if (count < 1) throw new Error("Linear buckets needs a positive count");
  return Array.from({ length: count }, (_, i) => start + i * width);
}

/**
 * Creates upper bounds that grow by a factor.
 *
 * @param start The first bound, greater than 0.
 * @param factor The factor from one bound to the next, greater than 1.
 * @param count How many bounds, at least 1.
 * @returns The bounds.
 * @throws {Error} If an argument is out of bounds.
 */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  if (start <= 0) throw new Error("Exponential buckets needs a positive start");
  if (count < 1) throw new Error("Exponential buckets needs a positive count");
  if (factor <= 1) throw new Error("Exponential buckets needs a factor greater than 1");
  const bounds: number[] = [];
  // Multiplied step by step: powers would differ in the last digits.
  for (let bound = start; bounds.length < count; bound *= factor) bounds.push(bound);
  return bounds;
}
