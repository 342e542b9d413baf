import { checkKnownOptions } from "../../model.ts";
import { type FlushOptions, IntervalSender } from "../requests/interval_sender.ts";
import { type RemoteWriterOptions, WRITER_OPTIONS } from "./options.ts";
import { createWriteSender } from "./write_sender.ts";

export type { FlushOptions };

/**
 * Sends a registry by Prometheus remote write 1.0 on an interval, for as long as the
 * program runs. Its timers do not keep the program running, but an open request does. Therefore a
 * request that no `flush()` or `close()` waits for ends after five seconds, unless `timeoutMs` sets
 * another limit.
 *
 * At each interval the writer takes a snapshot, compresses it, and sends it in requests of some
 * thousand samples, one after the other. A request is retried if it fails with a status of 5xx or
 * 429, or without an answer. The pauses grow, and are never shorter than `Retry-After`. Later
 * requests wait, so that all samples arrive in order, with the time of their snapshot. A request that
 * is refused with another status is dropped, reported and counted.
 *
 * Memory is bounded:
 *
 * - at most `maxBufferedBytes` of compressed requests, of which the oldest are dropped for new ones
 * - the request that is being encoded: up to `maxRequestBytes` and one metric, twice
 * - the labels of the series of the last snapshot
 *
 * Dropped samples are missing in graphs. Counters and histograms are cumulative, so totals are
 * correct again with the next snapshot.
 *
 * A series that is missing in the next snapshot is marked as stale.
 *
 * The registry gets metrics about the writer, unless `ownMetrics` is `false`:
 * `narthex_remote_write_samples_total{url,outcome}` (`sent`, `refused`, `dropped`),
 * `narthex_remote_write_retries_total{url}` and `narthex_remote_write_buffered_bytes{url}`.
 * `onError` gets each failure.
 *
 * @example A writer that is closed at the end
 * ```ts
 * import { RemoteWriter } from "@narthex/prometheus/remote-write";
 * import { CollectorRegistry, Counter } from "@narthex/prometheus";
 * import assert from "node:assert/strict";
 *
 * const registry = new CollectorRegistry();
 * new Counter("jobs_total", "Jobs done.", { registry }).inc();
 * const writer = new RemoteWriter("http://localhost:9090/api/v1/write", {
 *   registry,
 *   externalLabels: { job: "batch", instance: "laptop" },
 *   fetch: () => Promise.resolve(new Response(null, { status: 204 })), // leave this out
 * });
 * await writer.flush();
 * assert.ok(writer.sentSamples > 0);
 * await writer.close();
 * ```
 */
export class RemoteWriter implements AsyncDisposable {
  readonly #interval: IntervalSender;

  /**
   * Creates a writer and, unless `autoStart` is `false`, starts it.
   *
   * @param url Where to, with the path: `http://localhost:9090/api/v1/write`. Credentials in
   * it are sent as basic authentication.
   * @param options Options.
   * @throws {TypeError} If the URL or an option is invalid.
   * @throws {RangeError} If a number is out of bounds.
   * @throws {DuplicateMetricError} If the registry has another collector with the names of the
   * writer's own metrics.
   */
  constructor(url: string | URL, options: RemoteWriterOptions = {}) {
    const checked = checkKnownOptions(options, WRITER_OPTIONS, "Cannot write to a URL");
    const { intervalMs = 15_000, autoStart, ownMetrics, staleOnClose = false } = checked;
    this.#interval = new IntervalSender(createWriteSender(url, checked), {
      what: "a remote writer",
      metrics: { prefix: "narthex_remote_write", unit: "samples" },
      intervalMs,
      autoStart,
      ownMetrics,
      endsSeries: staleOnClose,
    });
  }

  /** The number of samples that the receiver has taken, stale markers included. */
  get sentSamples(): number {
    return this.#interval.sender.sentSamples;
  }

  /** The number of samples in requests that the receiver refused for good. */
  get refusedSamples(): number {
    return this.#interval.sender.refusedSamples;
  }

  /** The number of samples that were dropped for lack of memory or of time. */
  get droppedSamples(): number {
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
   * Begins to send on the interval; nothing if it has begun already. The first snapshot is
   * taken at some moment within the first interval, so that many programs that are started
   * together do not send together.
   *
   * @throws {TypeError} If the writer is closed.
   */
  start(): void {
    this.#interval.start();
  }

  /**
   * Takes a snapshot and resolves once it, and all that was waiting, was taken by the
   * receiver. A pause after a failure ends early, unless the receiver has asked for it.
   *
   * @param options When to stop waiting. The writer keeps trying.
   * @throws {RemoteWriteError} If something was refused or dropped, or the time is over.
   * @throws {TypeError} If the writer is closed.
   */
  async flush(options: FlushOptions = {}): Promise<void> {
    await this.#interval.flush(options);
  }

  /**
   * Flushes a last time and ends. Never rejects for samples that could not be sent by then: they
   * are dropped, counted, and reported to `onError`. Call `flush()` first if it matters. The
   * writer's own metrics leave the registry.
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
