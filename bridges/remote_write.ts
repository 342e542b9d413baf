/**
 * Sends a registry by Prometheus remote write 1.0, for programs that cannot be scraped: edge
 * functions, batch jobs, laptops. Whatever speaks the protocol receives it: Prometheus with
 * `--web.enable-remote-write-receiver`, Mimir, Thanos, VictoriaMetrics, and services.
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
 *   // Leave this out, and it is really sent.
 *   fetch: (_url, init) => {
 *     requests.push(init);
 *     return Promise.resolve(new Response(null, { status: 204 }));
 *   },
 * });
 * assert.equal(new Headers(requests[0]?.headers).get("content-encoding"), "snappy");
 * ```
 *
 * Series have the names and labels that a scrape in text 0.0.4 would give them: a histogram's
 * buckets are `le="1"`, info metrics and statesets are gauges. Native histograms are sent as
 * such, with exemplars.
 *
 * Prometheus rejects a whole request if one of its samples is older than the series' last one.
 * Samples that bring their own timestamp are therefore sent apart from all others, and once.
 *
 * @module
 */
import { checkKnownOptions } from "../model.ts";
import { type RemoteWriteOptions, WRITE_OPTIONS } from "./remote_write/options.ts";
import { createWriteSender } from "./remote_write/write_sender.ts";

export type { HttpCallOptions } from "./requests/http_call.ts";
export type { IntervalOptions } from "./requests/interval_sender.ts";
export { SendError, type SendErrorOptions } from "./requests/send_error.ts";
export type { SenderOptions } from "./requests/sender_options.ts";
export type { RemoteWriteOptions, RemoteWriterOptions } from "./remote_write/options.ts";
export {
  RemoteWriteError,
  type RemoteWriteErrorOptions,
} from "./remote_write/remote_write_error.ts";
export { type FlushOptions, RemoteWriter } from "./remote_write/remote_writer.ts";
export type { Clock, Timers } from "../time/clock.ts";
export type { BasicAuth } from "./requests/headers.ts";
export type { Fetch } from "./requests/send.ts";

/** How long a receiver may fail before a single write is given up, in milliseconds. */
const RETRY_FOR_MS = 60_000;

/**
 * Sends the current state of a registry once. Failures that may pass are tried again with longer
 * and longer pauses, for at most a minute.
 *
 * The series are not marked as stale: queries find their values for some minutes.
 *
 * @param url Where to, with the path: `http://localhost:9090/api/v1/write`. Credentials in it
 * are sent as basic authentication.
 * @param options Options, and a signal to give up.
 * @throws {RemoteWriteError} If the receiver has refused something, or could not be reached.
 * @throws {TypeError} If the URL or an option is invalid.
 * @throws {RangeError} If a number is out of bounds.
 *
 * @example A batch job that ends with its numbers sent
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
  const sender = createWriteSender(url, { ...checked, retryForMs });
  try {
    await sender.flush({ signal, timeoutMs: Infinity });
  } finally {
    sender.stop();
  }
}
