import { SYSTEM_CLOCK } from "../time/clock.ts";
import { format } from "./inspect.ts";

/**
 * Returns the amount of an increment, or NaN for a value that counts nothing. Throws as prom-client
 * does if the value is negative or not a finite number.
 */
export function checkIncrement(value: unknown): number {
  if (value && !Number.isFinite(value)) {
    throw new TypeError(`Value is not a valid number: ${format(value)}`);
  }
  // NaN, an empty string and false are not refused, as in prom-client.
  const amount = value ?? 1;
  if (typeof amount !== "number") return NaN;
  if (amount < 0) throw new Error("It is not possible to decrease a counter");
  return amount;
}

/** Returns a value to observe. Throws if it is not a finite number. */
export function checkObserved(value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new TypeError(`Value is not a valid number: ${format(value)}`);
}

/** Returns a number for a gauge. Throws, with `what` in the message, if it is not a number. */
export function checkGauge(value: unknown, what: "Value" | "Delta"): number {
  if (typeof value === "number") return value;
  throw new TypeError(`${what} is not a valid number: ${format(value)}`);
}

/** Returns whether an argument is an object: labels instead of a value. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * Starts a timer, and returns a function that calls `record` with all labels and the seconds. The
 * labels are read at the end, because programs change them in between.
 */
export function startTimer(
  labels: object | undefined,
  record: (labels: Record<string, unknown>, seconds: number) => void,
): (endLabels?: object) => number {
  const start = SYSTEM_CLOCK.monotonic();
  return (endLabels) => {
    const seconds = SYSTEM_CLOCK.monotonic() - start;
    record({ ...labels, ...endLabels }, seconds);
    return seconds;
  };
}
