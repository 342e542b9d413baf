import type { MetricFamily } from "./family.ts";

/** What a registry hands to the collectors that it reads asynchronously. */
export interface CollectOptions {
  /** Aborted when the answer will no longer be waited for. */
  signal?: AbortSignal;
}

/** What {@linkcode Collector.collect} may return. */
export type Collected =
  | Iterable<MetricFamily>
  | AsyncIterable<MetricFamily>
  | Promise<Iterable<MetricFamily>>;

/**
 * How a reader that must not miss a number keeps the series of a metric from expiring
 * before it has read them.
 */
export interface SeriesExpiry {
  /**
   * Says that a reader begins to read all series. From its first call on, a series
   * expires only if it has not changed since the reader began a read that it completed.
   *
   * @param reader Who reads, by identity.
   * @returns To be called when everything has been read.
   */
  beginRead(reader: object): () => void;
  /**
   * Lets series expire without this reader from now on.
   *
   * @param reader Who has read.
   */
  release(reader: object): void;
}

/**
 * Anything that brings metric families to a registry: every metric of this
 * library is one, and so is any object of your own with a `collect()` method.
 *
 * @example A collector that reads its numbers when it is asked
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
   * Brings the families as they are now. Asynchronous results are awaited by
   * asynchronous reads, and left out of synchronous ones.
   *
   * @param options Given by asynchronous reads.
   * @returns The families.
   */
  collect(options?: CollectOptions): Collected;
  /**
   * Names the families that `collect()` will bring, with or without samples, so
   * that a clash of names is found at registration. Optional.
   *
   * @returns The families.
   */
  describe?(): Iterable<MetricFamily>;
  /**
   * What makes two metrics interchangeable: type, name, help, labels and buckets
   * in one text. A registry with `onDuplicate: "reuse"` hands back the existing
   * metric when both have the same. Optional: what has none is never reused.
   */
  readonly definition?: string;
}
