import type { MetricFamily } from "./family.ts";

/**
 * A source of metric families for a registry. Every metric of this library is a collector, and so
 * is any object with a `collect()` method.
 *
 * @example A collector that reads its numbers at each scrape
 * ```ts
 * import { CollectorRegistry, generateMetrics, MetricFamily } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * registry.register({
 *   *collect() {
 *     yield new MetricFamily("queue_depth", "Jobs that wait.", "gauge")
 *       .addSample("queue_depth", { queue: "mail" }, 3);
 *   },
 * });
 * assert.match(generateMetrics(registry), /^queue_depth\{queue="mail"\} 3$/m);
 * ```
 */
export interface Collector {
  /**
   * Returns the families with their present numbers. Asynchronous reads await an asynchronous
   * result. Synchronous reads leave it out.
   *
   * @param options Options of an asynchronous read.
   * @returns The families.
   */
  collect(options?: {
    /** Aborted when the registry stops waiting for the collector. */
    signal?: AbortSignal;
  }): Iterable<MetricFamily> | AsyncIterable<MetricFamily> | Promise<Iterable<MetricFamily>>;
  /**
   * Returns the families that `collect()` will return, with or without samples, so that a clash of
   * names is found at registration. Optional.
   *
   * @returns The families.
   */
  describe?(): Iterable<MetricFamily>;
  /**
   * Type, name, help, labels and buckets as one string. If two metrics have the same definition,
   * a registry with `onDuplicate: "reuse"` returns the existing one. Optional: a collector without
   * a definition is never reused.
   */
  readonly definition?: string;
}

/** Options that a registry passes to collectors when it reads them asynchronously. */
export type CollectOptions = NonNullable<Parameters<Collector["collect"]>[0]>;

/** The possible results of {@linkcode Collector.collect}. */
export type Collected = ReturnType<Collector["collect"]>;
