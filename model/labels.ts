import { checkLabelObject, checkShape, received } from "./checks.ts";
import { checkLabelName, findAmbiguousLabelName } from "./names.ts";
import type { LabelSet, LabelValue, MetricType, NameValidation } from "./sample.ts";
import { reservedLabelName } from "./structure.ts";

/**
 * Checks the label names of a metric and copies them.
 *
 * @param names The names.
 * @param validation The alphabet.
 * @param type The type of the family.
 * @param familyName The name of the family.
 * @param doing The failing action, as in `Cannot create counter "x"`.
 * @returns A frozen copy.
 * @throws {TypeError} If a name is invalid, reserved, or repeated.
 */
export function checkLabelNames(
  names: unknown,
  validation: NameValidation,
  type: MetricType,
  familyName: string,
  doing: string,
): readonly string[] {
  checkShape(Array.isArray(names), doing, "labelNames must be an array", names);
  const reserved = reservedLabelName(type, familyName);
  const copy: string[] = [];
  for (const name of names) {
    checkLabelName(name, validation, doing);
    if (name === reserved) {
      throw new TypeError(`${doing}: label "${name}" is reserved for the ${type} itself`);
    }
    if (copy.includes(name)) {
      throw new TypeError(`${doing}: label names must differ: received "${name}" twice`);
    }
    copy.push(name);
  }
  const ambiguous = findAmbiguousLabelName(copy);
  const rule = "label names must differ when written with underscores";
  checkShape(ambiguous === undefined, doing, rule, ambiguous);
  return Object.freeze(copy);
}

/**
 * Returns the text of a label value as it is written. Lone surrogates become U+FFFD. Otherwise two
 * different values could become two series that look alike on the wire.
 *
 * @param value The value.
 * @param labelName The name of the label.
 * @param doing The failing action, as in `Cannot use counter "x"`.
 * @returns The well-formed text.
 * @throws {TypeError} If the value is not a string, a number or a boolean.
 */
export function toLabelText(value: LabelValue, labelName: string, doing: string): string {
  switch (typeof value) {
    case "string":
      return value.toWellFormed();
    case "number":
    case "boolean":
      return String(value);
    default:
      throw new TypeError(
        `${doing}: value of label "${labelName}" must be a string, a number or a boolean: ` +
          `received ${received(value)}`,
      );
  }
}

/**
 * Checks an object of labels, and splits it into names and values.
 *
 * @param labels The labels.
 * @param validation The alphabet of the names.
 * @param doing The failing action, as in `Cannot set info "x_info"`.
 * @param reserved The name of a label to leave out. @default {none}
 * @returns The names, and the values as they are written.
 * @throws {TypeError} If the labels are not an object, or a name or a value is invalid.
 */
export function toLabelSet(
  labels: Readonly<Record<string, LabelValue>>,
  validation: NameValidation,
  doing: string,
  reserved?: string,
): LabelSet {
  checkLabelObject(labels, doing);
  const labelNames: string[] = [];
  const labelValues: string[] = [];
  for (const [name, value] of Object.entries(labels)) {
    if (name === reserved) continue;
    checkLabelName(name, validation, doing);
    labelNames.push(name);
    labelValues.push(toLabelText(value, name, doing));
  }
  return { labelNames, labelValues };
}
