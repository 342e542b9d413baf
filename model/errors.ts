import type { Collector } from "./collector.ts";

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
