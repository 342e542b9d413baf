import type { Collector } from "./collector.ts";

/**
 * Spells a value for an error message: strings quoted, objects by their class,
 * everything else as JavaScript prints it. Never throws and is never long.
 *
 * @param value The value that was received.
 * @returns A short text.
 */
export function received(value: unknown): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value.length > 100 ? value.slice(0, 100) + "…" : value);
    case "bigint":
      return `${value}n`;
    case "function":
      return value.name === "" ? "a function" : `function ${value.name}`;
    case "symbol":
      return value.toString();
    case "object":
      if (value === null) return "null";
      if (Array.isArray(value)) {
        // Arrays within are not spelled out: one may be within itself.
        return `[${
          value.slice(0, 10).map((item) => Array.isArray(item) ? "[…]" : received(item)).join(", ")
        }${value.length > 10 ? ", …" : ""}]`;
      }
      return value.constructor?.name === "Object"
        ? `{${Object.keys(value).slice(0, 10).join(", ")}}`
        : String(value.constructor?.name ?? "an object");
    default:
      return Object.is(value, -0) ? "-0" : String(value);
  }
}

/**
 * Refuses what has not the shape that is asked for.
 *
 * @param isRight Whether it has.
 * @param doing What is being done, as in `Cannot create counter "x"`.
 * @param rule What is asked for, as in `help must be a string`.
 * @param value The value that was received.
 * @throws {TypeError} If it has not.
 */
export function checkShape(
  isRight: boolean,
  doing: string,
  rule: string,
  value: unknown,
): asserts isRight {
  if (!isRight) throw new TypeError(`${doing}: ${rule}: received ${received(value)}`);
}

/**
 * Refuses what is out of bounds.
 *
 * @param isWithin Whether it is within them.
 * @param doing What is being done, as in `Cannot create registry`.
 * @param rule The bounds, as in `quantiles must be from 0 to 1`.
 * @param value The value that was received.
 * @throws {RangeError} If it is not within them.
 */
export function checkBounds(
  isWithin: boolean,
  doing: string,
  rule: string,
  value: unknown,
): asserts isWithin {
  if (!isWithin) throw new RangeError(`${doing}: ${rule}: received ${received(value)}`);
}

/**
 * Refuses what is not labels with their values.
 *
 * @param labels The labels as they were given; the values are not looked at.
 * @param doing What is being done, as in `Cannot use counter "x"`.
 * @param what What they are called. @default {"labels"}
 * @throws {TypeError} If they are not an object.
 */
export function checkLabelObject(labels: unknown, doing: string, what = "labels"): void {
  if (typeof labels === "object" && labels !== null && !Array.isArray(labels)) return;
  checkShape(false, doing, `${what} must be an object`, labels);
}

/**
 * Refuses options that are none.
 *
 * @param options The options as they were given; what is in them is not looked at.
 * @param doing What is being done, as in `Cannot create counter "x"`.
 * @throws {TypeError} If they are not an object.
 */
export function checkOptions(options: unknown, doing: string): void {
  const isObject = typeof options === "object" && options !== null;
  checkShape(isObject, doing, "options must be an object", options);
}

/**
 * Checks an option that is a number.
 *
 * @param value The number as it was given.
 * @param isLegal Whether a number is within its bounds.
 * @param rule The bounds, as in `> 0`.
 * @param doing What is being done, as in `Cannot create registry`.
 * @param name The name of the option.
 * @returns The number.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is out of bounds.
 */
export function checkNumber(
  value: unknown,
  isLegal: (value: number) => boolean,
  rule: string,
  doing: string,
  name: string,
): number {
  checkShape(typeof value === "number", doing, `${name} must be a number`, value);
  checkBounds(isLegal(value), doing, `${name} must be ${rule}`, value);
  return value;
}

/** What a {@linkcode DuplicateMetricError} carries. */
export interface DuplicateMetricErrorOptions {
  /** The collector that holds the name. */
  existing: Collector;
  /** The collector that was refused. */
  rejected: Collector;
}

/**
 * Thrown when a collector is registered under a name that another collector of
 * the same registry already claims. Nothing was changed.
 *
 * @example Registering a second counter under the name of the first
 * ```ts
 * import { CollectorRegistry, Counter, DuplicateMetricError } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Counter("jobs_total", "Jobs done.", { registry });
 * assert.throws(() => new Counter("jobs_total", "Jobs.", { registry }), DuplicateMetricError);
 * ```
 */
export class DuplicateMetricError extends Error {
  /** `"DuplicateMetricError"`. */
  override readonly name = "DuplicateMetricError";
  /** The collector that holds the name. */
  readonly existing: Collector;
  /** The collector that was refused. */
  readonly rejected: Collector;

  /**
   * Creates the error.
   *
   * @param message The sentence to show.
   * @param options Both collectors.
   */
  constructor(message: string, options: DuplicateMetricErrorOptions) {
    super(message);
    this.existing = options.existing;
    this.rejected = options.rejected;
  }
}

/**
 * Thrown when a metric is written while some of its labels have no value yet.
 *
 * @example Writing to a counter before its label is given
 * ```ts
 * import { Counter, UnobservableMetricError } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const hits = new Counter("hits_total", "Hits.", { labelNames: ["page"], registry: null });
 * // @ts-expect-error The label "page" is missing.
 * assert.throws(() => hits.inc(), UnobservableMetricError);
 * ```
 */
export class UnobservableMetricError extends TypeError {
  /** `"UnobservableMetricError"`. */
  override readonly name = "UnobservableMetricError";
}

/** Thrown by the parsers: the text is not what its format allows. */
export class ParseError extends SyntaxError {
  /** `"ParseError"`. */
  override readonly name = "ParseError";
  /** The line of the text, from 1. */
  readonly line: number;
  /** The column of the line in UTF-16 code units, from 1. */
  readonly column: number;

  /**
   * Creates the error.
   *
   * @param message The sentence to show; the place is appended.
   * @param line The line of the text, from 1.
   * @param column The column of the line, from 1.
   */
  constructor(message: string, line: number, column: number) {
    super(`${message} (line ${line}, column ${column})`);
    this.line = line;
    this.column = column;
  }
}
