import type { Collector } from "./collector.ts";

/**
 * Thrown when a collector is registered under a name that another collector of the same registry
 * already claims. Nothing is changed before it is thrown.
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
   * @param message The message.
   * @param options Both collectors.
   */
  constructor(message: string, options: Pick<DuplicateMetricError, "existing" | "rejected">) {
    super(message);
    this.existing = options.existing;
    this.rejected = options.rejected;
  }
}

/**
 * Thrown when a metric is written to while some of its labels have no value.
 *
 * @example Writing to a counter whose label is missing
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

/**
 * Tells a program about an error. Ignores errors of `onError` itself, because a failing log must not
 * break anything.
 *
 * @param onError The function of the program.
 * @param args The error, and what is known about it.
 */
export function tell<Args extends readonly unknown[]>(
  onError: (...args: Args) => unknown,
  ...args: Args
): void {
  try {
    const returned = onError(...args);
    if (returned instanceof Promise) returned.catch(() => {});
  } catch {
    // See above.
  }
}

/** Thrown by the parsers if a text is not valid in its format. */
export class ParseError extends SyntaxError {
  /** `"ParseError"`. */
  override readonly name = "ParseError";
  /** The number of the line, from 1. */
  readonly line: number;
  /** The column in UTF-16 code units, from 1. */
  readonly column: number;

  /**
   * Creates the error.
   *
   * @param message The message. The line and the column are appended.
   * @param line The number of the line, from 1.
   * @param column The column, from 1.
   */
  constructor(message: string, line: number, column: number) {
    super(`${message} (line ${line}, column ${column})`);
    this.line = line;
    this.column = column;
  }
}
