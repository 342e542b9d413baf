/**
 * What tests of faults have in common: how much load they make, and where their figures go.
 *
 * A test of `tests/faults/` holds a bar that users are promised. Run by itself it makes a small
 * load, enough to show a fault; with `NARTHEX_TRUST=full` it makes the whole one. Where
 * `NARTHEX_TRUST_REPORT` names a file, each figure is appended to it as a line of JSON.
 *
 * @module
 */
import { appendFileSync } from "node:fs";
import process from "node:process";

/** A figure that was measured, and the bar that it was held against. */
export interface FaultFigure {
  /** What was done to the program. */
  readonly fault: string;
  /** What must hold. */
  readonly bar: string;
  /** What was measured. */
  readonly figure: string;
}

/** Whether the whole load is made. */
export const IS_FULL: boolean = process.env["NARTHEX_TRUST"] === "full";

/** How much of something there is: `full`, or else `sample`. */
export function load(full: number, sample: number): number {
  return IS_FULL ? full : sample;
}

/** Notes a figure, where anybody wants to know. */
export function reportFault(figure: FaultFigure): void {
  const path = process.env["NARTHEX_TRUST_REPORT"];
  if (path === undefined || path === "") return;
  appendFileSync(path, `${JSON.stringify({ ...figure, full: IS_FULL })}\n`);
}

/** A number of bytes as people read it. */
export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
