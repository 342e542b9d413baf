import { type LabelValue, type NameValidation, received } from "../model.ts";
import type { Registry } from "../registry.ts";
import type { NoLabels } from "./label_types.ts";

/** Where metrics take the time from. */
export interface Clock {
  /**
   * The time of day.
   *
   * @returns Seconds since 1970.
   */
  now(): number;
  /**
   * A time that never goes back, for durations.
   *
   * @returns Seconds since some moment.
   */
  monotonic(): number;
}

/** The platform's clocks. */
export const SYSTEM_CLOCK: Clock = {
  now: () => Date.now() / 1000,
  monotonic: () => performance.now() / 1000,
};

/**
 * Checks a clock.
 *
 * @param clock What was given.
 * @param doing What is being done, as in `Cannot create counter "x"`.
 * @returns The clock.
 * @throws {TypeError} If it does not have both methods.
 */
export function checkClock(clock: Clock, doing: string): Clock {
  if (typeof clock?.now === "function" && typeof clock.monotonic === "function") return clock;
  throw new TypeError(
    `${doing}: clock must have now() and monotonic(): received ${received(clock)}`,
  );
}

/**
 * Options that every metric has.
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted Those of them that have a default value.
 */
export interface MetricOptions<
  Names extends readonly string[] = readonly string[],
  Defaulted extends Names[number] = Names[number],
> {
  /** The label names, in the order in which they are written. @default {[]} */
  labelNames?: Names | undefined;
  /** Values for labels that a caller leaves out. */
  defaultLabels?:
    | ([Names[number]] extends [never] ? NoLabels : Readonly<Record<Defaulted, LabelValue>>)
    | undefined;
  /** The unit in plural base form, such as `"seconds"`; appended to the name if missing. */
  unit?: string | undefined;
  /** Goes before the subsystem and the name, joined by `_`. */
  namespace?: string | undefined;
  /** Goes before the name, joined by `_`. */
  subsystem?: string | undefined;
  /** Where the metric is registered; `null` for nowhere. @default {REGISTRY} */
  registry?: Registry | null | undefined;
  /**
   * Whether to ask the source that was set by `setExemplarSource()` for an exemplar
   * at each observation. @default {false}
   */
  exemplars?: boolean | undefined;
  /** The alphabet of the metric's and the labels' names. @default {"legacy"} */
  nameValidation?: NameValidation | undefined;
  /** Where the metric takes the time from; for tests. @default {the platform's clocks} */
  clock?: Clock | undefined;
}
