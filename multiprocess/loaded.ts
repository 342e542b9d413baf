import type { Registry } from "../mod.ts";

/**
 * The registries that are shared, or are about to be. What one of them counts must not
 * be brought to stores by two flushers: both would bring all of it.
 */
export const LOADED: WeakSet<Registry> = new WeakSet();
