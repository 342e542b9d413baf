import {
  type Collector,
  createdName,
  exposedNames,
  type MetricFamily,
  openMetricsName,
} from "../model.ts";
import { exposedName } from "./options.ts";

/** The names of a collector, as exposed. */
export interface Claims {
  /** The names that no other collector may have. */
  readonly claimed: ReadonlySet<string>;
  /** All names under which it can be asked for. OpenMetrics has some more. */
  readonly readable: ReadonlySet<string>;
}

/**
 * Determines the names of families.
 *
 * @param families The families.
 * @param prefix The prefix of the registry.
 * @returns The names.
 */
export function claimsOf(
  families: readonly Pick<MetricFamily, "name" | "type">[],
  prefix: string | null,
): Claims {
  const claimed = new Set<string>();
  const readable = new Set<string>();
  for (const { name, type } of families) {
    const exposed = exposedName(prefix, name);
    for (const own of exposedNames(exposed, type)) {
      claimed.add(own);
      readable.add(own);
    }
    readable.add(openMetricsName(exposed, type));
    const created = createdName(exposed, type);
    if (created !== undefined) readable.add(created);
  }
  return { claimed, readable };
}

/** The collectors of a registry in the order of registration, and who claims which name. */
export class ClaimedNames {
  /** The collectors, with the names under which each can be asked for. */
  #collectors: Map<Collector, ReadonlySet<string>> = new Map();
  /** The first collector that claims a name. */
  readonly #owners: Map<string, Collector> = new Map();
  /** The collectors that can be asked for a name. */
  readonly #readers: Map<string, Set<Collector>> = new Map();
  /** The collectors without names: any name can be theirs. */
  readonly #nameless: Set<Collector> = new Set();

  /** Returns the collectors, in the order of registration. */
  all(): Collector[] {
    return [...this.#collectors.keys()];
  }

  /** Tells whether a collector is registered. */
  has(collector: Collector): boolean {
    return this.#collectors.has(collector);
  }

  /** The names under which a collector can be asked for. None if it has no `describe()`. */
  namesOf(collector: Collector): ReadonlySet<string> | undefined {
    return this.#collectors.get(collector);
  }

  /** Returns the collectors that can be asked for a name, those that say so first. */
  readersOf(name: string): Collector[] {
    return [...this.#readers.get(name) ?? [], ...this.#nameless];
  }

  /** Returns whether a registered collector says that it has a name. */
  isKnown(name: string): boolean {
    return this.#readers.has(name);
  }

  /** Returns the first collector that claims a name. */
  ownerOf(name: string): Collector | undefined {
    return this.#owners.get(name);
  }

  /** Returns the collectors that hold some of the names. */
  holders({ claimed }: Claims): Set<Collector> {
    const holders = new Set<Collector>();
    for (const name of claimed) {
      const owner = this.#owners.get(name);
      if (owner !== undefined) holders.add(owner);
    }
    return holders;
  }

  /** Adds a collector at the end. A name that is claimed already stays with its owner. */
  add(collector: Collector, { claimed, readable }: Claims): void {
    this.#collectors.set(collector, readable);
    for (const name of claimed) if (!this.#owners.has(name)) this.#owners.set(name, collector);
    if (readable.size === 0) this.#nameless.add(collector);
    for (const name of readable) {
      const readers = this.#readers.get(name);
      if (readers === undefined) this.#readers.set(name, new Set([collector]));
      else readers.add(collector);
    }
  }

  /** Reserves names for someone who is not read as a collector. */
  reserve(owner: Collector, { claimed }: Claims): void {
    for (const name of claimed) this.#owners.set(name, owner);
  }

  /** Removes a collector; tells whether it was there. */
  delete(collector: Collector): boolean {
    const names = this.#collectors.get(collector);
    if (names === undefined) return false;
    this.#collectors.delete(collector);
    this.#nameless.delete(collector);
    for (const name of names) {
      if (this.#owners.get(name) === collector) this.#owners.delete(name);
      const readers = this.#readers.get(name);
      readers?.delete(collector);
      if (readers?.size === 0) this.#readers.delete(name);
    }
    return true;
  }

  /** Puts a collector into the place of the first of others, and removes these. */
  replace(others: ReadonlySet<Collector>, collector: Collector, claims: Claims): void {
    const entries = [...this.#collectors];
    const at = entries.findIndex(([other]) => others.has(other));
    for (const other of others) this.delete(other);
    this.add(collector, claims);
    entries.splice(at, 0, [collector, claims.readable]);
    this.#collectors = new Map(entries.filter(([other]) => !others.has(other)));
  }
}
