import { type HistogramMetric, type Metric, MetricFamily } from "../../mod.ts";
import { type LiveMetrics, TRUSTED } from "../../model.ts";
import type { Timers } from "../../time/clock.ts";
import type { CallOptions, InstanceRow, Row, Session, StoredInstance } from "../backend.ts";
import { addPart, emptyBuckets, type NativeBuckets, sumBuckets } from "../native.ts";
import { PackedTotals } from "./packed_totals.ts";
import { decodeSchema, decodeSeries, hasProcessLabel, isTotal, type Schema } from "../schema.ts";
import { Slices } from "../../time/turn.ts";
import { abortable } from "../../time/time_limit.ts";
import { keyOf, mergeMetrics, type Point } from "./merge.ts";
import { histogramOf, nativeOf } from "./totals.ts";

/** How long the event loop is held at a time, in milliseconds. */
const BUDGET_MS = 2;

/** How many rows are processed between two checks of the clock. */
const STRIDE = 64;

/** The end of the text of a row of native buckets. A label value would end in `"]`. */
const NATIVE_END = "]]";

/** The quantiles of a shared summary. Quantiles cannot be added up. */
const NONE: readonly number[] = [];

/** All rows of one schema. */
interface Group {
  readonly schema: Schema;
  readonly help: string;
  readonly maxSeries: number;
  readonly totals: PackedTotals;
  readonly natives: Map<string, Row[]>;
  readonly values: InstanceRow[];
}

/** A series of totals, of several schemas. */
interface TotalPoint extends Point {
  readonly schemas: Schema[];
  readonly natives: NativeBuckets[];
}

/** Options of {@linkcode readFamilies}. */
export interface ReadFamiliesOptions extends CallOptions {
  /** Called with the name of a family of which something was left out. */
  readonly onConflict: (name: string) => void;
  readonly timers: Timers;
}

/** A series of values that processes have set. */
interface OwnPoint {
  /** The label set without the process. */
  readonly set: string;
  readonly labelNames: readonly string[];
  readonly labelValues: readonly string[];
  readonly values: { readonly metric: Metric; readonly instance: StoredInstance }[];
}

/**
 * Reads the content of a store as families.
 *
 * If a name has several schemas, the one that the store saw last is used. Schemas of
 * another type or unit are left out. The totals of the others are added at its bounds.
 *
 * @param session The store.
 * @param options A signal and a time limit.
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
      ? await totalMetrics(alike, slices, () => onConflict(name))
      : await ownMetrics(alike, content.instances, slices);
    signal.throwIfAborted();
    // Label sets are unique, and reading is safe, so registries need not check each metric.
    const trusted: LiveMetrics = Object.assign(metrics, { [TRUSTED]: type });
    const about = { unit, nameValidation: "utf8", metrics: trusted } as const;
    families.set(name, new MetricFamily(name, newest.help, type, about));
  }
  return families;
}

/** The content of a store, sorted by names and schemas. */
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
  const groupOf = (text: string, help = "", maxSeries = Infinity): Group | undefined => {
    if (byText.has(text)) return byText.get(text);
    const schema = decodeSchema(text);
    const group = schema &&
      { schema, help, maxSeries, totals: new PackedTotals(), natives: new Map(), values: [] };
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
      for (const { family, help, maxSeries } of slice.families ?? []) {
        groupOf(family, help, maxSeries);
      }
      for (const row of slice.totals ?? []) {
        const group = groupOf(row.family);
        if (group !== undefined) takeTotal(group, row);
      }
      for (const row of slice.values ?? []) groupOf(row.family)?.values.push(row);
      if (slices.isOver) await slices.pause();
    }
    done = true;
  } finally {
    // Not awaited, because a generator may hang.
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
  onConflict: () => void,
): Promise<Iterable<Metric>> {
  const filled = groups.filter(({ totals }) => totals.size > 0);
  const [sole, ...others] = filled;
  if (sole === undefined) return [];
  if (others.length === 0) {
    // Creates the metrics in each iteration, which an encoder does piece by piece.
    return { [Symbol.iterator]: () => metricsOf(sole) };
  }
  const { type, bounds } = filled.at(-1)!.schema;
  const points = new Map<string, TotalPoint>();
  const pause = pausing(slices);
  for (const group of filled) {
    for (const [series, numbers] of group.totals) {
      const { labelValues } = decodeSeries(series);
      const { labelNames } = group.schema;
      const key = keyOf(labelNames, labelValues);
      let point = points.get(key);
      if (point === undefined) {
        points.set(key, point = { labelNames, labelValues, metrics: [], schemas: [], natives: [] });
      }
      point.schemas.push(group.schema);
      point.metrics.push(metricOf(group.schema, labelValues, numbers));
      const rows = group.natives.get(series);
      if (rows !== undefined) point.natives.push(sumBuckets(bucketsOf(rows)));
      await pause();
    }
  }
  const metrics: Metric[] = [];
  let isLacking = false;
  for (const point of points.values()) {
    const metric = mergeMetrics({ type, aggregation: "sum", bounds }, point);
    // Native buckets that lack the observations of some processes would give wrong quantiles.
    const isWhole = point.schemas.every(({ isNative }) => isNative);
    metrics.push(isWhole ? withNative(metric, point.natives) : metric);
    isLacking ||= !isWhole && point.natives.length > 0;
    await pause();
  }
  if (isLacking) onConflict();
  return metrics;
}

