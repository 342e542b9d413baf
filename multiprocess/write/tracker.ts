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

/** How many metrics are processed between two checks of the clock. */
const STRIDE = 64;

/** The value of every label of an overflow series. */
const OVERFLOW = "overflow";

/** A counter of observations that are missing from sums in the store. */
const NONFINITE: Schema = {
  name: "narthex_nonfinite_observations_total",
  type: "counter",
  unit: "",
  aggregation: "sum",
  labelNames: ["metric"],
  bounds: [],
  isNative: false,
  states: [],
};
const NONFINITE_HELP =
  "Observations that are missing from a shared sum because it would not be finite.";

/** One series, and its last numbers that were sent. */
interface Entry {
  /** The object that identifies the metric in the next walk. */
  identity: LabelledMetric;
  readonly family: string;
  readonly series: string;
  readonly key: string;
  /** When the metric started to count. A different time means that it was reset. */
  created: number | undefined;
  /** The numbers that were sent last. Empty at first. Overwritten in place. */
  sent: number[];
  native: NativeBuckets | undefined;
  /** The life of the store in which it was sent. 0 if it was not sent. */
  life: number;
  /** The last walk that reached it. */
  walk: number;
}

/** The series of one family. */
interface FamilyState {
  /** The schema of nearly all series. */
  readonly schema: string;
  /** Entries by identity, which finds a live child without its labels. */
  readonly byIdentity: Map<LabelledMetric, Entry>;
  /** All entries by schema and labels, for metrics that are new objects in each read. */
  readonly byKey: Map<string, Entry>;
}

/** A batch without its number. */
export type Draft = Omit<Batch, "sequence">;

/**
 * Remembers the numbers that were sent to the store, and finds changes since. A draft counts as
 * sent as soon as it is yielded, so the caller must make sure that it arrives.
 *
 * Its memory depends on the number of series, not on the number of changes.
 */
export class Tracker {
  readonly #families: Map<string, FamilyState> = new Map();
  /**
   * Totals that a walk did not reach, as long as the metric is referenced. Its function may
   * have thrown, or it was unregistered. If it comes back, it continues from there.
   */
  readonly #parked: WeakMap<LabelledMetric, Entry> = new WeakMap();
  #introduced: Map<string, string> = new Map();
  /** The numbers of the current metric. */
  readonly #numbers: number[] = [];
  #life = 1;
  readonly #timers: Timers;
  #walk = 0;

  constructor(timers: Timers = SYSTEM_CLOCK) {
    this.#timers = timers;
  }

  /** Makes the next walk send everything, because the store is new. */
  forgetStore(): void {
    this.#introduced = new Map();
    this.#life++;
  }

  /**
   * Walks over families in slices, and yields changes. A missing family counts as unregistered.
   *
   * @param families All shared families, with exposed names.
   * @param maxNumbers The most numbers in a draft, which one series may exceed.
   */
  async *drafts(families: readonly MetricFamily[], maxNumbers: number): AsyncGenerator<Draft> {
    const slices = new Slices(BUDGET_MS, this.#timers);
    const walk: Walk = {
      number: ++this.#walk,
      maxNumbers,
      draft: new GrowingDraft(),
      left: STRIDE,
    };
    for (const _ of this.#steps(families, walk)) {
      if (walk.draft.size >= maxNumbers) {
        yield walk.draft;
        walk.draft = new GrowingDraft();
      }
      walk.left = STRIDE;
      if (slices.isOver) await slices.pause();
    }
    if (walk.draft.size > 0) yield walk.draft;
  }

  /** Adds changes to the draft. Yields now and then, and when the draft is full. */
  *#steps(families: readonly MetricFamily[], walk: Walk): Generator<void> {
    const present = new Set<string>();
    for (const family of families) {
      if (!isStored(family)) continue;
      present.add(family.name);
      const schemas = new SchemaTexts(family);
      const state = this.#stateOf(family.name, schemas.first);
      this.#introduce(schemas.first, family, walk.draft);
      if (isDue(walk)) yield;
      for (const metric of family.metrics) {
        this.#update(family, metric, state, schemas, walk);
        if (isDue(walk)) yield;
      }
      yield* this.#drop(state, walk);
    }
    for (const [name, state] of this.#families) {
      if (present.has(name)) continue;
      yield* this.#drop(state, walk);
      this.#families.delete(name);
    }
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

  /** Forgets series that no longer exist. Totals stay in the store, because they must not fall. */
  *#drop({ byIdentity, byKey }: FamilyState, walk: Walk): Generator<void> {
    for (const entry of byKey.values()) {
      if (entry.walk === walk.number) continue;
      const { identity, family, series, key } = entry;
      byKey.delete(key);
      if (byIdentity.get(identity) === entry) byIdentity.delete(identity);
      if (entry.created === undefined) walk.draft.deletes.push({ family, series });
      else this.#parked.set(identity, entry);
      if (isDue(walk)) yield;
    }
  }

