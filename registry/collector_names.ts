import type { Collector, MetricFamily } from "../model.ts";

/** The name of a collector without a name, a family or a class. */
export const ANONYMOUS = "anonymous";

/** How much of a name is shown, in UTF-16 code units. */
const MAX_NAME = 200;

/** How a collector is known, in plain objects: it may move to a registry of another copy. */
export interface KnownCollector {
  /** The name under which its errors were counted. */
  readonly name?: string | undefined;
  /** The families of its last read, by name and type. */
  readonly families?: readonly { name: string; key: string }[] | undefined;
}

/**
 * What collectors are called in error counts: by their own `name`, else by the first family that
 * they are known to bring, else by their class. Of several collectors of one name, the later ones
 * get a number, as in `Database#2`.
 */
export class CollectorNames {
  readonly #names: Map<Collector, string> = new Map();
  readonly #taken: Set<string> = new Set();
  /** The families of the last read of collectors, by name and type. */
  readonly #families: WeakMap<Collector, readonly { name: string; key: string }[]> = new WeakMap();

  /** Remembers what a collector brought, if it brought anything. */
  note(collector: Collector, families: readonly MetricFamily[]): void {
    const known: { name: string; key: string }[] = [];
    for (const family of families) {
      const name = readName(() => family.name);
      if (name !== undefined) known.push({ name, key: `${readName(() => family.type)} ${name}` });
    }
    if (known.length > 0) this.#families.set(collector, known);
  }

  /** Returns the names and types of the families that a collector brought last. */
  familiesOf(collector: Collector): string[] {
    return this.#families.get(collector)?.map(({ key }) => key) ?? [];
  }

  /** Returns the name of a collector. It stays the same from the first call on. */
  nameOf(collector: Collector): string {
    let name = this.#names.get(collector);
    if (name === undefined) {
      name = this.#unique(baseName(collector, this.#families.get(collector)?.[0]?.name));
      this.#names.set(collector, name);
      this.#taken.add(name);
    }
    return name;
  }

  /** Returns how a collector is known. */
  known(collector: Collector): KnownCollector {
    return { name: this.#names.get(collector), families: this.#families.get(collector) };
  }

  /** Takes over how a collector was known elsewhere. A name that is taken is not given to it. */
  adopt(collector: Collector, { name, families }: KnownCollector): void {
    if (families !== undefined) this.#families.set(collector, families);
    if (name === undefined || this.#taken.has(name) || this.#names.has(collector)) return;
    this.#names.set(collector, name);
    this.#taken.add(name);
  }

  /** Forgets a collector, so that another one can have its name. */
  forget(collector: Collector): void {
    const name = this.#names.get(collector);
    if (name === undefined) return;
    this.#names.delete(collector);
    this.#taken.delete(name);
  }

  #unique(base: string): string {
    let name = base;
    for (let number = 2; this.#taken.has(name); number++) name = `${base}#${number}`;
    return name;
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

/** A name, if reading it gives one. */
function readName(read: () => unknown): string | undefined {
  try {
    const name = read();
    return typeof name === "string" && name !== "" ? name.slice(0, MAX_NAME) : undefined;
  } catch {
    return undefined;
  }
}
