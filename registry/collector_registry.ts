import {
  checkShape,
  type Collected,
  type Collector,
  createdName,
  DuplicateMetricError,
  exposedNames,
  type LabelSet,
  type LabelValue,
  MetricFamily,
  reservedLabelName,
  toLabelSet,
} from "../model.ts";
import { AsyncReader } from "./async_reader.ts";
import { withConstLabels } from "./const_labels.ts";
import { findSample } from "./gathering.ts";
import {
  checkMaxSeries,
  checkPrefix,
  type CollectorRegistryOptions,
  exposedName,
  type OnDuplicate,
  TARGET_INFO,
} from "./options.ts";
import { OWN_FAMILIES, OwnCounts } from "./own_counts.ts";
import type { CollectAsyncOptions, CollectorErrorCause, Registry } from "./protocol.ts";
import { checkNames, RestrictedRegistry } from "./restricted.ts";

/** What a collector is called that is known by no family and no class. */
const ANONYMOUS = "anonymous";

/** How much of a name is shown, in UTF-16 code units. */
const MAX_NAME = 200;

/**
 * A registry: holds collectors in the order of their registration and brings
 * their families.
 *
 * A name is claimed by one collector only, and with it the names of its series in
 * every format. A collector that throws, hangs or yields nonsense costs only
 * itself; `narthex_collector_errors_total{collector,cause}` counts it, a family
 * that is absent until there is something to count.
 *
 * | method | cost |
 * | --- | --- |
 * | `register`, `unregister` | the number of names that the collector claims |
 * | `collect` | the number of collectors; families are live, nothing is copied |
 * | `getSampleValue` | the number of all samples |
 *
 * @example A registry for one part of a program
 * ```ts
 * import { CollectorRegistry, Counter, generateMetrics } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry({ prefix: "shop", constLabels: { region: "eu" } });
 * new Counter("orders_total", "Orders.", { registry }).inc(2);
 * assert.equal(registry.getSampleValue("shop_orders_total", { region: "eu" }), 2);
 * assert.match(generateMetrics(registry), /^shop_orders_total\{region="eu"\} 2$/m);
 * ```
 */
export class CollectorRegistry implements Registry {
  readonly #prefix: string | null;
  readonly #constLabels: LabelSet | undefined;
  readonly #autoDescribe: boolean;
  readonly #onDuplicate: OnDuplicate;
  readonly #maxSeries: number;
  /** The collectors in the order of registration, with the names that each claims. */
  readonly #collectors: Map<Collector, ReadonlySet<string>> = new Map();
  /** Which collector claims a name: the inverse of `#collectors`. */
  readonly #owners: Map<string, Collector> = new Map();
  readonly #own: OwnCounts = new OwnCounts(
    (collector) => exposedName(this.#prefix, this.#nameOf(collector)),
  );
  readonly #reader: AsyncReader;
  readonly #warned: Set<string> = new Set();
  #targetLabels: Readonly<Record<string, string>> | null = null;
  #target: Collector | null = null;

