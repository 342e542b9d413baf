/**
 * The arithmetic of histograms, as pure functions: the observations between two scrapes, their
 * quantiles, and their heat strip.
 *
 * @module
 */

/** A classic histogram: the counts of the buckets, not cumulative, with +Inf last. */
export interface ClassicBuckets {
  readonly kind: "classic";
  /** The finite upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** One more number than there are bounds. */
  readonly counts: readonly number[];
}

/** A native histogram: counts by bucket index, as in the specification. */
export interface NativeBuckets {
  readonly kind: "native";
  readonly schema: number;
  readonly zeroThreshold: number;
  readonly zeroCount: number;
  readonly positive: ReadonlyMap<number, number>;
  readonly negative: ReadonlyMap<number, number>;
}

/** The buckets of a histogram, of either kind. */
export type Buckets = ClassicBuckets | NativeBuckets;

/** A bucket as an interval: open below, closed above. */
export interface Cell {
  readonly lower: number;
  readonly upper: number;
  readonly count: number;
}

/** The coarsest schema. */
const MIN_SCHEMA = -4;

/** Returns the upper bound of a native bucket, precise enough to show it. */
function upperBound(schema: number, index: number): number {
  return 2 ** (index * 2 ** -schema);
}

/** Returns the same buckets at a coarser schema, with a zero bucket that may be wider. */
function coarsen(buckets: NativeBuckets, schema: number, zeroThreshold: number): NativeBuckets {
  if (buckets.schema === schema && buckets.zeroThreshold === zeroThreshold) return buckets;
  const shift = buckets.schema - schema;
  let zeroCount = buckets.zeroCount;
  const side = (from: ReadonlyMap<number, number>): Map<number, number> => {
    const to = new Map<number, number>();
    for (const [index, count] of from) {
      if (upperBound(buckets.schema, index) <= zeroThreshold) {
        zeroCount += count;
        continue;
      }
      const coarse = ((index - 1) >> shift) + 1;
      to.set(coarse, (to.get(coarse) ?? 0) + count);
    }
    return to;
  };
  const positive = side(buckets.positive);
  const negative = side(buckets.negative);
  return { kind: "native", schema, zeroThreshold, zeroCount, positive, negative };
}

/**
 * Returns the observations between two scrapes. If a bucket has fewer observations than before, or
 * if the buckets have changed, the program was restarted, and all observations are new. Prometheus
 * does the same.
 */
export function increase(before: Buckets, after: Buckets): Buckets {
  if (before.kind === "classic" || after.kind === "classic") {
    if (before.kind !== "classic" || after.kind !== "classic") return after;
    if (!equal(before.bounds, after.bounds)) return after;
    const counts = after.counts.map((count, i) => count - (before.counts[i] ?? 0));
    return counts.some((count) => count < 0) ? after : { ...after, counts };
  }
  // A histogram can become coarser. If it is finer than before, it was reset.
  if (after.schema > before.schema || after.zeroThreshold < before.zeroThreshold) return after;
  const { zeroCount, positive, negative } = coarsen(before, after.schema, after.zeroThreshold);
  const grown = {
    ...after,
    zeroCount: after.zeroCount - zeroCount,
    positive: subtract(after.positive, positive),
    negative: subtract(after.negative, negative),
  };
  const fell = grown.zeroCount < 0 || hasNegative(grown.positive) || hasNegative(grown.negative);
  return fell ? after : grown;
}

function equal(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}

function subtract(
  from: ReadonlyMap<number, number>,
  what: ReadonlyMap<number, number>,
): Map<number, number> {
  const rest = new Map<number, number>();
  for (const [index, count] of from) {
    const difference = count - (what.get(index) ?? 0);
    if (difference !== 0) rest.set(index, difference);
  }
  for (const [index, count] of what) if (!from.has(index)) rest.set(index, -count);
  return rest;
}

function hasNegative(counts: ReadonlyMap<number, number>): boolean {
  for (const count of counts.values()) if (count < 0) return true;
  return false;
}

/**
 * Adds histograms, at the resolution of the coarsest. Ignores those of another kind or with other
 * bounds than the last one. Returns undefined if there are no histograms.
 */
