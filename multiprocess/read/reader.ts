import { type Metric, MetricFamily } from "../../mod.ts";
import type { Timers } from "../../time/clock.ts";
import type { CallOptions, InstanceRow, Row, Session, StoredInstance } from "../backend.ts";
import { aggregate, type OwnValue } from "./gauges.ts";
import { addPart, emptyBuckets, type NativeBuckets, sumBuckets } from "../native.ts";
import { PackedTotals } from "./packed_totals.ts";
import { decodeSchema, decodeSeries, hasProcessLabel, isTotal, type Schema } from "../schema.ts";
import { Slices } from "../../time/turn.ts";
import { abortable } from "../../time/time_limit.ts";
import { type HistogramNumbers, nativeOf, sumHistograms, TotalHistogram } from "./totals.ts";

/** How long the event loop is held at a time, in milliseconds. */
const BUDGET_MS = 2;

/** How many rows are looked at between two looks at the clock. */
const STRIDE = 64;

/** How the text of a row of native buckets ends: a label value would end in `"]`. */
const NATIVE_END = "]]";

/** The quantiles of a summary that several processes have: they cannot be added up. */
const NONE: readonly number[] = [];

/** All rows of one schema. */
interface Group {
  readonly schema: Schema;
  readonly help: string;
  readonly totals: PackedTotals;
  readonly natives: Map<string, Row[]>;
  readonly values: InstanceRow[];
}

/** Options of {@linkcode readFamilies}. */
export interface ReadFamiliesOptions extends CallOptions {
  /** Called with the name of a family of which something was left out. */
  readonly onConflict: (name: string) => void;
  readonly timers: Timers;
}

/** What is made of one series. */
interface Point {
  readonly labelNames: readonly string[];
  readonly labelValues: readonly string[];
}

/** A series of a total, with its numbers from each schema. */
interface TotalPoint extends Point {
  readonly parts: {
    schema: Schema;
    numbers: readonly number[];
    natives: readonly Row[] | undefined;
  }[];
}

/** A series of what processes have set themselves. */
interface OwnPoint extends Point {
  readonly values: (OwnValue & { row: InstanceRow; instance: StoredInstance })[];
}

/**
 * Reads everything that a store holds, as families.
 *
 * Schemas of one name: that which the store saw last says what the family is; what has
 * another type or unit is left out. Totals of the others are added at its bounds.
 *
 * @param session The store.
 * @param options A signal, and how long is waited.
 * @returns The families by name, in the order in which the store first saw them.
 */
export async function readFamilies(
  session: Session,
  options: ReadFamiliesOptions,
): Promise<Map<string, MetricFamily>> {
  const { signal, timers, onConflict } = options;
  const content = await readContent(session, options);
  const families = new Map<string, MetricFamily>();
  const slices = new Slices(BUDGET_MS, timers);
  for (const [name, groups] of content.groups) {
    const newest = groups.at(-1)!;
    const { type, unit } = newest.schema;
    const alike = groups.filter(({ schema }) => schema.type === type && schema.unit === unit);
    if (alike.length < groups.length) onConflict(name);
    const metrics = isTotal(type)
      ? await totalMetrics(alike, slices)
      : await ownMetrics(alike, content.instances, slices);
    signal.throwIfAborted();
    const about = { unit, nameValidation: "utf8", metrics, distinct: true } as const;
    families.set(name, new MetricFamily(name, newest.help, type, about));
  }
  return families;
}

/** Everything that a store holds, sorted by names and schemas. */
interface Content {
  /** The schemas of each name, in the order in which the store first saw them. */
  readonly groups: ReadonlyMap<string, readonly Group[]>;
  readonly instances: ReadonlyMap<string, StoredInstance>;
}

