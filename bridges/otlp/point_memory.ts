import {
  type HistogramMetric,
  type LabelledMetric,
  type Metric,
  MetricFamily,
  type NativeHistogram,
  type NumberMetric,
} from "../../mod.ts";
import { seriesKey } from "../../model.ts";
import { halved } from "../../encoding/otlp/exponential.ts";

/** The numbers of a series, not cumulative within a histogram. */
interface Totals {
  readonly value: number;
  readonly sum: number;
  readonly counts: readonly number[];
  readonly native: NativeHistogram | undefined;
}

/** The state of a series at the last snapshot. */
interface Known {
  /** When it began to count, in seconds since 1970. */
  readonly start: number;
  /** The start time of the series itself, which reveals a reset. */
  readonly created: number | undefined;
  /** The time of the last snapshot that had it, in seconds since 1970. */
  readonly seen: number;
  readonly totals: Totals;
  /** How many snapshots since then did not have it. */
  missed: number;
}

/**
 * The number of snapshots for which a missing series is remembered. Its collector may have failed, and
 * its totals continue later.
 */
const MAX_MISSED = 10;

/**
 * Adds a start time to each counter and histogram, and computes differences of totals.
 *
 * Metrics of this library have a start time. For others it is the first snapshot that has them, as
 * in OpenTelemetry's data model for an unknown start time. A total that has decreased was reset after
 * the previous snapshot.
 *
 * Holds numbers of series of the last ten snapshots: with differences those of all counters and
 * histograms, otherwise only those without a start time.
 */
export class PointMemory {
  readonly #isDelta: boolean;
  #before: Map<string, Map<string, Known>> = new Map();
  #now: Map<string, Map<string, Known>> = new Map();
  /** The start times of metrics in this snapshot that have none themselves. */
  #starts: WeakMap<Metric, number> = new WeakMap();

  constructor(isDelta: boolean) {
    this.#isDelta = isDelta;
  }

  /** Begins a snapshot. The finished part of an earlier one counts. */
  begin(): void {
    this.end();
    this.#starts = new WeakMap();
  }

