/**
 * Sends a registry by Prometheus remote write 1.0, for programs that cannot be scraped: edge
 * functions, batch jobs, laptops. Receivers are Prometheus with
 * `--web.enable-remote-write-receiver`, Mimir, Thanos, VictoriaMetrics, and hosted services.
 *
 * ```ts
 * import { remoteWrite } from "@narthex/prometheus/remote-write";
 * import { CollectorRegistry, Gauge } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Gauge("backup_bytes", "Size of the last backup.", { registry }).set(5e9);
 *
 * const requests: RequestInit[] = [];
 * await remoteWrite("https://user:secret@prometheus.example/api/v1/write", {
 *   registry,
 *   externalLabels: { job: "backup", instance: "laptop" },
 *   // Leave this out to send a real request.
 *   fetch: (_url, init) => {
 *     requests.push(init);
 *     return Promise.resolve(new Response(null, { status: 204 }));
 *   },
 * });
 * assert.equal(new Headers(requests[0]?.headers).get("content-encoding"), "snappy");
 * ```
 *
 * Series have the same names and labels as in a scrape in text 0.0.4: the buckets of a histogram
 * have `le="1"`, info metrics and statesets are gauges. Native histograms are sent as such, with
 * exemplars.
 *
 * Prometheus refuses a whole request if one of its samples is too old. So samples with their own
 * timestamps are sent in separate requests, and once.
 *
 * @module
 */
import { checkKnownOptions } from "../model.ts";
import { type RemoteWriteOptions, WRITE_OPTIONS } from "./remote_write/options.ts";
import { Sender } from "./remote_write/sender.ts";

export type { HttpCallOptions } from "./remote_write/http_call.ts";
export type { RemoteWriteOptions, RemoteWriterOptions } from "./remote_write/options.ts";
export {
  RemoteWriteError,
  type RemoteWriteErrorOptions,
} from "./remote_write/remote_write_error.ts";
export { type FlushOptions, RemoteWriter } from "./remote_write/remote_writer.ts";
export type { Clock, Timers } from "../time/clock.ts";
export type { BasicAuth } from "./requests/headers.ts";
export type { Fetch } from "./requests/send.ts";

/** The default of `retryForMs` for a single write. */
const RETRY_FOR_MS = 60_000;

/**
 * Sends the present numbers of a registry once. Temporary failures are retried with increasing
 * pauses, for at most a minute.
 *
 * The series are not marked as stale, so queries find their values for some minutes.
 *
 * @param url The URL with its path, such as `http://localhost:9090/api/v1/write`. Credentials in it
 * are sent as basic authentication.
 * @param options Options, and a signal that aborts the write.
 * @throws {RemoteWriteError} If the receiver refuses a request, or cannot be reached.
 * @throws {TypeError} If the URL or an option is invalid.
 * @throws {RangeError} If a number is out of bounds.
 *
 * @example A batch job that sends its numbers at the end
 * ```ts
 * import { remoteWrite } from "@narthex/prometheus/remote-write";
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Counter("rows_total", "Rows imported.", { registry }).inc(1200);
 * let bytes = 0;
 * await remoteWrite("http://localhost:9090/api/v1/write", {
 *   registry,
 *   externalLabels: { job: "import" },
 *   bearerToken: () => "a token that was just renewed",
 *   fetch: (_url, { body }) => { // leave this out
 *     bytes += (body as Uint8Array).length;
 *     return Promise.resolve(new Response(null, { status: 204 }));
 *   },
 * });
 * assert.ok(bytes > 0);
 * ```
 */
export async function remoteWrite(
  url: string | URL,
  options: RemoteWriteOptions & { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const known = { ...WRITE_OPTIONS, signal: true } as const;
  const checked = checkKnownOptions(options, known, "Cannot write to a URL");
  const { signal, retryForMs = RETRY_FOR_MS } = checked;
  const sender = new Sender(url, { ...checked, retryForMs });
  try {
    await sender.flush({ signal, timeoutMs: Infinity });
  } finally {
    sender.stop();
  }
}
