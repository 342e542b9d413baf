import type { Family, Series } from "./store.ts";

/** Returns the words of a search, in lower case. */
export function words(text: string): string[] {
  return text.toLowerCase().split(/\s+/).filter((word) => word !== "");
}

/**
 * Returns the matching series of a family: each word is in the texts of the family or in the labels of
 * the series. Undefined if the family does not match.
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
