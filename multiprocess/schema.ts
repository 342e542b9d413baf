import type { Aggregation, MetricFamily, MetricType } from "../mod.ts";

/** The version of the rows: what another version wrote is left alone. */
const VERSION = 1;

/** What a family's rows mean. Rows of equal schemas can be added up; help may differ. */
export interface Schema {
  readonly name: string;
  readonly type: MetricType;
  readonly unit: string;
  readonly aggregation: Aggregation;
  readonly labelNames: readonly string[];
  /** The finite upper bounds of a histogram. */
  readonly bounds: readonly number[];
  /** The states of a stateset. */
  readonly states: readonly string[];
}

/** Which native buckets of a series a row has: schema, zero threshold, list, place in the list. */
export type NativePartName = readonly [
  schema: number,
  zeroThreshold: number,
  /** 0 for the zero bucket, 1 for positive buckets, -1 for negative ones. */
  sign: number,
  chunk: number,
];

/** What a row's `series` says. */
export interface SeriesName {
  readonly labelValues: readonly string[];
  readonly native: NativePartName | undefined;
}

/** Whether a family is one that processes share: its collector says how, and rows can carry it. */
export function isShared({ aggregation, type }: MetricFamily): boolean {
  return aggregation !== undefined && type !== "gaugehistogram";
}

/** Whether numbers of a type add up over processes; else each process has its own. */
export function isTotal(type: MetricType): boolean {
  return type === "counter" || type === "histogram" || type === "summary";
}

/** Whether the numbers of a family are brought to the store: an omitted family is never read. */
export function isStored({ aggregation }: MetricFamily): boolean {
  return aggregation !== "omit";
}

/** Whether the numbers of a family stay apart by a label `process`. */
export function hasProcessLabel(aggregation: Aggregation, type: MetricType): boolean {
  return !isTotal(type) && aggregation.endsWith("all");
}

/** The schema as the text that rows carry: equal exactly for equal schemas. */
export function encodeSchema(schema: Schema): string {
  const { name, type, unit, aggregation, labelNames, bounds, states } = schema;
  return JSON.stringify([VERSION, name, type, unit, aggregation, labelNames, bounds, states]);
}

/** The schema of a text, or nothing when this version cannot read it. */
export function decodeSchema(text: string): Schema | undefined {
  try {
    const [version, name, type, unit, aggregation, labelNames, bounds, states] = JSON.parse(text);
    if (version !== VERSION) return undefined;
    return { name, type, unit, aggregation, labelNames, bounds, states };
  } catch {
    return undefined;
  }
}

/** The text of a series, or of a part of its native buckets. */
export function encodeSeries(labelValues: readonly string[], native?: NativePartName): string {
  return JSON.stringify(native === undefined ? labelValues : [...labelValues, native]);
}

/** What a text of {@linkcode encodeSeries} says. */
export function decodeSeries(text: string): SeriesName {
  const parts = JSON.parse(text);
  // Label values are strings, so that an array can only be the name of a part.
  const native = Array.isArray(parts.at(-1)) ? parts.pop() : undefined;
  return { labelValues: parts, native };
}

/** Why a family cannot be shared, if it cannot. */
export function whyNotShared(family: MetricFamily): string | undefined {
  const { aggregation, type, name, labelNames = [] } = family;
  if (aggregation === undefined || !hasProcessLabel(aggregation, type)) return undefined;
  if (!labelNames.includes("process")) return undefined;
  return `${type} "${name}" has a label "process", which is to tell processes apart: ` +
    (type === "gauge" ? `rename it, or do not aggregate by "${aggregation}"` : "rename it");
}
