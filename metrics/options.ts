import type { LabelValue, NameValidation } from "../model.ts";
import type { Registry } from "../registry.ts";
import type { Clock } from "../time/clock.ts";
import type { NoLabels } from "./label_types.ts";

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
 * @typeParam Names The label names, inferred as a literal tuple.
 * @typeParam Defaulted Those of them that have a default value.
 */
export interface MetricOptions<
  Names extends readonly string[] = readonly string[],
  Defaulted extends Names[number] = Names[number],
> {
  /** The label names, in the order in which they are written. @default {[]} */
  labelNames?: Names | undefined;
  /** Values for labels that a caller leaves out. */
  defaultLabels?:
    | ([Names[number]] extends [never] ? NoLabels : Readonly<Record<Defaulted, LabelValue>>)
    | undefined;
  /** The unit in plural base form, such as `"seconds"`; appended to the name if missing. */
  unit?: string | undefined;
  /** Goes before the subsystem and the name, joined by `_`. */
  namespace?: string | undefined;
  /** Goes before the name, joined by `_`. */
  subsystem?: string | undefined;
  /** Where the metric is registered; `null` for nowhere. @default {REGISTRY} */
  registry?: Registry | null | undefined;
  /**
   * How many label sets the metric has at most: an integer of at least 0, or `Infinity`
   * for as many as come. Once there are so many, counters, histograms and summaries count
   * what comes for any other label set in one overflow series, whose label values are all
   * `overflow`, so that totals stay right; gauges, infos and statesets, of which a sum
   * would be a lie, drop it. Each look-up that found no room counts in
   * `narthex_series_overflow_total{metric}`. What is removed, or has expired, makes room;
   * what comes back after it had expired needs none, so that there may be more for a while.
   * @default {that of the registry, or else Infinity}
   */
  maxSeries?: number | undefined;
  /**
   * After how many seconds without a touch a series leaves the exposition: any positive
   * number. Writes and `labels()` touch, reading does not. An expired child is hidden, not
   * dead: who holds it can write to it, and its next touch, or `labels()`, brings it back
   * with its value, as the last of the series. What nobody holds is freed from memory, and
   * begins at zero if it comes again. The child that the metric itself stands for, and one
   * whose value comes from a function, never expire. @default {never}
   */
  expireAfterSeconds?: number | undefined;
  /**
   * Whether to ask the source that was set by `setExemplarSource()` for an exemplar
   * at each observation. @default {false}
   */
  exemplars?: boolean | undefined;
  /** The alphabet of the metric's and the labels' names. @default {"legacy"} */
  nameValidation?: NameValidation | undefined;
  /** Where the metric takes the time from; for tests. @default {the platform's clocks} */
  clock?: Clock | undefined;
}
