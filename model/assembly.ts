import { checkBounds, checkShape, received } from "./checks.ts";
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

/** The parts of which a histogram or a summary has at most one each. */
export interface AssembledParts {
  created: number | undefined;
  sum: number | undefined;
  count: number | undefined;
}

/** A metric that is built from the samples of one label set and timestamp. */
abstract class Assembled implements LabelledMetric {
  readonly labelNames: readonly string[];
  readonly labelValues: readonly string[];
  readonly timestamp: number | undefined;

  constructor(base: LabelledMetric) {
    this.labelNames = base.labelNames;
    this.labelValues = base.labelValues;
    this.timestamp = base.timestamp;
  }
}

/** A metric that has a number for each of its keys. */
abstract class AssembledTable<Key> extends Assembled {
  created: number | undefined = undefined;
  readonly keys: Key[] = [];
  readonly values: number[] = [];
  /** The keys, for a fast lookup when there are many. */
  readonly #seen: Set<Key> = new Set();

  /** Adds a number. Returns false if the key has one already. */
  add(key: Key, value: number): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    this.keys.push(key);
    this.values.push(value);
    return true;
  }
}

/** A histogram that is built from its samples. */
export class AssembledHistogram extends Assembled implements HistogramMetric {
  readonly bounds: number[] = [];
  /** The parts that came as samples. A native histogram has a sum and a count too. */
  readonly given: AssembledParts = { created: undefined, sum: undefined, count: undefined };
  native: NativeHistogram | undefined = undefined;
  nativeExemplars: Exemplar[] | undefined = undefined;
  #cumulative: number[] = [];
  #infinite: number | undefined = undefined;
  #exemplars: (Exemplar | undefined)[] = [];
  #infiniteExemplar: Exemplar | undefined = undefined;

  get created(): number | undefined {
    return this.given.created;
  }

  get sum(): number | undefined {
    return this.given.sum ?? this.native?.sum;
  }

  get count(): number | undefined {
    return this.given.count ?? this.native?.count;
  }

  /** Inserts a bucket in order. Returns false if there is one with the same bound. */
  addBucket(bound: number, value: number, exemplar: Exemplar | undefined): boolean {
    if (bound === Infinity) {
      if (this.#infinite !== undefined) return false;
      this.#infinite = value;
      this.#infiniteExemplar = exemplar;
      return true;
    }
    const bounds = this.bounds;
    let at = bounds.length;
    while (at > 0 && bounds[at - 1]! > bound) at--;
    if (at > 0 && bounds[at - 1] === bound) return false;
    bounds.splice(at, 0, bound);
    this.#cumulative.splice(at, 0, value);
    this.#exemplars.splice(at, 0, exemplar);
    return true;
  }

  get exemplars(): readonly (Exemplar | undefined)[] {
    return [...this.#exemplars, this.#infiniteExemplar];
  }

  cumulativeCounts(): readonly number[] {
    if (this.#infinite === undefined && this.bounds.length === 0 && this.native === undefined) {
      return [];
    }
    // If the bucket of +Inf is missing, the count or the last bucket is its value.
    const infinite = this.#infinite ?? this.count ?? this.#cumulative.at(-1) ?? 0;
    return [...this.#cumulative, infinite];
  }
}

/** A summary that is built from its samples. */
export class AssembledSummary extends AssembledTable<number> implements SummaryMetric {
  sum: number | undefined = undefined;
  count: number | undefined = undefined;

  get quantiles(): readonly number[] {
    return this.keys;
  }

  quantileValues(): readonly number[] {
    return this.values;
  }
}

/** A stateset that is built from its samples. */
export class AssembledStateSet extends AssembledTable<string> implements StateSetMetric {
  get states(): readonly string[] {
    return this.keys;
  }

  get stateValues(): readonly number[] {
    return this.values;
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
    const key = this.#key(metric);
    if (this.#open.has(key)) this.distrust();
    this.#metrics.push(metric);
    this.#open.set(key, metric);
  }

  /**
   * Adds a sample to its metric, and creates the metric if necessary.
   *
   * @param base The labels and the timestamp of the sample, without the reserved label.
   * @param create Creates an empty metric.
   * @param put Puts the sample into a metric. Returns false if the metric has it already.
   */
  add<M extends Metric>(
    base: LabelledMetric,
    create: (base: LabelledMetric) => M,
    put: (metric: M) => boolean,
  ): void {
    const key = this.#key(base);
    // An assembly belongs to one family, so all its metrics have the same shape.
    const open = this.#open.get(key) as M | undefined;
    if (open !== undefined && put(open)) return;
    if (open !== undefined) this.distrust();
    const metric = create(base);
    put(metric);
    this.#metrics.push(metric);
    this.#open.set(key, metric);
  }

  /** Returns the last metric of a label set and timestamp. */
  find(base: LabelledMetric): Metric | undefined {
    return this.#open.get(this.#key(base));
  }

  #key(base: LabelledMetric): string {
    const key = labelSetKey(base.labelNames, base.labelValues);
    return base.timestamp === undefined ? key : `${base.timestamp}@${key}`;
  }
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
  for (const [key, value] of Object.entries({ schema, zeroThreshold, zeroCount, sum, count })) {
    if (typeof value === "number") continue;
    checkShape(false, doing, `${key} of the native histogram must be a number`, value);
  }
  const isSchema = Number.isInteger(schema) && schema >= -4 && schema <= 8;
  const isThreshold = zeroThreshold >= 0 && zeroThreshold < Infinity;
  const schemaRule = "schema of the native histogram must be an integer from -4 to 8";
  checkBounds(isSchema, doing, schemaRule, schema);
  const thresholdRule = "zeroThreshold of the native histogram must be finite and >= 0";
  checkBounds(isThreshold, doing, thresholdRule, zeroThreshold);
  checkBounds(zeroCount >= 0, doing, "zeroCount of the native histogram must be >= 0", zeroCount);
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