  /** Ends a snapshot. The next one is compared with it. */
  end(): void {
    if (this.#now.size === 0) return;
    for (const [name, before] of this.#before) {
      let now = this.#now.get(name);
      for (const [key, known] of before) {
        if (now?.has(key) || ++known.missed > MAX_MISSED) continue;
        if (now === undefined) this.#now.set(name, now = new Map());
        now.set(key, known);
      }
    }
    this.#before = this.#now;
    this.#now = new Map();
  }

  /**
   * Returns since when a metric counts.
   *
   * @param metric A metric of a family that was prepared.
   * @returns Seconds since 1970; undefined if it does not count.
   */
  startOf(metric: Metric): number | undefined {
    return metric.created ?? this.#starts.get(metric);
  }

  /**
   * Returns a family whose metrics have start times, and differences if these are wanted.
   *
   * @param family The family.
   * @param seconds The time of the snapshot, in seconds since 1970.
   * @returns The family; the same one if nothing is to be done.
   */
  prepare(family: MetricFamily, seconds: number): MetricFamily {
    const { name, help, type, unit } = family;
    if (type === "gauge" || type === "unknown" || type === "gaugehistogram") return family;
    const isDelta = this.#isDelta && (type === "counter" || type === "histogram");
    const metrics = { [Symbol.iterator]: () => this.#metrics(family, seconds, isDelta) };
    return new MetricFamily(name, help, type, { unit, nameValidation: "utf8", metrics });
  }

  *#metrics(
    { name, type, metrics }: MetricFamily,
    seconds: number,
    isDelta: boolean,
  ): Generator<Metric> {
    const before = this.#before.get(name);
    const now = new Map<string, Known>();
    this.#now.set(name, now);
    for (const metric of metrics) {
      const { created } = metric;
      if (created !== undefined && !isDelta) {
        yield metric;
        continue;
      }
      const key = seriesKey(metric.labelNames, metric.labelValues);
      const known = before?.get(key);
      const totals = totalsOf(metric, type);
      const isReset = known !== undefined && hasBegunAgain(known, created, totals);
      const start = known === undefined
        ? created ?? seconds
        : isReset
        ? Math.max(created ?? known.seen, known.seen)
        : isDelta
        ? known.seen
        : known.start;
      now.set(key, { start, created, seen: seconds, totals, missed: 0 });
      if (!isDelta) {
        this.#starts.set(metric, start);
        yield metric;
        continue;
      }
      const difference = known === undefined || isReset ? totals : subtract(totals, known.totals);
      if (known !== undefined && isNothing(difference)) continue;
      // Only counters and histograms are differences.
      yield type === "counter"
        ? numberOf(metric as NumberMetric, difference, start)
        : histogramOf(metric as HistogramMetric, difference, start);
    }
  }
}

function totalsOf(metric: Metric, type: MetricFamily["type"]): Totals {
  if (type !== "histogram") {
    // A summary counts its observations; all other types are one number or do not fall.
    const { value, count } = metric as Partial<NumberMetric> & { count?: number };
    return { value: value ?? count ?? 0, sum: 0, counts: [], native: undefined };
  }
  // The type of the family determines the shape.
  const { count = 0, sum = 0, native } = metric as HistogramMetric;
  const cumulative = (metric as HistogramMetric).cumulativeCounts();
  const counts = cumulative.map((value, i) => value - (cumulative[i - 1] ?? 0));
  return { value: count, sum, counts, native };
}

function hasBegunAgain(
  known: Known,
  created: number | undefined,
  { value }: Totals,
): boolean {
  return created !== known.created || value < known.totals.value;
}

function subtract(now: Totals, before: Totals): Totals {
  return {
    value: now.value - before.value,
    sum: now.sum - before.sum,
    counts: now.counts.map((count, i) => count - (before.counts[i] ?? 0)),
    native: now.native &&
      (before.native === undefined ? now.native : subtractNative(now.native, before.native)),
  };
}

function isNothing({ value, sum }: Totals): boolean {
  return value === 0 && sum === 0;
}

/** The histogram may have become coarser since, and its zero bucket wider. */
function subtractNative(now: NativeHistogram, before: NativeHistogram): NativeHistogram {
  let { schema, zeroCount } = before;
  let sides = [before.positive, before.negative];
  for (; schema > now.schema; schema--) sides = sides.map(halved);
  const differences = [now.positive, now.negative].map((buckets, side) => {
    const difference = new Map(buckets);
    for (const [index, count] of sides[side]!) {
      const left = (difference.get(index) ?? 0) - count;
      if (difference.has(index)) difference.set(index, left);
      // Buckets that have disappeared were merged into the zero bucket.
      else zeroCount += count;
      if (left === 0) difference.delete(index);
    }
    return difference;
  });
  return {
    ...now,
    zeroCount: now.zeroCount - zeroCount,
    positive: differences[0]!,
    negative: differences[1]!,
    sum: now.sum - before.sum,
    count: now.count - before.count,
  };
}

function baseOf({ labelNames, labelValues, timestamp }: LabelledMetric, created: number) {
  return { labelNames, labelValues, timestamp, created };
}

function numberOf(metric: NumberMetric, { value }: Totals, start: number): NumberMetric {
  return { ...baseOf(metric, start), value, exemplar: metric.exemplar };
}

function histogramOf(
  metric: HistogramMetric,
  { value, sum, counts, native }: Totals,
  start: number,
): HistogramMetric {
  let total = 0;
  const cumulative = counts.map((count) => total += count);
  return {
    ...baseOf(metric, start),
    bounds: metric.bounds,
    exemplars: metric.exemplars,
    nativeExemplars: metric.nativeExemplars,
    native,
    count: metric.count === undefined ? undefined : value,
    sum: metric.sum === undefined ? undefined : sum,
    cumulativeCounts: () => cumulative,
  };
}
