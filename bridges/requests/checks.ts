import type { Registry } from "../../mod.ts";

/**
 * Checks a number that must be positive.
 *
 * @param key What it is called.
 * @param value The number.
 * @param bounds What is being done, and how large the number may be.
 * @returns The number.
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is not positive or too large.
 */
export function checkPositive(
  key: string,
  value: unknown,
  { doing, max }: { doing: string; max: number },
): number {
  if (typeof value !== "number") {
    throw new TypeError(`${doing}: ${key} must be a number: received ${String(value)}`);
  }
  if (value > 0 && value <= max) return value;
  throw new RangeError(`${doing}: ${key} must be > 0 and <= ${max}: received ${value}`);
}

/**
 * Checks what requests are made with.
 *
 * @param options The options as they were given, those that were left out filled in.
 * @param doing What is being done, as in `Cannot push to Pushgateway`.
 * @throws {TypeError} If one has the wrong shape.
 */
export function checkParts(
  { registry, fetch, signal }: { registry: Registry; fetch: unknown; signal?: unknown },
  doing: string,
): void {
  if (typeof registry?.collect !== "function") {
    throw new TypeError(`${doing}: registry must be a registry: received ${String(registry)}`);
  }
  if (typeof fetch !== "function") {
    throw new TypeError(`${doing}: fetch must be a function: received ${String(fetch)}`);
  }
  const isSignal = signal === undefined ||
    typeof (signal as Partial<AbortSignal> | null)?.addEventListener === "function";
  if (!isSignal) {
    throw new TypeError(`${doing}: signal must be an AbortSignal: received ${String(signal)}`);
  }
}

/**
 * Refuses options that are none.
 *
 * @param options What was given.
 * @param doing What is being done, as in `Cannot push to Pushgateway`.
 * @throws {TypeError} If it is no object.
 */
export function checkObject(options: unknown, doing: string): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${doing}: options must be an object: received ${String(options)}`);
  }
}
