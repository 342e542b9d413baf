import {
  checkShape,
  type Collected,
  type Collector,
  DuplicateMetricError,
  type LabelSet,
  type LabelValue,
  MetricFamily,
  reservedLabelName,
  toLabelSet,
} from "../model.ts";
import { ClaimedNames, type Claims, claimsOf } from "./claimed_names.ts";
import { CollectorCalls, type Report } from "./collector_calls.ts";
import { ANONYMOUS, CollectorNames } from "./collector_names.ts";
import { withConstLabels } from "./const_labels.ts";
import { ErrorCounts, ERRORS_NAME } from "./error_counts.ts";
import { findSample, gatherFrom } from "./gathering.ts";
import {
  checkConstLabels,
  type CheckedRegistryOptions,
  checkRegistryOptions,
  type CollectorRegistryOptions,
  exposedName,
  TARGET_INFO,
} from "./options.ts";
import type {
  CollectorErrorCause,
  Gatherer,
  ReadAsyncOptions,
  ReadOptions,
  Registry,
} from "./protocol.ts";
import { checkIdle, ReadScope, whileBusy } from "./read_scope.ts";
import { checkNames, narrow, restrict } from "./restricted.ts";
import { ADOPT, type RegistryState, SET_DEFAULT_LABELS, STATE } from "./state.ts";

/** The families of the library's own counts. No collector can claim their names. */
const OWN_FAMILIES = [
  ERRORS_NAME,
  "narthex_exemplar_errors_total",
  "narthex_series_overflow_total",
].map((name) => ({ name, type: "counter" } as const));

/** A collector with the names that it would have in a registry. */
interface Candidate {
  readonly collector: Collector;
  readonly claims: Claims;
}