  /** Finds or creates the entry of a metric that was not found by its identity. */
  #find(state: FamilyState, metric: Metric, family: string, walk: number): Entry {
    const identity = metric.origin ?? metric;
    const series = encodeSeries(metric.labelValues);
    // The usual schema is left out of the key.
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
    // If a walk reaches two views of one metric, the second one is always found by its key.
    if (state.byIdentity.get(identity)?.walk !== walk) state.byIdentity.set(identity, entry);
    return entry;
  }

  /** Counts observations that are missing from the sum, as a total in the store. */
  #countNonFinite(metric: string, count: number, draft: GrowingDraft): void {
    const family = encodeSchema(NONFINITE);
    if (this.#introduced.get(family) === undefined) {
      this.#introduced.set(family, NONFINITE_HELP);
      draft.introduce(family, NONFINITE_HELP, undefined);
    }
    draft.adds.push({ family, series: encodeSeries([metric]), numbers: [count] });
  }

  #update(
    family: MetricFamily,
    metric: Metric,
    state: FamilyState,
    schemas: SchemaTexts,
    { number: walk, draft }: Walk,
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
      // The store forgets a limit that is not sent for some time.
      if (family.limits !== undefined) draft.introduce(entry.family, family.help, family.limits);
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
      // The store applies the limits that are in the batch.
      if (limits !== undefined) draft.introduce(text, family.help, limits);
      const overflow = limits === undefined ? undefined : overflowValues(metric);
      const to = (part?: NativePartName): string | undefined =>
        overflow && encodeSeries(overflow, part);
      draft.adds.push({ family: text, series, numbers: added, overflow: to() });
      for (const { name, numbers } of parts) {
        const part = encodeSeries(metric.labelValues, name);
        draft.adds.push({
          family: text,
          series: part,
          numbers,
          partOf: series,
          overflow: to(name),
        });
      }
    }
    for (let i = 0; i < numbers.length; i++) entry.sent[i] = numbers[i]!;
    entry.sent.length = numbers.length;
    entry.life = this.#life;
  }
}

/** The state of a walk. */
interface Walk {
  readonly number: number;
  readonly maxNumbers: number;
  draft: GrowingDraft;
  /** How many metrics are left until the next check of the clock. */
  left: number;
}

function isDue(walk: Walk): boolean {
  return --walk.left <= 0 || walk.draft.size >= walk.maxNumbers;
}

/** A draft that grows. */
class GrowingDraft implements Draft {
  readonly families: FamilyEntry[] = [];
  readonly #limited: Set<string> = new Set();
  readonly adds: Row[] = [];
  readonly sets: Row[] = [];
  readonly deletes: RowName[] = [];
  #counted = 0;
  #numbers = 0;

  /** Introduces a family. A family with limits is introduced once in each draft. */
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

  /** Its approximate size, in numbers. */
  get size(): number {
    const { families, adds, sets, deletes } = this;
    // Rows are appended, so only the last ones have to be counted.
    for (; this.#counted < adds.length; this.#counted++) {
      this.#numbers += adds[this.#counted]!.numbers.length;
    }
    return families.length + this.#numbers + sets.length + deletes.length;
  }
}

/** Returns the label values of the overflow series of a metric, if it has labels. */
function overflowValues({ labelValues, labelNames, origin }: Metric): string[] | undefined {
  // Constant labels come first, and stay.
  const own = (origin?.labelNames ?? labelNames).length;
  if (own === 0) return undefined;
  return [...labelValues.slice(0, labelValues.length - own), ...Array<string>(own).fill(OVERFLOW)];
}

/**
 * Removes a difference of sums that is not finite from the numbers to add. Such a total would stay
 * useless.
 *
 * @returns How many observations are missing from the sum.
 */
function takeNonFinite(added: number[], numbers: readonly number[], firstCount: number): number {
  if (Number.isFinite(added[0]!) && Number.isFinite(numbers[0]!)) return 0;
  added[0] = 0;
  // A counter has no count beside its value.
  return firstCount === 0 ? 1 : added.at(-1)!;
}

/** The schemas of one family, because its metrics may have different labels. */
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
    // The type of the family determines the shape of its metrics.
    const histogram = type === "histogram" ? metric as HistogramMetric | undefined : undefined;
    return encodeSchema({
      name,
      type,
      unit,
      aggregation,
      labelNames: this.#labelNames,
      bounds: histogram?.bounds ?? [],
      isNative: histogram?.native !== undefined,
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
  // A new store needs the zero bucket to know the resolution.
  if (isNew && !parts.some(({ name }) => name[2] === 0)) {
    parts.push({ name: [native.schema, native.zeroThreshold, 0, 0], numbers: [0] });
  }
  entry.native = copyBuckets(native);
  return parts;
}
