import { isLegacyLabelName, isLegacyMetricName } from "../model.ts";

/**
 * Returns whether a metric name is legal.
 *
 * @param name The name.
 * @returns Whether it matches `[a-zA-Z_:][a-zA-Z0-9_:]*`.
 */
export function validateMetricName(name: string): boolean {
  return isLegacyMetricName(name);
}

/** Returns the illegal ones of some label names. */
export function illegalLabelNames(names: readonly string[]): string[] {
  return names.filter((name) => !isLegacyLabelName(name));
}
