import { type Exemplar, isLegacyLabelName } from "../model.ts";
import type { JsonExemplar } from "./metric_object.ts";

/**
 * Returns the labels of an exemplar as texts, or undefined if there are none or one is not legal.
 * Throws if they are too long.
 */
export function exemplarTexts(labels: unknown): Record<string, string> | undefined {
  if (typeof labels !== "object" || labels === null) return undefined;
  const entries = Object.entries(labels).map(([name, value]) => [name, String(value)] as const);
  const length = entries.reduce((sum, [name, text]) => sum + name.length + text.length, 0);
  if (length > 128) throw new RangeError("Label set size must be smaller than 128 UTF-8 chars");
  const isLegal = entries.length > 0 &&
    entries.every(([name]) => isLegacyLabelName(name) && !name.startsWith("__"));
  return isLegal ? Object.fromEntries(entries) : undefined;
}

/** Returns an exemplar as JSON has it. */
export function exemplarToJson(exemplar: Exemplar | undefined): JsonExemplar | null {
  if (exemplar === undefined) return null;
  const { labels, value, timestamp } = exemplar;
  return { labelSet: { ...labels }, value, timestamp };
}
