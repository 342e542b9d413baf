import { checkNumber, checkShape, received } from "./checks.ts";
import { type LiveMetrics, TRUSTED } from "./live_metrics.ts";
import type {
  Exemplar,
  HistogramMetric,
  LabelledMetric,
  Metric,
  MetricType,
  NativeHistogram,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from "./sample.ts";

/**
 * Returns a key that two label sets share only if they are equal. The order of the labels does not
 * matter. Each part has its length before it, so keys cannot collide.
 *
 * @param labelNames The names.
 * @param labelValues The values, in the same order.
 * @returns The key.
 */
export function labelSetKey(
  labelNames: readonly string[],
  labelValues: readonly string[],
): string {
  const parts = labelNames.map((name, i) => {
    const value = labelValues[i] ?? "";
    return `${name.length}:${name}${value.length}:${value}`;
  });
  return parts.length < 2 ? (parts[0] ?? "") : parts.sort().join("");
}

/**
 * Returns a key that two series share if Prometheus cannot tell them apart: a label with an empty
 * value counts as if it were not there.
 *
 * @param labelNames The names.
 * @param labelValues The values, in the same order.
 * @returns The key.
 */
export function seriesKey(labelNames: readonly string[], labelValues: readonly string[]): string {
  if (!labelValues.includes("")) return labelSetKey(labelNames, labelValues);
  const names = labelNames.filter((_, i) => labelValues[i] !== "");
  return labelSetKey(names, labelValues.filter((value) => value !== ""));
}

/** A number that was added as one sample. */
export interface AssembledNumber extends NumberMetric {
  created: number | undefined;
}

/** The parts that an assembled metric has once at most. */
export type AssembledPart = "created" | "sum" | "count";

/**
 * A histogram, a summary or a stateset that is built from the samples of one label set and
 * timestamp: a table with a number for each bound, quantile or state, and some single parts.
 */
export class AssembledMetric implements HistogramMetric, SummaryMetric, StateSetMetric {
  readonly labelNames: readonly string[];
  readonly labelValues: readonly string[];
  readonly timestamp: number | undefined;
  native: NativeHistogram | undefined = undefined;
  nativeExemplars: Exemplar[] | undefined = undefined;
  readonly #parts: Partial<Record<AssembledPart, number>> = {};
  readonly #keys: (number | string)[] = [];
  readonly #values: number[] = [];
  readonly exemplars: (Exemplar | undefined)[] = [];
  /** The keys, for a fast lookup when there are many. */
  readonly #seen: Set<number | string> = new Set();

  constructor({ labelNames, labelValues, timestamp }: LabelledMetric) {
    this.labelNames = labelNames;
    this.labelValues = labelValues;
    this.timestamp = timestamp;
  }

  /** Sets a part. Returns false if there is one already. */
  setPart(part: AssembledPart, value: number): boolean {
    if (this.#parts[part] !== undefined) return false;
    this.#parts[part] = value;
    return true;
  }

  /** Sets the native histogram. Returns false if there is one already. */
  setNative(native: NativeHistogram, exemplar: Exemplar | undefined): boolean {
    if (this.native !== undefined) return false;
    this.native = native;
    if (exemplar !== undefined) this.nativeExemplars = [exemplar];
    return true;
  }

  /** Adds the number of a quantile or a state. Returns false if it has one already. */
  add(key: number | string, value: number): boolean {
    return this.#insert(this.#keys.length, key, value, undefined);
  }

  /** Inserts a bucket in order. Returns false if there is one with the same bound. */
  addBucket(bound: number, value: number, exemplar: Exemplar | undefined): boolean {
    // The keys of a histogram are numbers.
    const bounds = this.#keys as number[];
    let at = bounds.length;
    while (at > 0 && bounds[at - 1]! > bound) at--;
    return this.#insert(at, bound, value, exemplar);
  }

  #insert(
    at: number,
    key: number | string,
    value: number,
    exemplar: Exemplar | undefined,
  ): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    this.#keys.splice(at, 0, key);
    this.#values.splice(at, 0, value);
    this.exemplars.splice(at, 0, exemplar);
    return true;
  }

  get created(): number | undefined {
    return this.#parts.created;
  }

  // A native histogram has a sum and a count too.
  get sum(): number | undefined {
    return this.#parts.sum ?? this.native?.sum;
  }

  get count(): number | undefined {
    return this.#parts.count ?? this.native?.count;
  }

  // The keys of a histogram and of a summary are numbers, and those of a stateset are strings.
  get bounds(): readonly number[] {
    return (this.#seen.has(Infinity) ? this.#keys.slice(0, -1) : this.#keys) as number[];
  }

  get quantiles(): readonly number[] {
    return this.#keys as number[];
  }

  get states(): readonly string[] {
    return this.#keys as string[];
  }

  get stateValues(): readonly number[] {
    return this.#values;
  }

  quantileValues(): readonly number[] {
    return this.#values;
  }

  cumulativeCounts(): readonly number[] {
    const counts = this.#values;
    const isComplete = this.#seen.has(Infinity) ||
      (counts.length === 0 && this.native === undefined);
    // If the bucket of +Inf is missing, the count or the last bucket is its value.
    return isComplete ? counts : [...counts, this.count ?? counts.at(-1) ?? 0];
  }
}

/**
 * The metrics of a family whose samples are added one at a time. Samples of one label set and
 * timestamp go into one metric. A repeated sample begins another metric with the same labels, so
 * that nothing is lost and the registry sees that the series came twice.
 */
export class Assembly implements LiveMetrics {
  readonly #metrics: Metric[] = [];
  readonly #open: Map<string, Metric> = new Map();
  #trusted: MetricType | undefined;

  /** Starts without metrics. */
  constructor(type: MetricType) {
    this.#trusted = type;
  }

  /** The type of the family, as long as every metric was checked when it was added. */
  get [TRUSTED](): MetricType | undefined {
    return this.#trusted;
  }

  /** Makes readers check every metric. */
  distrust(): void {
    this.#trusted = undefined;
  }

  [Symbol.iterator](): Iterator<Metric> {
    return this.#metrics[Symbol.iterator]();
  }

  /** Adds a metric that is one number. */
  addNumber(metric: AssembledNumber): void {
    this.#add(seriesAt(metric), metric);
  }

  /**
   * Adds a sample to its metric, and creates the metric if necessary.
   *
   * @param base The labels and the timestamp of the sample, without the reserved label.
   * @param put Puts the sample into a metric. Returns false if the metric has it already.
   */
  add(base: LabelledMetric, put: (metric: AssembledMetric) => boolean): void {
    const key = seriesAt(base);
    // An assembly belongs to one family, so all its metrics have the same shape.
    const open = this.#open.get(key) as AssembledMetric | undefined;
    if (open !== undefined && put(open)) return;
    const metric = new AssembledMetric(base);
    put(metric);
    this.#add(key, metric);
  }

  /** Returns the last metric of a label set and timestamp. */
  find(base: LabelledMetric): Metric | undefined {
    return this.#open.get(seriesAt(base));
  }

  #add(key: string, metric: Metric): void {
    if (this.#open.has(key)) this.distrust();
    this.#metrics.push(metric);
    this.#open.set(key, metric);
  }
}

/** Returns a key of a label set and a timestamp. */
function seriesAt({ labelNames, labelValues, timestamp }: LabelledMetric): string {
  const key = labelSetKey(labelNames, labelValues);
  return timestamp === undefined ? key : `${timestamp}@${key}`;
}

/**
 * Parses the value of an `le` or `quantile` label.
 *
 * @param text The label value.
 * @param name The name of the label.
 * @param doing The failing action, as in `Cannot add sample "x" to summary "x"`.
 * @returns The number.
 * @throws {TypeError} If it is not a number.
 */
export function parseBound(text: string | undefined, name: string, doing: string): number {
  if (text === "+Inf" || text === "Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  const value = text === undefined || text.trim() === "" ? NaN : Number(text);
  if (!Number.isFinite(value)) checkShape(false, doing, `label "${name}" must be a number`, text);
  return value;
}

/**
 * Checks a native histogram and copies it.
 *
 * @param native The histogram.
 * @param doing The failing action, as in `Cannot add sample "x" to histogram "x"`.
 * @returns A copy.
 * @throws {TypeError} If it is not a native histogram.
 * @throws {RangeError} If its schema is not an integer from -4 to 8.
 */
export function checkNativeHistogram(native: NativeHistogram, doing: string): NativeHistogram {
  const hasBuckets = native?.positive instanceof Map && native.negative instanceof Map;
  const rule = "a native histogram must have maps of positive and negative buckets";
  checkShape(hasBuckets, doing, rule, native);
  const { schema, zeroThreshold, zeroCount, positive, negative, sum, count } = native;
  const check = (
    key: string,
    value: unknown,
    isLegal: (value: number) => boolean = () => true,
    rule = "",
  ): number => checkNumber(value, isLegal, rule, doing, `${key} of the native histogram`);
  const isSchema = (value: number): boolean => Number.isInteger(value) && value >= -4 && value <= 8;
  check("schema", schema, isSchema, "an integer from -4 to 8");
  const isThreshold = (value: number): boolean => value >= 0 && value < Infinity;
  check("zeroThreshold", zeroThreshold, isThreshold, "finite and >= 0");
  check("zeroCount", zeroCount, (value) => value >= 0, ">= 0");
  check("sum", sum);
  check("count", count);
  for (const [key, buckets] of Object.entries({ positive, negative })) {
    for (const [index, value] of buckets) {
      if (
        typeof index !== "number" || (index | 0) !== index || typeof value !== "number" ||
        !(value >= 0)
      ) {
        throw new TypeError(
          `${doing}: ${key} buckets of the native histogram must map 32-bit integers to counts: ` +
            `received ${received(index)} => ${received(value)}`,
        );
      }
    }
  }
  return {
    schema,
    zeroThreshold,
    zeroCount,
    positive: new Map(positive),
    negative: new Map(negative),
    sum,
    count,
  };
}
