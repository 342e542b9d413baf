import {
  checkKnownOptions,
  checkShape,
  type Collector,
  type LabelValue,
  type MetricFamily,
} from "../model.ts";
import { CollectorRegistry } from "./collector_registry.ts";
import { findSample, gatherFrom } from "./gathering.ts";
import type {
  CollectorErrorCause,
  Gatherer,
  ReadAsyncOptions,
  ReadOptions,
  Registry,
} from "./protocol.ts";
import { collectFrom, restrict } from "./restricted.ts";
import { ADOPT, handOver, moveCollectors, type RegistryState, STATE, stateOf } from "./state.ts";

/** A registry that stands before another one and can exchange it: that of several processes. */
interface SharingRegistry {
  /** Makes another registry the one whose metrics are shared; returns the former one. */
  setInner(registry: Registry): Registry;
  /** Returns the registry whose metrics are shared. */
  getInner(): Registry;
}

/**
 * A registry that stands for another one, which can be exchanged. The default registry is one, so
 * that a program can put its own in its place at any time: the metrics move along.
 *
 * @example Exchanging the registry behind a proxy
 * ```ts
 * import { CollectorRegistry, CollectorRegistryProxy, Counter } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const proxy = new CollectorRegistryProxy();
 * new Counter("jobs_total", "Jobs done.", { registry: proxy }).inc();
 * proxy.setRegistry(new CollectorRegistry({ prefix: "app" }));
 * assert.equal(proxy.getSampleValue("app_jobs_total"), 1);
 * ```
 */
export class CollectorRegistryProxy implements Registry {
  #registry: Registry;
  /** What was registered here, for registries that cannot tell what they hold. */
  readonly #registered: Set<Collector> = new Set();

