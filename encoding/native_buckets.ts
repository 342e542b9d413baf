import type { NativeHistogram } from "../model.ts";
import { isCount, type ProtoWriter } from "./proto_writer.ts";

/**
 * Writes the buckets of a native histogram in three fields. `field` has the spans, which are the
 * places of the buckets. `field + 1` has the differences between the counts. If a count is not an
 * integer, `field + 2` has the counts instead. A gap of up to two buckets is written as zeros,
 * which takes less space than another span.
 *
 * The messages of a scrape and of remote write have the same layout.
 *
 * @param proto The writer.
 * @param field The number of the first field.
 * @param buckets The counts by index.
 * @param isInteger Whether all counts of the histogram are integers.
 */
export function writeBuckets(
  proto: ProtoWriter,
  field: number,
  buckets: ReadonlyMap<number, number>,
  isInteger: boolean,
): void {
  const ascending = inOrder(buckets);
  const indices = [...ascending.keys()];
  const values = [...ascending.values()];
  const counts: number[] = [];
  let end = 0;
  for (let i = 0; i < indices.length;) {
    const first = counts.length;
    const offset = indices[i]! - end;
    end = indices[i]!;
    for (; i < indices.length && indices[i]! - end <= 2; i++) {
      for (; end < indices[i]!; end++) counts.push(0);
      counts.push(values[i]!);
      end++;
    }
    const span = proto.begin(field);
    proto.zigzag(1, offset);
    proto.unsigned(2, counts.length - first);
    proto.end(span);
  }
  let before = 0;
  for (const count of counts) {
    if (isInteger) proto.zigzag(field + 1, count - before);
    else proto.double(field + 2, count);
    before = count;
  }
}

/** Returns buckets in ascending order of the indices. Buckets of live metrics are in order. */
function inOrder(buckets: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  let last = -Infinity;
  for (const index of buckets.keys()) {
    if (index < last) return new Map([...buckets].sort(([a], [b]) => a - b));
    last = index;
  }
  return buckets;
}

/**
 * Returns whether a native histogram can be written as integers. Readers expect either integers
 * only or floats only. Prometheus rejects a whole scrape if an integer histogram has another count
 * than its buckets, or a lower one if its sum is NaN, because NaN is in no bucket. The sum of
 * histograms that are not all native ones is such a histogram.
 *
 * @param native The histogram.
 * @param count The count of all values.
 * @returns Whether all counts are integers, and fit together.
 */
export function isIntegral(
  { zeroCount, positive, negative, sum }: NativeHistogram,
  count: number,
): boolean {
  if (!isCount(count) || !isCount(zeroCount)) return false;
  let inBuckets = zeroCount;
  for (const buckets of [positive, negative]) {
    for (const count of buckets.values()) {
      if (!isCount(count)) return false;
      inBuckets += count;
    }
  }
  return inBuckets === count || (Number.isNaN(sum) && inBuckets < count);
}
