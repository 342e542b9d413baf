import { checkNumber, checkShape, isLegacyMetricName, type LabelValue } from "../model.ts";

/**
 * What a registry does with a collector whose names another one claims:
 * `"throw"` a {@linkcode DuplicateMetricError}; `"keep"` the first, warn once a
 * name, and leave the second unregistered; `"reuse"` the existing metric when the
 * definitions are the same, which the constructor then returns, else throw.
 */
export type OnDuplicate = "throw" | "keep" | "reuse";

/** Options of {@linkcode CollectorRegistry}. */
export interface CollectorRegistryOptions {
  /** Stands before the name of every family when it is exposed, joined by one `_`. */
  prefix?: string | null | undefined;
  /** Labels that every series gets. A metric that has one of them itself is refused. */
  constLabels?: Readonly<Record<string, LabelValue>> | undefined;
  /** Labels of the `target_info` series, which describes the program as a whole. */
  targetInfo?: Readonly<Record<string, LabelValue>> | null | undefined;
  /**
   * Whether to call `collect()` at registration to learn the names of a collector
   * that has no `describe()`. @default {false}
   */
  autoDescribe?: boolean | undefined;
  /** What to do when a name is claimed already. @default {"throw"} */
  onDuplicate?: OnDuplicate | undefined;
  /**
   * The `maxSeries` of metrics that are built into this registry and do not say it
   * themselves: for each of them, not for all together. An integer of at least 0, or
   * `Infinity`. @default {Infinity}
   */
  maxSeries?: number | undefined;
}

/** The one family whose name has a meaning to Prometheus and is never prefixed. */
export const TARGET_INFO = "target_info";

/**
 * Checks a prefix.
 *
 * @param prefix The prefix as it was given.
 * @param doing What is being done, as in `Cannot create registry`.
 * @returns The prefix without trailing underscores; `null` for none.
 * @throws {TypeError} If it cannot begin a metric name.
 */
export function checkPrefix(prefix: unknown, doing: string): string | null {
  if (prefix === undefined || prefix === null || prefix === "") return null;
  const rule = "prefix must match [a-zA-Z_:][a-zA-Z0-9_:]*";
  checkShape(typeof prefix === "string", doing, rule, prefix);
  checkShape(isLegacyMetricName(prefix), doing, rule, prefix);
  return prefix.replace(/(?<!_)_+$/, "") || null;
}

/**
 * The name under which a registry exposes a family.
 *
 * @param prefix The registry's prefix, checked.
 * @param name The name as registered.
 * @returns Both, joined by one `_`.
 */
export function exposedName(prefix: string | null, name: string): string {
  return prefix === null || name === TARGET_INFO ? name : `${prefix}_${name}`;
}

/**
 * Checks a limit of series.
 *
 * @param maxSeries The limit as it was given; nothing for none.
 * @param doing What is being done, as in `Cannot create registry`.
 * @returns The limit; `Infinity` for none.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is neither an integer of at least 0 nor `Infinity`.
 */
export function checkMaxSeries(maxSeries: unknown, doing: string): number {
  if (maxSeries === undefined) return Infinity;
  const isLegal = (limit: number) => limit === Infinity || (Number.isInteger(limit) && limit >= 0);
  return checkNumber(maxSeries, isLegal, "an integer >= 0, or Infinity", doing, "maxSeries");
}
