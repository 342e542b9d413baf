import {
  type Clock,
  Counter,
  Gauge,
  Histogram,
  REGISTRY,
  type Registry,
  type ScrapeObserver,
} from "../../mod.ts";
import { checkKnownOptions, type KnownOptions } from "../../model.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { inRegistry } from "./metrics.ts";

/** The bounds of durations, in seconds: a scrape takes at most as long as Prometheus waits. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Options of {@linkcode endpointMetrics}. */
export interface EndpointMetricsOptions {
  /** Where the metrics are registered. @default {REGISTRY} */
  registry?: Registry | undefined;
  /** Where the time is taken from; for tests. @default {the platform's clock} */
  clock?: Pick<Clock, "monotonic"> | undefined;
}

const KNOWN_OPTIONS: KnownOptions<EndpointMetricsOptions> = { registry: true, clock: true };

/**
 * Measures an endpoint with metrics, as its option `observer`:
 *
 * - `narthex_scrapes_total{http_response_status_code}`: requests by their status
 * - `narthex_active_scrapes`: scrapes that are being answered, also the one that shows the number
 * - `narthex_scrape_duration_seconds`: until the last byte was handed to the server
 * - `narthex_refused_scrapes_total{reason}`: requests refused because of `authorization`, of the
 *   `limit` of concurrent scrapes, or of their `method`
 *
 * @param options Options.
 * @returns The value of the option `observer` of `metricsHandler()`.
 * @throws {TypeError} If an option is unknown or not legal.
 * @throws {DuplicateMetricError} If the registry has other metrics of these names.
 *
 * @example An endpoint that shows how often it was asked before
 * ```ts
 * import { CollectorRegistry, metricsHandler } from "@narthex/prometheus";
 * import { endpointMetrics } from "@narthex/prometheus/http";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * const handler = metricsHandler({ registry, observer: endpointMetrics({ registry }) });
 * await (await handler(new Request("http://localhost/metrics"))).text();
 * const response = await handler(new Request("http://localhost/metrics"));
 * assert.match(
 *   await response.text(),
 *   /^narthex_scrapes_total\{http_response_status_code="200"\} 1$/m,
 * );
 * ```
 */
export function endpointMetrics(options: EndpointMetricsOptions = {}): ScrapeObserver {
  const { registry = REGISTRY, clock = SYSTEM_CLOCK } = checkKnownOptions(
    options,
    KNOWN_OPTIONS,
    "Cannot measure endpoint",
  );
  const { scrapes, active, duration, refusals } = inRegistry({ registry }, (common) => ({
    scrapes: new Counter("narthex_scrapes_total", "Requests to the endpoint, by status.", {
      ...common,
      labelNames: ["http_response_status_code"],
    }),
    active: new Gauge("narthex_active_scrapes", "Scrapes that are being answered.", {
      ...common,
      aggregation: "livesum",
    }),
    duration: new Histogram("narthex_scrape_duration_seconds", "Duration of scrapes.", {
      ...common,
      buckets: BUCKETS,
    }),
    refusals: new Counter("narthex_refused_scrapes_total", "Requests that were refused.", {
      ...common,
      labelNames: ["reason"],
    }),
  }));
  return {
    begin() {
      const start = clock.monotonic();
      active.inc();
      return () => {
        active.dec();
        duration.observe(Math.max(0, clock.monotonic() - start));
      };
    },
    answered(status, refused) {
      scrapes.labels(status).inc();
      if (refused !== undefined) refusals.labels(refused).inc();
    },
  };
}
