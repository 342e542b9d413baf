import type { Family, Series } from "./store.ts";

/** The words that are searched, in lower case. */
export function words(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter((word) => word !== "");
}

/**
 * The series of a family that match: each word is in what the family says about itself or
 * in the labels of the series. `undefined` if the family does not match.
 */
export function matchingSeries(
  family: Family,
  searched: readonly string[],
): readonly Series[] | undefined {
  const rest = searched.filter((word) => !family.text.includes(word));
  if (rest.length === 0) return family.series;
  const found = family.series.filter(({ text }) => rest.every((word) => text.includes(word)));
  return found.length === 0 ? undefined : found;
}
