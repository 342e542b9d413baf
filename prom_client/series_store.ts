import { familyLike, type LabelSet, type MetricFamily, type NumberMetric } from "../model.ts";
import { exemplarToJson } from "./exemplars.ts";
import { inspectNames } from "./inspect.ts";
import type { JsonValue } from "./metric_object.ts";
import { type GivenLabels, type KnownStore, shared } from "./shared.ts";

/** The text of a missing label. To Prometheus, an empty label is a missing one. */
const MISSING = "";

/** The part of this library's own metrics that a store uses, with any label types. */
interface NativeMetric<S> {
  /** The label names. */
  readonly labelNames: readonly string[];
  find(...args: readonly unknown[]): S | undefined;
  labels(...values: readonly unknown[]): S;
  remove(...values: readonly unknown[]): boolean;
  clear(): void;
  collect(): MetricFamily[];
  describe(): MetricFamily[];
}

/** The series of a metric. Both look-ups only find values that are spelled as at the creation. */
type SeriesMetrics<S> = Iterable<S> & {
  peek(labelValues: ArrayLike<unknown>): S | undefined;
  peekByName(labels: Readonly<Record<string, unknown>>): S | undefined;
};

/**
 * The number of look-ups so far. A label object may have getters that look up other series. A
 * look-up that is not the last one when it ends finds nothing.
 */
let lookUps = 0;

/** Labels as `labels()` takes them: an object, or values in the order of the label names. */
export type Given = Readonly<Record<string, unknown>> | readonly unknown[];

/**
 * The series of a metric, by the rules of prom-client: labels may be missing, their values may be
 * anything, and a series exists from its first write on. The numbers are in a metric of this
 * library, where missing labels are empty.
 *
 * If labels were missing, not strings, or in another order than the label names, the store keeps
 * them as they were given, for the text and the JSON of this entry point.
 *
 * @typeParam S The type of the series.
 */
export class SeriesStore<S extends LabelSet> {
  /** The label names, each once. */
  readonly labelNames: readonly string[];
  /** Rises when a series is removed, so that handles look for their series again. */
  generation = 0;
  /** The series without labels, if it exists. */
  bare: S | undefined;
  readonly #native: NativeMetric<S>;
  readonly #metrics: SeriesMetrics<S>;
  readonly #known: KnownStore;
  /** Whether there are labels, and all series have all of them, as strings, numbers or booleans. */
  #isPlain: boolean;
  /** The values of the current look-up. */
  readonly #values: unknown[];
  /** The lists of label names that are not all names in order, so that series share them. */
  readonly #orders: Map<string, readonly string[]> = new Map();

  /** Creates a store. If the metric has no labels, its series exists. */
  constructor(metric: Pick<NativeMetric<S>, "describe">, isSummary = false) {
    // Metrics of this library have these methods. The compiler does not know their label names.
    const native = this.#native = metric as NativeMetric<S>;
    this.labelNames = native.labelNames;
    this.#values = this.labelNames.map(() => MISSING);
    // The metrics of these types are their series, in a store that has both look-ups.
    this.#metrics = native.describe()[0]!.metrics as Iterable<unknown> as SeriesMetrics<S>;
    this.#isPlain = this.labelNames.length > 0;
    this.#known = { isOdd: false, isSummary };
    shared.stores.set(this.#metrics, this.#known);
    if (this.labelNames.length === 0) this.bare = native.labels();
  }

  /** Finds the series of labels by name, in the fast way. A series that it misses may exist. */
  find(labels: object): S | undefined {
    // Objects are read as labels by name.
    const byName = labels as Readonly<Record<string, unknown>>;
    return this.#isPlain ? this.#metrics.peekByName(byName) : this.#findOdd(byName);
  }

  /** Finds the series of values in the order of the label names, in the fast way. */
  findInOrder(values: readonly unknown[]): S | undefined {
    return values.length === 0 ? this.bare : this.#metrics.peek(values);
  }

  /** Finds a series in a metric of which some labels may be missing. */
  #findOdd(labels: Readonly<Record<string, unknown>>): S | undefined {
    const names = this.labelNames;
    const values = this.#values;
    for (let i = 0; i < values.length; i++) values[i] = MISSING;
    const lookUp = lookUps = (lookUps + 1) | 0;
    let place = -1;
    for (const name in labels) {
      place = placeOf(names, name, place + 1);
      if (place === -1) return undefined;
      values[place] = labels[name] ?? String(labels[name]);
    }
    if (place === -1) return this.bare;
    return lookUp === lookUps ? this.#metrics.peek(values) : undefined;
  }

