import {
  type AssembledNumber,
  type AssembledPart,
  Assembly,
  checkNativeHistogram,
  parseBound,
} from "./assembly.ts";
import { checkKnownOptions, checkShape, type KnownOptions, received } from "./checks.ts";
import { checkExemplar } from "./exemplar.ts";
import { toLabelSet, toLabelText } from "./labels.ts";
import { checkMetricName, checkNameValidation, fullName, isLegacyLabelName } from "./names.ts";
import type {
  Aggregation,
  Exemplar,
  HistogramMetric,
  LabelValue,
  Metric,
  MetricType,
  NameValidation,
  NativeHistogram,
  NumberMetric,
  Sample,
  StateSetMetric,
  SummaryMetric,
} from "./sample.ts";
import {
  checkSeconds,
  createdName,
  formatBound,
  isMetricType,
  reservedLabelName,
  SAMPLE_SUFFIXES,
} from "./structure.ts";

/** Options of {@linkcode MetricFamily}. */
export interface MetricFamilyOptions {
  /** The unit, in plural base form (`"seconds"`, `"bytes"`). Appended to the name if missing. */
  unit?: string | undefined;
  /** The alphabet of the names. @default {"legacy"} */
  nameValidation?: NameValidation | undefined;
  /**
   * The metrics, for a collector that has them in their final shape: an object for each, and an
   * iterable that can be iterated more than once. Each scrape reads them again. `addSample()`
   * throws if they are given.
   */
  metrics?: Iterable<Metric> | undefined;
  /** The label names that all metrics of the family have, if they are known. */
  labelNames?: readonly string[] | undefined;
  /** Whether {@linkcode MetricFamily.samples} has the `_created` samples of `metrics`. */
  createdSamples?: boolean | undefined;
  /**
   * How the numbers of several processes are combined when they share a registry. If it is left
   * out, the family is not shared.
   */
  aggregation?: Aggregation | undefined;
  /**
   * The limits of the metric, for stores that processes share: how many series there are at most,
   * the overflow series apart, and after how many seconds without a change a series expires.
   */
  limits?:
    | { readonly maxSeries?: number | undefined; readonly expireAfterSeconds?: number | undefined }
    | undefined;
}

/** Options of {@linkcode MetricFamily.addSample}. */
export interface AddSampleOptions {
  /** The time of the value, in seconds since 1970. Leave it out for "now". */
  timestamp?: number | undefined;
  /** An exemplar, for a counter or a bucket. */
  exemplar?: Exemplar | undefined;
  /** A native histogram. The sample has the name of the family, and its value is ignored. */
  nativeHistogram?: NativeHistogram | undefined;
}

const FAMILY_OPTIONS: KnownOptions<MetricFamilyOptions> = {
  unit: true,
  nameValidation: true,
  metrics: true,
  labelNames: true,
  createdSamples: true,
  aggregation: true,
  limits: true,
};
const SAMPLE_OPTIONS: KnownOptions<AddSampleOptions> = {
  timestamp: true,
  exemplar: true,
  nativeHistogram: true,
};

/**
 * A metric family: a name, a help text, a type, and the metrics that share them. Collectors yield
 * families, and encoders read them.
 *
 * @example A family for a custom collector
 * ```ts
 * import { MetricFamily } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const family = new MetricFamily("disk_free", "Free space.", "gauge", { unit: "bytes" })
 *   .addSample("disk_free_bytes", { device: "sda" }, 1024);
 * assert.deepEqual([...family.samples], [
 *   { name: "disk_free_bytes", labels: { device: "sda" }, value: 1024 },
 * ]);
 * ```
 */
export class MetricFamily {
  /** The full name, with the unit, and with `_info` for an info. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** The type. */
  readonly type: MetricType;
  /** The unit, or `""`. */
  readonly unit: string;
  /** The metrics, in the order in which they are written. */
  readonly metrics: Iterable<Metric>;
  /** The label names that all metrics have, if they are known. */
  readonly labelNames: readonly string[] | undefined;
  /** Whether {@linkcode samples} has the `_created` samples. */
  readonly createdSamples: boolean;
  /** The alphabet of the names. */
  readonly nameValidation: NameValidation;
  /** How the numbers of several processes are combined. Undefined if they are not shared. */
  readonly aggregation: Aggregation | undefined;
  /** The limits of the metric, if it has any. */
  readonly limits: MetricFamilyOptions["limits"];

