/**
 * Loads and reports of the fault tests.
 *
 * Each test in `tests/faults/` checks a promise to users. By default it makes a small load, which
 * is enough to show a fault. With `NARTHEX_TRUST=full` it makes the full load. If
 * `NARTHEX_TRUST_REPORT` is set, each figure is appended to that file as a line of JSON.
 *
 * @module
 */
import { appendFileSync } from "node:fs";
import process from "node:process";

/** A measured figure, and the limit that it must meet. */
export interface FaultFigure {
  /** The fault that was caused. */
  readonly fault: string;
  /** The promise. */
  readonly bar: string;
  /** The measured result. */
  readonly figure: string;
}

/** Whether tests make the full load. */
export const IS_FULL: boolean = process.env["NARTHEX_TRUST"] === "full";

/** Returns `full` or `sample`, depending on {@linkcode IS_FULL}. */
export function load(full: number, sample: number): number {
  return IS_FULL ? full : sample;
}

/** Appends a figure to the report, if there is one. */
export function reportFault(figure: FaultFigure): void {
  const path = process.env["NARTHEX_TRUST_REPORT"];
  if (path === undefined || path === "") return;
  appendFileSync(path, `${JSON.stringify({ ...figure, full: IS_FULL })}\n`);
}

/** Formats a number of bytes in megabytes. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
