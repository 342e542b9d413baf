import { checkShape, type MetricFamily } from "../model.ts";
import { gatherFrom, Gathering } from "./gathering.ts";
import type { CollectAsyncOptions, Registry } from "./protocol.ts";
import { REGISTRY } from "./proxy.ts";

/**
 * Everything a registry exposes, as it is exposed: the prefix stands before the
 * names, families of one name are merged, repeated series are left out. What has
 * to be left out is counted in the registry and costs nothing else.
 *
 * Every reader of this library (encoders, bridges, backends, test helpers) reads
 * through this function or {@linkcode gatherAsync}. The families are live: their
 * numbers are those of the moment in which they are read.
 *
 * @param registry The registry; the default one if left out.
 * @returns The families, in the order of registration.
 * @throws {TypeError} If it is not a registry, or its prefix cannot begin a metric name.
 *
 * @example Reading all samples of a registry
 * ```ts
 * import { CollectorRegistry, gather, Gauge } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry({ prefix: "app" });
 * new Gauge("workers", "Workers that run.", { registry }).set(4);
 * const samples = [...gather(registry)].flatMap((family) => [...family.samples]);
 * assert.deepEqual(samples, [{ name: "app_workers", labels: {}, value: 4 }]);
 * ```
 */
export function gather(registry: Registry = REGISTRY): Iterable<MetricFamily> {
  return gatherFrom(checkReadable(registry));
}

/**
 * The same as {@linkcode gather}, with asynchronous collectors awaited. A registry
 * without `collectAsync` is read synchronously.
 *
 * @param registry The registry; the default one if left out.
 * @param options A signal and a time limit.
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
  registry: Registry = REGISTRY,
  options: CollectAsyncOptions = {},
): AsyncGenerator<MetricFamily> {
  const gathering = new Gathering(checkReadable(registry));
  const families = registry.collectAsync?.(options) ?? registry.collect();
  for await (const family of families) gathering.add(family);
  yield* gathering.families();
}

/**
 * Looks through families that were gathered already, some of which turned out to be not as they
 * should be while they were written. What a family has promised does not count any more:
 * everything is read, and what cannot be read is left out and counted.
 *
 * @param registry The registry that they are of.
 * @param families The families, as exposed.
 * @returns Those families, or parts of families, that can be read.
 */
export function recheck(registry: Registry, families: Iterable<MetricFamily>): MetricFamily[] {
  const gathering = new Gathering(registry, { prefix: null, trusting: false });
  for (const family of families) gathering.add(family);
  return gathering.families();
}

/** Who only reads a registry needs only a part of it. */
function checkReadable(registry: Registry): Registry {
  const isReadable = typeof registry?.collect === "function";
  checkShape(isReadable, "Cannot gather metrics", "a registry must have collect()", registry);
  return registry;
}