/**
 * A registry: holds collectors in the order of their registration and brings their families.
 *
 * A name is claimed by one collector only, and with it the names of its series. A collector that
 * throws, hangs or yields nonsense costs only itself: `narthex_collector_errors_total` counts it
 * by `collector` and `cause`, {@linkcode lastErrors} has the message, and the option `onError` gets
 * the error.
 *
 * | method | cost |
 * | --- | --- |
 * | `register`, `unregister` | the number of names that the collector claims |
 * | `collect` | the number of collectors; families are live, nothing is copied |
 * | `getSampleValue` | the number of samples of the collectors that have the name |
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
  readonly #options: CheckedRegistryOptions;
  readonly #claimed: ClaimedNames = new ClaimedNames();
  readonly #names: CollectorNames = new CollectorNames();
  readonly #errors: ErrorCounts;
  readonly #calls: CollectorCalls;
  readonly #warned: Set<string> = new Set();
  /** The number of reads that have not decided yet which collectors are replaced. */
  #deciding = 0;
  /** Errors of collectors that may be replaced, until that is decided. */
  #held: Parameters<Report>[] = [];
  /** Owns the names of the library's own families. */
  readonly #own: Collector = { collect: () => this.#errors.families() };
  #constLabels: LabelSet | undefined;
  #defaultLabels: LabelSet | undefined;
  #targetLabels: Readonly<Record<string, string>> | null = null;
  #target: Collector | null = null;
  /** Which labels were set by a call, and so move to a registry that takes the place of this one. */
  readonly #isSetLate = { constLabels: false, targetInfo: false };

  static {
    // Only registries call these, also those of other copies of this package.
    Object.defineProperty(this.prototype, STATE, {
      value: function (this: CollectorRegistry): RegistryState {
        return this.#state();
      },
    });
    Object.defineProperty(this.prototype, ADOPT, {
      value: function (this: CollectorRegistry, state: RegistryState): void {
        this.#adopt(state);
      },
    });
    Object.defineProperty(this.prototype, SET_DEFAULT_LABELS, {
      value: function (this: CollectorRegistry, labels: LabelSet | undefined): void {
        this.#defaultLabels = labels;
      },
    });
  }

  /**
   * Creates a registry.
   *
   * @param options Options.
   * @throws {TypeError} If an option is not legal.
   * @throws {RangeError} If `maxSeries` is neither an integer of at least 0 nor `Infinity`.
   */
  constructor(options: CollectorRegistryOptions = {}) {
    this.#options = checkRegistryOptions(options);
    const { clock, constLabels, targetInfo, prefix } = this.#options;
    this.#constLabels = constLabels;
    this.#errors = new ErrorCounts(() => clock.now());
    this.#calls = new CollectorCalls(
      clock,
      (...args) => this.#report(...args),
      (collector, error) => {
        this.#errors.note(this.#names.nameOf(collector), "timeout", error);
      },
    );
    this.#claimed.reserve(this.#own, claimsOf(OWN_FAMILIES, prefix));
    this.setTargetInfo(targetInfo);
    this.#isSetLate.targetInfo = false;
  }

  /** The prefix of all exposed names; `null` for none. */
  get prefix(): string | null {
    return this.#options.prefix;
  }

  /** The maximum number of series of a metric of this registry that does not set it itself. */
  get maxSeries(): number {
    return this.#options.maxSeries;
  }

  /**
   * Registers a collector. Does nothing if it is registered already.
   *
   * @param collector The collector.
   * @returns The collector to use: the one that was given, or the existing one of the same
   * definition. See {@linkcode OnDuplicate}.
   * @throws {TypeError} If it is not a collector, or has a label that is among the registry's
   * constant ones.
   * @throws {DuplicateMetricError} If another collector claims one of its names.
   */
  register(collector: Collector): Collector {
    if (this.#claimed.has(collector)) return collector;
    const candidate = this.#examine(collector, this.#constLabels);
    const holders = this.#claimed.holders(candidate.claims);
    const { onDuplicate } = this.#options;
    if (holders.has(this.#own) || holders.has(this.#target!)) this.#refuse(candidate);
    if (holders.size === 0 || onDuplicate === "merge") {
      this.#claimed.add(collector, candidate.claims);
      return collector;
    }
    if (onDuplicate === "keep") {
      this.#warn(candidate);
      return collector;
    }
    const [existing] = holders;
    const { definition } = collector;
    const isSame = definition !== undefined && existing!.definition === definition;
    if (isSame && onDuplicate !== "throw") return existing!;
    if (onDuplicate !== "replace") this.#refuse(candidate);
    for (const holder of holders) this.#names.forget(holder);
    this.#claimed.replace(holders, collector, candidate.claims);
    return collector;
  }

  /**
   * Removes a collector and the names that it claimed.
   *
   * @param collector The collector, by identity.
   * @returns Whether it was there.
   */
  unregister(collector: Collector): boolean {
    if (!this.#claimed.delete(collector)) return false;
    this.#names.forget(collector);
    if (collector === this.#target) this.#target = this.#targetLabels = null;
    return true;
  }

  /** Removes all collectors and the errors that were counted. The target info stays. */
  clear(): void {
    for (const collector of this.#registered()) this.unregister(collector);
    this.#errors.clear();
  }

  /**
   * Returns the families of all collectors, under the names they were registered with and with the
   * constant labels. Asynchronous collectors are left out and counted. Never throws because of a
   * collector.
   *
   * @param options Which families are wanted.
   * @returns The families, in the order of registration.
   * @throws {TypeError} When it is read from within one of its own collectors or functions.
   */
  *collect(options: ReadOptions = {}): Generator<MetricFamily> {
    checkIdle(this);
    const wanted = options.names === undefined ? undefined : checkNames(options.names);
    const answers = this.#readable(options, wanted).map((collector) =>
      [collector, () => whileBusy(this, () => this.#calls.callSync(collector))] as const
    );
    if (this.#options.onDuplicate === "replace") {
      this.#deciding++;
      // A call of a collector never throws.
      const read = answers.map(([collector, call]) => [collector, call()] as const);
      this.#deciding--;
      for (const [collector, families] of this.#dropReplaced(read)) {
        yield* this.#exposable(collector, families, wanted);
      }
    } else {
      for (const [collector, call] of answers) yield* this.#exposable(collector, call(), wanted);
    }
    yield* this.#exposable(this.#own, this.#errors.families(), wanted);
  }

  /**
   * Does the same, with asynchronous collectors awaited, all of them at once.
   *
   * @param options Which families are wanted, a signal and a time limit.
   * @returns The families, in the order of registration.
   * @throws {TypeError} When it is read from within one of its own collectors or functions.
   */
  async *collectAsync(options: ReadAsyncOptions = {}): AsyncGenerator<MetricFamily> {
    checkIdle(this);
    const wanted = options.names === undefined ? undefined : checkNames(options.names);
    const collectors = this.#readable(options, wanted);
    const answers = this.#calls.callAll(collectors, options, (call) => whileBusy(this, call));
    if (this.#options.onDuplicate === "replace") {
      const read: (readonly [Collector, MetricFamily[]])[] = [];
      this.#deciding++;
      try {
        for await (const answer of answers) read.push(answer);
      } finally {
        this.#deciding--;
      }
      for (const [collector, families] of this.#dropReplaced(read)) {
        yield* this.#exposable(collector, families, wanted);
      }
    } else {
      for await (const [collector, families] of answers) {
        yield* this.#exposable(collector, families, wanted);
      }
    }
    yield* this.#exposable(this.#own, this.#errors.families(), wanted);
  }

  /**
   * Creates a view of the registry that has only some of its families. Collectors that are known
   * not to have them are not called.
   *
   * @param names Names of families or of samples, as exposed.
   * @returns The view. It is live: it shows what is registered later, too.
   * @throws {TypeError} If the names are not an iterable of strings.
   */
  restrictedRegistry(names: Iterable<string>): Gatherer {
    return restrict(this, names);
  }

  /**
   * Sets the labels of the `target_info` series, which stands first in a scrape, never has a
   * prefix, and describes the program as a whole.
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
      const target: Collector = { collect: () => [family], describe: () => [family] };
      const claims = claimsOf([family], this.prefix);
      const isTaken = former === null && this.#claimed.holders(claims).size > 0;
      // Never kept or reused: the program wants to see these labels.
      if (isTaken) this.#refuse({ collector: target, claims });
      if (former !== null) this.unregister(former);
      this.#claimed.add(target, claims);
      this.#target = target;
    } else if (former !== null) {
      this.unregister(former);
    }
    this.#targetLabels = copy;
    this.#isSetLate.targetInfo = labels !== null;
  }

  /**
   * Returns the labels of the `target_info` series.
   *
   * @returns A copy of the labels, or `null`.
   */
  getTargetInfo(): Record<string, string> | null {
    return this.#targetLabels === null ? null : { ...this.#targetLabels };
  }

  /**
   * Sets the constant labels, which every series gets, in place of those before.
   *
   * @param labels The labels; `null` for none.
   * @throws {TypeError} If a label is not legal, or a registered metric has it. Nothing is changed
   * then.
   *
   * @example Labels that are known after the first metrics
   * ```ts
   * import { CollectorRegistry, Counter } from "@narthex/prometheus";
   * import assert from "node:assert/strict";
   *
   * const registry = new CollectorRegistry();
   * new Counter("jobs_total", "Jobs done.", { registry }).inc();
   * registry.setConstLabels({ region: "eu" });
   * assert.equal(registry.getSampleValue("jobs_total", { region: "eu" }), 1);
   * ```
   */
  setConstLabels(labels: Readonly<Record<string, LabelValue>> | null): void {
    const checked = labels === null
      ? undefined
      : checkConstLabels(labels, "Cannot set constant labels");
    this.#checkAll(checked);
    this.#constLabels = checked;
    this.#isSetLate.constLabels = checked !== undefined;
  }

  /**
   * Returns the last error of each collector that a read had to leave out, in whole or in part.
   *
   * @returns The errors by the name of the collector, as in `narthex_collector_errors_total`: the
   * cause, the message, and the time in seconds since 1970.
   *
   * @example Why a collector is missing
   * ```ts
   * import { CollectorRegistry, generateMetrics } from "@narthex/prometheus";
   * import assert from "node:assert/strict";
   *
   * const registry = new CollectorRegistry();
   * class Database {
   *   collect(): never {
   *     throw new Error("connection refused");
   *   }
   * }
   * registry.register(new Database());
   * generateMetrics(registry);
   * assert.equal(registry.lastErrors().get("Database")?.message, "connection refused");
   * ```
   */
  lastErrors(): ReadonlyMap<
    string,
    { readonly cause: CollectorErrorCause; readonly message: string; readonly time: number }
  > {
    return new Map(this.#errors.last);
  }

  /**
   * Looks up a sample, as it is exposed: with prefix, suffix and constant labels. Meant for tests,
   * and for functions and collectors that derive a value from others. It asks the collector that has
   * the name, then those without `describe()`; for a name that no collector is known by, and for the
   * registry's own counts, it reads the whole registry.
   *
   * @param name The name of the sample, for example `app_requests_total`.
   * @param labels All its labels. @default {{}}
   * @returns Its value, or undefined if there is no such sample.
   * @throws {TypeError} If a name or a label is of the wrong type, or if, called by a function or
   * a collector, the sample depends on itself.
   */
  getSampleValue(
    name: string,
    labels: Readonly<Record<string, LabelValue>> = {},
  ): number | undefined {
    checkShape(typeof name === "string", "Cannot look up sample", "name must be a string", name);
    const isKnown = this.#claimed.isKnown(name);
    if (ReadScope.current === undefined && !isKnown) {
      return findSample(gatherFrom(this), name, labels);
    }
    return new ReadScope().run((scope) => findSample(this.#lookUp(name, scope), name, labels));
  }

  /**
   * Counts something that had to be left out of a read, in `narthex_collector_errors_total`.
   *
   * @param collector The name of the collector or of the family.
   * @param cause Why it was left out.
   * @param error What was thrown, or would have been.
   * @param times How many there were of the same kind. @default {1}
   */
  countError(collector: string, cause: CollectorErrorCause, error?: unknown, times = 1): void {
    // It is no error yet.
    if (ReadScope.current?.isUnwinding) return;
    this.#errors.count(collector, cause, error, times);
    try {
      const returned: unknown = this.#options.onError(error, { collector, cause });
      if (returned instanceof Promise) returned.catch(() => {});
    } catch {
      // An error of a log must not become one of the read.
    }
  }

  #report(collector: Collector, cause: CollectorErrorCause, error: unknown): void {
    const canBeReplaced = this.#claimed.namesOf(collector)?.size === 0;
    if (canBeReplaced && this.#deciding > 0) this.#held.push([collector, cause, error]);
    else this.#count(collector, cause, error);
  }

  #count(...[collector, cause, error]: Parameters<Report>): void {
    this.countError(this.#names.nameOf(collector), cause, error);
  }

  /** All collectors except the target info. */
  #registered(): Collector[] {
    return this.#claimed.all().filter((collector) => collector !== this.#target);
  }

  /** Throws if a collector that is known by its names has one of the constant labels. */
  #checkAll(constLabels: LabelSet | undefined): void {
    for (const collector of this.#registered()) {
      if (this.#claimed.namesOf(collector)!.size > 0) this.#examine(collector, constLabels);
    }
  }

  /** The collectors that are to be called, the target info first. */
  #readable({ metricsOnly }: ReadOptions, wanted: ReadonlySet<string> | undefined): Collector[] {
    const collectors: Collector[] = this.#target === null || metricsOnly ? [] : [this.#target];
    for (const collector of this.#registered()) {
      if (metricsOnly && collector.definition === undefined) continue;
      if (wanted === undefined || this.#canHave(collector, wanted)) collectors.push(collector);
    }
    return collectors;
  }

  /** Whether a collector can have one of the wanted names. One without `describe()` always can. */
  #canHave(collector: Collector, wanted: ReadonlySet<string>): boolean {
    const names = this.#claimed.namesOf(collector)!;
    if (names.size === 0 || !names.isDisjointFrom(wanted)) return true;
    // Every metric may have counts of its own.
    return collector.definition !== undefined &&
      [...wanted].some((name) => this.#claimed.ownerOf(name) === this.#own);
  }

  /**
   * The families among which a sample can be, for a function or a collector that is being called by
   * a read: those of the collectors that claim the name come first, and each is asked once a read.
   */
  *#lookUp(name: string, scope: ReadScope): Generator<MetricFamily> {
    const wanted = new Set([name]);
    if (this.#claimed.ownerOf(name) === this.#own) {
      yield* this.#gather(this.#own, wanted);
      for (const metric of this.#readable({ metricsOnly: true }, undefined)) {
        yield* this.#gather(metric, wanted);
      }
      return;
    }
    for (const collector of this.#claimed.readersOf(name)) {
      const isDescribed = this.#claimed.namesOf(collector)!.size > 0;
      // One that is being called cannot answer for itself.
      if (!isDescribed && this.#calls.isCalling(collector)) continue;
      yield* scope.lookUp(collector, () => this.#gather(collector, undefined));
    }
  }

  /** The families of one collector, as exposed, as far as they are wanted. */
  #gather(collector: Collector, wanted: ReadonlySet<string> | undefined): MetricFamily[] {
    const collect = (): Iterable<MetricFamily> => {
      const families = collector === this.#own
        ? this.#errors.families()
        : whileBusy(this, () => this.#calls.callSync(collector));
      return this.#exposable(collector, families, wanted);
    };
    const { prefix } = this;
    const countError: Gatherer["countError"] = (...args) => this.countError(...args);
    // As a view has it: functions that read all of this registry are found out by it.
    const view = { prefix, collect, countError, getRegistry: () => this };
    return gatherFrom(view);
  }

  /** Families with the constant labels, as far as they are wanted. */
  *#exposable(
    collector: Collector,
    families: readonly MetricFamily[],
    wanted: ReadonlySet<string> | undefined,
  ): Generator<MetricFamily> {
    const isTarget = collector === this.#target;
    const constLabels = isTarget ? undefined : this.#constLabels;
    const defaultLabels = isTarget ? undefined : this.#defaultLabels;
    if (this.#claimed.namesOf(collector)?.size === 0) this.#names.note(collector, families);
    for (const family of families) {
      let labelled = family;
      try {
        const name = exposedName(this.prefix, family.name);
        if (constLabels !== undefined) labelled = withConstLabels(labelled, constLabels, name);
        if (defaultLabels !== undefined) {
          labelled = withConstLabels(labelled, defaultLabels, name, true);
        }
      } catch (error) {
        this.#report(collector, "invalid", error);
        continue;
      }
      yield* narrow(labelled, this, wanted);
    }
  }

  /**
   * Removes collectors without `describe()` if a later one brings the same families, because the
   * later one is the same collector, edited. Counts the errors of the others.
   */
  #dropReplaced(
    answers: readonly (readonly [Collector, MetricFamily[]])[],
  ): (readonly [Collector, MetricFamily[]])[] {
    const last = new Map<string, Collector>();
    const dropped = new Set<Collector>();
    for (const [collector, families] of answers) {
      if (this.#claimed.namesOf(collector)?.size !== 0) continue;
      this.#names.note(collector, families);
      for (const key of this.#names.familiesOf(collector)) {
        const former = last.get(key);
        if (former !== undefined && former !== collector) dropped.add(former);
        last.set(key, collector);
      }
    }
    for (const collector of dropped) this.unregister(collector);
    // Errors of collectors that were dropped are not counted.
    for (const report of this.#held.splice(0)) {
      if (this.#claimed.has(report[0])) this.#count(...report);
    }
    return answers.filter(([collector]) => !dropped.has(collector));
  }

  /** Checks a collector, and determines the names that it would have. */
  #examine(collector: Collector, constLabels: LabelSet | undefined): Candidate {
    const doing = "Cannot register collector";
    const isCollector = (typeof collector === "object" || typeof collector === "function") &&
      typeof collector?.collect === "function";
    checkShape(isCollector, doing, "it must have a collect() method", collector);
    if (collector as object === this) {
      throw new TypeError(`${doing}: a registry cannot collect from itself`);
    }
    const families = this.#describe(collector);
    for (const { name, type, labelNames = [] } of families) {
      const problem = `Cannot register ${type} "${name}": label`;
      const reserved = reservedLabelName(type, exposedName(this.prefix, name));
      if (reserved !== undefined && labelNames.includes(reserved)) {
        throw new TypeError(`${problem} "${reserved}" is reserved for the ${type} itself`);
      }
      const clash = constLabels?.labelNames.find((constName) =>
        labelNames.includes(constName) || constName === reserved
      );
      if (clash !== undefined) {
        throw new TypeError(`${problem} "${clash}" is a constant label of the registry`);
      }
    }
    return { collector, claims: claimsOf(families, this.prefix) };
  }

  #describe(collector: Collector): MetricFamily[] {
    if (typeof collector.describe === "function") return [...collector.describe()];
    if (!this.#options.autoDescribe) return [];
    const collected: Collected = whileBusy(this, () => collector.collect());
    if (Symbol.iterator in collected) return [...collected];
    // What is asynchronous cannot be described now. Its rejection must not end the program.
    if (!(Symbol.asyncIterator in collected)) collected.then(undefined, () => {});
    return [];
  }

  #warn({ claims }: Candidate): void {
    const claimed = [...claims.claimed].find((name) => this.#claimed.ownerOf(name) !== undefined)!;
    if (this.#warned.has(claimed)) return;
    this.#warned.add(claimed);
    console.warn(`narthex: "${claimed}" is already registered; the first one is kept`);
  }

  #refuse({ collector, claims }: Candidate): never {
    const [first] = claims.claimed;
    const name = [...claims.claimed].find((name) => this.#claimed.ownerOf(name) !== undefined)!;
    const existing = this.#claimed.ownerOf(name)!;
    if (existing === this.#own) {
      throw new DuplicateMetricError(
        `Cannot register "${first}": the name "${name}" belongs to the registry itself`,
        { existing, rejected: collector },
      );
    }
    const holder = this.#names.nameOf(existing);
    const by = holder === ANONYMOUS || holder === name ? "" : ` by "${holder}"`;
    const difference = this.#options.onDuplicate === "throw" ? "" : " with another definition";
    throw new DuplicateMetricError(
      `Cannot register "${first}": the name "${name}" is claimed already${by}${difference}: ` +
        'use another name, or create the registry with onDuplicate "replace", "keep" or "merge"',
      { existing, rejected: collector },
    );
  }

  #state(): RegistryState {
    const collectors = this.#registered();
    return {
      collectors,
      known: new Map(collectors.map((collector) => [collector, this.#names.known(collector)])),
      targetInfo: this.#isSetLate.targetInfo ? this.#targetLabels ?? undefined : undefined,
      constLabels: this.#isSetLate.constLabels ? this.#constLabels : undefined,
      defaultLabels: this.#defaultLabels,
      errors: this.#errors.state,
    };
  }

  /** Takes over what another registry held. All of it is checked before anything is changed. */
  #adopt(state: RegistryState): void {
    const constLabels = this.#constLabels ?? state.constLabels;
    if (constLabels !== this.#constLabels) this.#checkAll(constLabels);
    const incoming = state.collectors.filter((collector) => !this.#claimed.has(collector));
    const candidates = incoming.map((collector) => this.#examine(collector, constLabels));
    const { onDuplicate } = this.#options;
    const own = new ClaimedNames();
    for (const candidate of candidates) {
      const { collector, claims } = candidate;
      const holders = this.#claimed.holders(claims);
      const isLegal = onDuplicate === "merge" || onDuplicate === "keep" ||
        onDuplicate === "replace" || (holders.size === 0 && own.holders(claims).size === 0);
      if (!isLegal || holders.has(this.#own) || holders.has(this.#target!)) this.#refuse(candidate);
      own.add(collector, claims);
    }
    // From here on nothing throws.
    this.#defaultLabels ??= state.defaultLabels;
    this.#constLabels = constLabels;
    if (constLabels !== undefined && constLabels === state.constLabels) {
      this.#isSetLate.constLabels = true;
    }
    for (const { collector } of candidates) {
      this.register(collector);
      const known = state.known?.get(collector);
      if (known !== undefined) this.#names.adopt(collector, known);
    }
    if (this.#target === null && state.targetInfo !== undefined) {
      this.setTargetInfo(state.targetInfo);
    }
    if (this.#errors.isEmpty && state.errors !== undefined) this.#errors.adopt(state.errors);
  }
}
