import {
  checkBounds,
  checkKnownOptions,
  checkLabelNames,
  checkLabelObject,
  checkNativeHistogram,
  checkNumber,
  checkSeconds,
  checkShape,
  type Exemplar,
  exposedNames,
  familyLike,
  formatBound,
  fullName,
  type HistogramMetric,
  isMetricType,
  type KnownOptions,
  type LabelledMetric,
  type LabelValue,
  type LiveMetrics,
  type Metric,
  MetricFamily,
  type MetricType,
  type NativeHistogram,
  type NumberMetric,
  received,
  seriesKey,
  type StateSetMetric,
  type SummaryMetric,
  toLabelText,
  TRUSTED,
} from "../model.ts";
import { checkPrefix, exposedName } from "./options.ts";
import type { CollectorErrorCause, Gatherer, ReadAsyncOptions, ReadOptions } from "./protocol.ts";
import { ErrorCounts } from "./error_counts.ts";
import { ReadScope, rootOf, whileBusy } from "./read_scope.ts";
import { ANONYMOUS, readName } from "./registrations.ts";
import { narrow, wantedNames } from "./restricted.ts";
import { READABLE_METRICS, unread } from "./unread.ts";

/**
 * Reads a registry synchronously, as it is exposed. `gather()` is the same, and knows the default
 * registry too.
 *
 * @param source The registry.
 * @param options Which families are wanted.
 * @returns The families.
 */
export function gatherFrom(source: Gatherer, options: ReadOptions = {}): MetricFamily[] {
  const gathering = new Gathering(source, options);
  return gathering.scope.run(() => {
    for (const family of source.collect(gathering.options)) gathering.add(family);
    return gathering.families();
  });
}

/**
 * Finds the value of a sample among families.
 *
 * @param families The families, as exposed. No more of them are read once the sample is found.
 * @param name The name of the sample.
 * @param labels All its labels.
 * @returns Its value, or undefined if there is no such sample.
 * @throws {TypeError} If the name is not a string, or a label value is not a string, a number or a boolean.
 */
export function findSample(
  families: Iterable<MetricFamily>,
  name: string,
  labels: Readonly<Record<string, LabelValue>>,
): number | undefined {
  const doing = `Cannot look up sample ${received(name)}`;
  checkShape(typeof name === "string", doing, "name must be a string", name);
  checkLabelObject(labels, doing);
  const wanted = Object.entries(labels).map(([key, value]) =>
    [key, spell(key, value, doing)] as const
  );
  for (const family of families) {
    if (!name.startsWith(family.name) && !name.endsWith("_created")) continue;
    for (const sample of family.samples) {
      if (sample.name !== name || Object.keys(sample.labels).length !== wanted.length) continue;
      if (wanted.every(([key, text]) => sample.labels[key] === text)) return sample.value;
    }
  }
  return undefined;
}

/** The text of a label; bounds and quantiles given as numbers as they are written. */
function spell(labelName: string, value: LabelValue, doing: string): string {
  const isBound = labelName === "le" || labelName === "quantile";
  return isBound && typeof value === "number"
    ? formatBound(value)
    : toLabelText(value, labelName, doing);
}

/** The maximum number of series in a family of a custom collector, repeats included. */
const MAX_METRICS = 1_000_000;

/** The options of a read. */
export const READ_OPTIONS: KnownOptions<ReadAsyncOptions> = {
  names: true,
  metricsOnly: true,
  signal: true,
  timeoutMs: true,
  patienceMs: true,
  maxAgeMs: true,
};

/** What was left out of reads of registries that do not count it themselves. */
const _counts: WeakMap<object, ErrorCounts> = new WeakMap();

/** A family of one read, as exposed. */
interface Entry {
  family: MetricFamily;
  /** The keys of the series of the family. Undefined while nothing had to be compared with them. */
  series: Set<string> | undefined;
  /** The metrics of all families that were merged into this one. */
  merged: Metric[] | undefined;
}

/**
 * One read of a registry: families come in as registered, and go out as exposed. Metrics that are
 * trusted stay live. All others are checked and copied here, once, so that no reader behind this
 * point has to deal with what may throw or change.
 */
