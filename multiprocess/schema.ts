import type { Aggregation, MetricFamily, MetricType } from "../mod.ts";

/** The version of the rows. Rows of another version are ignored. */
const VERSION = 2;

/** The meaning of a family's rows. Rows of equal schemas can be added up. Help may differ. */
export interface Schema {
  readonly name: string;
  readonly type: MetricType;
  readonly unit: string;
  readonly aggregation: Aggregation;
  readonly labelNames: readonly string[];
  /** The finite upper bounds of a histogram. */
  readonly bounds: readonly number[];
  /** Whether a histogram also has native buckets. */
  readonly isNative: boolean;
  /** The states of a stateset. */
  readonly states: readonly string[];
}

/** The native buckets of a row: schema, zero threshold, list, place in the list. */
export type NativePartName = readonly [
  schema: number,
  zeroThreshold: number,
  /** 0 for the zero bucket, 1 for positive buckets, -1 for negative ones. */
  sign: number,
  chunk: number,
];

/** The content of a row's `series`. */
export interface SeriesName {
  readonly labelValues: readonly string[];
  readonly native: NativePartName | undefined;
}

/** Returns whether processes share a family: it has an aggregation, and fits into rows. */
export function isShared({ aggregation, type }: MetricFamily): boolean {
  return aggregation !== undefined && type !== "gaugehistogram";
}

/** Returns whether numbers of a type add up over processes. If not, each process has its own. */
export function isTotal(type: MetricType): boolean {
  return type === "counter" || type === "histogram" || type === "summary";
}

/** Returns whether the numbers of a family are sent to the store. An omitted family never is. */
export function isStored({ aggregation }: MetricFamily): boolean {
  return aggregation !== "omit";
}

/** Returns whether the series of each process stay separate, by a label `process`. */
export function hasProcessLabel(aggregation: Aggregation, type: MetricType): boolean {
  return !isTotal(type) && aggregation.endsWith("all");
}

/** Returns the schema as text for rows. Texts are equal exactly if schemas are. */
export function encodeSchema(schema: Schema): string {
  const { name, type, unit, aggregation, labelNames, bounds, isNative, states } = schema;
  const shape = [labelNames, bounds, isNative, states];
  return JSON.stringify([VERSION, name, type, unit, aggregation, ...shape]);
}

/** Returns the schema of a text, or undefined if this version cannot read it. */
export function decodeSchema(text: string): Schema | undefined {
  try {
    const [version, name, type, unit, aggregation, ...shape] = JSON.parse(text);
    if (version !== VERSION) return undefined;
    const [labelNames, bounds, isNative, states] = shape;
    return { name, type, unit, aggregation, labelNames, bounds, isNative, states };
  } catch {
    return undefined;
  }
}

/** Returns the text of a series, or of a part of its native buckets. */
export function encodeSeries(labelValues: readonly string[], native?: NativePartName): string {
  return JSON.stringify(native === undefined ? labelValues : [...labelValues, native]);
}

/** Returns the content of a text of {@linkcode encodeSeries}. */
export function decodeSeries(text: string): SeriesName {
  const parts = JSON.parse(text);
  // Label values are strings, so an array can only be the name of a part.
  const native = Array.isArray(parts.at(-1)) ? parts.pop() : undefined;
  return { labelValues: parts, native };
}

/** Returns the reason if a family cannot be shared. */
export function whyNotShared(family: MetricFamily): string | undefined {
  const { aggregation, type, name, labelNames = [] } = family;
  if (aggregation === undefined || !hasProcessLabel(aggregation, type)) return undefined;
  if (!labelNames.includes("process")) return undefined;
  return `${type} "${name}" has a label "process", which identifies processes: ` +
    (type === "gauge" ? `rename it, or do not aggregate by "${aggregation}"` : "rename it");
}
