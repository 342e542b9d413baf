import {
  checkLabelObject,
  checkShape,
  type LabelValue,
  received,
  toLabelText,
  UnobservableMetricError,
} from "../model.ts";
import type { MetricCore } from "./metric_core.ts";

/** The values of labels in the order of their names; undefined where one is missing. */
export type GivenValues = readonly (string | undefined)[];

/** The labels that a caller gives. Every property is read once. */
export type GivenLabels = readonly (readonly [name: string, value: LabelValue])[];

/**
 * Reads labels that were given by name. Only own properties are labels.
 *
 * @param labels The labels, as they were given.
 * @param doing The failing action, as in `Cannot get series of counter "x"`.
 * @throws {TypeError} If they are not an object.
 */
export function readLabels(labels: unknown, doing: string): GivenLabels {
  checkLabelObject(labels, doing);
  // The values are checked when they become texts.
  return Object.entries(labels as Record<string, LabelValue>);
}

/**
 * Reads the arguments of a method: labels by name, or a value for each label.
 *
 * @param names The label names of the metric.
 * @param args The arguments, as they were given.
 * @param doing The failing action.
 * @throws {TypeError} If there are too few or too many values.
 */
export function readArguments(
  names: readonly string[],
  args: readonly unknown[],
  doing: string,
): GivenLabels {
  const labels = asLabels(args);
  if (labels !== undefined) return readLabels(labels, doing);
  if (args.length !== names.length) {
    const values = args.length === 0 ? "no value" : received(args);
    throw new TypeError(`${doing}: it has ${names.length} labels: received ${values}`);
  }
  // The values are checked when they become texts.
  return names.map((name, i) => [name, args[i] as LabelValue]);
}

/**
 * Finds the values of all labels.
 *
 * @param names The label names of the metric.
 * @param labels The labels that are given now.
 * @param given The values that were given before, or by default; undefined where there is none.
 * @param doing The failing action.
 * @returns The values in the order of the names; undefined where one is missing.
 * @throws {TypeError} If a label is unknown, or a value is not a string, a number or a boolean.
 */
export function resolveLabels(
  names: readonly string[],
  labels: GivenLabels,
  given: GivenValues,
  doing: string,
): GivenValues {
  const values = [...given];
  for (const [name, value] of labels) {
    const i = names.indexOf(name);
    if (i === -1) checkShape(false, doing, `its labels are ${quoted(names)}`, name);
    values[i] = toLabelText(value, name, doing);
  }
  return values;
}

/**
 * Returns the arguments of a method as labels by name, if they are.
 *
 * @param args The arguments, as they were given: one object, or a value for each label.
 */
export function asLabels(args: readonly unknown[]): Readonly<Record<string, unknown>> | undefined {
  const [labels] = args;
  const isObject = args.length === 1 && typeof labels === "object" && labels !== null;
  // Any object can be read by name.
  return isObject ? labels as Readonly<Record<string, unknown>> : undefined;
}

/** Returns whether no label is missing. */
export function isComplete(values: GivenValues): values is readonly string[] {
  return !values.includes(undefined);
}

/**
 * Throws an error that names the missing labels.
 *
 * @throws {UnobservableMetricError} Always.
 */
export function refuseMissing(core: MetricCore, values: GivenValues): never {
  const missing = missingLabels(core.labelNames, values);
  throw new UnobservableMetricError(`${core.doing("observe")}: labels are missing: ${missing}`);
}

/** Returns the names of the labels that have no value, for an error message. */
export function missingLabels(names: readonly string[], values: GivenValues): string {
  return quoted(names.filter((_, i) => values[i] === undefined));
}

function quoted(names: readonly string[]): string {
  return names.length === 0 ? "none" : names.map((name) => `"${name}"`).join(", ");
}