  /**
   * Creates a registry.
   *
   * @param options Options.
   * @throws {TypeError} If an option is not legal.
   * @throws {RangeError} If `maxSeries` is neither an integer of at least 0 nor `Infinity`.
   */
  constructor(options: CollectorRegistryOptions = {}) {
    const doing = "Cannot create registry";
    const { constLabels, onDuplicate = "throw", autoDescribe = false, targetInfo = null } = options;
    const isChoice = ["throw", "keep", "reuse"].includes(onDuplicate);
    checkShape(isChoice, doing, 'onDuplicate must be "throw", "keep" or "reuse"', onDuplicate);
    this.#prefix = checkPrefix(options.prefix, doing);
    this.#autoDescribe = autoDescribe;
    this.#onDuplicate = onDuplicate;
    this.#maxSeries = checkMaxSeries(options.maxSeries, doing);
    if (constLabels !== undefined) {
      const labels = toLabelSet(constLabels, "legacy", doing);
      if (labels.labelNames.length > 0) this.#constLabels = labels;
    }
    for (const name of this.#claims(OWN_FAMILIES)) this.#owners.set(name, this.#own);
    this.#reader = new AsyncReader((collector, cause) => this.#countCollector(collector, cause));
    this.setTargetInfo(targetInfo);
  }

  /** Stands before the name of every family when it is exposed; `null` for none. */
  get prefix(): string | null {
    return this.#prefix;
  }

  /** How many series a metric of this registry has at most that does not say it itself. */
  get maxSeries(): number {
    return this.#maxSeries;
  }

  /**
   * Takes a collector in. One that is there already is left as it is.
   *
   * @param collector The collector.
   * @returns The collector to use: the one that was given, or, with `onDuplicate: "reuse"`,
   * the existing one of the same definition.
   * @throws {TypeError} If it is not a collector, or has a label that is among the
   * registry's constant ones.
   * @throws {DuplicateMetricError} If another collector claims one of its names.
   */
  register(collector: Collector): Collector {
    const doing = "Cannot register collector";
    const isCollector = (typeof collector === "object" || typeof collector === "function") &&
      typeof collector?.collect === "function";
    checkShape(isCollector, doing, "it must have a collect() method", collector);
    if (collector as unknown === this) {
      throw new TypeError(`${doing}: a registry cannot collect from itself`);
    }
    if (this.#collectors.has(collector)) return collector;
    const families = this.#describe(collector);
    this.#checkLabels(families);
    const names = this.#claims(families);
    const claimed = [...names].find((name) => this.#owners.has(name));
    if (claimed !== undefined) return this.#settleDuplicate(claimed, names, collector);
    this.#claim(collector, names);
    return collector;
  }

  /**
   * Lets a collector go, and with it the names that it claimed.
   *
   * @param collector The collector, by identity.
   * @returns Whether it was there.
   */
  unregister(collector: Collector): boolean {
    const names = this.#collectors.get(collector);
    if (names === undefined) return false;
    this.#collectors.delete(collector);
    for (const name of names) this.#owners.delete(name);
    if (collector === this.#target) this.#target = this.#targetLabels = null;
    return true;
  }

  /** Lets all collectors go, and forgets the errors that were counted. The target info stays. */
  clear(): void {
    for (const collector of [...this.#collectors.keys()]) {
      if (collector !== this.#target) this.unregister(collector);
    }
    this.#own.clear();
  }

  /**
   * Brings the families of all collectors, under the names they were registered
   * with and with the constant labels. Asynchronous collectors are left out and
   * counted. Never throws because of a collector.
   *
   * @returns The families, in the order of registration.
   */
  collect(): Iterable<MetricFamily> {
    return this.#collect(null);
  }

  /**
   * The same, with asynchronous collectors awaited, all of them at once.
   *
   * @param options A signal and a time limit.
   * @returns The families, in the order of registration.
   */
  collectAsync(options: CollectAsyncOptions = {}): AsyncIterable<MetricFamily> {
    return this.#collectAsync(null, options);
  }

  /**
   * A view of the registry that has only some of its families. Collectors that are
   * known not to have them are not even asked.
   *
   * @param names Names of families or of samples, as exposed; `null` for all.
   * @param accept Which collectors to read at all. @default {all}
   * @returns The view. It is live, and takes no collectors itself.
   * @throws {TypeError} If the names are not an iterable of strings.
   */
  restrictedRegistry(
    names: Iterable<string> | null,
    accept: (collector: Collector) => boolean = () => true,
  ): Registry {
    const wanted = names === null ? null : checkNames(names);
    const prefix = this.#prefix;
    return new RestrictedRegistry({
      prefix,
      collect: () => this.#collect(wanted, accept),
      collectAsync: (options) => this.#collectAsync(wanted, options, accept),
      countError: (collector, cause) => this.countError(collector, cause),
    }, wanted);
  }

  /**
   * Sets the labels of the `target_info` series, which stands first in a scrape,
   * never has a prefix, and describes the program as a whole.
   *
   * @param labels The labels; `null` for no such series.
   * @throws {TypeError} If a label is not legal.
   * @throws {DuplicateMetricError} If a collector claims the name `target_info`.
   */
  setTargetInfo(labels: Readonly<Record<string, LabelValue>> | null): void {
    const former = this.#target;
    let copy: Record<string, string> | null = null;
    if (labels !== null) {
      const { labelNames, labelValues } = toLabelSet(labels, "legacy", "Cannot set target info");
      // Values are as many as names.
      copy = Object.fromEntries(labelNames.map((name, i) => [name, labelValues[i]!]));
      const family = new MetricFamily(TARGET_INFO, "Target metadata", "info")
        .addSample(TARGET_INFO, copy, 1);
      const target = { collect: () => [family], describe: () => [family] };
      const names = this.#claims([family]);
      // Neither kept nor reused: whoever sets a target info wants to see this one.
      if (former === null) this.#refuseOwned(names, target);
      else this.unregister(former);
      this.#claim(target, names);
      this.#target = target;
    } else if (former !== null) {
      this.unregister(former);
    }
    this.#targetLabels = copy;
  }

  /**
   * The labels of the `target_info` series.
   *
   * @returns A copy of the labels, or `null`.
   */
  getTargetInfo(): Record<string, string> | null {
    return this.#targetLabels === null ? null : { ...this.#targetLabels };
  }

  /**
   * Looks a sample up, as it is exposed: with prefix, suffix and constant labels.
   * Meant for tests: it reads the whole registry.
   *
   * @param name The name of the sample, for example `app_requests_total`.
   * @param labels All its labels. @default {{}}
   * @returns Its value, or `undefined` when there is no such sample.
   */
  getSampleValue(
    name: string,
    labels: Readonly<Record<string, LabelValue>> = {},
  ): number | undefined {
    return findSample(this, name, labels);
  }

  /**
   * Counts something that had to be left out of a read, in
   * `narthex_collector_errors_total`.
   *
   * @param collector The name of the collector or of the family.
   * @param cause Why it was left out.
   */
  countError(collector: string, cause: CollectorErrorCause): void {
    this.#own.count(collector, cause);
  }

  #countCollector(collector: Collector, cause: CollectorErrorCause): void {
    this.#own.count(this.#nameOf(collector), cause);
  }

  /** What to call a collector: the first family it is known to bring, or its class. */
  #nameOf(collector: Collector): string {
    try {
      for (const { name } of collector.describe?.() ?? []) {
        return typeof name === "string" ? name.slice(0, MAX_NAME) : ANONYMOUS;
      }
      const name = collector.constructor?.name;
      if (typeof name === "string" && name !== "Object") return name.slice(0, MAX_NAME);
    } catch {
      // What cannot tell its name has none.
    }
    return ANONYMOUS;
  }

  *#collect(
    wanted: ReadonlySet<string> | null,
    accept?: (collector: Collector) => boolean,
  ): Generator<MetricFamily> {
    const collectors = this.#accepted(accept);
    for (const collector of this.#readable(collectors, wanted)) {
      yield* this.#exposable(collector, this.#reader.readSync(collector));
    }
    yield* this.#exposable(this.#own, this.#own.families(collectors));
  }

  async *#collectAsync(
    wanted: ReadonlySet<string> | null,
    options: CollectAsyncOptions = {},
    accept?: (collector: Collector) => boolean,
  ): AsyncGenerator<MetricFamily> {
    const collectors = this.#accepted(accept);
    const readable = this.#readable(collectors, wanted);
    for await (const [collector, families] of this.#reader.readAll(readable, options)) {
      yield* this.#exposable(collector, families);
    }
    yield* this.#exposable(this.#own, this.#own.families(collectors));
  }

  /** The collectors that are to be read at all, the target info first. */
  #accepted(accept: (collector: Collector) => boolean = () => true): Collector[] {
    const all: Collector[] = this.#target === null ? [] : [this.#target];
    for (const collector of this.#collectors.keys()) {
      if (collector !== this.#target) all.push(collector);
    }
    return all.filter(accept);
  }

  /** Those of some collectors that can have one of the wanted names. */
  #readable(collectors: Collector[], wanted: ReadonlySet<string> | null): Collector[] {
    if (wanted === null) return collectors;
    return collectors.filter((collector) => {
      const names = this.#collectors.get(collector)!;
      return names.size === 0 || [...names].some((name) => wanted.has(name));
    });
  }

  *#exposable(collector: Collector, families: MetricFamily[]): Generator<MetricFamily> {
    const constLabels = collector === this.#target ? undefined : this.#constLabels;
    for (const family of families) {
      let labelled = family;
      try {
        if (constLabels !== undefined) {
          const name = exposedName(this.#prefix, family.name);
          labelled = withConstLabels(family, constLabels, name);
        }
      } catch {
        this.#countCollector(collector, "invalid");
        continue;
      }
      yield labelled;
    }
  }

  #describe(collector: Collector): MetricFamily[] {
    if (typeof collector.describe === "function") return [...collector.describe()];
    if (!this.#autoDescribe) return [];
    const collected: Collected = collector.collect();
    if (Symbol.iterator in collected) return [...collected];
    // What is asynchronous cannot be described now, and must not reject unheard.
    if (!(Symbol.asyncIterator in collected)) collected.then(undefined, () => {});
    return [];
  }

  #claim(collector: Collector, names: ReadonlySet<string>): void {
    this.#collectors.set(collector, names);
    for (const name of names) this.#owners.set(name, collector);
  }

