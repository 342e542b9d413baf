import type { HistogramMetric, NativeHistogram } from "../../mod.ts";
import { copyBuckets, type NativeBuckets, sumBuckets } from "../native.ts";

/** Returns a histogram of numbers that do not change any more. */
export function histogramOf(
  { labelNames, labelValues }: Pick<HistogramMetric, "labelNames" | "labelValues">,
  { bounds, cumulative, sum, count, native, created }: HistogramNumbers,
): HistogramMetric {
  const cumulativeCounts = (): readonly number[] => cumulative;
  return { labelNames, labelValues, bounds, sum, count, native, created, cumulativeCounts };
}

/** The numbers of a histogram. */
export interface HistogramNumbers {
  readonly bounds: readonly number[];
  /** One count for each bound and one for `+Inf`. Empty for a histogram without buckets. */
  readonly cumulative: readonly number[];
  readonly sum: number | undefined;
  readonly count: number | undefined;
  readonly native?: NativeHistogram | undefined;
  readonly created?: number | undefined;
}

/**
 * Returns the counts at other bounds. A missing bound gets the count of the next lower one,
 * so a count is never too high and never falls.
 */
function countsAt(
  cumulative: readonly number[],
  from: readonly number[],
  to: readonly number[],
): readonly number[] {
  if (from === to) return cumulative;
  const counts: number[] = [];
  let i = 0;
  for (const bound of to) {
    while (i < from.length && from[i]! <= bound) i++;
    counts.push(i === 0 ? 0 : cumulative[i - 1]!);
  }
  counts.push(cumulative.at(-1) ?? 0);
  return counts;
}

/** Adds up histograms at the given bounds. */
export function sumHistograms(
  all: readonly HistogramNumbers[],
  bounds: readonly number[],
): HistogramNumbers {
  const cumulative: number[] = [];
  for (const one of all) {
    if (one.cumulative.length === 0) continue;
    for (const [i, count] of countsAt(one.cumulative, one.bounds, bounds).entries()) {
      cumulative[i] = (cumulative[i] ?? 0) + count;
    }
  }
  const sum = total(all, "sum");
  const count = total(all, "count");
  const natives = all.flatMap(({ native }) => native ?? []);
  return {
    bounds: cumulative.length === 0 ? [] : bounds,
    cumulative,
    sum,
    count,
    // A sum of only some of them would be less than the count.
    native: natives.length < all.length ? undefined : sumNatives(natives),
    created: earliest(all),
  };
}

/** Returns the bounds that all histograms with buckets have. */
export function commonBounds(all: readonly HistogramNumbers[]): readonly number[] {
  const classic = all.filter(({ cumulative }) => cumulative.length > 0);
  const [first, ...others] = classic;
  if (first === undefined) return [];
  return others.reduce<readonly number[]>(
    (common, { bounds }) => common.filter((bound) => bounds.includes(bound)),
    first.bounds,
  );
}

/** Adds up native histograms. */
function sumNatives(all: readonly NativeHistogram[]): NativeHistogram | undefined {
  if (all.length === 0) return undefined;
  const sum = total(all, "sum") ?? 0;
  return nativeOf(sumBuckets(all.map(copyBuckets)), sum, total(all, "count") ?? 0);
}

/** Returns a native histogram. Its count is at least the sum of its buckets. */
export function nativeOf(buckets: NativeBuckets, sum: number, count: number): NativeHistogram {
  let inBuckets = buckets.zeroCount;
  for (const list of [buckets.positive, buckets.negative]) {
    for (const bucket of list.values()) inBuckets += bucket;
  }
  return { ...buckets, sum, count: Math.max(count, inBuckets) };
}

/** Adds up a property of all objects. Returns undefined if one of them lacks it. */
export function total<K extends "sum" | "count">(
  all: readonly { readonly [key in K]: number | undefined }[],
  key: K,
): number | undefined {
  let sum = 0;
  for (const one of all) {
    const number = one[key];
    if (number === undefined) return undefined;
    sum += number;
  }
  return sum;
}

/** Returns the earliest created timestamp. Returns undefined if one of them has none. */
export function earliest(
  all: readonly { readonly created?: number | undefined }[],
): number | undefined {
  let first = Infinity;
  for (const { created } of all) {
    if (created === undefined) return undefined;
    first = Math.min(first, created);
  }
  return first;
}