  /**
   * Creates a family.
   *
   * @param name The name. A missing unit is appended, and a missing `_info` of an info.
   * @param help The help text.
   * @param type The type.
   * @param options Options.
   * @throws {TypeError} If the name, the help, the type or the unit is invalid.
   */
  constructor(name: string, help: string, type: MetricType, options: MetricFamilyOptions = {}) {
    const doing = `Cannot create metric family ${received(name)}`;
    const { unit = "", metrics, labelNames, createdSamples, aggregation, limits, ...given } =
      checkKnownOptions(options, FAMILY_OPTIONS, doing);
    checkShape(isMetricType(type), doing, "type must be a metric type", type);
    checkShape(typeof help === "string", doing, "help must be a string", help);
    const nameValidation = checkNameValidation(given.nameValidation, doing);
    checkMetricName(name, nameValidation, doing);
    this.name = fullName(name, type, { unit, nameValidation }, doing);
    this.help = help.toWellFormed();
    this.type = type;
    this.unit = unit;
    this.metrics = metrics ?? new Assembly(type);
    this.labelNames = labelNames;
    this.createdSamples = createdSamples ?? metrics === undefined;
    this.nameValidation = nameValidation;
    this.aggregation = aggregation;
    this.limits = limits;
  }

  /**
   * Adds a sample under its full name: `h_bucket`, `h_sum` or `h_count` for a histogram `h`,
   * `jobs_total` for a counter `jobs_total`.
   *
   * @param name The full name of the sample.
   * @param labels The labels, with the reserved one (`le`, `quantile`, the name of a stateset).
   * @param value The value.
   * @param options A timestamp, an exemplar, a native histogram.
   * @returns The family itself.
   * @throws {TypeError} If the family has no sample of that name, if a part has the wrong shape,
   * or if the family was created with `metrics`.
   * @throws {RangeError} If the exemplar or the native histogram is out of bounds.
   */
  addSample(
    name: string,
    labels: Readonly<Record<string, LabelValue>>,
    value: number,
    options?: AddSampleOptions,
  ): this {
    if (options !== undefined) {
      const doing = addingTo(this, name);
      options = checkKnownOptions(options, SAMPLE_OPTIONS, doing);
      const { timestamp, exemplar } = options;
      if (timestamp !== undefined) checkSeconds(timestamp, doing, "timestamp");
      const time = exemplar?.timestamp;
      if (time !== undefined) checkSeconds(time, doing, "exemplar timestamp");
    }
    addParsedSample(this, name, labels, value, options);
    return this;
  }

  /**
   * The family as flat samples, in the order of the text formats, with `le` and `quantile` spelled
   * as in format 0.0.4. You can iterate it again, which reads the numbers again.
   */
  get samples(): Iterable<Sample> {
    return { [Symbol.iterator]: () => flatten(this) };
  }

  /**
   * Returns the family for `JSON.stringify`, as it is at this moment.
   *
   * @returns A plain object. Numbers that are not finite are strings: `"NaN"`, `"+Inf"`, `"-Inf"`.
   */
  toJSON(): object {
    return toJson(this, this.samples);
  }
}

/** A sample in JSON. */
export type JsonSample = Omit<Sample, "value" | "exemplar"> & {
  /** The value. A string if it is not finite. */
  value: number | string;
  /** The exemplar, if there is one. */
  exemplar?: Omit<Exemplar, "value"> & {
    /** The value. A string if it is not finite. */
    value: number | string;
  };
};

/** A family, a metric or a series in JSON. */
export interface JsonFamily {
  /** The full name of the family. */
  name: string;
  /** The type. */
  type: MetricType;
  /** The help text. */
  help: string;
  /** The unit, or `""`. */
  unit: string;
  /** The samples. */
  samples: JsonSample[];
}

/**
 * Returns a family, or a part of it, for `JSON.stringify`.
 *
 * @param about The name, type, help and unit.
 * @param samples The samples.
 * @returns A plain object.
 */
