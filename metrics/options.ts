import {
  checkKnownOptions,
  type KnownOptions,
  type LabelValue,
  type MetricType,
  type NameValidation,
  received,
} from "../model.ts";
import type { Registry } from "../registry.ts";
import type { Clock } from "../time/clock.ts";

/**
 * Options that every metric has.
 *
 * @example A metric whose labels come from outside
 * ```ts
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const requests = new Counter("tenant_requests_total", "Requests of each tenant.", {
 *   labelNames: ["tenant"],
 *   maxSeries: 2,
 *   expireAfterSeconds: 3600,
 *   registry,
 * });
 * for (const tenant of ["a", "b", "c", "d"]) requests.labels({ tenant }).inc();
 * assert.equal(registry.getSampleValue("tenant_requests_total", { tenant: "a" }), 1);
 * assert.equal(registry.getSampleValue("tenant_requests_total", { tenant: "overflow" }), 2);
 * const metric = "tenant_requests_total";
 * assert.equal(registry.getSampleValue("narthex_series_overflow_total", { metric }), 2);
 * ```
 *
 * @example A metric that asks for its numbers at each scrape
 * ```ts
 * import { CollectorRegistry, Gauge, generateMetricsAsync } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const countJobs = () => Promise.resolve({ mail: 3, pdf: 1 });
 * new Gauge("queue_length", "Waiting jobs.", {
 *   labelNames: ["queue"],
 *   registry,
 *   onCollect: async (gauge) => {
 *     for (const [queue, jobs] of Object.entries(await countJobs())) gauge.labels({ queue }).set(jobs);
 *   },
 * });
 * assert.match(await generateMetricsAsync(registry), /^queue_length\{queue="mail"\} 3$/m);
 * ```
 *
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted The label names that have a default value.
 * @typeParam Metric The metric.
 */
export interface MetricOptions<
  Names extends readonly string[] = readonly string[],
  Defaulted extends Names[number] = Names[number],
  Metric = unknown,
> {
  /** The label names, in the order in which they are written. @default {[]} */
  labelNames?: Names | undefined;
  /** Values for labels that a caller leaves out. */
  defaultLabels?:
    | ([Names[number]] extends [never] ? Readonly<Record<string, "there are no label names">>
      : Readonly<Record<Defaulted, LabelValue>>)
    | undefined;
  /** The unit in plural base form, such as `"seconds"`. Appended to the name if missing. */
  unit?: string | undefined;
  /** Goes before the subsystem and the name, joined by `_`. */
  namespace?: string | undefined;
  /** Goes before the name, joined by `_`. */
  subsystem?: string | undefined;
  /** The registry of the metric; `null` for none. @default {REGISTRY} */
  registry?: Registry | null | undefined;
  /**
   * The maximum number of label sets: an integer of at least 0, or `Infinity`.
   *
   * When there are so many, a counter, histogram or summary counts what comes for any other label
   * set in one overflow series, so that totals stay right. All label values of that series are
   * `overflow`. A gauge, info or stateset drops it, because a sum of them has no meaning. Each
   * look-up without room is counted in `narthex_series_overflow_total{metric}`.
   *
   * Series that are removed or expire make room. A series that comes back after it had expired
   * needs no room, so there may be more of them for a while.
   * @default {that of the registry, or else Infinity}
   */
  maxSeries?: number | undefined;
  /**
   * The time without a touch after which a series leaves the exposition, in seconds: any positive
   * number. Writes and `labels()` touch a series, reading does not.
   *
   * An expired series is hidden, not dead. If the program still holds it, the next write, or
   * `labels()`, brings it back with its value, as the last of the series. Otherwise it is
   * garbage-collected, and starts at zero when it comes again. The series that the metric itself
   * stands for, and a series whose value comes from a function, never expire. @default {never}
   */
  expireAfterSeconds?: number | undefined;
  /**
   * Whether to ask the source that was set by `setExemplarSource()` for an exemplar
   * at each observation. @default {false}
   */
  exemplars?: boolean | undefined;
  /** The alphabet of the metric's and the labels' names. @default {"legacy"} */
  nameValidation?: NameValidation | undefined;
  /**
   * Called before a read that wants the metric, to bring its numbers up to date. It may write to
   * any metric, and be asynchronous; reads at the same time share one call.
   *
   * If it throws, rejects or does not settle in time, the metric is left out of that read, counted
   * in `narthex_collector_errors_total{collector,cause}`, and told to the registry's `onError`: old
   * numbers are never shown. A synchronous read (`generateMetrics`) leaves out a metric whose
   * `onCollect` is asynchronous. `value`, `find()` and `toJSON()` do not call it.
   *
   * When a metric is created again and the existing one is reused, the last `onCollect` counts.
   * @default {none}
   */
  onCollect?: ((metric: Metric) => void | Promise<void>) | undefined;
  /** Where the metric takes the time from, for tests. @default {the platform's clocks} */
  clock?: Clock | undefined;
}

/** The names of the options that every metric has. */
export const METRIC_OPTIONS: KnownOptions<MetricOptions> = {
  labelNames: true,
  defaultLabels: true,
  unit: true,
  namespace: true,
  subsystem: true,
  registry: true,
  maxSeries: true,
  expireAfterSeconds: true,
  exemplars: true,
  nameValidation: true,
  onCollect: true,
  clock: true,
};

/**
 * Checks the names of a metric's options.
 *
 * @param type The type of the metric.
 * @param name The name of the metric, as it was given.
 * @param options The options, as they were given.
 * @param known The names of all options of the type.
 * @returns A copy that inherits nothing, and the beginning of error messages.
 * @throws {TypeError} If an option is unknown.
 */
export function readOptions<Options extends object>(
  type: MetricType,
  name: unknown,
  options: Options,
  known: KnownOptions<NoInfer<Options>>,
): { readonly options: Options; readonly doing: string } {
  const doing = `Cannot create ${type} ${received(name)}`;
  return { options: checkKnownOptions(options, known, doing), doing };
}
