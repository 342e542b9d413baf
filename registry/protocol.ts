import type { Collector, MetricFamily } from "../model.ts";

/** Options of an asynchronous read. */
export interface CollectAsyncOptions {
  /** Abort it to give up; what was not collected by then is left out. */
  signal?: AbortSignal | undefined;
  /** How long to wait for asynchronous collectors, in milliseconds. No limit by default. */
  timeoutMs?: number | undefined;
}

/**
 * What holds collectors and brings their families. Implement these four members
 * and your own registry works wherever this library takes one.
 *
 * @example A registry of one's own
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
export interface Registry {
  /** Stands before the name of every family when it is exposed, joined by one `_`. */
  readonly prefix: string | null;
  /** How many series a metric of this registry has at most that does not say it itself. Optional. */
  readonly maxSeries?: number | undefined;
  /**
   * Takes a collector in.
   *
   * @param collector The collector.
   */
  register(collector: Collector): void;
  /**
   * Lets a collector go.
   *
   * @param collector The collector, by identity.
   * @returns Whether it was there, if the registry can tell.
   */
  unregister(collector: Collector): boolean | void;
  /**
   * Brings the families of all collectors, under the names they were registered with.
   *
   * @returns The families, in the order of registration.
   */
  collect(): Iterable<MetricFamily>;
  /**
   * The same, with asynchronous collectors awaited. Optional.
   *
   * @param options A signal and a time limit.
   * @returns The families, in the order of registration.
   */
  collectAsync?(options?: CollectAsyncOptions): AsyncIterable<MetricFamily>;
  /**
   * A view of the registry that has only some of its families. Optional: any
   * registry can be restricted, this is for those that can do it with less work.
   *
   * @param names Names of families or of samples, as exposed; `null` for all.
   * @param accept Which collectors to read at all. @default {all}
   * @returns The view.
   */
  restrictedRegistry?(
    names: Iterable<string> | null,
    accept?: (collector: Collector) => boolean,
  ): Registry;
  /**
   * Counts something that had to be left out of a read. Optional.
   *
   * @param collector The name of the collector or of the family.
   * @param cause Why it was left out.
   */
  countError?(collector: string, cause: CollectorErrorCause): void;
}

/**
 * Why a collector, a family or a series was left out of a read:
 * - `error`: it threw or rejected
 * - `timeout`: it did not settle in time, or still had not from an earlier read
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
