/**
 * Buckets of native histograms, for tests.
 *
 * @module
 */
import { coarserIndex, finestIndex, MAX_SCHEMA } from "../../estimators/native_bounds.ts";

/** Finds the bucket of a value as the estimator does. */
export function findBucket(schema: number, value: number): number {
  return coarserIndex(finestIndex(value), MAX_SCHEMA - schema);
}
