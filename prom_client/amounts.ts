import { SYSTEM_CLOCK } from "../time/clock.ts";
import { format } from "./inspect.ts";

/**
 * Checks what a counter is increased by.
 *
 * @param value The value as it was given.
 * @returns The amount; NaN for what counts nothing.
 * @throws {TypeError} If it is not a finite number.
 * @throws {Error} If it is negative.
 */
export function checkIncrement(value: unknown): number {
  if (value && !Number.isFinite(value)) {
    throw new TypeError(`Value is not a valid number: ${format(value)}`);
  }
  // NaN, an empty string and false come this far, as they do in prom-client.
  const amount = value ?? 1;
  if (typeof amount !== "number") return NaN;
  if (amount < 0) throw new Error("It is not possible to decrease a counter");
  return amount;
}

/**
 * Checks a value that is observed.
 *
 * @param value The value as it was given.
 * @returns The value.
 * @throws {TypeError} If it is not a finite number.
 */
export function checkObserved(value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new TypeError(`Value is not a valid number: ${format(value)}`);
}

/**
 * Checks a number of a gauge.
 *
 * @param value The value as it was given.
 * @param what How the message calls it.
 * @returns The number.
 * @throws {TypeError} If it is not a number.
 */
export function checkGauge(value: unknown, what: "Value" | "Delta"): number {
  if (typeof value === "number") return value;
  throw new TypeError(`${what} is not a valid number: ${format(value)}`);
}

/** Whether something is an object, and so labels instead of a value. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * Starts a timer.
 *
 * @param labels Labels that are read when it ends: programs change them in between.
 * @param record Called at each end, with all labels and the seconds.
 * @returns Ends the timer.
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
