import { checkShape, received } from "./checks.ts";
import type { MetricType, NameValidation } from "./sample.ts";

const METRIC_NAME_REGEXP = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME_REGEXP = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const UNIT_REGEXP = /^[a-zA-Z0-9_:]+$/;

/** A code point that is not allowed at its place in a classic metric name. */
export const ILLEGAL_IN_METRIC_NAME_REGEXP = /^[0-9]|[^a-zA-Z0-9_:]/gu;
/** The same for a label name. */
export const ILLEGAL_IN_LABEL_NAME_REGEXP = /^[0-9]|[^a-zA-Z0-9_]/gu;

/**
 * Returns whether a metric name is in Prometheus's classic alphabet. Such a name needs neither
 * quotes nor escaping on the wire.
 *
 * @param name The name.
 * @returns Whether it matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
 */
export function isLegacyMetricName(name: string): boolean {
  return METRIC_NAME_REGEXP.test(name);
}

/**
 * Returns whether a label name is in Prometheus's classic alphabet.
 *
 * @param name The name.
 * @returns Whether it matches `[a-zA-Z_][a-zA-Z0-9_]*`.
 */
export function isLegacyLabelName(name: string): boolean {
  return LABEL_NAME_REGEXP.test(name);
}

/**
 * Checks the option `nameValidation`.
 *
 * @param validation The option.
 * @param doing The failing action, as in `Cannot create counter "x"`.
 * @returns The option, or `"legacy"` if it is undefined.
 * @throws {TypeError} If it is not `"legacy"` or `"utf8"`.
 */
export function checkNameValidation(validation: unknown, doing: string): NameValidation {
  if (validation === undefined) return "legacy";
  const isOne = validation === "legacy" || validation === "utf8";
  checkShape(isOne, doing, 'nameValidation must be "legacy" or "utf8"', validation);
  return validation;
}

/**
 * Checks a metric name.
 *
 * @param name The full name.
 * @param validation The alphabet.
 * @param doing The failing action, as in `Cannot create counter "x"`.
 * @throws {TypeError} If the name is invalid.
 */
export function checkMetricName(name: unknown, validation: NameValidation, doing: string): void {
  checkAlphabet(name, validation, METRIC_NAME_REGEXP, doing, "name");
}

/**
 * Checks a label name. Names with two leading underscores are reserved for Prometheus. In the UTF-8
 * alphabet, which is also used for metrics that come from Prometheus, only `__name__` is refused.
 *
 * @param name The name.
 * @param validation The alphabet.
 * @param doing The failing action, as in `Cannot create counter "x"`.
 * @throws {TypeError} If the name is invalid.
 */
export function checkLabelName(name: unknown, validation: NameValidation, doing: string): void {
  checkNotReserved(name, validation, doing);
  checkAlphabet(name, validation, LABEL_NAME_REGEXP, doing, "label name");
}

/** Throws if a label name is reserved for Prometheus. */
function checkNotReserved(name: unknown, validation: NameValidation, doing: string): void {
  const isReserved = validation === "utf8"
    ? name === "__name__"
    : typeof name === "string" && name.startsWith("__");
  checkShape(!isReserved, doing, 'label names that start with "__" are reserved', name);
}

/** Throws if a name is not in its alphabet. The classic one is that of the expression. */
function checkAlphabet(
  name: unknown,
  validation: NameValidation,
  classic: RegExp,
  doing: string,
  what: string,
): void {
  let rule = "be a string";
  if (typeof name === "string") {
    const isWide = validation === "utf8";
    if (isWide ? name !== "" && name.isWellFormed() : classic.test(name)) return;
    rule = isWide ? "be well-formed and not empty" : `match ${classic.source.slice(1, -1)}`;
  }
  checkShape(false, doing, `${what} must ${rule}`, name);
}

/**
 * Finds a label name that is written like another one for scrapers that only know the classic
 * alphabet. `a.b` and `a b` are both written as `a_b`, and Prometheus refuses a whole scrape if a
 * series has a label twice.
 *
 * @param names The label names, all different.
 * @returns The first name that is written like one before it, or undefined.
 */
export function findAmbiguousLabelName(names: readonly string[]): string | undefined {
  if (names.every((name) => LABEL_NAME_REGEXP.test(name))) return undefined;
  const written = new Set<string>();
  return names.find((name) => {
    const size = written.size;
    return written.add(name.replace(ILLEGAL_IN_LABEL_NAME_REGEXP, "_")).size === size;
  });
}

/** The parts of a metric name. */
export interface NameParts {
  /** Put before the subsystem, with `_` between them. */
  namespace?: string | undefined;
  /** Put before the name, with `_` between them. */
  subsystem?: string | undefined;
  /** Put after the name, before `_total` and `_info`, unless it is there already. */
  unit?: string | undefined;
}

/**
 * Joins the parts of a metric name: `namespace_subsystem_name_unit`. The suffix `_total` of a
 * counter and `_info` of an info stay at the end. A missing `_info` is appended, a missing `_total`
 * is not.
 *
 * @param name The name.
 * @param type The type of the family.
 * @param parts The other parts.
 * @param doing The failing action, as in `Cannot create counter "x"`.
 * @returns The full name, not checked yet.
 * @throws {TypeError} If a part is not a string, if the type has no unit, if the unit is not valid
 * in a name, or if the name of a stateset is not valid for a label.
 */
export function fullName(
  name: string,
  type: MetricType,
  parts: NameParts & { nameValidation: NameValidation },
  doing: string,
): string {
  const { namespace = "", subsystem = "", unit = "" } = parts;
  for (const [key, part] of Object.entries({ namespace, subsystem, unit })) {
    if (typeof part !== "string") checkShape(false, doing, `${key} must be a string`, part);
  }
  let full = name;
  if (subsystem !== "") full = `${subsystem}_${full}`;
  if (namespace !== "") full = `${namespace}_${full}`;
  let suffix = "";
  if (type === "counter" && full.endsWith("_total")) suffix = "_total";
  if (type === "info") suffix = "_info";
  if (suffix !== "" && full.endsWith(suffix)) full = full.slice(0, -suffix.length);
  if (unit !== "") {
    if (type === "info" || type === "stateset") {
      throw new TypeError(`${doing}: ${type} metrics have no unit: received ${received(unit)}`);
    }
    const legal = parts.nameValidation === "utf8"
      ? unit.isWellFormed() && !/["\\\n]/.test(unit)
      : UNIT_REGEXP.test(unit);
    checkShape(legal, doing, "unit must be part of a name", unit);
    if (!full.endsWith(`_${unit}`)) full = `${full}_${unit}`;
  }
  if (type === "stateset") {
    const rule = 'the name of a stateset is a label name too, and cannot have ":"';
    checkShape(!full.includes(":"), doing, rule, full);
    checkNotReserved(full, parts.nameValidation, `${doing}: its name is a label name too`);
  }
  return full + suffix;
}
