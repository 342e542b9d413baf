import type { Gatherer } from "../mod.ts";

/**
 * Reads a registry now, or says what to call instead: a registry that several
 * processes share cannot be read but asynchronously.
 *
 * @param registry The registry.
 * @param names What is being done, as in `Cannot take a snapshot`, and what to call instead.
 * @param read Reads the registry.
 * @returns What was read.
 * @throws {TypeError} If the registry refuses, and can be read asynchronously.
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