async function readContent(session: Session, options: ReadFamiliesOptions): Promise<Content> {
  const { signal, timers } = options;
  const groups = new Map<string, Group[]>();
  const byText = new Map<string, Group | undefined>();
  const instances = new Map<string, StoredInstance>();
  const slices = new Slices(BUDGET_MS, timers);
  const groupOf = (text: string, help: string): Group | undefined => {
    if (byText.has(text)) return byText.get(text);
    const schema = decodeSchema(text);
    const group = schema &&
      { schema, help, totals: new PackedTotals(), natives: new Map(), values: [] };
    byText.set(text, group);
    if (group === undefined) return undefined;
    const alike = groups.get(group.schema.name);
    if (alike === undefined) groups.set(group.schema.name, [group]);
    else alike.push(group);
    return group;
  };
  const iterator = session.read(options)[Symbol.asyncIterator]();
  let done = false;
  try {
    while (true) {
      const result = await abortable(iterator.next(), signal);
      if (result.done) break;
      const slice = result.value;
      for (const instance of slice.instances ?? []) instances.set(instance.id, instance);
      for (const { family, help } of slice.families ?? []) groupOf(family, help);
      for (const row of slice.totals ?? []) {
        const group = groupOf(row.family, "");
        if (group !== undefined) takeTotal(group, row);
      }
      for (const row of slice.values ?? []) groupOf(row.family, "")?.values.push(row);
      if (slices.isOver) await slices.pause();
    }
    done = true;
  } finally {
    // A generator that hangs would hang here too.
    if (!done) iterator.return?.().catch(() => {});
  }
  return { groups, instances };
}

function takeTotal(group: Group, row: Row): void {
  const { series, numbers } = row;
  if (series.endsWith(NATIVE_END) && group.schema.type === "histogram") {
    const { labelValues } = decodeSeries(series);
    const key = JSON.stringify(labelValues);
    const rows = group.natives.get(key);
    if (rows === undefined) group.natives.set(key, [row]);
    else rows.push(row);
    return;
  }
  group.totals.add(series, numbers);
}

async function totalMetrics(
  groups: readonly Group[],
  slices: Slices,
): Promise<Iterable<Metric>> {
  const filled = groups.filter(({ totals }) => totals.size > 0);
  const [sole, ...others] = filled;
  if (sole === undefined) return [];
  if (others.length === 0) {
    // Made anew by each walk, which an encoder does piece by piece.
    return { [Symbol.iterator]: () => soleMetrics(sole) };
  }
  const bounds = filled.at(-1)!.schema.bounds;
  const points = new Map<string, TotalPoint>();
  let left = STRIDE;
  for (const { schema, totals, natives } of filled) {
    const { labelNames } = schema;
    for (const [series, numbers] of totals) {
      const { labelValues } = decodeSeries(series);
      const part = { schema, numbers, natives: natives.get(series) };
      const key = keyOf(labelNames, labelValues);
      const point = points.get(key);
      if (point === undefined) points.set(key, { labelNames, labelValues, parts: [part] });
      else point.parts.push(part);
      if (--left > 0) continue;
      left = STRIDE;
      if (slices.isOver) await slices.pause();
    }
  }
  const metrics: Metric[] = [];
  for (const point of points.values()) {
    metrics.push(sum(point, bounds));
    if (--left > 0) continue;
    left = STRIDE;
    if (slices.isOver) await slices.pause();
  }
  return metrics;
}

function* soleMetrics({ schema, totals, natives }: Group): Generator<Metric> {
  const { labelNames, bounds } = schema;
  for (const [series, numbers] of totals) {
    const { labelValues } = decodeSeries(series);
    const parts = [{ schema, numbers, natives: natives.get(series) }];
    yield sum({ labelNames, labelValues, parts }, bounds);
  }
}

/** One series, added up over the schemas that have it. */
function sum(point: TotalPoint, bounds: readonly number[]): Metric {
  const { labelNames, labelValues, parts } = point;
  const { type } = parts[0]!.schema;
  if (type === "histogram") return histogram(point, bounds);
  let [first = 0, second = 0] = parts[0]!.numbers;
  for (let i = 1; i < parts.length; i++) {
    first += parts[i]!.numbers[0] ?? 0;
    second += parts[i]!.numbers[1] ?? 0;
  }
  if (type === "counter") return { labelNames, labelValues, value: first };
  const quantileValues = (): readonly number[] => NONE;
  return { labelNames, labelValues, quantiles: NONE, sum: first, count: second, quantileValues };
}

