import type {
  HistogramMetric,
  LabelledMetric,
  Metric,
  MetricFamily,
  NativeHistogram,
  StateSetMetric,
} from "../../mod.ts";
import { SYSTEM_CLOCK, type Timers } from "../../time/clock.ts";
import type { Batch, FamilyEntry, Row, RowName } from "../backend.ts";
import { copyBuckets, growthOf, type NativeBuckets, type NativePart } from "../native.ts";
import { areSame, growth, hasFallen, readNumbers } from "./numbers.ts";
import {
  encodeSchema,
  encodeSeries,
  isStored,
  isTotal,
  type NativePartName,
  type Schema,
} from "../schema.ts";
import { Slices } from "../../time/turn.ts";

/** How long the event loop is held at a time, in milliseconds. */
const BUDGET_MS = 2;

/** How many metrics are looked at between two looks at the clock. */
const STRIDE = 64;

/** What every label of an overflow series says. */
const OVERFLOW = "overflow";

/** Counts observations that the sums in the store lack. */
const NONFINITE: Schema = {
  name: "narthex_nonfinite_observations_total",
  type: "counter",
  unit: "",
  aggregation: "sum",
  labelNames: ["metric"],
  bounds: [],
  states: [],
};
const NONFINITE_HELP = "Observations that a shared sum lacks because it would not be finite.";

/** One series, and what the store was told of it. */
interface Entry {
  /** By what the metric is known again. */
  identity: LabelledMetric;
  readonly family: string;
  readonly series: string;
  readonly key: string;
  /** When the metric started to count. Another time means that it was reset. */
  created: number | undefined;
  /** The numbers that were sent last; none at first. Overwritten in place. */
  sent: number[];
  native: NativeBuckets | undefined;
  /** The life of the store in which it was sent; 0 for none. */
  life: number;
  /** The last walk that met it. */
  walk: number;
}

/** The series of one family. */
interface FamilyState {
  /** The schema that nearly all series have. */
  readonly schema: string;
  /** By identity, which finds a live child without a look at its labels. */
  readonly byIdentity: Map<LabelledMetric, Entry>;
  /** All of them, by schema and labels, for metrics that are new objects in each read. */
  readonly byKey: Map<string, Entry>;
}

/** A batch without its number. */
export type Draft = Omit<Batch, "sequence">;

/**
 * Knows what the store was told, and finds what has changed since. What a draft has
 * counts as told from the moment in which it is handed out: whoever takes it has to
 * see to it that it arrives.
 *
 * Its memory is bounded by the number of series: nothing is kept for each change.
 */
export class Tracker {
  readonly #families: Map<string, FamilyState> = new Map();
  /**
   * Totals that a walk did not meet, for as long as somebody else holds the metric: its
   * function may have thrown, or it was unregistered, and it goes on from there.
   */
  readonly #parked: WeakMap<LabelledMetric, Entry> = new WeakMap();
  #introduced: Map<string, string> = new Map();
  /** The numbers of the metric that is looked at. */
  readonly #numbers: number[] = [];
  #life = 1;
  readonly #timers: Timers;
  #walk = 0;

  constructor(timers: Timers = SYSTEM_CLOCK) {
    this.#timers = timers;
  }

  /** Makes the next walk tell everything, since the store is another one than before. */
  forgetStore(): void {
    this.#introduced = new Map();
    this.#life++;
  }

  /**
   * Walks over families in slices, and hands out what has changed. A family that is missing counts
   * as gone.
   *
   * @param families All families that are shared, as exposed.
   * @param maxNumbers How many numbers are in a draft at most, apart from those of one series.
   */
  async *drafts(families: readonly MetricFamily[], maxNumbers: number): AsyncGenerator<Draft> {
    const walk = ++this.#walk;
    const slices = new Slices(BUDGET_MS, this.#timers);
    let draft = new GrowingDraft();
    const met = new Set<string>();
    let left = STRIDE;
    for (const family of families) {
      if (!isStored(family)) continue;
      met.add(family.name);
      const schemas = new SchemaTexts(family);
      const state = this.#stateOf(family.name, schemas.first);
      this.#introduce(schemas.first, family, draft);
      for (const metric of family.metrics) {
        this.#look(family, metric, state, schemas, walk, draft);
        if (draft.size >= maxNumbers) {
          yield draft;
          draft = new GrowingDraft();
          // A store in this process may have answered without a turn of the event loop.
          left = 0;
        }
        if (--left > 0) continue;
        left = STRIDE;
        if (slices.isOver) await slices.pause();
      }
      this.#drop(state, walk, draft);
    }
    for (const [name, state] of this.#families) {
      if (met.has(name)) continue;
      this.#drop(state, walk, draft);
      this.#families.delete(name);
    }
    if (draft.size > 0) yield draft;
  }

  #stateOf(name: string, schema: string): FamilyState {
    let state = this.#families.get(name);
    if (state === undefined) {
      this.#families.set(name, state = { schema, byIdentity: new Map(), byKey: new Map() });
    }
    return state;
  }