export function toJson(
  { name, type, help, unit }: Omit<JsonFamily, "samples">,
  samples: Iterable<Sample>,
): JsonFamily {
  const spell = (value: number): number | string =>
    Number.isFinite(value) ? value : Number.isNaN(value) ? "NaN" : formatBound(value);
  return {
    name,
    type,
    help,
    unit,
    samples: Array.from(samples, ({ value, exemplar, ...sample }) => ({
      ...sample,
      value: spell(value),
      ...(exemplar && { exemplar: { ...exemplar, value: spell(exemplar.value) } }),
    })),
  };
}

/** Returns the failing action of an error. */
function addingTo({ type, name }: MetricFamily, sample: unknown): string {
  return `Cannot add sample ${received(sample)} to ${type} "${name}"`;
}

/**
 * Adds a sample as {@linkcode MetricFamily.addSample} does, whatever its time is: for parsers, which
 * take what Prometheus takes.
 *
 * @param family The family.
 * @param name The full name of the sample.
 * @param labels The labels.
 * @param value The value.
 * @param options A timestamp, an exemplar, a native histogram. All times are finite.
 */
export function addParsedSample(
  family: MetricFamily,
  name: string,
  labels: Readonly<Record<string, LabelValue>>,
  value: number,
  options: AddSampleOptions = {},
): void {
  const { type, metrics, nameValidation } = family;
  const doing = addingTo(family, name);
  const { timestamp } = options;
  if (!(metrics instanceof Assembly)) throw new TypeError(`${doing}: it was created with metrics`);
  checkShape(typeof value === "number", doing, "value must be a number", value);
  checkShape(typeof name === "string", doing, "name must be a string", name);
  const exemplar = options.exemplar === undefined
    ? undefined
    : checkExemplar(options.exemplar, doing, nameValidation);
  const native = options.nativeHistogram === undefined
    ? undefined
    : checkNativeHistogram(options.nativeHistogram, doing);

  const suffix = suffixOf(family, name, native !== undefined, doing);
  const isCounter = type === "counter" && suffix === "";
  const canHaveExemplar = isCounter || suffix === "_bucket" || native !== undefined;
  if (exemplar !== undefined && !canHaveExemplar) {
    throw new TypeError(`${doing}: only counters and buckets have exemplars`);
  }
  const reserved = reservedLabelName(type, family.name);
  const isRow = suffix === "_bucket" || type === "stateset" ||
    (type === "summary" && suffix === "");
  const { labelNames, labelValues } = toLabelSet(
    labels,
    nameValidation,
    doing,
    isRow ? reserved : undefined,
  );
  const base = { labelNames, labelValues, timestamp };
  // A reader must check these metrics, because this family cannot judge them alone.
  if (
    timestamp !== undefined || native !== undefined || suffix === "_created" ||
    // A prefix changes which label a stateset reserves for itself.
    type === "stateset" ||
    labelNames.some((name) => name === reserved) ||
    // A series without such a label is the same.
    labelValues.includes("") ||
    (nameValidation === "utf8" && !labelNames.every(isLegacyLabelName))
  ) metrics.distrust();

  if (isRow) {
    const text = ownLabel(labels, reserved!, doing);
    const key = type === "stateset" ? text : parseBound(text, reserved!, doing);
    metrics.add(base, (metric) =>
      suffix === "_bucket"
        // The keys of buckets are bounds.
        ? metric.addBucket(key as number, value, exemplar)
        : metric.add(key, value));
  } else if (native !== undefined) {
    metrics.add(base, (metric) => metric.setNative(native, exemplar));
  } else if (SAMPLE_SUFFIXES[type].length > 1) {
    const part = partOf(suffix)!;
    metrics.add(base, (metric) => metric.setPart(part, value));
  } else if (suffix === "_created") {
    const found = metrics.find(base) as AssembledNumber | undefined;
    if (found === undefined) {
      throw new TypeError(`${doing}: add the sample that it belongs to first`);
    }
    found.created = value;
  } else {
    metrics.addNumber({ ...base, created: undefined, value, exemplar });
  }
}