function histogram(point: TotalPoint, bounds: readonly number[]): Metric {
  const { labelNames, labelValues, parts } = point;
  const natives: NativeBuckets[] = [];
  const all = parts.map(({ schema, numbers, natives: rows }): HistogramNumbers => {
    if (rows !== undefined) natives.push(sumBuckets(bucketsOf(rows)));
    const cumulative = numbers.slice(1);
    return { bounds: schema.bounds, cumulative, sum: numbers[0], count: cumulative.at(-1) ?? 0 };
  });
  const numbers = all.length === 1 ? all[0]! : sumHistograms(all, bounds);
  return new TotalHistogram(labelNames, labelValues, withNative(numbers, natives));
}

/** The native buckets beside the classic ones; both have the same count. */
function withNative(
  numbers: HistogramNumbers,
  natives: readonly NativeBuckets[],
): HistogramNumbers {
  if (natives.length === 0) return numbers;
  const native = nativeOf(sumBuckets(natives), numbers.sum ?? 0, numbers.count ?? 0);
  // Rows that were read while they changed: the count is at least what buckets have.
  const { count } = native;
  return { ...numbers, native, count, cumulative: [...numbers.cumulative.slice(0, -1), count] };
}

/** Rows of buckets, one for each resolution and zero threshold. */
function bucketsOf(rows: readonly Row[]): NativeBuckets[] {
  const all = new Map<string, NativeBuckets>();
  for (const { series, numbers } of rows) {
    const name = decodeSeries(series).native!;
    const [schema, zeroThreshold] = name;
    const key = `${schema},${zeroThreshold}`;
    let buckets = all.get(key);
    if (buckets === undefined) all.set(key, buckets = emptyBuckets(schema, zeroThreshold));
    addPart(buckets, { name, numbers });
  }
  return [...all.values()];
}

async function ownMetrics(
  groups: readonly Group[],
  instances: ReadonlyMap<string, StoredInstance>,
  slices: Slices,
): Promise<Metric[]> {
  const filled = groups.filter(({ values }) => values.length > 0);
  const newest = filled.at(-1) ?? groups.at(-1)!;
  const { aggregation, type } = newest.schema;
  const isLive = aggregation.startsWith("live");
  const isApart = hasProcessLabel(aggregation, type);
  const points = new Map<string, OwnPoint>();
  let left = STRIDE;
  for (const { schema, values } of filled) {
    const labelNames = isApart ? [...schema.labelNames, "process"] : schema.labelNames;
    for (const row of values) {
      const instance = instances.get(row.instance);
      if (instance === undefined || (isLive && !instance.alive)) continue;
      const { labelValues } = decodeSeries(row.series);
      const key = (filled.length === 1 ? row.series : keyOf(schema.labelNames, labelValues)) +
        (isApart ? instance.process : "");
      const [value = 0, changed = 0] = row.numbers;
      const own = { value, changed, row, instance };
      const point = points.get(key);
      if (point !== undefined) {
        point.values.push(own);
      } else {
        if (isApart) (labelValues as string[]).push(instance.process);
        points.set(key, { labelNames, labelValues, values: [own] });
      }
      if (--left > 0) continue;
      left = STRIDE;
      if (slices.isOver) await slices.pause();
    }
  }
  const metrics: Metric[] = [];
  for (const { labelNames, labelValues, values } of points.values()) {
    values.sort((a, b) =>
      rank(a.instance) - rank(b.instance) || a.instance.order - b.instance.order
    );
    // Of two processes of one name, the one that runs, or began later, is meant.
    const { row } = values.at(-1)!;
    if (type === "stateset") {
      const { states } = decodeSchema(row.family) ?? newest.schema;
      metrics.push({ labelNames, labelValues, states, stateValues: row.numbers });
    } else {
      const value = isApart ? row.numbers[0] ?? 0 : aggregate(aggregation, values);
      metrics.push({ labelNames, labelValues, value });
    }
    if (--left > 0) continue;
    left = STRIDE;
    if (slices.isOver) await slices.pause();
  }
  return metrics;
}

function rank({ alive }: StoredInstance): number {
  return alive ? 1 : 0;
}

/** A text that two label sets share exactly when they are equal, in whatever order. */
export function keyOf(labelNames: readonly string[], labelValues: readonly string[]): string {
  const pairs = labelNames.map((name, i) => [name, labelValues[i]] as const);
  return JSON.stringify(pairs.sort(([a], [b]) => a < b ? -1 : a > b ? 1 : 0));
}
