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
 * They are the `process_*` metrics that all Prometheus clients have, `runtime_info`, the lag
 * of the event loop, the heap, and garbage collection where the runtime tells of it. What
 * cannot be had is left out: which metric is there on which runtime and with which
 * permissions is told in `docs/runtime_metrics.md`.
 *
 * @module
 */
import { type Collector, type Registerer, REGISTRY } from "../mod.ts";
import { checkShape } from "../model.ts";
import type { Platform } from "./platform.ts";
import { RuntimeCollector } from "./runtime_collector.ts";

/**
 * Where all copies of this package in a program, and a module that is loaded once more,
 * find the collector: the number is that of the protocol.
 */
const KEY = Symbol.for("narthex.runtime.1");

/**
 * Adds the metrics of the process and of the runtime to a registry. A registry that has
 * them already is left as it is.
 *
 * A scrape reads them in some hundred microseconds, and never asks the user for a
 * permission. Between scrapes a timer samples the lag of the event loop, ten times a
 * second; it does not keep the program running.
 *
 * @param registry Where they are registered. @default {REGISTRY}
 * @throws {TypeError} If it is not a registry.
 * @throws {DuplicateMetricError} If the registry has another collector of one of their names.
 *
 * @example A registry of their own
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
 * The collector of this program, or of this worker. All registries have the same one, which
 * makes a repeated registration one of the same object; when none has it any more, it ends.
 */
function runtimeCollector(): Collector {
  // Whoever put it there is a copy of this module, since the key names the protocol.
  const shared = globalThis as { [KEY]?: WeakRef<Collector> };
  let collector = shared[KEY]?.deref();
  if (collector === undefined) {
    // All that is read of the global object may be missing there.
    collector = new RuntimeCollector(globalThis as unknown as Platform);
    Object.defineProperty(shared, KEY, { value: new WeakRef(collector), configurable: true });
  }
  return collector;
}