export class Gathering {
  /** What the registry is to be asked for. */
  readonly options: ReadAsyncOptions;
  /** What stands before all names. */
  readonly prefix: string | null;
  /** What the read looks up for functions that it calls. */
  readonly scope: ReadScope = new ReadScope();
  readonly #source: Gatherer;
  /** Counts what is left out, if the registry does not. */
  readonly #counts: ErrorCounts | undefined;
  readonly #names: ReadonlySet<string> | undefined;
  readonly #entries: Map<string, Entry> = new Map();
  /** The names that the families take, in whatever format: see `exposedNames()`. */
  readonly #taken: Set<string> = new Set();

  /**
   * Starts without families.
   *
   * @param source The registry, which counts what is left out.
   * @param options Which families are wanted, and how long to wait for them.
   * @throws {TypeError} If the registry's prefix or an option is not legal.
   */
  constructor(source: Gatherer, options: ReadAsyncOptions) {
    this.#source = source;
    this.#counts = countsOf(source);
    this.prefix = checkPrefix(source.prefix, "Cannot gather metrics");
    const own = checkKnownOptions(options, READ_OPTIONS, "Cannot gather metrics");
    this.#names = wantedNames(own);
    const { timeoutMs } = own;
    if (timeoutMs !== undefined) {
      checkNumber(timeoutMs, (ms) => ms >= 0, ">= 0", "Cannot gather metrics", "timeoutMs");
    }
    this.options = { ...own, names: this.#names };
  }

  /** Takes a family in. What cannot be read is left out and counted. */
  add(family: MetricFamily): void {
    for (const part of narrow(family, this, this.#names)) this.#put(part);
  }

  /** Returns the families that came, in their order. */
  families(): MetricFamily[] {
    for (const family of this.#counts?.families() ?? []) this.add(family);
    return Array.from(this.#entries.values(), ({ family }) => family);
  }

  /** Counts what is left out, with the problem as the message of an error. */
  #count(family: MetricFamily, cause: CollectorErrorCause, problem: unknown, times = 1): void {
    // It is no error yet.
    if (ReadScope.current?.isUnwinding) return;
    const name = readName(() => family.name) ?? ANONYMOUS;
    const error = typeof problem === "string"
      ? new TypeError(`Cannot expose family "${name}": ${problem}`)
      : problem;
    this.countError(name, cause, error, times);
  }

  /** Counts something in the registry, or for it. */
  countError(name: string, cause: CollectorErrorCause, error?: unknown, times = 1): void {
    if (this.#counts !== undefined) this.#counts.count(name, cause, error, times);
    else this.#source.countError?.(name, cause, error, times);
  }

  #put(family: MetricFamily): void {
    try {
      this.#expose(family);
    } catch (error) {
      this.#count(family, "invalid", error);
    }
  }

  #expose(family: MetricFamily): void {
    const { type, labelNames } = family;
    const metrics: LiveMetrics = family.metrics;
    // Families of this class were checked when they were made.
    const isTrusted = family instanceof MetricFamily && metrics[TRUSTED] === type;
    if (!isTrusted && !isFamily(family)) {
      return this.#count(family, "invalid", "it is not a metric family");
    }
    const name = exposedName(this.prefix, family.name);
    if (type === "stateset" && labelNames?.includes(name)) {
      return this.#count(family, "conflict", `label "${name}" is reserved for the state`);
    }
    const entry = this.#entries.get(name);
    if (entry !== undefined) return this.#merge(entry, family);

    const names = exposedNames(name, type);
    const clash = [...names].find((own) => this.#taken.has(own));
    if (clash !== undefined) {
      return this.#count(family, "conflict", `another family has samples named "${clash}"`);
    }
    const series: Set<string> | undefined = metrics[TRUSTED] === type ? undefined : new Set();
    const safe = series === undefined ? metrics : this.#check(name, family, metrics, series);
    const exposed = isTrusted && name === family.name
      ? family
      : familyLike(family, { name, metrics: safe });
    // From here on nothing throws.
    this.#entries.set(name, { family: exposed, series, merged: undefined });
    for (const own of names) this.#taken.add(own);
  }

  #merge(entry: Entry, family: MetricFamily): void {
    const { name, type, unit, createdSamples, aggregation } = entry.family;
    if (type !== family.type || unit !== (family.unit ?? "")) {
      const existing = unit === "" ? `a ${type}` : `a ${type} with unit "${unit}"`;
      return this.#count(family, "conflict", `another family of this name is ${existing}`);
    }
    if (entry.series === undefined) {
      entry.series = new Set();
      this.#check(name, entry.family, entry.family.metrics, entry.series);
    }
    const added = this.#check(name, family, family.metrics, entry.series);
    const merged = entry.merged ?? [...entry.family.metrics];
    for (const metric of added) merged.push(metric);
    entry.merged = merged;
    entry.family = familyLike(entry.family, {
      metrics: merged,
      labelNames: undefined,
      createdSamples: createdSamples || family.createdSamples,
      // What is only partly shared is not shared.
      aggregation: aggregation === family.aggregation ? aggregation : undefined,
    });
  }

  /** Returns copies of the metrics that can be read and whose series are not there yet. */
  #check(
    name: string,
    family: MetricFamily,
    metrics: LiveMetrics,
    series: Set<string>,
  ): Metric[] {
    const checked: Metric[] = [];
    let repeated: Metric | undefined;
    let repeats = 0;
    const { type } = family;
    const call = <T>(fn: () => T): T => this.scope.run(() => whileBusy(this.#source, fn));
    // Metrics of one family nearly always share their names, so these are checked once.
    let given: readonly string[] | undefined;
    let labelNames: readonly string[] = [];
    const copyOf = (metric: Metric): Metric => {
      const names = metric.labelNames;
      if (names !== given) {
        labelNames = checkLabelNames(names, "utf8", type, name, READING);
        given = names;
      }
      return copyMetric(type, metric, labelNames);
    };
    // All at once: a collector that breaks off in between leaves no trace in `series`.
    for (const metric of call(() => this.#walk(family, metrics))) {
      let copy: Metric;
      try {
        copy = call(() => copyOf(metric));
      } catch (error) {
        this.#count(family, "error", error);
        continue;
      }
      const key = seriesKey(copy.labelNames, copy.labelValues);
      if (series.has(key)) {
        repeated ??= copy;
        repeats++;
        continue;
      }
      series.add(key);
      checked.push(copy);
    }
    // One report for all of them, because there may be millions.
    if (repeated !== undefined) {
      const { labelNames, labelValues } = repeated;
      const labels = labelNames.map((label, i) => `${label}=${received(labelValues[i])}`);
      this.#count(family, "duplicate", `series {${labels.join(",")}} is there already`, repeats);
    }
    return checked;
  }

  /** Returns the metrics of a family. A custom collector's may never end, and are cut off. */
  #walk(family: MetricFamily, metrics: LiveMetrics): Metric[] {
    // Only metrics of this library have the mark, whether they are trusted now or not.
    if (TRUSTED in metrics) return [...metrics];
    const walked: Metric[] = [];
    for (const metric of unread(metrics, READABLE_METRICS)) {
      if (walked.push(metric) <= MAX_METRICS) continue;
      walked.pop();
      const rule = `it must have at most ${MAX_METRICS} series: the others are left out`;
      this.#count(
        family,
        "error",
        new RangeError(`Cannot expose family "${family.name}": ${rule}`),
      );
      break;
    }
    return walked;
  }
}

/** Returns the counts of a registry of another make that does not count errors itself. */
function countsOf(source: Gatherer): ErrorCounts | undefined {
  const root = rootOf(source);
  if (typeof root.countError === "function") return undefined;
  let counts = _counts.get(root);
  if (counts === undefined) _counts.set(root, counts = new ErrorCounts(() => 0));
  return counts;
}

/** Whether something has what all readers of a family rely on. */
function isFamily(family: MetricFamily): boolean {
  const { name, help, type, unit = "", metrics } = family;
  return typeof name === "string" && name !== "" && typeof help === "string" &&
    isMetricType(type) && typeof unit === "string" &&
    typeof metrics?.[Symbol.iterator] === "function" &&
    // A name that lacks its unit or its suffix would become another one.
    fullName(name, type, { unit, nameValidation: "utf8" }, "Cannot gather family") === name;
}

/** The failing action, for error messages. */
const READING = "Cannot read metric";

/**
 * Copies a metric that may be anything, with its label names, which were checked. Everything is read once: what a function returns stays what
 * it was, and a metric without the shape of its family's type throws here, not in an encoder.
 */
function copyMetric(type: MetricType, metric: Metric, labelNames: readonly string[]): Metric {
  const { timestamp, created } = metric;
  const labelValues = copyList(metric.labelValues, "string", labelNames.length);
  checkTime(timestamp);
  checkTime(created);
  const base = { labelNames, labelValues, timestamp, created };
  // The type of the family tells the shape; a metric of another shape throws.
  switch (type) {
    case "histogram":
    case "gaugehistogram":
      return copyHistogram(base, metric as HistogramMetric);
    case "summary": {
      const quantiles = copyList((metric as SummaryMetric).quantiles, "number");
      const values = copyList(
        (metric as SummaryMetric).quantileValues(),
        "number",
        quantiles.length,
      );
      const { sum, count } = metric as SummaryMetric;
      checkType(sum ?? 0, "number");
      checkType(count ?? 0, "number");
      return { ...base, quantiles, sum, count, quantileValues: () => values };
    }
    case "stateset": {
      const states = copyList((metric as StateSetMetric).states, "string");
      const stateValues = copyList(
        (metric as StateSetMetric).stateValues,
        "number",
        states.length,
      );
      return { ...base, states, stateValues };
    }
    default: {
      const { value, exemplar, changed } = metric as NumberMetric;
      checkType(value, "number");
      const origin = metric.origin ?? metric;
      return { ...base, value, exemplar: copyExemplar(exemplar), changed, origin };
    }
  }
}

function copyHistogram(base: LabelledMetric, metric: HistogramMetric): HistogramMetric {
  const { sum, count, native } = metric;
  checkType(sum ?? 0, "number");
  checkType(count ?? 0, "number");
  const bounds = copyList(metric.bounds, "number");
  const cumulative = metric.cumulativeCounts();
  const counts = copyList(cumulative, "number", cumulative.length === 0 ? 0 : bounds.length + 1);
  return {
    ...base,
    bounds,
    sum,
    count,
    exemplars: metric.exemplars && Array.from(metric.exemplars, copyExemplar),
    native: native && checkNativeCount(checkNativeHistogram(native, READING)),
    // One for each is what makes them exemplars.
    nativeExemplars: metric.nativeExemplars &&
      Array.from(metric.nativeExemplars, (exemplar) => copyExemplar(exemplar)!),
    cumulativeCounts: () => counts,
    origin: metric.origin ?? metric,
  };
}

/** Prometheus refuses a whole scrape for a native histogram with more in its buckets than in all. */
function checkNativeCount(native: NativeHistogram): NativeHistogram {
  let inBuckets = native.zeroCount;
  for (const buckets of [native.positive, native.negative]) {
    for (const bucket of buckets.values()) inBuckets += bucket;
  }
  // NaN is counted in no bucket, and sums of fractions may differ in their last digits.
  const isLegal = inBuckets <= native.count * (1 + 1e-9);
  checkBounds(isLegal, READING, "its buckets have more than its count", inBuckets);
  return native;
}

/** Copies a list. Throws if an element is of another type, or if the length is another one. */
function copyList<T>(list: Iterable<T>, type: "string" | "number", length?: number): T[] {
  const copy = [...list];
  const isRight = length === undefined || copy.length === length;
  checkShape(isRight, READING, `expected ${length} values`, copy.length);
  for (const item of copy) checkType(item, type);
  return copy;
}

function checkType(value: unknown, type: "string" | "number"): void {
  const actual = typeof value;
  if (actual !== type) checkShape(false, READING, `expected a ${type}`, value);
}

function checkTime(time: number | undefined): void {
  if (time !== undefined) checkSeconds(time, READING, "timestamp");
}

/** Checks what encoders rely on. That an exemplar is short enough is checked where it is made. */
function copyExemplar(exemplar: Exemplar | undefined): Exemplar | undefined {
  if (exemplar === undefined) return undefined;
  const { value, timestamp } = exemplar;
  checkLabelObject(exemplar.labels, READING);
  const labels = { ...exemplar.labels };
  checkType(value, "number");
  checkTime(timestamp);
  copyList(Object.values(labels), "string");
  return timestamp === undefined ? { labels, value } : { labels, value, timestamp };
}
