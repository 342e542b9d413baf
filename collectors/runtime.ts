/**
 * Metrics of the process and of the runtime, in one line:
 *
 * ```ts
 * import { generateMetrics } from "@narthex/prometheus";
 * import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
 * import assert from "node:assert/strict";
 *
 * registerRuntimeMetrics();
 * assert.match(generateMetrics(), /^process_resident_memory_bytes \d+$/m);
 * ```
 *
 * They are the `process_*` metrics that all Prometheus clients have, `runtime_info`, the lag of the
 * event loop, the heap, and garbage collection if the runtime reports it. Metrics that are not
 * available are left out. `docs/runtime_metrics.md` lists the metrics of each runtime, and the
 * permissions that they need.
 *
 * @module
 */
import { type Collector, type Registerer, REGISTRY } from "../mod.ts";
import { checkShape } from "../model.ts";
import type { Platform } from "./platform.ts";
import { RuntimeCollector } from "./runtime_collector.ts";

/**
 * The key of the collector, for all copies of this package in a program, and for a module that is
 * loaded again. The number is the version of the protocol.
 */
const KEY = Symbol.for("narthex.runtime.1");

/**
 * Registers the metrics of the process and of the runtime. Does nothing if the registry has them
 * already.
 *
 * A scrape reads them in some hundred microseconds, and never prompts the user for a permission.
 * Between scrapes a timer samples the lag of the event loop, ten times a second. It does not keep
 * the program running.
 *
 * @param registry The registry. @default {REGISTRY}
 * @throws {TypeError} If it is not a registry.
 * @throws {DuplicateMetricError} If the registry has another collector of one of their names.
 *
 * @example A separate registry
 * ```ts
 * import { CollectorRegistry } from "@narthex/prometheus";
 * import { registerRuntimeMetrics } from "@narthex/prometheus/runtime";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * registerRuntimeMetrics(registry);
 * assert.ok(registry.getSampleValue("process_cpu_seconds_total")! > 0);
 * ```
 */
export function registerRuntimeMetrics(registry: Registerer = REGISTRY): void {
  const isRegistry = typeof registry?.register === "function";
  const doing = "Cannot register runtime metrics";
  checkShape(isRegistry, doing, "a registry must have register()", registry);
  registry.register(runtimeCollector());
}

/**
 * Returns the collector of this program or worker. All registries have the same one, so a repeated
 * registration has no effect. It stops when no registry references it.
 */
function runtimeCollector(): Collector {
  // Only a copy of this module with the same protocol has put it there.
  const shared = globalThis as { [KEY]?: WeakRef<Collector> };
  let collector = shared[KEY]?.deref();
  if (collector === undefined) {
    // Every member of Platform is optional, so any global object has its shape.
    collector = new RuntimeCollector(globalThis as unknown as Platform);
    Object.defineProperty(shared, KEY, { value: new WeakRef(collector), configurable: true });
  }
  return collector;
}
