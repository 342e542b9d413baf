/**
 * Prometheus metrics for Deno, Bun and everything else with Web standards.
 *
 * Create metrics, change them, and answer a scrape with all of them:
 *
 * ```ts
 * import { Counter, generateMetrics } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const requests = new Counter("http_requests_total", "Requests served.", {
 *   labelNames: ["route", "status"],
 * });
 * requests.labels({ route: "/", status: 200 }).inc();
 *
 * assert.equal(
 *   generateMetrics(),
 *   "# HELP http_requests_total Requests served.\n" +
 *     "# TYPE http_requests_total counter\n" +
 *     'http_requests_total{route="/",status="200"} 1\n',
 * );
 * ```
 *
 * @module
 */
export {
  type AddSampleOptions,
  type Aggregation,
  type Collector,
  DuplicateMetricError,
  type Exemplar,
  type HistogramMetric,
  type LabelledMetric,
  type LabelSet,
  type LabelValue,
  type Metric,
  MetricFamily,
  type MetricFamilyOptions,
  type MetricType,
  type NameValidation,
  type NativeHistogram,
  type NumberMetric,
  ParseError,
  type Sample,
  type StateSetMetric,
  type SummaryMetric,
  UnobservableMetricError,
} from "./model.ts";
export * from "./metrics.ts";
export {
  type CollectorErrorCause,
  CollectorRegistry,
  type CollectorRegistryOptions,
  CollectorRegistryProxy,
  gather,
  gatherAsync,
  type Gatherer,
  type OnDuplicate,
  type ReadAsyncOptions,
  type ReadOptions,
  type Registerer,
  REGISTRY,
  type Registry,
} from "./registry.ts";
export * from "./exposition.ts";
