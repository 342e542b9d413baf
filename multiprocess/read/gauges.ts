import type { Aggregation } from "../../mod.ts";

/** The value of one process. */
export interface OwnValue {
  readonly value: number;
  /** When it was set, in seconds since 1970; 0 for never. */
  readonly changed: number;
}

/**
 * The one value of several processes.
 *
 * @param aggregation How to make it; the forms of `all` have no such value.
 * @param values The values, at least one, in the order in which the processes began.
 * @returns The value.
 */
export function aggregate(aggregation: Aggregation, values: readonly OwnValue[]): number {
  const mode = aggregation.replace(/^live/, "");
  const [first, ...others] = values;
  let result = first!;
  for (const other of others) {
    if (mode === "sum") result = { value: result.value + other.value, changed: 0 };
    else if (isBetter(mode, other, result)) result = other;
  }
  return result.value;
}

function isBetter(mode: string, a: OwnValue, b: OwnValue): boolean {
  if (mode === "mostrecent") return a.changed >= b.changed;
  // What is no number is neither the smallest nor the greatest, unless there is nothing else.
  if (Number.isNaN(b.value)) return true;
  return mode === "min" ? a.value < b.value : a.value > b.value;
}
