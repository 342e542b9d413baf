import {
  type Collector,
  createdName,
  exposedNames,
  type MetricFamily,
  openMetricsName,
} from "../model.ts";
import { exposedName } from "./options.ts";

/** The name of a collector without a name, a family or a class. */
export const ANONYMOUS = "anonymous";

/** How much of a name is shown, in UTF-16 code units. */
const MAX_NAME = 200;

/**
 * A collector of a registry, and how it is known there. A plain object, because it may move to a
 * registry of another copy of this package.
 */
export interface Registration {
  readonly collector: Collector;
  /** The names, as exposed, that no other collector may have. */
  readonly claimed: ReadonlySet<string>;
  /**
   * All names under which it can be asked for. OpenMetrics has some more. A collector without
   * `describe()` has none: any name can be its own.
   */
  readonly names: ReadonlySet<string>;
  /** The name under which its errors are counted. Set when there is one. */
  name?: string | undefined;
  /** The families of its last read, by name and type. Only kept for a collector without names. */
  families?: readonly { readonly name: string; readonly key: string }[] | undefined;
}

/**
 * Creates a registration.
 *
 * @param collector The collector.
 * @param families The families that it describes.
 * @param prefix The prefix of the registry.
 * @returns The registration.
 */
export function registrationOf(
  collector: Collector,
  families: readonly Pick<MetricFamily, "name" | "type">[],
  prefix: string | null,
): Registration {
  const claimed = new Set<string>();
  const names = new Set<string>();
  for (const { name, type } of families) {
    const exposed = exposedName(prefix, name);
    for (const own of exposedNames(exposed, type)) {
      claimed.add(own);
      names.add(own);
    }
    names.add(openMetricsName(exposed, type));
    const created = createdName(exposed, type);
    if (created !== undefined) names.add(created);
  }
  return { collector, claimed, names };
}

/** The collectors of a registry in the order of registration, and which names each has. */
export class Registrations {
  #all: Map<Collector, Registration> = new Map();
  readonly #byName: Map<string, Set<Registration>> = new Map();
  readonly #nameless: Set<Registration> = new Set();

  /** All registrations, in their order. */
  get all(): ReadonlyMap<Collector, Registration> {
    return this.#all;
  }

  /** Returns the registrations that can be asked for a name, those that say so first. */
  readersOf(name: string): Registration[] {
    return [...this.#byName.get(name) ?? [], ...this.#nameless];
  }

  /** Returns whether a collector says that it has a name. */
  isKnown(name: string): boolean {
    return [...this.#byName.get(name) ?? []].some(({ collector }) => this.#all.has(collector));
  }

  /** Returns the first collector that claims a name. */
  ownerOf(name: string): Collector | undefined {
    for (const { claimed, collector } of this.#byName.get(name) ?? []) {
      if (claimed.has(name)) return collector;
    }
    return undefined;
  }

  /** Returns the first collectors that claim the names of another one. */
  holders({ claimed }: Registration): Set<Collector> {
    const holders = new Set<Collector>();
    for (const name of claimed) {
      const owner = this.ownerOf(name);
      if (owner !== undefined) holders.add(owner);
    }
    return holders;
  }

  /** Adds a collector at the end. A name that is claimed already stays with its owner. */
  add(registration: Registration): void {
    this.#all.set(registration.collector, registration);
    if (registration.names.size === 0) this.#nameless.add(registration);
    this.reserve(registration);
  }

  /** Gives names to a collector that is not among the others. */
  reserve(registration: Registration): void {
    for (const name of registration.names) {
      const readers = this.#byName.get(name);
      if (readers === undefined) this.#byName.set(name, new Set([registration]));
      else readers.add(registration);
    }
  }

  /** Removes a collector. Returns whether it was there. */
  delete(collector: Collector): boolean {
    const registration = this.#all.get(collector);
    if (registration === undefined) return false;
    this.#all.delete(collector);
    this.#nameless.delete(registration);
    for (const name of registration.names) {
      const readers = this.#byName.get(name)!;
      readers.delete(registration);
      if (readers.size === 0) this.#byName.delete(name);
    }
    return true;
  }

  /** Puts a collector into the place of the first of others, and removes these. */
  replace(others: ReadonlySet<Collector>, registration: Registration): void {
    const entries = [...this.#all];
    const at = entries.findIndex(([other]) => others.has(other));
    for (const other of others) this.delete(other);
    this.add(registration);
    entries.splice(at, 0, [registration.collector, registration]);
    this.#all = new Map(entries.filter(([other]) => !others.has(other)));
  }

  /**
   * Returns the name of a collector in error counts: its own `name`, else the first family that it
   * is known to bring, else its class. Of several collectors of one name, the later ones get a
   * number, as in `Database#2`. The name stays the same as long as the collector is registered.
   */
  nameOf(collector: Collector): string {
    const known = this.#all.get(collector);
    if (known?.name !== undefined) return known.name;
    const base = baseName(collector, known?.families?.[0]?.name);
    const taken = this.#errorNames();
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}#${number}`;
    if (known !== undefined) known.name = name;
    return name;
  }

  #errorNames(): Set<string | undefined> {
    return new Set(Array.from(this.#all.values(), ({ name }) => name));
  }

  /** Remembers what a collector without names brought, if it brought anything. */
  note(collector: Collector, families: readonly MetricFamily[]): void {
    const registration = this.#all.get(collector);
    if (registration?.names.size !== 0) return;
    const known: { name: string; key: string }[] = [];
    for (const family of families) {
      const name = readName(() => family.name);
      if (name !== undefined) known.push({ name, key: `${readName(() => family.type)} ${name}` });
    }
    if (known.length > 0) registration.families = known;
  }

  /** Takes over how a collector was known elsewhere. A name that is taken is not given to it. */
  adopt(collector: Collector, known: Pick<Registration, "name" | "families"> | undefined): void {
    const registration = this.#all.get(collector);
    if (registration === undefined || known === undefined) return;
    if (registration.names.size === 0) registration.families = known.families;
    if (!this.#errorNames().has(known.name)) registration.name ??= known.name;
  }
}

function baseName(collector: Collector, family: string | undefined): string {
  return readName(() => (collector as { name?: unknown }).name) ??
    readName(() => {
      for (const { name } of collector.describe?.() ?? []) return name;
      return undefined;
    }) ??
    family ??
    readName(() => {
      const name = collector.constructor?.name;
      return name === "Object" || name === "Function" ? undefined : name;
    }) ??
    ANONYMOUS;
}

/** Returns a name, or undefined if reading it gives none. */
export function readName(read: () => unknown): string | undefined {
  try {
    const name = read();
    return typeof name === "string" && name !== "" ? name.slice(0, MAX_NAME) : undefined;
  } catch {
    return undefined;
  }
}
