/**
 * Records metrics from {@link https://www.npmjs.com/package/@opentelemetry/api | `@opentelemetry/api`}
 * in a registry of this library: those of instrumentations from npm, and those of your own code. They
 * appear beside native metrics in `metricsHandler()`, stores and bridges.
 *
 * ```ts
 * import { CollectorRegistry, generateMetrics } from "@narthex/prometheus";
 * import { meterProvider } from "@narthex/prometheus/opentelemetry";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry(); // leave it out for the default one
 * const provider = meterProvider({ registry });
 * // metrics.setGlobalMeterProvider(provider); // metrics is from @opentelemetry/api
 *
 * const meter = provider.getMeter("shop", "1.0.0");
 * const duration = meter.createHistogram("http.server.request.duration", {
 *   unit: "s",
 *   advice: { explicitBucketBoundaries: [0.1, 1] },
 * });
 * duration.record(0.25, { "http.route": "/" });
 *
 * const labels = 'http_route="/",otel_scope_name="shop",otel_scope_version="1.0.0"';
 * assert.ok(
 *   generateMetrics(registry)
 *     .includes(`http_server_request_duration_seconds_bucket{${labels},le="1"} 1\n`),
 * );
 * ```
 *
 * No OpenTelemetry package is imported, and no SDK is needed. Names, units and attributes are
 * translated by the
 * {@link https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ | specification of Prometheus compatibility}.
 *
 * | instrument                               | family    |
 * | ---------------------------------------- | --------- |
 * | counter, observable counter              | counter   |
 * | up-down counter, gauge, observable ones  | gauge     |
 * | histogram                                | histogram |
 *
 * Each scrape reads observable instruments. If a callback is asynchronous, only asynchronous reads
 * have the family: `metricsHandler()`, `generateMetricsAsync()`, bridges.
 *
 * @module
 */
export {
  type MeterProvider,
  meterProvider,
  type MeterProviderOptions,
  type Resource,
} from "./opentelemetry/meter_provider.ts";
export type {
  AddingInstrument,
  Attributes,
  BatchObservableCallback,
  BatchObservableResult,
  Context,
  InstrumentKind,
  InstrumentOptions,
  Meter,
  MeterOptions,
  ObservableCallback,
  ObservableInstrument,
  ObservableResult,
  RecordingInstrument,
} from "./opentelemetry/api.ts";
export type { Translation } from "./opentelemetry/names.ts";
export type { View } from "./opentelemetry/views.ts";
export type { Clock } from "../time/clock.ts";
