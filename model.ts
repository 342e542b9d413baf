/**
 * The vocabulary of Narthex: metric families and their metrics, samples, exemplars, collectors, the
 * rules for names, and the errors. All other modules use these terms, and this one imports none of
 * them.
 *
 * ```ts
 * import { MetricFamily } from "@narthex/prometheus";
 *
 * const family = new MetricFamily("jobs_total", "Jobs done.", "counter")
 *   .addSample("jobs_total", { queue: "mail" }, 12);
 * ```
 *
 * @module
 */
export * from "./model/sample.ts";
export * from "./model/collector.ts";
export * from "./model/checks.ts";
export * from "./model/errors.ts";
export * from "./model/exemplar.ts";
export * from "./model/family.ts";
export * from "./model/labelled_view.ts";
export * from "./model/labels.ts";
export * from "./model/live_metrics.ts";
export * from "./model/names.ts";
export * from "./model/structure.ts";
export { checkNativeHistogram, labelSetKey, seriesKey } from "./model/assembly.ts";
