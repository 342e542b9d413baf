import type { LabelSet } from "../../mod.ts";
import type { Attributes } from "./api.ts";
import { escape, translateKey, type Translation } from "./names.ts";

/** Labels, sorted by name. */
export interface Labels extends LabelSet {
  /** A text that only equal labels share. */
  readonly key: string;
}

/** How attributes become labels in a family. */
export interface LabelRules {
  readonly translation: Translation;
  /** A label that is reserved in the family. */
  readonly reserved: string | undefined;
  /** The labels of the scope. They take precedence over attributes. */
  readonly scope: ReadonlyMap<string, string>;
}

/**
 * Turns attributes into labels: keys are translated, values are written as text, arrays as JSON. If
 * several keys become one label, their values are joined with semicolons, in the order of the keys. An
 * empty value adds no label.
 *
 * @param attributes The attributes. Only own enumerable properties count.
 * @param keeps Whether an attribute is kept; undefined to keep all.
 * @param rules The rules of the family.
 * @returns The labels, including those of the scope.
 */
export function toLabels(
  attributes: Attributes,
  keeps: ((key: string) => boolean) | undefined,
  { translation, reserved, scope }: LabelRules,
): Labels {
  /** By the name in the classic alphabet, in which names must be unique. */
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
 * @returns The text, or `""` if the value has none.
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
        // It is circular or contains a bigint.
        return "";
      }
    default:
      return "";
  }
}
