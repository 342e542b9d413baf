import {
  checkShape,
  type Collected,
  type Collector,
  DuplicateMetricError,
  type LabelSet,
  type LabelValue,
  MetricFamily,
  reservedLabelName,
  tell,
  toLabelSet,
} from "../model.ts";
import { CollectorCalls, type Report } from "./collector_calls.ts";
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
import { ANONYMOUS, type Registration, registrationOf, Registrations } from "./registrations.ts";
import { narrow, restrict, wantedNames } from "./restricted.ts";
import { ADOPT, type RegistryState, SET_DEFAULT_LABELS, STATE } from "./state.ts";

/** The families of the library's own counts. No collector can claim their names. */
const OWN_FAMILIES = [
  ERRORS_NAME,
  "narthex_exemplar_errors_total",
  "narthex_series_overflow_total",
].map((name) => ({ name, type: "counter" } as const));

/** What a collector brought. */
type Answer = readonly [collector: Collector, families: MetricFamily[]];

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
  readonly #collectors: Registrations = new Registrations();
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
  #target: Collector | undefined;
  #targetLabels: LabelSet | undefined;
  /** The target info of the options. One that is set by a call moves with the collectors. */
  readonly #givenTarget: Collector | undefined;

  static {
    // Only registries call these, also those of other copies of this package.
    Object.defineProperties(this.prototype, {
      [STATE]: {
        value(this: CollectorRegistry): RegistryState {
          return this.#state();
        },
      },
      [ADOPT]: {
        value(this: CollectorRegistry, state: RegistryState): void {
          this.#adopt(state);
        },
      },
      [SET_DEFAULT_LABELS]: {
        value(this: CollectorRegistry, labels: LabelSet | undefined): void {
          this.#defaultLabels = labels;
        },
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
        this.#errors.note(this.#collectors.nameOf(collector), "timeout", error);
      },
    );
    this.#collectors.reserve(registrationOf(this.#own, OWN_FAMILIES, prefix));
    this.setTargetInfo(targetInfo);
    this.#givenTarget = this.#target;
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
    if (this.#collectors.all.has(collector)) return collector;
    const candidate = this.#examine(collector, this.#constLabels);
    const holders = this.#collectors.holders(candidate);
    const { onDuplicate } = this.#options;
    if (this.#isReserved(holders)) this.#refuse(candidate);
    if (holders.size === 0 || onDuplicate === "merge") {
      this.#collectors.add(candidate);
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
    this.#collectors.replace(holders, candidate);
    return collector;
  }

  /**
   * Removes a collector and the names that it claimed.
   *
   * @param collector The collector, by identity.
   * @returns Whether it was there.
   */
  unregister(collector: Collector): boolean {
    if (collector === this.#target) this.#target = this.#targetLabels = undefined;
    return this.#collectors.delete(collector);
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
    const wanted = wantedNames(options);
    const call = (collector: Collector): Answer => {
      return [collector, whileBusy(this, () => this.#calls.callSync(collector))];
    };
    this.#deciding++;
    // A call of a collector never throws.
    const answers = this.#readable(options, wanted).map(call);
    this.#deciding--;
    for (const answer of this.#decide(answers)) yield* this.#wanted(answer, wanted);
    yield* this.#wanted([this.#own, this.#errors.families()], wanted);
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
    const wanted = wantedNames(options);
    const collectors = this.#readable(options, wanted);
    const calls = this.#calls.callAll(collectors, options, (call) => whileBusy(this, call));
    let answers: AsyncIterable<Answer> | Iterable<Answer> = calls;
    if (this.#options.onDuplicate === "replace") {
      this.#deciding++;
      const all = await Array.fromAsync(calls).finally(() => this.#deciding--);
      answers = this.#decide(all);
    }
    for await (const answer of answers) yield* this.#wanted(answer, wanted);
    yield* this.#wanted([this.#own, this.#errors.families()], wanted);
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
    let target: Collector | undefined;
    let labelSet: LabelSet | undefined;
    if (labels !== null) {
      labelSet = toLabelSet(labels, "legacy", "Cannot set target info");
      const metrics = [{ ...labelSet, value: 1 }];
      const families = [new MetricFamily(TARGET_INFO, "Target metadata", "info", { metrics })];
      target = { collect: () => families, describe: () => families };
      const candidate = registrationOf(target, families, this.prefix);
      // Never kept or reused: the program wants to see these labels.
      if (former === undefined && this.#collectors.holders(candidate).size > 0) {
        this.#refuse(candidate);
      }
      if (former !== undefined) this.unregister(former);
      this.#collectors.add(candidate);
    } else if (former !== undefined) {
      this.unregister(former);
    }
    this.#target = target;
    this.#targetLabels = labelSet;
  }

  /**
   * Returns the labels of the `target_info` series.
   *
   * @returns A copy of the labels, or `null`.
   */
  getTargetInfo(): Record<string, string> | null {
    if (this.#targetLabels === undefined) return null;
    const { labelNames, labelValues } = this.#targetLabels;
    // Values are as many as names.
    return Object.fromEntries(labelNames.map((name, i) => [name, labelValues[i]!]));
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
    const isKnown = this.#collectors.isKnown(name);
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
    tell(this.#options.onError, error, { collector, cause });
  }

  #report(collector: Collector, cause: CollectorErrorCause, error: unknown): void {
    const { onDuplicate } = this.#options;
    const canBeReplaced = onDuplicate === "replace" && this.#isNameless(collector);
    if (canBeReplaced && this.#deciding > 0) this.#held.push([collector, cause, error]);
    else this.#count(collector, cause, error);
  }

  #count(...[collector, cause, error]: Parameters<Report>): void {
    this.countError(this.#collectors.nameOf(collector), cause, error);
  }

  /** All collectors except the target info. */
  #registered(): Collector[] {
    return [...this.#collectors.all.keys()].filter((collector) => collector !== this.#target);
  }

  #isNameless(collector: Collector): boolean {
    return this.#collectors.all.get(collector)?.names.size === 0;
  }

  /** Whether names belong to the registry itself, or to its target info. */
  #isReserved(holders: ReadonlySet<Collector | undefined>): boolean {
    return holders.has(this.#own) || holders.has(this.#target);
  }

  /** Throws if a collector that is known by its names has one of the constant labels. */
  #checkAll(constLabels: LabelSet | undefined): void {
    for (const collector of this.#registered()) {
      if (!this.#isNameless(collector)) this.#examine(collector, constLabels);
    }
  }

  /** The collectors that are to be called, the target info first. */
  #readable({ metricsOnly }: ReadOptions, wanted: ReadonlySet<string> | undefined): Collector[] {
    const collectors: Collector[] = this.#target === undefined || metricsOnly ? [] : [this.#target];
    for (const collector of this.#registered()) {
      if (metricsOnly && collector.definition === undefined) continue;
      if (wanted === undefined || this.#canHave(collector, wanted)) collectors.push(collector);
    }
    return collectors;
  }

  /** Whether a collector can have one of the wanted names. One without `describe()` always can. */
  #canHave(collector: Collector, wanted: ReadonlySet<string>): boolean {
    const { names } = this.#collectors.all.get(collector)!;
    if (names.size === 0 || !names.isDisjointFrom(wanted)) return true;
    // Every metric may have counts of its own.
    return collector.definition !== undefined &&
      [...wanted].some((name) => this.#collectors.ownerOf(name) === this.#own);
  }

  /**
   * The families among which a sample can be, for a function or a collector that is being called by
   * a read: those of the collectors that claim the name come first, and each is asked once a read.
   */
  *#lookUp(name: string, scope: ReadScope): Generator<MetricFamily> {
    if (this.#collectors.ownerOf(name) === this.#own) {
      yield* this.#gather(this.#own);
      for (const metric of this.#readable({ metricsOnly: true }, undefined)) {
        yield* this.#gather(metric);
      }
      return;
    }
    for (const { collector, names } of this.#collectors.readersOf(name)) {
      // One that is being called cannot answer for itself.
      if (names.size === 0 && this.#calls.isCalling(collector)) continue;
      yield* scope.lookUp(collector, () => this.#gather(collector));
    }
  }

  /** The families of one collector, as exposed. */
  #gather(collector: Collector): MetricFamily[] {
    const collect = (): Iterable<MetricFamily> => {
      const families = collector === this.#own
        ? this.#errors.families()
        : whileBusy(this, () => this.#calls.callSync(collector));
      return this.#labelled([collector, families]);
    };
    const { prefix } = this;
    const countError: Gatherer["countError"] = (...args) => this.countError(...args);
    // As a view has it: functions that read all of this registry are found out by it.
    const view = { prefix, collect, countError, getRegistry: () => this };
    return gatherFrom(view);
  }

  /** The families of an answer, as far as they are wanted. */
  *#wanted(
    answer: Answer,
    wanted: ReadonlySet<string> | undefined,
  ): Generator<MetricFamily> {
    for (const family of this.#labelled(answer)) yield* narrow(family, this, wanted);
  }

  /** The families of an answer, with the constant labels. */
  *#labelled([collector, families]: Answer): Generator<MetricFamily> {
    this.#collectors.note(collector, families);
    if (collector === this.#target) return yield* families;
    for (const family of families) {
      let labelled = family;
      try {
        const name = exposedName(this.prefix, family.name);
        if (this.#constLabels !== undefined) {
          labelled = withConstLabels(labelled, this.#constLabels, name);
        }
        if (this.#defaultLabels !== undefined) {
          labelled = withConstLabels(labelled, this.#defaultLabels, name, true);
        }
      } catch (error) {
        this.#report(collector, "invalid", error);
        continue;
      }
      yield labelled;
    }
  }

  /**
   * Removes collectors without `describe()` if a later one brings the same families, because the
   * later one is the same collector, edited. Counts the errors of the others.
   */
  #decide(answers: Answer[]): Answer[] {
    if (this.#options.onDuplicate !== "replace") return answers;
    const last = new Map<string, Collector>();
    const dropped = new Set<Collector>();
    for (const [collector, families] of answers) {
      this.#collectors.note(collector, families);
      for (const { key } of this.#collectors.all.get(collector)?.families ?? []) {
        const former = last.get(key);
        if (former !== undefined && former !== collector) dropped.add(former);
        last.set(key, collector);
      }
    }
    for (const collector of dropped) this.unregister(collector);
    // Errors of collectors that were dropped are not counted.
    for (const report of this.#held.splice(0)) {
      if (this.#collectors.all.has(report[0])) this.#count(...report);
    }
    return answers.filter(([collector]) => !dropped.has(collector));
  }

  /** Checks a collector, and determines the names that it would have. */
  #examine(collector: Collector, constLabels: LabelSet | undefined): Registration {
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
    return registrationOf(collector, families, this.prefix);
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

  /** The first name of a collector that another one claims. */
  #takenName({ claimed }: Registration): string {
    // There is one: otherwise the collector would just be registered.
    return [...claimed].find((name) => this.#collectors.ownerOf(name) !== undefined)!;
  }

  #warn(candidate: Registration): void {
    const name = this.#takenName(candidate);
    if (this.#warned.has(name)) return;
    this.#warned.add(name);
    console.warn(`narthex: "${name}" is already registered; the first one is kept`);
  }

  #refuse(candidate: Registration): never {
    const { collector, claimed } = candidate;
    const [first] = claimed;
    const name = this.#takenName(candidate);
    const existing = this.#collectors.ownerOf(name)!;
    const doing = `Cannot register "${first}": the name "${name}"`;
    const holder = this.#collectors.nameOf(existing);
    const by = holder === ANONYMOUS || holder === name ? "" : ` by "${holder}"`;
    const difference = this.#options.onDuplicate === "throw" ? "" : " with another definition";
    const reason = existing === this.#own
      ? "belongs to the registry itself"
      : `is claimed already${by}${difference}: use another name, or create the registry with ` +
        'onDuplicate "replace", "keep" or "merge"';
    throw new DuplicateMetricError(`${doing} ${reason}`, { existing, rejected: collector });
  }

  /** Returns what a registry that takes the place of this one takes over. */
  #state(): RegistryState {
    const isLate = this.#target !== this.#givenTarget;
    return {
      collectors: this.#registered(),
      known: this.#collectors.all,
      targetInfo: isLate ? this.getTargetInfo() ?? undefined : undefined,
      constLabels: this.#constLabels === this.#options.constLabels ? undefined : this.#constLabels,
      defaultLabels: this.#defaultLabels,
      errors: this.#errors.state,
    };
  }

  /** Takes over what another registry held. All of it is checked before anything is changed. */
  #adopt(state: RegistryState): void {
    const constLabels = this.#constLabels ?? state.constLabels;
    if (constLabels !== this.#constLabels) this.#checkAll(constLabels);
    const { onDuplicate } = this.#options;
    const mayClash = onDuplicate === "merge" || onDuplicate === "keep" || onDuplicate === "replace";
    const incoming = new Registrations();
    for (const collector of state.collectors) {
      if (this.#collectors.all.has(collector)) continue;
      const candidate = this.#examine(collector, constLabels);
      const holders = this.#collectors.holders(candidate);
      const clashes = holders.size + incoming.holders(candidate).size > 0;
      if ((clashes && !mayClash) || this.#isReserved(holders)) this.#refuse(candidate);
      incoming.add(candidate);
    }
    // From here on nothing throws.
    this.#defaultLabels ??= state.defaultLabels;
    this.#constLabels = constLabels;
    for (const collector of incoming.all.keys()) {
      this.register(collector);
      this.#collectors.adopt(collector, state.known?.get(collector));
    }
    if (this.#target === undefined && state.targetInfo !== undefined) {
      this.setTargetInfo(state.targetInfo);
    }
    if (this.#errors.isEmpty && state.errors !== undefined) this.#errors.adopt(state.errors);
  }
}