  static {
    // A proxy may stand behind another one.
    Object.defineProperties(this.prototype, {
      [STATE]: {
        value(this: CollectorRegistryProxy): RegistryState {
          return stateOf(this.#registry, this.#registered);
        },
      },
      [ADOPT]: {
        value(this: CollectorRegistryProxy, state: RegistryState): void {
          handOver(state, this.#registry);
          for (const collector of state.collectors) this.#registered.add(collector);
        },
      },
    });
  }

  /**
   * Creates a proxy.
   *
   * @param registry The registry to stand for. @default {a new one}
   * @throws {TypeError} If it is not a registry.
   */
  constructor(registry: Registry = new CollectorRegistry()) {
    this.#registry = checkRegistry(registry, "Cannot create proxy");
  }

  /** The prefix of the registry that the proxy stands for now. */
  get prefix(): string | null {
    return this.#registry.prefix;
  }

  /** The maximum number of series of a metric, as the registry has it that the proxy stands for now. */
  get maxSeries(): number | undefined {
    return this.#registry.maxSeries;
  }

  /**
   * Exchanges the registry. What was registered through the proxy, and what a `CollectorRegistry`
   * behind it holds, moves to the new registry in its order, so that no number is lost. With it move
   * the errors that were counted, and the target info and the constant labels that were set by a
   * call, unless the new registry has its own. If the metrics are shared by several processes
   * (`loadBackend`), they go on being shared.
   *
   * The former registry is empty then. A handler or a metric that was given it directly, instead of
   * the proxy, is left with an empty registry: give them the proxy.
   *
   * @param registry The registry to stand for from now on. The present one changes nothing.
   * @param options What happens to the collectors of the former registry: they `"move"`, or they
   * are left where they are (`"leave"`), for a fresh registry in each test. @default {"move"}
   * @returns The former registry.
   * @throws {TypeError} If it is not a registry, or the proxy itself.
   * @throws {DuplicateMetricError} If the new registry refuses a collector. Nothing is changed then.
   *
   * @example A fresh registry for a test
   * ```ts
   * import { CollectorRegistry, Counter, REGISTRY } from "@narthex/prometheus";
   * import assert from "node:assert/strict";
   *
   * const former = REGISTRY.setRegistry(new CollectorRegistry(), { collectors: "leave" });
   * new Counter("jobs_total", "Jobs done.").inc();
   * assert.equal(REGISTRY.getSampleValue("jobs_total"), 1);
   * REGISTRY.setRegistry(former, { collectors: "leave" });
   * assert.equal(REGISTRY.getSampleValue("jobs_total"), undefined);
   * ```
   */
  setRegistry(
    registry: Registry,
    options: { collectors?: "move" | "leave" | undefined } = {},
  ): Registry {
    const doing = "Cannot set registry";
    checkRegistry(registry, doing);
    const { collectors = "move" } = checkKnownOptions(options, { collectors: true }, doing);
    const isChoice = collectors === "move" || collectors === "leave";
    checkShape(isChoice, doing, 'collectors must be "move" or "leave"', collectors);
    let behind = registry;
    while (behind instanceof CollectorRegistryProxy && behind !== this) behind = behind.#registry;
    if (behind === this) throw new TypeError(`${doing}: a proxy cannot stand for itself`);
    const former = this.#registry;
    if (registry === former) return former;
    if (collectors === "leave") {
      this.#registered.clear();
      this.#registry = registry;
      return former;
    }
    const shared = asSharing(former);
    if (shared !== undefined) {
      const inner = shared.getInner();
      if (registry === inner) return inner;
      moveCollectors(inner, this.#registered, registry);
      return shared.setInner(registry);
    }
    // One that shares what the former one holds only stands before it.
    if (asSharing(registry)?.getInner() !== former) {
      moveCollectors(former, this.#registered, registry);
    }
    this.#registry = registry;
    return former;
  }

  /**
   * Returns the registry that the proxy stands for now.
   *
   * @returns The registry.
   */
  getRegistry(): Registry {
    return this.#registry;
  }

  /**
   * Takes a collector in. See {@linkcode CollectorRegistry.register}.
   *
   * @param collector The collector.
   * @returns What the registry returns.
   */
  register(collector: Collector): Collector | void {
    const kept = this.#registry.register(collector);
    this.#registered.add(kept ?? collector);
    return kept;
  }

  /**
   * Lets a collector go.
   *
   * @param collector The collector, by identity.
   * @returns Whether it was there, if the registry can tell.
   */
  unregister(collector: Collector): boolean | void {
    this.#registered.delete(collector);
    return this.#registry.unregister(collector);
  }

  /**
   * Returns the families of all collectors.
   *
   * @param options Which families are wanted.
   * @returns The families, in the order of registration.
   */
  collect(options?: ReadOptions): Iterable<MetricFamily> {
    return this.#registry.collect(options);
  }

  /**
   * Does the same, with asynchronous collectors awaited if the registry can.
   *
   * @param options Which families are wanted, a signal and a time limit.
   */
  async *collectAsync(options: ReadAsyncOptions = {}): AsyncGenerator<MetricFamily> {
    yield* collectFrom(this.#registry, options);
  }

  /**
   * Creates a view that has only some of the families.
   *
   * @param names Names of families or of samples, as exposed.
   * @returns The view. It reads whatever registry the proxy stands for then.
   */
  restrictedRegistry(names: Iterable<string>): Gatherer {
    return restrict(this, names);
  }

  /**
   * Counts something that had to be left out of a read, if the registry counts.
   *
   * @param collector The name of the collector or of the family.
   * @param cause Why it was left out.
   * @param error What was thrown, or would have been.
   * @param times How many there were of the same kind. @default {1}
   */
  countError(collector: string, cause: CollectorErrorCause, error?: unknown, times = 1): void {
    this.#registry.countError?.(collector, cause, error, times);
  }

  /**
   * Lets all collectors go.
   *
   * @throws {TypeError} If the registry has no `clear()`.
   */
  clear(): void {
    this.#call("clear");
    this.#registered.clear();
  }

  /**
   * Sets the labels of the `target_info` series.
   *
   * @param labels The labels; `null` for no such series.
   * @throws {TypeError} If the registry has no `setTargetInfo()`.
   */
  setTargetInfo(labels: Readonly<Record<string, LabelValue>> | null): void {
    this.#call("setTargetInfo", labels);
  }

  /**
   * Returns the labels of the `target_info` series.
   *
   * @returns The labels, or `null`.
   * @throws {TypeError} If the registry has no `getTargetInfo()`.
   */
  getTargetInfo(): Record<string, string> | null {
    return this.#call("getTargetInfo");
  }

  /**
   * Sets the constant labels. See {@linkcode CollectorRegistry.setConstLabels}.
   *
   * @param labels The labels; `null` for none.
   * @throws {TypeError} If a registered metric has such a label, or the registry has no
   * `setConstLabels()`.
   */
  setConstLabels(labels: Readonly<Record<string, LabelValue>> | null): void {
    this.#call("setConstLabels", labels);
  }

  /**
   * Returns the last error of each collector. See {@linkcode CollectorRegistry.lastErrors}.
   *
   * @returns The errors by the name of the collector.
   * @throws {TypeError} If the registry has no `lastErrors()`.
   */
  lastErrors(): ReadonlyMap<
    string,
    { readonly cause: CollectorErrorCause; readonly message: string; readonly time: number }
  > {
    return this.#call("lastErrors");
  }

  /**
   * Looks up a sample, as it is exposed.
   *
   * @param name The name of the sample.
   * @param labels All its labels. @default {{}}
   * @returns Its value, or undefined if there is no such sample.
   */
  getSampleValue(
    name: string,
    labels: Readonly<Record<string, LabelValue>> = {},
  ): number | undefined {
    const registry = this.#registry as Partial<CollectorRegistry>;
    if (typeof registry.getSampleValue === "function") return registry.getSampleValue(name, labels);
    return findSample(gatherFrom(this.#registry), name, labels);
  }

  /** Calls a method that the protocol does not ask for. */
  #call<K extends "clear" | "setTargetInfo" | "getTargetInfo" | "setConstLabels" | "lastErrors">(
    method: K,
    ...args: Parameters<CollectorRegistry[K]>
  ): ReturnType<CollectorRegistry[K]> {
    const registry = this.#registry as Registry & Record<K, unknown>;
    const fn = registry[method];
    if (typeof fn === "function") return fn.apply(registry, args);
    throw new TypeError(`Cannot call ${method}(): the registry in use has no such method`);
  }
}

/** A registry as one that shares another one, if it is. */
function asSharing(registry: Registry): SharingRegistry | undefined {
  const { setInner, getInner } = registry as Partial<SharingRegistry>;
  const isSharing = typeof setInner === "function" && typeof getInner === "function";
  // Both methods were just found.
  return isSharing ? registry as Registry & SharingRegistry : undefined;
}

/**
 * Checks that something is a registry.
 *
 * @param registry The registry as it was given.
 * @param doing The action, for error messages, such as `Cannot set registry`.
 * @returns The registry.
 * @throws {TypeError} If it lacks a method of the protocol.
 */
export function checkRegistry(registry: Registry, doing: string): Registry {
  for (const method of ["register", "unregister", "collect"] as const) {
    const hasMethod = typeof registry?.[method] === "function";
    checkShape(hasMethod, doing, `a registry must have ${method}()`, registry);
  }
  return registry;
}

/**
 * Where all copies of this package in a program find the default registry. The number is the version
 * of what crosses a registry: copies of different versions have different default registries.
 */
const KEY = Symbol.for("narthex.registry.2");

/** The default registry of the program. Metrics that are given no registry are registered there. */
export const REGISTRY: CollectorRegistryProxy = defaultRegistry();

function defaultRegistry(): CollectorRegistryProxy {
  // It was put there by a copy of this module, since the key names the version.
  const shared = globalThis as { [KEY]?: CollectorRegistryProxy };
  if (shared[KEY] === undefined) {
    Object.defineProperty(shared, KEY, { value: new CollectorRegistryProxy() });
  }
  return shared[KEY]!;
}
