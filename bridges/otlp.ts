/**
 * Sends a registry by the {@link https://opentelemetry.io/docs/specs/otlp/ | OpenTelemetry protocol}
 * (OTLP) over HTTP: to an OpenTelemetry Collector, to Prometheus 3, or to any service that accepts
 * it. No OpenTelemetry package is needed.
 *
 * ```ts
 * import { exportOtlp } from "@narthex/prometheus/otlp";
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Gauge("backup_size", "Size of the last backup.", { registry, unit: "bytes" }).set(5e9);
 *
 * const bodies: string[] = [];
 * await exportOtlp("http://localhost:4318/v1/metrics", {
 *   registry,
 *   resource: { "service.name": "backup" },
 *   protocol: "http/json",
 *   // Leave this out to send it.
 *   fetch: async (_url, { body }) => {
 *     bodies.push(await new Response(body as BodyInit).text());
 *     return new Response("{}");
 *   },
 * });
 * assert.match(bodies[0]!, /"name":"backup_size_bytes","description":".*","unit":"By"/);
 * ```
 *
 * Metrics are translated by the
 * {@link https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ | specification of Prometheus compatibility}.
 * Names keep their suffixes.
 *
 * | here                          | in OTLP                                          |
 * | ----------------------------- | ------------------------------------------------ |
 * | counter                       | sum, monotonic                                   |
 * | gauge, unknown                | gauge                                            |
 * | histogram, classic            | histogram                                        |
 * | histogram, native             | exponential histogram                            |
 * | summary                       | summary                                          |
 * | info, stateset                | sum, not monotonic                               |
 * | gaugehistogram                | left out                                         |
 * | `target_info`                 | the resource                                     |
 * | labels `otel_scope_*`         | the scope                                        |
 * | exemplar                      | exemplar; `trace_id` and `span_id` are its ids   |
 *
 * These environment variables apply where an option is not set, as far as they may be read:
 * `OTEL_EXPORTER_OTLP_ENDPOINT`, `_PROTOCOL`, `_HEADERS`, `_COMPRESSION` and `_TIMEOUT`, all of them
 * also as `OTEL_EXPORTER_OTLP_METRICS_…`, `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE`,
 * `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES`. They are read
 * when an exporter is created, never at import. On Deno a variable is read only if permission was
 * granted before. The user is never prompted.
 *
 * @module
 */
import { checkOtlpOptions, OTLP_OPTIONS, type OtlpOptions, resolveTarget } from "./otlp/options.ts";
import { OtlpProtocol } from "./otlp/otlp_protocol.ts";
import { Sender } from "./requests/sender.ts";

export type { HttpCallOptions } from "./requests/http_call.ts";
export type { IntervalOptions } from "./requests/interval_sender.ts";
export type { SenderOptions } from "./requests/sender_options.ts";
export type { OtlpExporterOptions, OtlpOptions, OtlpProtocolName } from "./otlp/options.ts";
export { OtlpError } from "./otlp/otlp_error.ts";
export { type FlushOptions, OtlpExporter } from "./otlp/otlp_exporter.ts";
export { SendError, type SendErrorOptions } from "./requests/send_error.ts";
export type { Clock, Timers } from "../time/clock.ts";
export type { BasicAuth } from "./requests/headers.ts";
export type { Fetch } from "./requests/send.ts";

/** How long a receiver may fail before a single export is given up, in milliseconds. */
const RETRY_FOR_MS = 60_000;

/** Options of a single export. */
export interface OtlpExportOptions extends OtlpOptions {
  /** Abort it to give up. */
  signal?: AbortSignal | undefined;
}

/**
 * Sends the current state of a registry once. Temporary failures are retried with growing pauses, for
 * at most a minute. Points that the receiver rejects in an accepted request are reported to `onError`
 * only.
 *
 * @param url Where to, with the path: `http://localhost:4318/v1/metrics`. Credentials in it are sent
 * as basic authentication. @default {from the environment, or this}
 * @param options Options, and a signal to give up.
 * @throws {OtlpError} If the receiver has refused something, or could not be reached.
 * @throws {TypeError} If the URL or an option is invalid.
 * @throws {RangeError} If a number is out of bounds.
 *
 * @example A job that ends with its numbers sent
 * ```ts
 * import { exportOtlp } from "@narthex/prometheus/otlp";
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Counter("rows_total", "Rows imported.", { registry }).inc(1200);
 * let bytes = 0;
 * await exportOtlp("https://otlp.example/v1/metrics", {
 *   registry,
 *   resource: { "service.name": "import" },
 *   headers: { "x-api-key": "a key" },
 *   compression: "gzip",
 *   fetch: (_url, { body }) => { // leave this out
 *     bytes += (body as Uint8Array).length;
 *     return Promise.resolve(new Response());
 *   },
 * });
 * assert.ok(bytes > 0);
 * ```
 */
export async function exportOtlp(
  url?: string | URL,
  options: OtlpExportOptions = {},
): Promise<void> {
  const checked = checkOtlpOptions(options, { ...OTLP_OPTIONS, signal: true });
  const { signal, retryForMs = RETRY_FOR_MS, ...rest } = checked;
  const problems: unknown[] = [];
  const target = resolveTarget(url, rest, (error) => problems.push(error));
  const sender = new Sender(
    target.url,
    { ...target.options, retryForMs },
    new OtlpProtocol(target.settings),
  );
  for (const problem of problems) sender.report(problem);
  try {
    await sender.flush({ signal, timeoutMs: Infinity });
  } finally {
    sender.stop();
  }
}
