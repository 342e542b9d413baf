import type { NativeHistogram } from "../model.ts";
import { isCount, type ProtoWriter } from "./proto_writer.ts";

/**
 * Writes buckets of a native histogram as spans, in fields from `field` on: where they are
 * (`field`), by how much each count differs from the one before (`field + 1`), or, when a
 * count of the histogram is not an integer, the counts themselves (`field + 2`). A gap of up
 * to two buckets is written as zeros, which takes less room than another span.
 *
 * The messages of a scrape and those of remote write have the same layout here.
 *
 * @param proto Where to.
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

/** Buckets in ascending order of their indices, as those of metrics already are. */
function inOrder(buckets: ReadonlyMap<number, number>): ReadonlyMap<number, number> {
  let last = -Infinity;
  for (const index of buckets.keys()) {
    if (index < last) return new Map([...buckets].sort(([a], [b]) => a - b));
    last = index;
  }
  return buckets;
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
