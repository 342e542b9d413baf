import type { NativeHistogram } from "../../model.ts";
import { toCount } from "../proto_writer.ts";
import type { Message } from "./message.ts";

/** How many buckets are written at most on each side. They are dense, unlike those of Prometheus. */
const MAX_BUCKETS = 1024;

/**
 * Returns the fields of an exponential histogram's point that its buckets make.
 *
 * Prometheus numbers buckets by their upper bound and OTLP by their lower one, so offsets differ by
 * one. OTLP writes all buckets between the first and the last. Where these are too many, the
 * resolution is halved as often as it takes.
 *
 * @param native The native histogram.
 * @returns The fields.
 */
export function exponentialFields(native: NativeHistogram): Message {
  let { schema, positive, negative } = native;
  while (rangeOf(positive) > MAX_BUCKETS || rangeOf(negative) > MAX_BUCKETS) {
    schema--;
    positive = halved(positive);
    negative = halved(negative);
  }
  return {
    scale: schema,
    zeroCount: toCount(native.zeroCount),
    positive: dense(positive),
    negative: dense(negative),
    zeroThreshold: native.zeroThreshold,
  };
}

/**
 * Merges pairs of buckets, which is what the next coarser schema has.
 *
 * @param buckets The counts by index.
 * @returns The counts by index of the coarser schema.
 */
export function halved(buckets: ReadonlyMap<number, number>): Map<number, number> {
  const coarser = new Map<number, number>();
  for (const [index, count] of buckets) {
    // The upper bound decides. The addition makes 0 of -0, which is no index.
    const into = Math.ceil(index / 2) + 0;
    coarser.set(into, (coarser.get(into) ?? 0) + count);
  }
  return coarser;
}

function boundsOf(buckets: ReadonlyMap<number, number>): [first: number, last: number] {
  let first = Infinity;
  let last = -Infinity;
  for (const index of buckets.keys()) {
    if (index < first) first = index;
    if (index > last) last = index;
  }
  return [first, last];
}

function rangeOf(buckets: ReadonlyMap<number, number>): number {
  const [first, last] = boundsOf(buckets);
  return last - first + 1;
}

function dense(buckets: ReadonlyMap<number, number>): Message | undefined {
  if (buckets.size === 0) return undefined;
  const [first, last] = boundsOf(buckets);
  const bucketCounts = new Array<number>(last - first + 1).fill(0);
  for (const [index, count] of buckets) bucketCounts[index - first] = toCount(count);
  return { offset: first - 1, bucketCounts };
}
