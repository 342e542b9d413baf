/**
 * Buckets of native histograms, for tests.
 *
 * @module
 */
import { coarserIndex, finestIndex, MAX_SCHEMA } from "../../estimators/native_bounds.ts";

/** Returns the bucket index of a value, as the estimator computes it. */
export function findBucket(schema: number, value: number): number {
  return coarserIndex(finestIndex(value), MAX_SCHEMA - schema);
}
