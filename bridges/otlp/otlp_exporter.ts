import { type FlushOptions, IntervalSender } from "../requests/interval_sender.ts";
import { Sender } from "../requests/sender.ts";
import {
  checkOtlpOptions,
  OTLP_EXPORTER_OPTIONS,
  type OtlpExporterOptions,
  resolveTarget,
} from "./options.ts";
import { OtlpProtocol } from "./otlp_protocol.ts";

export type { FlushOptions };

/**
 * Sends a registry by OTLP over HTTP on an interval, for as long as the program runs. Its timers do
 * not keep the program running, but an open request does. Therefore a request that no `flush()` or
 * `close()` waits for ends after five seconds, unless `timeoutMs` or the environment sets another
 * limit.
 *
 * At each interval the exporter takes a snapshot and sends it in requests of some thousand points, one
 * after the other. A request is retried if the answer is 429, 502, 503 or 504, or if no answer comes.
 * The pauses grow, and are never shorter than `Retry-After`. A request that is refused with another
 * status is dropped, reported and counted. Points that the receiver rejects in an accepted request are
 * reported and counted, too.
 *
 * Memory is bounded: at most `maxBufferedBytes` of compressed requests wait. With cumulative
 * temporality the oldest are dropped for new ones: you lose resolution, never totals. With
 * `temporality: "delta"` nothing is dropped. Instead, no snapshot is taken while another one waits,
 * and the next one has the whole difference.
 *
 * The registry gets metrics about the exporter, unless `ownMetrics` is `false`:
 * `narthex_otlp_points_total{url,outcome}` (`sent`, `refused`, `dropped`),
 * `narthex_otlp_retries_total{url}` and `narthex_otlp_buffered_bytes{url}`.
 *
 * @example An exporter that is closed at the end
 * ```ts
 * import { OtlpExporter } from "@narthex/prometheus/otlp";
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Counter("jobs_total", "Jobs done.", { registry }).inc();
 * const exporter = new OtlpExporter("http://localhost:4318/v1/metrics", {
 *   registry,
 *   resource: { "service.name": "batch" },
 *   ownMetrics: false,
 *   fetch: () => Promise.resolve(new Response()), // leave this out
 * });
 * await exporter.flush();
 * assert.equal(exporter.sentPoints, 1);
 * await exporter.close();
 * ```
 */
export class OtlpExporter implements AsyncDisposable {
  readonly #interval: IntervalSender;

  /**
   * Creates an exporter and, unless `autoStart` is `false`, starts it. Reads the environment.
   *
   * @param url Where to, with the path. Credentials in it are sent as basic authentication.
   * @default {from the environment, or `http://localhost:4318/v1/metrics`}
   * @param options Options.
   * @throws {TypeError} If the URL or an option is invalid.
   * @throws {RangeError} If a number is out of bounds.
   * @throws {DuplicateMetricError} If the registry has another collector with the names of the
   * exporter's own metrics.
   */
  constructor(url?: string | URL, options: OtlpExporterOptions = {}) {
    const checked = checkOtlpOptions(options, OTLP_EXPORTER_OPTIONS);
    const { autoStart, ownMetrics, onError, ...rest } = checked;
    const problems: unknown[] = [];
    const target = resolveTarget(url, { ...rest, onError }, (error) => problems.push(error));
    const sender = new Sender(target.url, target.options, new OtlpProtocol(target.settings));
    for (const problem of problems) sender.report(problem);
    this.#interval = new IntervalSender(sender, {
      what: "an OTLP exporter",
      metrics: { prefix: "narthex_otlp", unit: "points" },
      intervalMs: target.intervalMs,
      autoStart,
      ownMetrics,
    });
  }

  /** The number of data points that the receiver has taken. */
  get sentPoints(): number {
    return this.#interval.sender.sentSamples;
  }

  /** The number of data points that the receiver refused for good, or rejected. */
  get refusedPoints(): number {
    return this.#interval.sender.refusedSamples;
  }

  /** The number of data points that were dropped for lack of memory or of time. */
  get droppedPoints(): number {
    return this.#interval.sender.droppedSamples;
  }

  /** How often a request was tried again. */
  get retries(): number {
    return this.#interval.sender.retries;
  }

  /** The size of all compressed requests that wait or are on their way, in bytes. */
  get bufferedBytes(): number {
    return this.#interval.sender.bufferedBytes;
  }

  /**
   * Starts sending on the interval, unless it has started already. The first snapshot is taken at
   * some moment within the first interval, so that many programs that are started together do not
   * send together.
   *
   * @throws {TypeError} If the exporter is closed.
   */
  start(): void {
    this.#interval.start();
  }

  /**
   * Takes a snapshot and resolves once it, and all that was waiting, was taken by the receiver. A
   * pause after a failure ends early, unless the receiver has asked for it.
   *
   * @param options When to stop waiting. The exporter keeps trying.
   * @throws {OtlpError} If something was refused or dropped, or the time is over.
   * @throws {TypeError} If the exporter is closed.
   */
  async flush(options: FlushOptions = {}): Promise<void> {
    await this.#interval.flush(options);
  }

  /**
   * Flushes a last time and ends. Never rejects for points that could not be sent by then: they are
   * dropped, counted, and reported to `onError`. Use `flush()` before where it matters. The exporter's
   * own metrics leave the registry.
   *
   * @param options When to stop waiting. @default {5 s, because SIGTERM leaves little more}
   */
  close(options: FlushOptions = {}): Promise<void> {
    return this.#interval.close(options);
  }

  /** The same as {@linkcode close}, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
