import type { Aggregation } from "../../mod.ts";

/** The value of one process. */
export interface OwnValue {
  readonly value: number;
  /** When it was set, in seconds since 1970; 0 for never. */
  readonly changed: number;
}

/**
 * Aggregates the values of several processes.
 *
 * @param aggregation The aggregation, except `all`, `liveall` and `omit`.
 * @param values The values, at least one, in the order in which the processes started.
 * @returns The value.
 */
export function aggregate(aggregation: Aggregation, values: readonly OwnValue[]): number {
  const mode = aggregation.replace(/^live/, "");
  const [first, ...others] = values;
  let result = first!;
  if (mode === "first") return result.value;
  for (const other of others) {
    const isAdded = mode === "sum" || mode === "average";
    if (isAdded) result = { value: result.value + other.value, changed: 0 };
    else if (isBetter(mode, other, result)) result = other;
  }
  return mode === "average" ? result.value / values.length : result.value;
}

function isBetter(mode: string, a: OwnValue, b: OwnValue): boolean {
  if (mode === "mostrecent") return a.changed >= b.changed;
  // NaN is neither the smallest nor the greatest, unless all values are NaN.
  if (Number.isNaN(b.value)) return true;
  return mode === "min" ? a.value < b.value : a.value > b.value;
}
