import type { CollectorRegistryProxy, Registry } from "../mod.ts";
import type { SharedRegistry } from "./shared_registry.ts";

/** A registry that is shared, or will be once the store is open. */
export interface Loaded {
  /** The proxy that stands for the shared registry, if there is one. */
  readonly proxy: CollectorRegistryProxy | undefined;
  readonly shared: Promise<SharedRegistry>;
}

/**
 * The registries that are shared. Two flushers of one registry would both bring all of its counts to
 * their stores.
 */
export const LOADED: WeakMap<Registry, Loaded> = new WeakMap();
