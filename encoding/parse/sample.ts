import {
  type Exemplar,
  type LabelValue,
  MetricFamily,
  type MetricType,
  type NativeHistogram,
} from "../../model.ts";
import type { Scanner } from "./scanner.ts";

/** A sample as it stands in the text. */
export interface ParsedSample {
  /** The full name. */
  name: string;
  /** The labels. */
  labels: Record<string, LabelValue>;
  /** The value; not used beside a native histogram. */
  value: number;
  /** When the value was taken, in seconds since 1970. */
  timestamp?: number;
  /** The exemplar. */
  exemplar?: Exemplar;
  /** The native histogram that stands in the place of a value. */
  nativeHistogram?: NativeHistogram;
  /** The index in the text where the sample begins. */
  at: number;
}

/** A sample of OpenMetrics. */
export interface OpenMetricsSample extends ParsedSample {
  labels: Record<string, string>;
  /** The index in the text where the value begins. */
  valueAt: number;
}

/** A family as the text declares it. */
export interface ParsedFamily {
  /** The name, as the model has it. */
  name: string;
  /** The help text. */
  help: string;
  /** The type. */
  type: MetricType;
  /** The unit. */
  unit?: string | undefined;
}

/**
 * Creates a family. Its names may be any text, as the formats know how to quote them.
 *
 * @param scanner For the place of an error.
 * @param at The index in the text where the family begins.
 * @param family What the text says.
 * @returns The family, without samples.
 * @throws {ParseError} If the model has no such family.
 */
export function createFamily(scanner: Scanner, at: number, family: ParsedFamily): MetricFamily {
  const { name, help, type, unit } = family;
  return placed(scanner, at, () => {
    return new MetricFamily(name, help, type, { unit, nameValidation: "utf8" });
  });
}

/**
 * Adds a sample to its family.
 *
 * @param scanner For the place of an error.
 * @param family The family.
 * @param sample The sample, under its name in the model.
 * @throws {ParseError} If the family cannot have the sample.
 */
export function addSample(scanner: Scanner, family: MetricFamily, sample: ParsedSample): void {
  const { name, labels, value, timestamp, exemplar, nativeHistogram } = sample;
  placed(scanner, sample.at, () => {
    return family.addSample(name, labels, value, { timestamp, exemplar, nativeHistogram });
  });
}

/** Does something, and says where in the text it failed. */
function placed<T>(scanner: Scanner, at: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw scanner.error(error.message.replace(/^C/, "c"), at);
  }
}