  #introduce(text: string, { help, limits }: MetricFamily, draft: GrowingDraft): void {
    if (this.#introduced.get(text) === help) return;
    this.#introduced.set(text, help);
    draft.introduce(text, help, limits);
  }

  /** Forgets series that are there no more. Totals stay in the store: they must not fall. */
  #drop({ byIdentity, byKey }: FamilyState, walk: number, draft: GrowingDraft): void {
    for (const entry of byKey.values()) {
      if (entry.walk === walk) continue;
      const { identity, family, series, key } = entry;
      byKey.delete(key);
      if (byIdentity.get(identity) === entry) byIdentity.delete(identity);
      if (entry.created === undefined) draft.deletes.push({ family, series });
      else this.#parked.set(identity, entry);
    }
  }

  /** Returns the entry of a metric that was not found by its identity, and creates it if needed. */
  #find(state: FamilyState, metric: Metric, family: string, walk: number): Entry {
    const identity = metric.origin ?? metric;
    const series = encodeSeries(metric.labelValues);
    // The usual schema needs no longer text.
    const key = family === state.schema ? series : family + series;
    let entry = state.byKey.get(key);
    if (entry === undefined) {
      const parked = this.#parked.get(identity);
      entry = parked?.family === family && parked.series === series
        ? parked
        : newEntry({ identity, family, series, key });
      state.byKey.set(key, entry);
    } else if (state.byIdentity.get(entry.identity) === entry) {
      state.byIdentity.delete(entry.identity);
    }
    entry.identity = identity;
    // Two views of one metric in one walk: the second one is always found by its key.
    if (state.byIdentity.get(identity)?.walk !== walk) state.byIdentity.set(identity, entry);
    return entry;
  }

  /** Counts observations that the sum in the store lacks, as a total of the store itself. */
  #countNonFinite(metric: string, count: number, draft: GrowingDraft): void {
    const family = encodeSchema(NONFINITE);
    if (this.#introduced.get(family) === undefined) {
      this.#introduced.set(family, NONFINITE_HELP);
      draft.introduce(family, NONFINITE_HELP, undefined);
    }
    draft.adds.push({ family, series: encodeSeries([metric]), numbers: [count] });
  }

  #look(
    family: MetricFamily,
    metric: Metric,
    state: FamilyState,
    schemas: SchemaTexts,
    walk: number,
    draft: GrowingDraft,
  ): void {
    const total = isTotal(family.type);
    let entry = state.byIdentity.get(metric.origin ?? metric);
    if (entry === undefined || entry.walk === walk) {
      const text = schemas.of(metric);
      entry = this.#find(state, metric, text, walk);
      this.#introduce(text, family, draft);
    }
    entry.walk = walk;
    const numbers = this.#numbers;
    readNumbers(family, metric, numbers);
    if (!total) {
      if (entry.life === this.#life && areSame(entry.sent, numbers)) return;
      draft.sets.push({ family: entry.family, series: entry.series, numbers: [...numbers] });
    } else {
      const created = metric.created ?? 0;
      // Histograms and summaries have a sum, which may fall, before their counts.
      const first = family.type === "counter" ? 0 : 1;
      if (entry.created !== created || hasFallen(entry.sent, numbers, first)) reset(entry);
      entry.created = created;
      const isNew = entry.life !== this.#life;
      if (!isNew && areSame(entry.sent, numbers)) return;
      const { native } = metric as HistogramMetric;
      const parts = native === undefined ? [] : nativeGrowth(entry, native, isNew);
      const { family: text, series } = entry;
      const added = growth(entry.sent, numbers);
      const lacking = takeNonFinite(added, numbers, first);
      if (lacking > 0) this.#countNonFinite(family.name, lacking, draft);
      const { limits } = family;
      // The store judges each batch by the limits that it brings.
      if (limits !== undefined) draft.introduce(text, family.help, limits);
      const overflow = limits === undefined ? undefined : overflowValues(metric);
      const to = (part?: NativePartName): string | undefined =>
        overflow && encodeSeries(overflow, part);
      draft.adds.push({ family: text, series, numbers: added, overflow: to() });
      for (const { name, numbers } of parts) {
        const part = encodeSeries(metric.labelValues, name);
        const partOf = limits === undefined ? undefined : series;
        draft.adds.push({ family: text, series: part, numbers, partOf, overflow: to(name) });
      }
    }
    for (let i = 0; i < numbers.length; i++) entry.sent[i] = numbers[i]!;
    entry.sent.length = numbers.length;
    entry.life = this.#life;
  }
}

