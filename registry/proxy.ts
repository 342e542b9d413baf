import { checkShape, type Collector, type LabelValue, type MetricFamily } from "../model.ts";
import { CollectorRegistry } from "./collector_registry.ts";
import { findSample } from "./gathering.ts";
import type { CollectAsyncOptions, CollectorErrorCause, Registry } from "./protocol.ts";
import { restrict } from "./restricted.ts";

/**
 * A registry that stands for another one, which can be exchanged. The default
 * registry is one, so that a program can put its own in its place.
 *
 * Metrics stay where they were registered: exchange the registry in the module
 * that is imported first.
 *
 * @example Exchanging the registry behind a proxy
 * ```ts
 * import { CollectorRegistry, CollectorRegistryProxy } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const proxy = new CollectorRegistryProxy(new CollectorRegistry());
 * assert.equal(proxy.prefix, null);
 * proxy.setRegistry(new CollectorRegistry({ prefix: "app" }));
 * assert.equal(proxy.prefix, "app");
 * ```
 */
export class CollectorRegistryProxy implements Registry {
  #registry: Registry;

  /**
   * Creates a proxy.
   *
   * @param registry The registry to stand for; a new one if left out.
   * @throws {TypeError} If it is not a registry.
   */
  constructor(registry: Registry = new CollectorRegistry()) {
    this.#registry = checkRegistry(registry, "Cannot create proxy");
  }

  /** The prefix of the registry that the proxy stands for now. */
  get prefix(): string | null {
    return this.#registry.prefix;
  }

  /** How many series a metric has at most, by the registry that the proxy stands for now. */
  get maxSeries(): number | undefined {
    return this.#registry.maxSeries;
  }

  /**
   * Exchanges the registry. What is registered in the former one stays there.
   *
   * @param registry The registry to stand for from now on.
   * @throws {TypeError} If it is not a registry, or the proxy itself.
   */
  setRegistry(registry: Registry): void {
    const doing = "Cannot set registry";
    checkRegistry(registry, doing);
    let behind = registry;
    while (behind instanceof CollectorRegistryProxy && behind !== this) behind = behind.#registry;
    if (behind === this) throw new TypeError(`${doing}: a proxy cannot stand for itself`);
    this.#registry = registry;
  }

  /**
   * The registry that the proxy stands for now.
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
    return this.#registry.register(collector);
  }

  /**
   * Lets a collector go.
   *
   * @param collector The collector, by identity.
   * @returns Whether it was there, if the registry can tell.
   */
  unregister(collector: Collector): boolean | void {
    return this.#registry.unregister(collector);
  }

  /**
   * Brings the families of all collectors.
   *
   * @returns The families, in the order of registration.
   */
  collect(): Iterable<MetricFamily> {
    return this.#registry.collect();
  }

  /**
   * The same, with asynchronous collectors awaited if the registry can.
   *
   * @param options A signal and a time limit.
   */
  async *collectAsync(options: CollectAsyncOptions = {}): AsyncGenerator<MetricFamily> {
    const registry = this.#registry;
    yield* registry.collectAsync?.(options) ?? registry.collect();
  }

  /**
   * A view of the registry that has only some of its families.
   *
   * @param names Names of families or of samples, as exposed; `null` for all.
   * @param accept Which collectors to read at all, if the registry can tell. @default {all}
   * @returns The view, of the registry that the proxy stands for now.
   */
  restrictedRegistry(
    names: Iterable<string> | null,
    accept?: (collector: Collector) => boolean,
  ): Registry {
    return restrict(this.#registry, names, accept);
  }

  /**
   * Counts something that had to be left out of a read, if the registry counts.
   *
   * @param collector The name of the collector or of the family.
   * @param cause Why it was left out.
   */
  countError(collector: string, cause: CollectorErrorCause): void {
    this.#registry.countError?.(collector, cause);
  }

  /**
   * Lets all collectors go.
   *
   * @throws {TypeError} If the registry has no `clear()`.
   */
  clear(): void {
    this.#extended("clear").clear();
  }

  /**
   * Sets the labels of the `target_info` series.
   *
   * @param labels The labels; `null` for no such series.
   * @throws {TypeError} If the registry has no `setTargetInfo()`.
   */
  setTargetInfo(labels: Readonly<Record<string, LabelValue>> | null): void {
    this.#extended("setTargetInfo").setTargetInfo(labels);
  }

  /**
   * The labels of the `target_info` series.
   *
   * @returns The labels, or `null`.
   * @throws {TypeError} If the registry has no `getTargetInfo()`.
   */
  getTargetInfo(): Record<string, string> | null {
    return this.#extended("getTargetInfo").getTargetInfo();
  }

  /**
   * Looks a sample up, as it is exposed.
   *
   * @param name The name of the sample.
   * @param labels All its labels. @default {{}}
   * @returns Its value, or `undefined` when there is no such sample.
   */
  getSampleValue(
    name: string,
    labels: Readonly<Record<string, LabelValue>> = {},
  ): number | undefined {
    return findSample(this.#registry, name, labels);
  }

  /** The registry, when it has a method that the protocol does not ask for. */
  #extended<K extends keyof CollectorRegistry>(method: K): Pick<CollectorRegistry, K> {
    const registry = this.#registry as Partial<CollectorRegistry>;
    if (typeof registry[method] !== "function") {
      throw new TypeError(`Cannot call ${method}(): the registry in use has no such method`);
    }
    // Its presence was just checked.
    return registry as Pick<CollectorRegistry, K>;
  }
}

/**
 * Checks that something is a registry.
 *
 * @param registry The registry as it was given.
 * @param doing What is being done, as in `Cannot set registry`.
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

/** Where all copies of this package in a program find the default registry: the number is that of the protocol. */
const KEY = Symbol.for("narthex.registry.1");

/** The default registry of the program: where metrics go that are given none. */
export const REGISTRY: CollectorRegistryProxy = defaultRegistry();

function defaultRegistry(): CollectorRegistryProxy {
  // Whoever put it there is a copy of this module, since the key names the protocol.
  const shared = globalThis as { [KEY]?: CollectorRegistryProxy };
  if (shared[KEY] === undefined) {
    Object.defineProperty(shared, KEY, { value: new CollectorRegistryProxy() });
  }
  return shared[KEY]!;
}
