import { checkLabelObject, checkShape, received } from "./errors.ts";
import type { LabelSet, LabelValue, MetricType, NameValidation } from "./sample.ts";

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

/**
 * The name of the label that a type keeps for itself, if it has one.
 *
 * @param type The type of the family.
 * @param familyName The name of the family as exposed.
 * @returns `"le"`, `"quantile"`, a stateset's own name, or nothing.
 */
export function reservedLabelName(type: MetricType, familyName: string): string | undefined {
  switch (type) {
    case "histogram":
    case "gaugehistogram":
      return "le";
    case "summary":
      return "quantile";
    case "stateset":
      return familyName;
    default:
      return undefined;
  }
}

/**
 * Checks the label names of a metric and copies them.
 *
 * @param names The names as they were given.
 * @param validation The alphabet.
 * @param type The type of the family.
 * @param familyName The name of the family.
 * @param doing What is being done, as in `Cannot create counter "x"`.
 * @returns A frozen copy.
 * @throws {TypeError} If a name is not legal, is reserved, or stands there twice.
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
 * Turns what a caller gives for a label into the text that is written. Lone
 * surrogates become U+FFFD, so that two of them cannot become two series that
 * look alike on the wire.
 *
 * @param value The value as it was given.
 * @param labelName The name of the label.
 * @param doing What is being done, as in `Cannot use counter "x"`.
 * @returns The text, well-formed.
 * @throws {TypeError} If the value is neither a string, nor a number, nor a boolean.
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
 * Checks labels that come with their values, and takes them apart.
 *
 * @param labels The labels as they were given.
 * @param validation The alphabet of their names.
 * @param doing What is being done, as in `Cannot set info "x_info"`.
 * @param reserved The name of a label to leave out. @default {none}
 * @returns Their names, and their values as they are written.
 * @throws {TypeError} If they are no labels, or a name or a value is not legal.
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
