/**
 * The names, types and semantics of `@prometheus-io/client` 0.16, and so of `prom-client`, on top
 * of this library: programs and plugins that were written for them run unchanged.
 *
 * `register` shows the metrics of this library's default registry, and `metricsHandler()` shows
 * those of `register`.
 *
 * ```ts
 * import { Counter as NativeCounter, generateMetrics } from "@narthex/prometheus";
 * import client from "@narthex/prometheus/prom-client";
 * import assert from "node:assert/strict";
 *
 * new client.Gauge({ name: "jobs", help: "Jobs that wait.", labelNames: ["queue"] })
 *   .set({ queue: "mail" }, 3);
 * new NativeCounter("jobs_total", "Jobs done.").inc();
 *
 * assert.match(generateMetrics(), /^jobs\{queue="mail"\} 3$/m);
 * assert.match(await client.register.metrics(), /^jobs_total 1$/m);
 * ```
 *
 * @module
 */
import { aggregators } from "./aggregators.ts";
import { exponentialBuckets, linearBuckets } from "./buckets.ts";
import { ClusterRegistry } from "./cluster_registry.ts";
import { Counter } from "./counter.ts";
import { collectDefaultMetrics } from "./default_metrics.ts";
import { Gauge } from "./gauge.ts";
import { Histogram } from "./histogram.ts";
import { Pushgateway } from "./pushgateway.ts";
import { Registry, type RegistryConstructor } from "./registry.ts";
import { defaultRegister } from "./registry_core.ts";
import { OPENMETRICS_CONTENT_TYPE, PROMETHEUS_CONTENT_TYPE } from "./shared.ts";
import { Summary } from "./summary.ts";
import type {
  OpenMetricsContentType,
  PrometheusContentType,
  RegistryContentType,
} from "./types.ts";
import { validateMetricName } from "./validation.ts";
import { WorkerRegistry } from "./worker_registry.ts";

export type { AggregatorFunction } from "./aggregators.ts";
export type { BaseMetric } from "./base_metric.ts";
export type { CounterConfiguration } from "./counter.ts";
export type { GaugeConfiguration } from "./gauge.ts";
export type { HistogramConfiguration } from "./histogram.ts";
export type { Metric, RegistryConstructor } from "./registry.ts";
export type { RegistryCore } from "./registry_core.ts";
export type { SummaryConfiguration } from "./summary.ts";
export type {
  CollectDefaultMetrics,
  DefaultMetricsCollectorConfiguration,
} from "./default_metrics.ts";
export { fromPromClient, type PromClientRegistry } from "./from_prom_client.ts";
export type { JsonExemplar, JsonMetric, JsonValue } from "./metric_object.ts";
export type { PushResult } from "./pushgateway.ts";
export type * from "./types.ts";
export {
  aggregators,
  ClusterRegistry,
  collectDefaultMetrics,
  Counter,
  exponentialBuckets,
  Gauge,
  Histogram,
  linearBuckets,
  Pushgateway,
  Registry,
  Summary,
  validateMetricName,
  WorkerRegistry,
};

/** The default registry. It also shows the metrics of this library's `REGISTRY`. */
// It is of this class, whose public type names metrics.
export const register: Registry = defaultRegister() as unknown as Registry;

/** The content type of the Prometheus text format. */
export const prometheusContentType: PrometheusContentType = PROMETHEUS_CONTENT_TYPE;

/** The content type of OpenMetrics. */
export const openMetricsContentType: OpenMetricsContentType = OPENMETRICS_CONTENT_TYPE;

/**
 * The former name of {@linkcode ClusterRegistry}.
 *
 * @deprecated Use `ClusterRegistry`.
 */
export const AggregatorRegistry: typeof ClusterRegistry = ClusterRegistry;

/**
 * The former name of {@linkcode ClusterRegistry}.
 *
 * @typeParam T The format of the text.
 * @deprecated Use `ClusterRegistry`.
 */
export type AggregatorRegistry<T extends RegistryContentType = RegistryContentType> =
  ClusterRegistry<T>;

/** The interface of the default export. */
export interface PromClient {
  /** The default registry. */
  register: Registry;
  /** See {@linkcode Registry}. */
  Registry: RegistryConstructor;
  /** The content type of the default registry. Setting it sets what the registry writes. */
  contentType: RegistryContentType;
  /** The content type of the Prometheus text format. */
  prometheusContentType: PrometheusContentType;
  /** The content type of OpenMetrics. */
  openMetricsContentType: OpenMetricsContentType;
  /** See {@linkcode validateMetricName}. */
  validateMetricName: typeof validateMetricName;
  /** See {@linkcode Counter}. */
  Counter: typeof Counter;
  /** See {@linkcode Gauge}. */
  Gauge: typeof Gauge;
  /** See {@linkcode Histogram}. */
  Histogram: typeof Histogram;
  /** See {@linkcode Summary}. */
  Summary: typeof Summary;
  /** See {@linkcode Pushgateway}. */
  Pushgateway: typeof Pushgateway;
  /** See {@linkcode linearBuckets}. */
  linearBuckets: typeof linearBuckets;
  /** See {@linkcode exponentialBuckets}. */
  exponentialBuckets: typeof exponentialBuckets;
  /** See {@linkcode collectDefaultMetrics}. */
  collectDefaultMetrics: typeof collectDefaultMetrics;
  /** See {@linkcode aggregators}. */
  aggregators: typeof aggregators;
  /** See {@linkcode ClusterRegistry}. */
  ClusterRegistry: typeof ClusterRegistry;
  /** See {@linkcode WorkerRegistry}. */
  WorkerRegistry: typeof WorkerRegistry;
  /** See {@linkcode AggregatorRegistry}. */
  AggregatorRegistry: typeof ClusterRegistry;
}

/** Everything as one object that programs may change, as CommonJS has it. */
const client: PromClient = {
  register,
  Registry,
  get contentType(): RegistryContentType {
    return register.contentType;
  },
  set contentType(contentType: RegistryContentType) {
    register.setContentType(contentType);
  },
  prometheusContentType,
  openMetricsContentType,
  validateMetricName,
  Counter,
  Gauge,
  Histogram,
  Summary,
  Pushgateway,
  linearBuckets,
  exponentialBuckets,
  collectDefaultMetrics,
  aggregators,
  ClusterRegistry,
  WorkerRegistry,
  AggregatorRegistry: ClusterRegistry,
};

export default client;
// The value that `require()` returns.
export { client as "module.exports" };