/** A draft that is being written. */
class GrowingDraft implements Draft {
  readonly families: FamilyEntry[] = [];
  readonly #limited: Set<string> = new Set();
  readonly adds: Row[] = [];
  readonly sets: Row[] = [];
  readonly deletes: RowName[] = [];
  #counted = 0;
  #numbers = 0;

  /** Introduces a family. One that has limits is introduced once in each draft. */
  introduce(family: string, help: string, limits: MetricFamily["limits"]): void {
    if (limits === undefined) return void this.families.push({ family, help });
    if (this.#limited.has(family)) return;
    this.#limited.add(family);
    const { maxSeries = Infinity, expireAfterSeconds } = limits;
    this.families.push({
      family,
      help,
      maxSeries: maxSeries === Infinity ? undefined : maxSeries,
      expireAfterMs: expireAfterSeconds && expireAfterSeconds * 1000,
    });
  }

  /** About how much is in it, in numbers. */
  get size(): number {
    const { families, adds, sets, deletes } = this;
    // Rows come at the end of the lists: only the last ones have to be counted.
    for (; this.#counted < adds.length; this.#counted++) {
      this.#numbers += adds[this.#counted]!.numbers.length;
    }
    return families.length + this.#numbers + sets.length + deletes.length;
  }
}

/** The label values of the series that takes what a metric has no room for, if it has labels. */
function overflowValues({ labelValues, labelNames, origin }: Metric): string[] | undefined {
  // Constant labels come first, and stay.
  const own = (origin?.labelNames ?? labelNames).length;
  if (own === 0) return undefined;
  return [...labelValues.slice(0, labelValues.length - own), ...Array<string>(own).fill(OVERFLOW)];
}

/**
 * Takes a difference of sums that is not finite out of the numbers to add. Nothing could be added to
 * such a total any more.
 *
 * @returns How many observations the sum lacks.
 */
function takeNonFinite(added: number[], numbers: readonly number[], firstCount: number): number {
  if (Number.isFinite(added[0]!) && Number.isFinite(numbers[0]!)) return 0;
  added[0] = 0;
  // A counter has no count beside its value.
  return firstCount === 0 ? 1 : added.at(-1)!;
}

/** The schemas of one family: metrics of one family may have labels of their own. */
class SchemaTexts {
  readonly #family: MetricFamily;
  readonly first: string;
  #labelNames: readonly string[];
  #text: string;

  constructor(family: MetricFamily) {
    this.#family = family;
    const { type, metrics, labelNames } = family;
    const [metric] = metrics;
    this.#labelNames = metric?.labelNames ?? labelNames ?? [];
    this.first = this.#text = this.#encode(metric, type);
  }

  of(metric: Metric): string {
    if (metric.labelNames === this.#labelNames) return this.#text;
    this.#labelNames = metric.labelNames;
    return this.#text = this.#encode(metric, this.#family.type);
  }

  #encode(metric: Metric | undefined, type: MetricFamily["type"]): string {
    const { name, unit, aggregation = "sum" } = this.#family;
    return encodeSchema({
      name,
      type,
      unit,
      aggregation,
      labelNames: this.#labelNames,
      // The type of the family tells the shape of its metrics.
      bounds: type === "histogram" ? (metric as HistogramMetric | undefined)?.bounds ?? [] : [],
      states: type === "stateset" ? (metric as StateSetMetric | undefined)?.states ?? [] : [],
    });
  }
}

function newEntry(names: Pick<Entry, "identity" | "family" | "series" | "key">): Entry {
  return { ...names, created: undefined, sent: [], native: undefined, life: 0, walk: 0 };
}

function reset(entry: Entry): void {
  entry.sent = [];
  entry.native = undefined;
}

/** Returns the native buckets to add. Resets the entry if the histogram cannot have grown from it. */
function nativeGrowth(entry: Entry, native: NativeHistogram, isNew: boolean): NativePart[] {
  let parts = growthOf(native, entry.native);
  if (parts === undefined) {
    reset(entry);
    parts = growthOf(native, undefined) ?? [];
  }
  // A store that has lost everything needs the zero bucket to know the resolution.
  if (isNew && !parts.some(({ name }) => name[2] === 0)) {
    parts.push({ name: [native.schema, native.zeroThreshold, 0, 0], numbers: [0] });
  }
  entry.native = copyBuckets(native);
  return parts;
}
