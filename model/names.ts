import { checkShape, received } from "./checks.ts";
import type { MetricType, NameValidation } from "./sample.ts";

const METRIC_NAME_REGEXP = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME_REGEXP = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const UNIT_REGEXP = /^[a-zA-Z0-9_:]+$/;

/** A character, as a whole code point, that cannot stand where it stands in a classic metric name. */
export const ILLEGAL_IN_METRIC_NAME_REGEXP = /^[0-9]|[^a-zA-Z0-9_:]/gu;
/** The same for a label name. */
export const ILLEGAL_IN_LABEL_NAME_REGEXP = /^[0-9]|[^a-zA-Z0-9_]/gu;

const METRIC_TYPES: ReadonlySet<string> = new Set<MetricType>([
  "counter",
  "gauge",
  "histogram",
  "gaugehistogram",
  "summary",
  "info",
  "stateset",
  "unknown",
]);

/**
 * Tells whether a metric name is of Prometheus's classic alphabet, so that it
 * needs neither quotes nor escaping on the wire.
 *
 * @param name The name.
 * @returns Whether it matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
 */
export function isLegacyMetricName(name: string): boolean {
  return METRIC_NAME_REGEXP.test(name);
}

/**
 * Tells whether a label name is of Prometheus's classic alphabet.
 *
 * @param name The name.
 * @returns Whether it matches `[a-zA-Z_][a-zA-Z0-9_]*`.
 */
export function isLegacyLabelName(name: string): boolean {
  return LABEL_NAME_REGEXP.test(name);
}

/**
 * Tells whether a value is one of the eight metric types.
 *
 * @param type The value.
 * @returns Whether it is one.
 */
export function isMetricType(type: unknown): type is MetricType {
  return typeof type === "string" && METRIC_TYPES.has(type);
}

/**
 * Checks the choice of alphabet.
 *
 * @param validation The option as it was given.
 * @param doing What is being done, as in `Cannot create counter "x"`.
 * @returns The option, `"legacy"` when none was given.
 * @throws {TypeError} If it is neither `"legacy"` nor `"utf8"`.
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
 * @param doing What is being done, as in `Cannot create counter "x"`.
 * @throws {TypeError} If the name is not legal.
 */
export function checkMetricName(name: unknown, validation: NameValidation, doing: string): void {
  checkAlphabet(name, validation, METRIC_NAME_REGEXP, doing, "name");
}

/**
 * Checks a label name. Names with two leading underscores belong to Prometheus: of
 * the wider alphabet, which is for what comes from there too, only `__name__` is kept out.
 *
 * @param name The name.
 * @param validation The alphabet.
 * @param doing What is being done, as in `Cannot create counter "x"`.
 * @throws {TypeError} If the name is not legal.
 */
export function checkLabelName(name: unknown, validation: NameValidation, doing: string): void {
  checkNotReserved(name, validation, doing);
  checkAlphabet(name, validation, LABEL_NAME_REGEXP, doing, "label name");
}

/** Refuses the label names that belong to Prometheus. */
function checkNotReserved(name: unknown, validation: NameValidation, doing: string): void {
  const isReserved = validation === "utf8"
    ? name === "__name__"
    : typeof name === "string" && name.startsWith("__");
  checkShape(!isReserved, doing, 'label names that start with "__" are reserved', name);
}

/** Checks that a name is a text of its alphabet; the classic one is that of the expression. */
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
 * Tells whether two label names become one for scrapers that only know the classic
 * alphabet: `a.b` and `a b` are both written as `a_b` for them, and a series that
 * has a label twice makes Prometheus refuse the whole scrape.
 *
 * @param names The label names, all different.
 * @returns The first name that another one before it becomes equal to, if there is one.
 */
export function findAmbiguousLabelName(names: readonly string[]): string | undefined {
  if (names.every((name) => LABEL_NAME_REGEXP.test(name))) return undefined;
  const written = new Set<string>();
  return names.find((name) => {
    const size = written.size;
    return written.add(name.replace(ILLEGAL_IN_LABEL_NAME_REGEXP, "_")).size === size;
  });
}

/** The parts that a metric name is put together from. */
export interface NameParts {
  /** Goes before the subsystem, joined by `_`. */
  namespace?: string | undefined;
  /** Goes before the name, joined by `_`. */
  subsystem?: string | undefined;
  /** Goes behind the name, before `_total` and `_info`, unless it is there already. */
  unit?: string | undefined;
}

/**
 * Puts a metric name together: `namespace_subsystem_name_unit`, with a counter's
 * `_total` and an info's `_info` last. An info's suffix is appended where it is
 * missing; a counter's never is.
 *
 * @param name The name as it was given.
 * @param type The type of the family.
 * @param parts What goes around the name.
 * @param doing What is being done, as in `Cannot create counter "x"`.
 * @returns The full name, not yet checked.
 * @throws {TypeError} If a part is not a string, or the type has no unit, or the
 * unit cannot be part of a name, or a stateset's name cannot be that of a label.
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
