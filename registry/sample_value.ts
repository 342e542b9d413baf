import {
  formatBound,
  type LabelValue,
  type MetricFamily,
  received,
  toLabelText,
} from "../model.ts";

/**
 * Finds the value of a sample among families.
 *
 * @param families The families, as exposed.
 * @param name The name of the sample.
 * @param labels All its labels.
 * @returns Its value, or `undefined` when there is no such sample.
 * @throws {TypeError} If the name is not a string, or a label value is not a string, a number or a boolean.
 */
export function findSample(
  families: Iterable<MetricFamily>,
  name: string,
  labels: Readonly<Record<string, LabelValue>>,
): number | undefined {
  const doing = `Cannot look up sample ${received(name)}`;
  if (typeof name !== "string") {
    throw new TypeError(`${doing}: name must be a string: received ${received(name)}`);
  }
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) {
    throw new TypeError(`${doing}: labels must be an object: received ${received(labels)}`);
  }
  const wanted = Object.entries(labels).map(([key, value]) =>
    [key, spell(key, value, doing)] as const
  );
  for (const family of families) {
    if (!name.startsWith(family.name) && !name.endsWith("_created")) continue;
    for (const sample of family.samples) {
      if (sample.name !== name || Object.keys(sample.labels).length !== wanted.length) continue;
      if (wanted.every(([key, text]) => sample.labels[key] === text)) return sample.value;
    }
  }
  return undefined;
}

/** The text of a label; bounds and quantiles given as numbers as they are written. */
function spell(labelName: string, value: LabelValue, doing: string): string {
  const isBound = labelName === "le" || labelName === "quantile";
  return isBound && typeof value === "number"
    ? formatBound(value)
    : toLabelText(value, labelName, doing);
}
