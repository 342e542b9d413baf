import type { LabelSet } from "../../mod.ts";
import type { Attributes } from "./api.ts";
import { escape, translateKey, type Translation } from "./names.ts";

/** Labels, in the order of their names. */
export interface Labels extends LabelSet {
  /** Tells them from all others. */
  readonly key: string;
}

/** What the labels of a family look like. */
export interface LabelRules {
  readonly translation: Translation;
  /** A label that the type of the family keeps for itself. */
  readonly reserved: string | undefined;
  /** The labels of the scope. No attribute takes their place. */
  readonly scope: ReadonlyMap<string, string>;
}

/**
 * Turns attributes into labels: keys are translated, values are written as text, arrays as JSON. Of
 * keys that become one label the values are joined by semicolons, in the order of the keys. An empty
 * value is no label.
 *
 * @param attributes The attributes. Only own enumerable properties count.
 * @param keeps Whether an attribute is kept; undefined to keep all.
 * @param rules What the labels look like.
 * @returns The labels, with those of the scope.
 */
export function toLabels(
  attributes: Attributes,
  keeps: ((key: string) => boolean) | undefined,
  { translation, reserved, scope }: LabelRules,
): Labels {
  /** By what the name is in the classic alphabet, in which no two may be one. */
  const byName = new Map<string, { name: string; value: string }>();
  for (const key of Object.keys(attributes).sort()) {
    if (key === "" || keeps?.(key) === false) continue;
    const value = toText(attributes[key]);
    if (value === "") continue;
    let name = translateKey(key, translation);
    if (name === reserved) name = `exported_${name}`;
    const classic = escape(name);
    if (scope.has(classic)) continue;
    const known = byName.get(classic);
    if (known === undefined) byName.set(classic, { name, value });
    else known.value += `;${value}`;
  }
  const entries = Array.from(byName.values(), ({ name, value }) => [name, value] as const);
  for (const entry of scope) entries.push(entry);
  entries.sort(([a], [b]) => a < b ? -1 : 1);
  const labelNames = entries.map(([name]) => name);
  const labelValues = entries.map(([, value]) => value);
  return { labelNames, labelValues, key: JSON.stringify([labelNames, labelValues]) };
}

/**
 * Writes the value of an attribute as text.
 *
 * @param value The value, of any type.
 * @returns The text; `""` for a value that is none.
 */
export function toText(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.toWellFormed();
    case "number":
    case "boolean":
    case "bigint":
      return String(value);
    case "object":
      if (value === null) return "";
      try {
        return (JSON.stringify(value) ?? "").toWellFormed();
      } catch {
        // It is circular, or has a bigint in it.
        return "";
      }
    default:
      return "";
  }
}
