const METRIC_NAME_REGEXP = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const LABEL_NAME_REGEXP = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * Tells whether a metric name is legal.
 *
 * @param name The name.
 * @returns Whether it is of the alphabet of metric names.
 */
export function validateMetricName(name: string): boolean {
  return METRIC_NAME_REGEXP.test(name);
}

/** Returns those of some label names that are not legal. */
export function illegalLabelNames(names: readonly string[]): string[] {
  return names.filter((name) => !LABEL_NAME_REGEXP.test(name));
}
