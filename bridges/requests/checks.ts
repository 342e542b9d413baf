import type { Gatherer } from "../../mod.ts";
import { checkNumber, checkShape } from "../../model.ts";

/**
 * Throws if the parts that every request needs have the wrong shape.
 *
 * @param parts The options, with defaults.
 * @param doing The failing action, as in `Cannot push to Pushgateway`.
 * @throws {TypeError} If a part has the wrong shape.
 */
export function checkParts(
  { registry, fetch, signal }: { registry: Gatherer; fetch?: unknown; signal?: unknown },
  doing: string,
): void {
  const isRegistry = typeof registry?.collect === "function";
  checkShape(isRegistry, doing, "registry must be a registry", registry);
  const isFetch = fetch === undefined || typeof fetch === "function";
  checkShape(isFetch, doing, "fetch must be a function", fetch);
  const isSignal = signal === undefined ||
    typeof (signal as Partial<AbortSignal> | null)?.addEventListener === "function";
  checkShape(isSignal, doing, "signal must be an AbortSignal", signal);
}

/**
 * Throws if an option is not a number above 0.
 *
 * @param value The option.
 * @param doing The failing action, as in `Cannot push to Pushgateway`.
 * @param name The name of the option.
 * @returns The number.
 * @throws {TypeError} If it is not a number.
 * @throws {RangeError} If it is not above 0.
 */
export function checkPositive(value: unknown, doing: string, name: string): number {
  return checkNumber(value, (number) => number > 0, "> 0", doing, name);
}
