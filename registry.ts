/**
 * Registries: they hold collectors and bring their families. The default one is
 * {@linkcode REGISTRY}; metrics register themselves there unless they are
 * given another one.
 *
 * ```ts
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 *
 * const registry = new CollectorRegistry({ prefix: "app" });
 * new Gauge("workers", "Running workers.", { registry }).set(4);
 * registry.getSampleValue("app_workers"); // 4
 * ```
 *
 * @module
 */
export { CollectorRegistry } from "./registry/collector_registry.ts";
export { checkGatherer, gather, gatherAsync } from "./registry/gather.ts";
export { READ_OPTIONS } from "./registry/gathering.ts";
export {
  checkMaxSeries,
  checkPrefix,
  type CollectorRegistryOptions,
  exposedName,
  type OnDuplicate,
} from "./registry/options.ts";
export type {
  CollectorErrorCause,
  Gatherer,
  ReadAsyncOptions,
  ReadOptions,
  Registerer,
  Registry,
} from "./registry/protocol.ts";
export { checkRegistry, CollectorRegistryProxy, REGISTRY } from "./registry/proxy.ts";
