import { checkShape, type MetricFamily } from "../model.ts";
import { gatherFrom, Gathering } from "./gathering.ts";
import type { Gatherer, ReadAsyncOptions, ReadOptions } from "./protocol.ts";
import { REGISTRY } from "./proxy.ts";
import { collectFrom } from "./restricted.ts";

/**
 * Returns everything that a registry exposes, as it is exposed: the prefix stands before the
 * names, families of one name are merged, repeated series are left out. What has
 * to be left out is counted in the registry and costs nothing else.
 *
 * Every reader of this library (encoders, bridges, backends, test helpers) reads
 * through this function or {@linkcode gatherAsync}. Metrics of this library are live: their
 * numbers are those of the moment in which they are read. Those of custom collectors, and of
 * functions, are copied.
 *
 * @param registry The registry, or a view of one. @default {REGISTRY}
 * @param options Which families are wanted.
 * @returns The families, in the order of registration.
 * @throws {TypeError} If it is not a registry, or its prefix cannot begin a metric name.
 *
 * @example Reading all samples of a registry
 * ```ts
 * import { CollectorRegistry, gather, Gauge } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry({ prefix: "app" });
 * new Gauge("workers", "Running workers.", { registry }).set(4);
 * const samples = [...gather(registry)].flatMap((family) => [...family.samples]);
 * assert.deepEqual(samples, [{ name: "app_workers", labels: {}, value: 4 }]);
 * ```
 */
export function gather(
  registry: Gatherer = REGISTRY,
  options: ReadOptions = {},
): Iterable<MetricFamily> {
  return gatherFrom(checkGatherer(registry, "Cannot gather metrics"), options);
}

/**
 * Does the same as {@linkcode gather}, with asynchronous collectors awaited. A registry
 * without `collectAsync` is read synchronously.
 *
 * @param registry The registry, or a view of one. @default {REGISTRY}
 * @param options Which families are wanted, a signal and a time limit.
 * @returns The families, in the order of registration, once all are there.
 * @throws {TypeError} If it is not a registry, or its prefix cannot begin a metric name.
 *
 * @example Awaiting a collector
 * ```ts
 * import { CollectorRegistry, gatherAsync, MetricFamily } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * registry.register({
 *   collect: async () => [
 *     new MetricFamily("users", "Users.", "gauge").addSample("users", {}, await Promise.resolve(7)),
 *   ],
 * });
 * const names: string[] = [];
 * for await (const family of gatherAsync(registry, { timeoutMs: 1000 })) names.push(family.name);
 * assert.deepEqual(names, ["users"]);
 * ```
 */
export async function* gatherAsync(
  registry: Gatherer = REGISTRY,
  options: ReadAsyncOptions = {},
): AsyncGenerator<MetricFamily> {
  const gathering = new Gathering(checkGatherer(registry, "Cannot gather metrics"), options);
  const families = collectFrom(registry, gathering.options);
  for await (const family of families) gathering.add(family);
  yield* gathering.families();
}

/**
 * Checks that something can be read.
 *
 * @param registry The registry or view as it was given.
 * @param doing The action, for error messages, such as `Cannot gather metrics`.
 * @returns The same.
 * @throws {TypeError} If it has no `collect()`.
 */
export function checkGatherer(registry: Gatherer, doing: string): Gatherer {
  const isReadable = typeof registry?.collect === "function";
  checkShape(isReadable, doing, "a registry must have collect()", registry);
  return registry;
}