export function total(columns: readonly (Buckets | undefined)[]): Buckets | undefined {
  const last = columns.findLast((column) => column !== undefined);
  if (last === undefined) return undefined;
  if (last.kind === "classic") {
    const counts = last.counts.map(() => 0);
    for (const column of columns) {
      if (column?.kind !== "classic" || !equal(column.bounds, last.bounds)) continue;
      for (let i = 0; i < counts.length; i++) counts[i]! += column.counts[i] ?? 0;
    }
    return { kind: "classic", bounds: last.bounds, counts };
  }
  const natives = columns.filter((column) => column?.kind === "native");
  const schema = natives.reduce((least, column) => Math.min(least, column.schema), last.schema);
  const zeroThreshold = natives.reduce(
    (greatest, column) => Math.max(greatest, column.zeroThreshold),
    last.zeroThreshold,
  );
  let zeroCount = 0;
  const positive = new Map<number, number>();
  const negative = new Map<number, number>();
  for (const column of natives) {
    const coarse = coarsen(column, schema, zeroThreshold);
    zeroCount += coarse.zeroCount;
    for (const [index, count] of coarse.positive) add(positive, index, count);
    for (const [index, count] of coarse.negative) add(negative, index, count);
  }
  return { kind: "native", schema, zeroThreshold, zeroCount, positive, negative };
}

function add(counts: Map<number, number>, index: number, count: number): void {
  counts.set(index, (counts.get(index) ?? 0) + count);
}

/** Returns the number of observations in the buckets. */
export function countOf(buckets: Buckets | undefined): number {
  return buckets === undefined ? 0 : cells(buckets).reduce((sum, { count }) => sum + count, 0);
}

/** Returns the buckets as intervals, ascending. A classic histogram includes empty buckets. */
export function cells(buckets: Buckets): Cell[] {
  if (buckets.kind === "classic") {
    const { bounds, counts } = buckets;
    return counts.map((count, i) => ({
      lower: bounds[i - 1] ?? -Infinity,
      upper: bounds[i] ?? Infinity,
      count,
    }));
  }
  const { schema, zeroThreshold, zeroCount, positive, negative } = buckets;
  const sorted = (side: ReadonlyMap<number, number>) => [...side].sort(([a], [b]) => a - b);
  const made: Cell[] = [];
  for (const [index, count] of sorted(negative).reverse()) {
    made.push({ lower: -upperBound(schema, index), upper: -upperBound(schema, index - 1), count });
  }
  if (zeroCount !== 0) made.push({ lower: -zeroThreshold, upper: zeroThreshold, count: zeroCount });
  for (const [index, count] of sorted(positive)) {
    made.push({ lower: upperBound(schema, index - 1), upper: upperBound(schema, index), count });
  }
  return made;
}

/**
 * Returns a quantile, interpolated like `histogram_quantile` of Prometheus: linearly in a classic
 * bucket and in a zero bucket, exponentially in other native buckets. In the bucket +Inf it is the
 * greatest finite bound. A first bucket that ends above 0 begins at 0. NaN without observations. See
 * https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile
 */
export function quantile(q: number, buckets: Buckets): number {
  const all = cells(buckets);
  const rank = q * all.reduce((sum, { count }) => sum + count, 0);
  let below = 0;
  const hit = all.find(({ count }) => (below += count) >= rank && count > 0);
  if (hit === undefined) return NaN;
  const fraction = Math.max(0, (rank - (below - hit.count)) / hit.count);
  if (buckets.kind === "classic") return withinClassic(hit, fraction, buckets.bounds);
  const { positive, negative } = buckets;
  let { lower, upper } = hit;
  if (lower <= 0 && upper >= 0) {
    if (negative.size === 0) lower = 0;
    if (positive.size === 0) upper = 0;
    return lower + (upper - lower) * fraction;
  }
  const sign = lower < 0 ? -1 : 1;
  const from = Math.log2(Math.abs(lower));
  const to = Math.log2(Math.abs(upper));
  return sign * 2 ** (from + (to - from) * fraction);
}

/** A bucket is narrow if its upper bound is at most this multiple of its lower bound. */
const WIDE = 2.6;

/** What is known about a quantile. */
export interface Quantile {
  /** Whether the value is the quantile, within its bucket, or a bound of it. */
  readonly sign: "" | "≤" | ">";
  readonly value: number;
}

/**
 * Returns what the buckets say about a quantile. It is interpolated only in a narrow bucket. A first
 * bucket, a wide bucket, or a bucket with all observations only says that it is at most the upper
 * bound. The bucket +Inf says that it is above the greatest finite bound.
 */
