import {
  addParsedSample,
  type Exemplar,
  type LabelValue,
  MetricFamily,
  type MetricType,
  type NativeHistogram,
} from "../../model.ts";
import type { Scanner } from "./scanner.ts";

/** A sample of the text. */
export interface ParsedSample {
  /** The full name. */
  name: string;
  /** The labels. */
  labels: Record<string, LabelValue>;
  /** The value. Ignored if there is a native histogram. */
  value: number;
  /** The time of the value, in seconds since 1970. */
  timestamp?: number;
  /** The exemplar. */
  exemplar?: Exemplar;
  /** The native histogram in the place of a value. */
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

/** A family that the text declares. */
export interface ParsedFamily {
  /** The name, as in the model. */
  name: string;
  /** The help text. */
  help: string;
  /** The type. */
  type: MetricType;
  /** The unit. */
  unit?: string | undefined;
}

/**
 * Creates a family. Its names may be any text, because the formats can quote them.
 *
 * @param scanner Creates errors with their place.
 * @param at The index in the text where the family begins.
 * @param family The declaration in the text.
 * @returns The family, without samples.
 * @throws {ParseError} If the model does not allow the family.
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
 * @param scanner Creates errors with their place.
 * @param family The family.
 * @param sample The sample, under its name in the model.
 * @throws {ParseError} If the family does not allow the sample.
 */
export function addSample(scanner: Scanner, family: MetricFamily, sample: ParsedSample): void {
  const { name, labels, value, timestamp, exemplar, nativeHistogram } = sample;
  placed(scanner, sample.at, () => {
    return addParsedSample(family, name, labels, value, { timestamp, exemplar, nativeHistogram });
  });
}

/** Performs an action, and adds the place in the text to its error. */
function placed<T>(scanner: Scanner, at: number, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    throw scanner.error(error.message.replace(/^C/, "c"), at);
  }
}
