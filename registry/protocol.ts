import type { Collector, MetricFamily } from "../model.ts";

/** Options of a read. */
export interface ReadOptions {
  /**
   * Names of families or of samples, as exposed: only these are wanted, and collectors that are
   * known not to have them are not called. @default {all}
   */
  names?: Iterable<string> | undefined;
  /**
   * Whether to read the metrics of this library alone, and call no other collector: for what
   * stores their numbers. @default {false}
   */
  metricsOnly?: boolean | undefined;
}

/** Options of an asynchronous read. */
export interface ReadAsyncOptions extends ReadOptions {
  /** Ends the waiting when it is aborted. Collectors that have not settled by then are left out. */
  signal?: AbortSignal | undefined;
  /** How long to wait for asynchronous collectors, in milliseconds. @default {no limit} */
  timeoutMs?: number | undefined;
  /**
   * How long a collector may take before its call is given up, in milliseconds, where this read
   * itself has less time: a collector that is too slow for this read goes on for others.
   * @default {timeoutMs}
   */
  patienceMs?: number | undefined;
  /**
   * How old the numbers of a metric with `onCollect` may be, in milliseconds: it is not called again
   * before, for what stores numbers often. @default {0}
   */
  maxAgeMs?: number | undefined;
}

/**
 * Something that can be read: a registry, a view of one, a shared one. Everything that reads
 * metrics (`generateMetrics`, `metricsHandler`, bridges) takes one.
 */
export interface Gatherer {
  /** Stands before the name of every family when it is exposed, joined by one `_`. */
  readonly prefix: string | null;
  /**
   * Returns the families of all collectors, under the names they were registered with.
   *
   * @param options Which families are wanted. An implementation may ignore them: `gather()`
   * leaves out what is not wanted.
   * @returns The families, in the order of registration.
   */
  collect(options?: ReadOptions): Iterable<MetricFamily>;
  /**
   * Does the same, with asynchronous collectors awaited. Optional.
   *
   * @param options Which families are wanted, a signal and a time limit.
   * @returns The families, in the order of registration.
   */
  collectAsync?(options?: ReadAsyncOptions): AsyncIterable<MetricFamily>;
  /**
   * Counts something that had to be left out of a read. Optional.
   *
   * @param collector The name of the collector or of the family.
   * @param cause Why it was left out.
   * @param error What was thrown, or would have been.
   * @param times How many there were of the same kind. @default {1}
   */
  countError?(
    collector: string,
    cause: CollectorErrorCause,
    error?: unknown,
    times?: number,
  ): void;
}

/** Something that takes collectors in: a registry, or a part of a program that collects them. */
export interface Registerer {
  /** The maximum number of series of a metric that does not set `maxSeries` itself. Optional. */
  readonly maxSeries?: number | undefined;
  /**
   * Takes a collector in.
   *
   * @param collector The collector.
   * @returns The collector to use, if it is another one that was there before.
   */
  register(collector: Collector): Collector | void;
  /**
   * Lets a collector go.
   *
   * @param collector The collector, by identity.
   * @returns Whether it was there, if the registry can tell.
   */
  unregister(collector: Collector): boolean | void;
}

/**
 * A registry: takes collectors in and brings their families. Implement these four members
 * and your own registry works wherever this library takes one.
 *
 * @example A registry of your own
 * ```ts
 * import { type Collector, Counter, generateMetrics, type Registry } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const collectors = new Set<Collector>();
 * const registry: Registry = {
 *   prefix: "app",
 *   register: (collector) => void collectors.add(collector),
 *   unregister: (collector) => collectors.delete(collector),
 *   *collect() {
 *     for (const collector of collectors) {
 *       const families = collector.collect();
 *       if (Symbol.iterator in families) yield* families;
 *     }
 *   },
 * };
 * new Counter("jobs_total", "Jobs done.", { registry }).inc();
 * assert.match(generateMetrics(registry), /^app_jobs_total 1$/m);
 * ```
 */
export interface Registry extends Gatherer, Registerer {}

/**
 * Why a collector, a family or a series was left out of a read:
 * - `error`: it threw or rejected
 * - `timeout`: it did not settle in time
 * - `async`: it is asynchronous and the read was not
 * - `invalid`: what it yielded is not a metric family
 * - `conflict`: another family has the name with another type or unit
 * - `duplicate`: the series was there already
 */
export type CollectorErrorCause =
  | "error"
  | "timeout"
  | "async"
  | "invalid"
  | "conflict"
  | "duplicate";