/** Returns the suffix of a sample name. Throws if the family has no sample of that name. */
function suffixOf(
  family: MetricFamily,
  name: string,
  native: boolean,
  doing: string,
): string {
  const { type } = family;
  if (native) {
    if (type !== "histogram" && type !== "gaugehistogram") {
      throw new TypeError(`${doing}: a ${type} has no native histogram`);
    }
    if (name === family.name) return "";
  } else if (name === createdName(family.name, type)) {
    return "_created";
  } else if (typeof name === "string" && name.startsWith(family.name)) {
    const suffix = name.slice(family.name.length);
    if (SAMPLE_SUFFIXES[type].includes(suffix)) return suffix;
  }
  const names = SAMPLE_SUFFIXES[type].map((suffix) => `"${family.name}${suffix}"`).join(", ");
  throw new TypeError(`${doing}: its samples are named ${native ? `"${family.name}"` : names}`);
}

/** Options of {@linkcode familyLike}: the differences. */
export interface FamilyChanges extends Omit<MetricFamilyOptions, "unit" | "nameValidation"> {
  /** The name, with unit and suffix. */
  name?: string;
  /** The type. */
  type?: MetricType;
}

/**
 * Creates a family that is like another one, except for some changes.
 *
 * @param family The family. Its names may be in the UTF-8 alphabet.
 * @param changes The changes.
 * @returns The new family, which is as live as the other one.
 * @throws {TypeError} If the name does not have the unit or the suffix.
 */
export function familyLike(family: MetricFamily, changes: FamilyChanges): MetricFamily {
  const { help, unit, metrics, labelNames, createdSamples, aggregation, limits } = family;
  const { name = family.name, type = family.type, ...options } = changes;
  return new MetricFamily(name, help, type, {
    unit,
    nameValidation: "utf8",
    metrics,
    labelNames,
    createdSamples,
    aggregation,
    limits,
    ...options,
  });
}

function ownLabel(
  labels: Readonly<Record<string, LabelValue>>,
  name: string,
  doing: string,
): string {
  const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
  if (value === undefined) throw new TypeError(`${doing}: label "${name}" is missing`);
  return typeof value === "number" ? formatBound(value) : toLabelText(value, name, doing);
}

/** Returns the part that the samples of a suffix are. Undefined for those that have many. */
function partOf(suffix: string): AssembledPart | undefined {
  if (suffix === "_created") return "created";
  return suffix.endsWith("sum") ? "sum" : suffix.endsWith("count") ? "count" : undefined;
}

function* flatten(family: MetricFamily): Generator<Sample> {
  const { name, type } = family;
  const created = family.createdSamples ? createdName(name, type) : undefined;
  const reserved = reservedLabelName(type, name);
  for (const metric of family.metrics) {
    const { labelNames, labelValues, timestamp } = metric;
    const sample = (name: string, value: number, key?: string, exemplar?: Exemplar): Sample => {
      // Object.fromEntries defines properties, so that even "__proto__" is an ordinary label.
      const entries = labelNames.map((labelName, i) => [labelName, labelValues[i] ?? ""]);
      if (key !== undefined) entries.push([reserved!, key]);
      const result: Sample = { name, labels: Object.fromEntries(entries), value };
      if (timestamp !== undefined) result.timestamp = timestamp;
      if (exemplar !== undefined) result.exemplar = exemplar;
      return result;
    };
    // The type of a family means that its metrics have this shape.
    switch (type) {
      case "histogram":
      case "gaugehistogram": {
        const { bounds, exemplars } = metric as HistogramMetric;
        for (const [i, count] of (metric as HistogramMetric).cumulativeCounts().entries()) {
          const bound = formatBound(bounds[i] ?? Infinity);
          yield sample(`${name}_bucket`, count, bound, exemplars?.[i]);
        }
        break;
      }
      case "summary": {
        const values = (metric as SummaryMetric).quantileValues();
        for (const [i, quantile] of (metric as SummaryMetric).quantiles.entries()) {
          yield sample(name, values[i]!, formatBound(quantile));
        }
        break;
      }
      case "stateset": {
        const { states, stateValues } = metric as StateSetMetric;
        for (const [i, state] of states.entries()) yield sample(name, stateValues[i]!, state);
        break;
      }
      default: {
        const { value, exemplar } = metric as NumberMetric;
        yield sample(name, value, undefined, exemplar);
      }
    }
    for (const suffix of SAMPLE_SUFFIXES[type]) {
      const part = partOf(suffix);
      const value = part && (metric as SummaryMetric)[part];
      if (value !== undefined) yield sample(name + suffix, value);
    }
    if (created !== undefined && metric.created !== undefined) {
      yield sample(created, metric.created);
    }
  }
}
