import {
  checkLabelName,
  checkLabelObject,
  checkNativeHistogram,
  checkShape,
  type Exemplar,
  exposedNames,
  familyLike,
  findAmbiguousLabelName,
  formatBound,
  fullName,
  type HistogramMetric,
  isMetricType,
  type LabelValue,
  MAX_TIME,
  type Metric,
  MetricFamily,
  type MetricType,
  type NativeHistogram,
  type NumberMetric,
  received,
  reservedLabelName,
  seriesKey,
  type StateSetMetric,
  type SummaryMetric,
  toLabelText,
} from "../model.ts";
import { checkPrefix, exposedName } from "./options.ts";
import type { CollectorErrorCause, Registry } from "./protocol.ts";

/** Reads a registry as it is exposed; see `gather()`, which knows the default registry too. */
export function gatherFrom(registry: Registry): MetricFamily[] {
  const gathering = new Gathering(registry);
  for (const family of registry.collect()) gathering.add(family);
  return gathering.families();
}

/**
 * Finds the value of a sample in a registry, as it is exposed.
 *
 * @param registry The registry; all of it is read.
 * @param name The name of the sample.
 * @param labels All its labels.
 * @returns Its value, or `undefined` when there is no such sample.
 * @throws {TypeError} If the name is not a string, or a label value is not a string, a number or a boolean.
 */