export function knownQuantile(q: number, buckets: Buckets): Quantile {
  const value = quantile(q, buckets);
  if (buckets.kind === "native" || Number.isNaN(value)) return { sign: "", value };
  const filled = cells(buckets).filter(({ count }) => count > 0);
  const rank = q * filled.reduce((sum, { count }) => sum + count, 0);
  let below = 0;
  // There is one, because the quantile is not NaN.
  const hit = filled.find(({ count }) => (below += count) >= rank)!;
  const { lower, upper } = hit;
  if (upper === Infinity) return { sign: ">", value };
  const isNarrow = lower > 0 ? upper <= WIDE * lower : upper < 0 && lower >= WIDE * upper;
  return isNarrow && filled.length > 1 ? { sign: "", value } : { sign: "≤", value: upper };
}

function withinClassic(
  { lower, upper }: Cell,
  fraction: number,
  bounds: readonly number[],
): number {
  if (upper === Infinity) return bounds.at(-1) ?? NaN;
  if (lower === -Infinity) {
    if (upper <= 0) return upper;
    return upper * fraction;
  }
  return lower + (upper - lower) * fraction;
}

/** A heat strip: a column for each scrape, a row for each bucket. */
export interface Heat {
  /** The rows, from the smallest values to the largest. */
  readonly rows: readonly { readonly lower: number; readonly upper: number }[];
  /** The counts of each column, by row. Undefined if there was no scrape before. */
  readonly columns: readonly (Float64Array | undefined)[];
  /** The largest count. */
  readonly max: number;
}

/**
 * Puts columns on common rows. The rows of a classic histogram are its buckets. The rows of a native
 * histogram are as fine as possible, with at most `maxRows` for each sign.
 */
export function heat(columns: readonly (Buckets | undefined)[], maxRows: number): Heat {
  const sum = total(columns);
  if (sum === undefined) return { rows: [], columns: columns.map(() => undefined), max: 0 };
  const grid = sum.kind === "classic" ? classicGrid(sum) : nativeGrid(sum, maxRows);
  let max = 0;
  const laid = columns.map((column) => {
    if (column === undefined) return undefined;
    const counts = grid.lay(column);
    for (const count of counts) max = Math.max(max, count);
    return counts;
  });
  return { rows: grid.rows, columns: laid, max };
}

/** Rows, and a function that puts the counts of a column on them. */
interface Grid {
  readonly rows: Heat["rows"];
  lay(column: Buckets): Float64Array;
}

function classicGrid(sum: ClassicBuckets): Grid {
  return {
    rows: cells(sum),
    lay: (column) =>
      column.kind === "classic" && equal(column.bounds, sum.bounds)
        ? Float64Array.from(column.counts)
        : new Float64Array(sum.counts.length),
  };
}

function nativeGrid(sum: NativeBuckets, maxRows: number): Grid {
  let fitted = sum;
  let positive = span(fitted.positive);
  let negative = span(fitted.negative);
  while (
    fitted.schema > MIN_SCHEMA && (positive.length > maxRows || negative.length > maxRows)
  ) {
    fitted = coarsen(fitted, fitted.schema - 1, fitted.zeroThreshold);
    positive = span(fitted.positive);
    negative = span(fitted.negative);
  }
  const { schema, zeroThreshold } = fitted;
  const hasZero = fitted.zeroCount > 0;
  const rows: { lower: number; upper: number }[] = [];
  for (let i = negative.length - 1; i >= 0; i--) {
    const index = negative.first + i;
    rows.push({ lower: -upperBound(schema, index), upper: -upperBound(schema, index - 1) });
  }
  if (hasZero) rows.push({ lower: -zeroThreshold, upper: zeroThreshold });
  const firstPositive = rows.length;
  for (let i = 0; i < positive.length; i++) {
    const index = positive.first + i;
    rows.push({ lower: upperBound(schema, index - 1), upper: upperBound(schema, index) });
  }
  return {
    rows,
    lay: (column) => {
      const counts = new Float64Array(rows.length);
      if (column.kind !== "native") return counts;
      const coarse = coarsen(column, schema, zeroThreshold);
      for (const [index, count] of coarse.positive) {
        counts[firstPositive + index - positive.first] = count;
      }
      for (const [index, count] of coarse.negative) {
        counts[negative.length - 1 - (index - negative.first)] = count;
      }
      if (hasZero) counts[negative.length] = coarse.zeroCount;
      return counts;
    },
  };
}

/** Returns the smallest index, and the number of indices from it to the largest. */
function span(side: ReadonlyMap<number, number>): { first: number; length: number } {
  let first = Infinity;
  let last = -Infinity;
  for (const index of side.keys()) {
    first = Math.min(first, index);
    last = Math.max(last, index);
  }
  return first === Infinity ? { first: 0, length: 0 } : { first, length: last - first + 1 };
}