  /** Throws if a label is not one of the metric. */
  check(labels: Given | null): void {
    if (Array.isArray(labels)) return;
    for (const name in labels) if (!this.labelNames.includes(name)) this.#refuse(name);
  }

  /** Finds or creates the series of labels. Throws if a label is not one of the metric. */
  at(given: Given | null): S {
    if (given === null) return this.bare ?? this.#open(given);
    return (Array.isArray(given) ? this.findInOrder(given) : this.find(given)) ?? this.#open(given);
  }

  /** Does the same in the slow way, which finds every series. */
  #open(given: Given | null): S {
    const names = this.labelNames;
    const values: unknown[] = new Array(names.length).fill(MISSING);
    let count = 0;
    let isInOrder = true;
    if (Array.isArray(given)) {
      for (; count < names.length; count++) values[count] = given[count];
    } else {
      for (const name in given) {
        const place = placeOf(names, name, count);
        if (place === -1) this.#refuse(name);
        // The array was just excluded.
        values[place] = (given as Readonly<Record<string, unknown>>)[name];
        if (place !== count++) isInOrder = false;
      }
    }
    if (count === 0 && this.bare !== undefined) return this.bare;
    let areTexts = true;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (typeof value === "string") continue;
      areTexts = false;
      if (typeof value !== "number" && typeof value !== "boolean") values[i] = String(value);
    }
    const isPlain = isInOrder && areTexts && count === names.length;
    let series = this.#native.find(...values);
    if (series === undefined) series = this.#create(values, given, !isPlain);
    // From now on, the fast way finds it by these values, too.
    else if (!areTexts) this.#native.labels(...values);
    if (count === 0) this.bare = series;
    return series;
  }

  /** Removes the series of labels. Throws if a label is not one of the metric. */
  remove(given: Given | null): void {
    this.check(given);
    if (this.labelNames.length === 0) return this.clear(false);
    const values = Array.isArray(given)
      ? given.map(String)
      : this.labelNames.map((name) =>
        given !== null && name in given
          // The array was just excluded.
          ? String((given as Readonly<Record<string, unknown>>)[name])
          : MISSING
      );
    this.generation++;
    this.bare = undefined;
    this.#native.remove(...values);
  }

  /** Removes all series. With `keepsBare`, a metric without labels keeps its series, at zero. */
  clear(keepsBare: boolean): void {
    this.generation++;
    this.#native.clear();
    this.bare = keepsBare && this.labelNames.length === 0 ? this.#native.labels() : undefined;
  }

  /** Sets all series to zero. */
  reset(): void {
    for (const series of this.metrics) this.zero(series as S);
  }

  /** Sets a series to zero. */
  zero(series: S): void {
    // All series of this library have this method.
    (series as S & { reset(): void }).reset();
  }

  /** Remembers labels in place of those of the first write. */
  relabel(series: S, given: Readonly<Record<string, unknown>>): void {
    shared.given.delete(series);
    if (this.labelNames.length > 0) this.#note(series, given);
  }

  /** The series that exist. */
  get metrics(): Iterable<LabelSet> {
    return this.labelNames.length === 0 && this.bare === undefined ? [] : this.#metrics;
  }

  /** Returns a copy of the labels of a series, with the values that were given. */
  labelsOf(series: LabelSet): Record<string, unknown> {
    const given = shared.given.get(series);
    if (given !== undefined) return { ...given.labels };
    const { labelNames, labelValues } = series;
    const labels: Record<string, unknown> = {};
    for (let i = 0; i < labelNames.length; i++) labels[labelNames[i]!] = labelValues[i];
    return labels;
  }

  /** Returns the values of a counter or gauge for `get()`. */
  numberValues(): JsonValue[] {
    // The series of these types are metrics of one number.
    return Array.from(this.metrics as Iterable<NumberMetric>, (metric) => {
      const { value, exemplar } = metric;
      const labels = this.labelsOf(metric);
      return exemplar === undefined
        ? { value, labels }
        : { value, labels, exemplar: exemplarToJson(exemplar) };
    });
  }

  /** Returns the family of the metric, and those of what it counts about itself. */
  families(): MetricFamily[] {
    const families = this.#native.collect();
    if (this.metrics !== this.#metrics) families[0] = familyLike(families[0]!, { metrics: [] });
    return families;
  }

  /** Returns the family of the metric, from which registries know its names. */
  describe(): MetricFamily[] {
    return this.#native.describe();
  }

  #create(values: readonly unknown[], given: Given | null, isNoted: boolean): S {
    const series = this.#native.labels(...values);
    // A metric that is full returns the series for all other labels.
    const isOwn = series.labelValues.every((text, i) => text === String(values[i]).toWellFormed());
    if (isNoted && isOwn && values.length > 0) this.#note(series, given ?? {});
    return series;
  }

  #note(series: S, given: Given): void {
    const names: string[] = [];
    const labels: Record<string, unknown> = {};
    if (Array.isArray(given)) {
      names.push(...this.labelNames);
      for (let i = 0; i < names.length; i++) labels[names[i]!] = given[i];
    } else {
      for (const name in given) {
        names.push(name);
        // The array was just excluded.
        labels[name] = (given as Readonly<Record<string, unknown>>)[name];
      }
    }
    const labelNames = this.#orderOf(names);
    if (labelNames !== this.labelNames) this.#known.isOdd = true;
    // Only the look-up of some labels knows the texts of null and undefined.
    const hasNull = names.some((name) => (labels[name] ?? null) === null);
    if (this.#known.isOdd || hasNull) this.#isPlain = false;
    const noted: GivenLabels = {
      labelNames,
      labelValues: names.map((name) => String(labels[name]).toWellFormed()),
      labels,
    };
    shared.given.set(series, noted);
  }

  /** The list of some label names that all series with them share. */
  #orderOf(names: readonly string[]): readonly string[] {
    const own = this.labelNames;
    if (names.length === own.length && names.every((name, i) => name === own[i])) return own;
    const key = names.join();
    let order = this.#orders.get(key);
    if (order === undefined) this.#orders.set(key, order = names);
    return order;
  }

  #refuse(name: string): never {
    const names = inspectNames([...this.labelNames].sort());
    throw new Error(`Added label "${name}" is not included in initial labelset: ${names}`);
  }
}

/**
 * Returns the place of a label name, or -1. Most callers give labels in the order of the label
 * names, so that it is the next one or near it.
 */
function placeOf(names: readonly string[], name: string, next: number): number {
  for (let i = next; i < names.length; i++) if (names[i] === name) return i;
  for (let i = 0; i < next; i++) if (names[i] === name) return i;
  return -1;
}

/**
 * Returns the labels of the arguments of `labels()` and `remove()`. Throws if there are too few or
 * too many values.
 */
export function readLabels(labelNames: readonly string[], args: readonly unknown[]): Given | null {
  const first = args[0];
  // An array is taken for an object with the labels "0", "1", …, as prom-client does.
  if (typeof first === "object") return Array.isArray(first) ? { ...first } : first as Given | null;
  if (args.length === labelNames.length) return args;
  throw new Error(
    `Invalid number of arguments (${args.length}): "${args.join(", ")}" ` +
      `for label names (${labelNames.length}): "${labelNames.join(", ")}".`,
  );
}
