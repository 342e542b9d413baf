import type { NativeHistogram } from "../model.ts";
import { isCount } from "./proto_writer.ts";

/** Buckets of a native histogram that follow each other without a gap. */
export interface BucketSpan {
  /** How many buckets lie between it and the one before; of the first, its index. */
  readonly offset: number;
  /** How many buckets it has. */
  readonly length: number;
}

/** The buckets of one sign, as Prometheus's protobuf messages have them. */
export interface SpannedBuckets {
  /** Where buckets are. */
  readonly spans: readonly BucketSpan[];
  /** The counts of all of them, by index. */
  readonly counts: readonly number[];
}

/**
 * Lays buckets out as spans. A gap of up to two buckets is written as zeros, which
 * takes less room than another span.
 *
 * @param buckets The counts by index.
 * @returns The spans, and the counts in them.
 */
export function toSpans(buckets: ReadonlyMap<number, number>): SpannedBuckets {
  const indices = [...buckets.keys()].sort((a, b) => a - b);
  const spans: BucketSpan[] = [];
  const counts: number[] = [];
  let end = 0;
  for (let i = 0; i < indices.length;) {
    const first = counts.length;
    const offset = indices[i]! - end;
    end = indices[i]!;
    for (; i < indices.length && indices[i]! - end <= 2; i++) {
      for (; end < indices[i]!; end++) counts.push(0);
      counts.push(buckets.get(end++)!);
    }
    spans.push({ offset, length: counts.length - first });
  }
  return { spans, counts };
}

/**
 * How much each count differs from the one before, across spans.
 *
 * @param counts The counts.
 * @returns As many differences, the first from 0.
 */
export function toDeltas(counts: readonly number[]): number[] {
  return counts.map((count, i) => count - (i === 0 ? 0 : counts[i - 1]!));
}

/**
 * Whether all counts of a native histogram's buckets are integers: a reader takes all
 * counts for integers, or all for floats.
 *
 * @param native The histogram.
 * @returns Whether they are; the count of all values is not looked at.
 */
export function hasCounts({ zeroCount, positive, negative }: NativeHistogram): boolean {
  if (!isCount(zeroCount)) return false;
  for (const count of positive.values()) if (!isCount(count)) return false;
  for (const count of negative.values()) if (!isCount(count)) return false;
  return true;
}
