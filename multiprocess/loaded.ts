import type { CollectorRegistryProxy, Registry } from "../mod.ts";

/** A registry that is shared, or will be once the store is open. */
export interface Loaded {
  /** The proxy in front of the shared registry, if there is one. */
  readonly proxy: CollectorRegistryProxy | undefined;
  /** The shared registry, once the store is open. If it does not open, the former one, if any. */
  readonly shared: Promise<{ close(): Promise<void> } | undefined>;
}

/**
 * The shared registries. Two flushers of one registry would both send all of its counts to
 * their stores.
 */
export const LOADED: WeakMap<Registry, Loaded> = new WeakMap();
