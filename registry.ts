/**
 * Registries: what holds collectors and brings their families. The default one is
 * {@linkcode REGISTRY}; metrics register themselves there unless they are told
 * otherwise.
 *
 * ```ts
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 *
 * const registry = new CollectorRegistry({ prefix: "app" });
 * new Gauge("workers", "Workers that run.", { registry }).set(4);
 * registry.getSampleValue("app_workers"); // 4
 * ```
 *
 * @module
 */
export { CollectorRegistry } from "./registry/collector_registry.ts";
export { gather, gatherAsync, recheck } from "./registry/gather.ts";
export {
  checkMaxSeries,
  type CollectorRegistryOptions,
  type OnDuplicate,
} from "./registry/options.ts";
export type { CollectAsyncOptions, CollectorErrorCause, Registry } from "./registry/protocol.ts";
export { checkRegistry, CollectorRegistryProxy, REGISTRY } from "./registry/proxy.ts";
export { restrict } from "./registry/restricted.ts";
