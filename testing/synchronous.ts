import type { Gatherer } from "../mod.ts";

/**
 * Reads a registry synchronously. If it can only be read asynchronously, like a shared registry,
 * the error names the function to call instead.
 *
 * @param registry The registry.
 * @param names The failing action, as in `Cannot take a snapshot`, and the other function.
 * @param read Reads the registry.
 * @returns The result of `read`.
 * @throws {TypeError} If the registry can only be read asynchronously.
 */
export function readSynchronously<T>(
  registry: Gatherer,
  names: { doing: string; instead: string },
  read: () => T,
): T {
  try {
    return read();
  } catch (error) {
    if (registry.collectAsync === undefined) throw error;
    throw new TypeError(
      `${names.doing}: the registry cannot be read synchronously: use ${names.instead}`,
      { cause: error },
    );
  }
}
