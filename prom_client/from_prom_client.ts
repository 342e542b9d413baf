import type { Collector, MetricFamily } from "../mod.ts";
import { familyFromJson } from "./json_family.ts";
import type { JsonMetric } from "./metric_object.ts";

/** A registry of prom-client, whatever its version. */
export interface PromClientRegistry {
  /**
   * Returns all metrics with their values.
   *
   * @returns Plain objects.
   */
  getMetricsAsJSON(): Promise<object[]> | object[];
}

/**
 * Makes a collector of a registry of prom-client itself, for programs that keep it for a while.
 *
 * @param registry The registry.
 * @returns A collector, to be registered with `REGISTRY`. It is asynchronous.
 *
 * @example Metrics of prom-client beside those of this library
 * ```ts
 * import { CollectorRegistry, generateMetricsAsync } from "@narthex/prometheus";
 * import { fromPromClient } from "@narthex/prometheus/prom-client";
 * import promClient from "prom-client";
 * import assert from "node:assert/strict";
 *
 * const original = new promClient.Registry();
 * new promClient.Gauge({ name: "jobs", help: "Jobs.", registers: [original] }).set(3);
 *
 * const registry = new CollectorRegistry();
 * registry.register(fromPromClient(original));
 * assert.match(await generateMetricsAsync(registry), /^jobs 3$/m);
 * ```
 */
export function fromPromClient(registry: PromClientRegistry): Collector {
  return {
    async collect(): Promise<MetricFamily[]> {
      // prom-client returns such objects. An illegal name or value throws, and that is counted.
      const metrics = await registry.getMetricsAsJSON() as JsonMetric[];
      return metrics.map(familyFromJson);
    },
  };
}