/** Yields the metrics of one schema. */
function* metricsOf({ schema, totals, natives }: Group): Generator<Metric> {
  for (const [series, numbers] of totals) {
    const { labelValues } = decodeSeries(series);
    const metric = metricOf(schema, labelValues, numbers);
    const rows = natives.get(series);
    yield rows === undefined ? metric : withNative(metric, [sumBuckets(bucketsOf(rows))]);
  }
}

/** Returns a total as a metric. */
function metricOf(
  { type, labelNames, bounds }: Schema,
  labelValues: readonly string[],
  numbers: readonly number[],
): Metric {
  const [first = 0, second = 0] = numbers;
  switch (type) {
    case "histogram": {
      const cumulative = numbers.slice(1);
      const count = cumulative.at(-1) ?? 0;
      return histogramOf({ labelNames, labelValues }, { bounds, cumulative, sum: first, count });
    }
    case "summary": {
      const quantileValues = (): readonly number[] => NONE;
      return {
        labelNames,
        labelValues,
        quantiles: NONE,
        sum: first,
        count: second,
        quantileValues,
      };
    }
    default:
      return { labelNames, labelValues, value: first };
  }
}

/** Returns a function that pauses for the event loop now and then. */
function pausing(slices: Slices): () => Promise<void> | undefined {
  let left = STRIDE;
  return () => {
    if (--left > 0) return undefined;
    left = STRIDE;
    return slices.isOver ? slices.pause() : undefined;
  };
}

/** Adds native buckets to a histogram. Both kinds of buckets then have the same count. */
function withNative(metric: Metric, natives: readonly NativeBuckets[]): Metric {
  if (natives.length === 0) return metric;
  // Only histograms have such rows.
  const histogram = metric as HistogramMetric;
  const { bounds, sum = 0, count: least = 0 } = histogram;
  const native = nativeOf(sumBuckets(natives), sum, least);
  // Rows may change while they are read. The count is at least the sum of the buckets.
  const { count } = native;
  const cumulative = [...histogram.cumulativeCounts().slice(0, -1), count];
  return histogramOf(histogram, { bounds, cumulative, sum, count, native });
}

/** Returns the buckets of some rows, for each resolution and zero threshold. */
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
  const pause = pausing(slices);
  for (const { schema, values } of filled) {
    const labelNames = isApart ? [...schema.labelNames, "process"] : schema.labelNames;
    for (const row of values) {
      const instance = instances.get(row.instance);
      if (instance === undefined || (isLive && !instance.alive)) continue;
      const { labelValues } = decodeSeries(row.series);
      const set = filled.length === 1 ? row.series : keyOf(schema.labelNames, labelValues);
      const key = isApart ? set + instance.process : set;
      const metric = ownMetricOf(row, schema, labelValues);
      const point = points.get(key);
      if (point !== undefined) {
        point.values.push({ metric, instance });
      } else {
        if (isApart) (labelValues as string[]).push(instance.process);
        points.set(key, { set, labelNames, labelValues, values: [{ metric, instance }] });
      }
      await pause();
    }
  }
  const metrics: Metric[] = [];
  const isFirst = aggregation.endsWith("first");
  for (const point of withinLimit([...points.values()], newest.maxSeries)) {
    // Of two processes of one name, the running one counts, or else the younger one.
    point.values.sort(({ instance: a }, { instance: b }) =>
      (isFirst ? 0 : rank(a) - rank(b)) || a.order - b.order
    );
    const { labelNames, labelValues } = point;
    const all = point.values.map(({ metric }) => metric);
    metrics.push(mergeMetrics({ type, aggregation }, { labelNames, labelValues, metrics: all }));
    await pause();
  }
  return metrics;
}

/** Returns the values of one process as a metric. */
function ownMetricOf({ numbers }: Row, schema: Schema, labelValues: readonly string[]): Metric {
  const { labelNames, states, type } = schema;
  const [value = 0, changed = 0] = numbers;
  return type === "stateset"
    ? { labelNames, labelValues, states, stateValues: numbers }
    : { labelNames, labelValues, value, changed };
}

/**
 * Returns points within the limit of label sets, because gauges cannot be added to an overflow
 * series. Label sets of running processes come first, then those of processes that started earlier.
 */
function withinLimit(points: OwnPoint[], maxSeries: number): OwnPoint[] {
  const sets = new Map<string, { isAlive: boolean; order: number }>();
  for (const { set, values } of points) {
    for (const { instance: { alive, order } } of values) {
      const known = sets.get(set) ?? { isAlive: false, order: Infinity };
      sets.set(set, {
        isAlive: known.isAlive || alive,
        order: Math.min(known.order, order),
      });
    }
  }
  if (sets.size <= maxSeries) return points;
  const ranked = [...sets].sort(([, a], [, b]) =>
    Number(b.isAlive) - Number(a.isAlive) || a.order - b.order
  );
  const kept = new Set(ranked.slice(0, maxSeries).map(([set]) => set));
  return points.filter(({ set }) => kept.has(set));
}

function rank({ alive }: StoredInstance): number {
  return alive ? 1 : 0;
}