  #claims(families: readonly Pick<MetricFamily, "name" | "type">[]): Set<string> {
    const names = new Set<string>();
    for (const family of families) {
      const name = exposedName(this.#prefix, family.name);
      for (const exposed of exposedNames(name, family.type)) names.add(exposed);
      const created = createdName(name, family.type);
      if (created !== undefined) names.add(created);
    }
    return names;
  }

  #checkLabels(families: MetricFamily[]): void {
    const constNames = this.#constLabels?.labelNames ?? [];
    for (const { name, type, labelNames = [] } of families) {
      const problem = `Cannot register ${type} "${name}": label`;
      const reserved = reservedLabelName(type, exposedName(this.#prefix, name));
      if (reserved !== undefined && labelNames.includes(reserved)) {
        throw new TypeError(`${problem} "${reserved}" is reserved for the ${type} itself`);
      }
      const clash = constNames.find((constName) =>
        labelNames.includes(constName) || constName === reserved
      );
      if (clash !== undefined) {
        throw new TypeError(`${problem} "${clash}" is a constant label of the registry`);
      }
    }
  }

  /** What to use for a collector one of whose names is claimed; throws if there is nothing. */
  #settleDuplicate(claimed: string, names: ReadonlySet<string>, collector: Collector): Collector {
    if (this.#onDuplicate === "keep") {
      if (!this.#warned.has(claimed)) {
        this.#warned.add(claimed);
        console.warn(`narthex: "${claimed}" is already registered; the first one is kept`);
      }
      return collector;
    }
    const existing = this.#owners.get(claimed);
    const { definition } = collector;
    if (this.#onDuplicate === "reuse" && definition !== undefined) {
      if (existing?.definition === definition) return existing;
    }
    this.#refuseOwned(names, collector);
    return collector;
  }

  #refuseOwned(names: ReadonlySet<string>, rejected: Collector): void {
    for (const name of names) {
      const existing = this.#owners.get(name);
      if (existing === undefined) continue;
      const holder = existing === this.#own ? name : this.#nameOf(existing);
      throw new DuplicateMetricError(
        `Cannot register "${[...names][0]}": the name "${name}" is claimed already` +
          (holder === ANONYMOUS || holder === name ? "" : ` by "${holder}"`),
        { existing, rejected },
      );
    }
  }
}