export function findSample(
  registry: Registry,
  name: string,
  labels: Readonly<Record<string, LabelValue>>,
): number | undefined {
  const doing = `Cannot look up sample ${received(name)}`;
  checkShape(typeof name === "string", doing, "name must be a string", name);
  checkLabelObject(labels, doing);
  const wanted = Object.entries(labels).map(([key, value]) =>
    [key, spell(key, value, doing)] as const
  );
  for (const family of gatherFrom(registry)) {
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

/** A family of one read, as exposed. */
interface Entry {
  family: MetricFamily;
  /** The series of the family, once they had to be looked through. */
  series: Set<string> | undefined;
  /** The metrics of all families that were merged into this one. */
  merged: Metric[] | undefined;
}

/** One read of a registry: families come in as registered, and go out as exposed. */
export class Gathering {
  readonly #registry: Registry;
  readonly #prefix: string | null;
  readonly #entries: Map<string, Entry> = new Map();
  /** The names that the families take, in whatever format: see `exposedNames()`. */
  readonly #taken: Set<string> = new Set();
  readonly #trusting: boolean;

  /**
   * Begins without families.
   *
   * @param registry The registry, which counts what is left out.
   * @param options The prefix; and whether families that promise to be safe to read are believed.
   */
  constructor(
    registry: Registry,
    options: { prefix?: string | null; trusting?: boolean } = {},
  ) {
    const { prefix = registry.prefix, trusting = true } = options;
    this.#registry = registry;
    this.#prefix = checkPrefix(prefix, "Cannot gather metrics");
    this.#trusting = trusting;
  }

  /** Takes a family in. What cannot be read is left out and counted. */
  add(family: MetricFamily): void {
    try {
      this.#add(family);
    } catch {
      this.#count(nameOf(family), "invalid");
    }
  }

  families(): MetricFamily[] {
    return Array.from(this.#entries.values(), ({ family }) => family);
  }

  #count(name: string, cause: CollectorErrorCause): void {
    this.#registry.countError?.(name, cause);
  }

  #add(family: MetricFamily): void {
    if (!isFamily(family)) return this.#count(nameOf(family), "invalid");
    const { type, metrics } = family;
    const name = exposedName(this.#prefix, family.name);
    if (type === "stateset" && family.labelNames?.includes(name)) {
      return this.#count(family.name, "conflict");
    }
    const entry = this.#entries.get(name);
    if (entry !== undefined) return this.#merge(entry, family);

    const names = exposedNames(name, type);
    if (!names.isDisjointFrom(this.#taken)) return this.#count(family.name, "conflict");
    const isTrusted = family.distinct && this.#trusting;
    const series: Set<string> | undefined = isTrusted ? undefined : new Set();
    const checked = series !== undefined
      ? this.#check(name, family, series)
      : family.computed
      ? this.#settle(family)
      : metrics;
    const unchanged = family instanceof MetricFamily && name === family.name && checked === metrics;
    const exposed = unchanged
      ? family
      : familyLike(family, { name, metrics: checked, distinct: true, computed: false });
    // From here on nothing throws.
    this.#entries.set(name, { family: exposed, series, merged: undefined });
    for (const own of names) this.#taken.add(own);
  }

  #merge(entry: Entry, family: MetricFamily): void {
    const { name, type, unit, createdSamples, aggregation } = entry.family;
    if (type !== family.type || unit !== (family.unit ?? "")) {
      return this.#count(family.name, "conflict");
    }
    if (entry.series === undefined) {
      entry.series = new Set();
      this.#check(name, entry.family, entry.series);
    }
    const added = this.#check(name, family, entry.series);
    const merged = entry.merged ?? [...entry.family.metrics];
    for (const metric of added) merged.push(metric);
    entry.merged = merged;
    entry.family = familyLike(entry.family, {
      metrics: merged,
      distinct: true,
      computed: false,
      labelNames: undefined,
      createdSamples: createdSamples || family.createdSamples,
      // What is only partly shared is not shared.
      aggregation: aggregation === family.aggregation ? aggregation : undefined,
    });
  }

  /** The metrics of a family, with copies of those that are computed and can be read. */
  #settle(family: MetricFamily): Metric[] {
    const settled: Metric[] = [];
    for (const metric of family.metrics) {
      try {
        const isComputed = (metric as NumberMetric).computed;
        settled.push(isComputed ? readMetric(family.type, metric, undefined) : metric);
      } catch {
        this.#count(family.name, "error");
      }
    }
    return settled;
  }

  /** The metrics of a family that can be read and whose series are not there yet. */
  #check(name: string, family: MetricFamily, series: Set<string>): Metric[] {
    const checked: Metric[] = [];
    const reserved = reservedLabelName(family.type, name);
    // All at once: a collector that breaks off in between leaves no trace in `series`.
    for (const metric of [...family.metrics]) {
      let read: Metric;
      try {
        read = readMetric(family.type, metric, reserved);
      } catch {
        this.#count(family.name, "error");
        continue;
      }
      const key = seriesKey(read.labelNames, read.labelValues);
      if (series.has(key)) {
        this.#count(family.name, "duplicate");
        continue;
      }
      series.add(key);
      checked.push(read);
    }
    return checked;
  }
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

function nameOf(family: unknown): string {
  try {
    const { name } = family as { name?: unknown };
    if (typeof name === "string" && name !== "") return name.slice(0, 200);
  } catch {
    // What cannot tell its name has none.
  }
  return "anonymous";
}

/**
 * Reads a metric that may be anything: a number behind a function is asked for
 * once and kept, and what has not the shape of its family's type throws.
 */
function readMetric(type: MetricType, metric: Metric, reserved: string | undefined): Metric {
  const { labelNames, labelValues, timestamp, created } = metric;
  const names = new Set<unknown>(labelNames);
  if (names.size !== labelNames.length || labelValues.length !== labelNames.length) {
    throw new TypeError("Cannot read metric: labels are not a label set");
  }
  for (const name of labelNames) checkLabelName(name, "utf8", "Cannot read metric");
  if (reserved !== undefined && names.has(reserved)) {
    throw new TypeError(`Cannot read metric: label "${reserved}" is reserved`);
  }
  if (findAmbiguousLabelName(labelNames) !== undefined) {
    throw new TypeError("Cannot read metric: two labels become one for older scrapers");
  }
  for (const text of labelValues) checkType(text, "string");
  for (const time of [timestamp, created]) checkTime(time);
  switch (type) {
    case "histogram":
    case "gaugehistogram": {
      // The type of the family tells the shape; a metric of another shape throws below.
      const histogram = metric as HistogramMetric;
      const { bounds, sum, count, exemplars = [], native, nativeExemplars = [] } = histogram;
      checkNumbers([...bounds, sum ?? 0, count ?? 0]);
      const counts = histogram.cumulativeCounts();
      checkNumbers(counts);
      if (counts.length !== 0) checkLength(counts, bounds.length + 1);
      for (const exemplar of [...exemplars, ...nativeExemplars]) checkExemplarShape(exemplar);
      if (native !== undefined) {
        checkNativeCount(checkNativeHistogram(native, "Cannot read metric"));
      }
      return metric;
    }
    case "summary": {
      const { quantiles, sum, count } = metric as SummaryMetric;
      checkNumbers([...quantiles, sum ?? 0, count ?? 0]);
      const values = (metric as SummaryMetric).quantileValues();
      checkNumbers(values);
      checkLength(values, quantiles.length);
      return metric;
    }
    case "stateset": {
      const { states, stateValues } = metric as StateSetMetric;
      for (const state of states) checkType(state, "string");
      checkNumbers(stateValues);
      checkLength(stateValues, states.length);
      return metric;
    }
    default: {
      const { value, exemplar, changed } = metric as NumberMetric;
      checkType(value, "number");
      checkExemplarShape(exemplar);
      const origin = metric.origin ?? metric;
      return { labelNames, labelValues, timestamp, created, value, exemplar, changed, origin };
    }
  }
}

/** Prometheus refuses a whole scrape for a native histogram with more in its buckets than in all. */
function checkNativeCount({ zeroCount, positive, negative, count }: NativeHistogram): void {
  let inBuckets = zeroCount;
  for (const buckets of [positive, negative]) {
    for (const bucket of buckets.values()) inBuckets += bucket;
  }
  // NaN is counted in no bucket, and sums of fractions may differ in their last digits.
  if (inBuckets <= count * (1 + 1e-9)) return;
  throw new RangeError("Cannot read metric: its buckets have more than its count");
}

function checkNumbers(numbers: readonly number[]): void {
  for (const number of numbers) checkType(number, "number");
}

function checkLength(values: readonly unknown[], length: number): void {
  if (values.length !== length) {
    throw new TypeError(`Cannot read metric: expected ${length} values: received ${values.length}`);
  }
}

function checkTime(time: number | undefined): void {
  if (time === undefined) return;
  checkType(time, "number");
  if (!(Math.abs(time) <= MAX_TIME)) {
    throw new RangeError("Cannot read metric: expected a time in seconds");
  }
}

/** Checks what encoders rely on; that an exemplar is short enough is for its maker to check. */
function checkExemplarShape(exemplar: Exemplar | undefined): void {
  if (exemplar === undefined) return;
  checkType(exemplar.value, "number");
  checkTime(exemplar.timestamp);
  for (const text of Object.values(exemplar.labels)) checkType(text, "string");
}

function checkType(value: unknown, type: "string" | "number"): void {
  const actual = typeof value;
  if (actual !== type) throw new TypeError(`Cannot read metric: expected a ${type}`);
}
