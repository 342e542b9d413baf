import { isLegacyMetricName, received } from "../model.ts";

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
  if (typeof prefix !== "string" || !isLegacyMetricName(prefix)) {
    throw new TypeError(
      `${doing}: prefix must match [a-zA-Z_:][a-zA-Z0-9_:]*: received ${received(prefix)}`,
    );
  }
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
