import { type Collector, MetricFamily } from "../../mod.ts";
import { checkKnownOptions, type KnownOptions } from "../../model.ts";
import { wait } from "../../time/time_limit.ts";
import { checkPositive } from "../requests/checks.ts";
import { type RemoteWriterOptions, WRITER_OPTIONS } from "./options.ts";
import { Sender } from "./sender.ts";

/** Options of {@linkcode RemoteWriter.flush} and {@linkcode RemoteWriter.close}. */
export interface FlushOptions {
  /** Aborts the waiting. */
  signal?: AbortSignal | undefined;
  /**
   * The time limit, in milliseconds.
   * @default {30000 for flush(), 5000 for close()}
   */
  timeoutMs?: number | undefined;
}

const FLUSH_OPTIONS: KnownOptions<FlushOptions> = { signal: true, timeoutMs: true };

/**
 * Sends a registry by Prometheus remote write 1.0 on an interval, as long as the program runs. It
 * does not keep the program running.
 *
 * At each interval it takes a snapshot, compresses it, and sends it in requests of some thousand
 * samples, one after the other. A request that fails with status 5xx or 429, or without an answer,
 * is retried until it is accepted. The pauses increase, and a `Retry-After` is respected. Later
 * requests wait, so that all samples arrive in order and with their original time. A request that
 * is refused with another status is dropped, reported and counted.
 *
 * Memory is bounded. There are at most `maxBufferedBytes` of compressed requests, and the oldest
 * are dropped for new ones. While a request is encoded, it takes twice `maxRequestBytes` and one
 * metric. The labels of the last snapshot are also kept. After a drop you lose resolution, never
 * totals: the next snapshot has them, because counters and histograms are cumulative.
 *
 * A series that is missing in the next snapshot is marked as stale.
 *
 * A writer is a collector of its own numbers. Register it to expose
 * `narthex_remote_write_samples_total{outcome}` (`sent`, `refused`, `dropped`),
 * `narthex_remote_write_retries_total` and `narthex_remote_write_buffered_bytes`.
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
 * assert.equal(writer.sentSamples, 1);
 * await writer.close();
 * ```
 */
export class RemoteWriter implements Collector, AsyncDisposable {
  readonly #sender: Sender;
  readonly #intervalMs: number;
  readonly #staleOnClose: boolean;
  readonly #end = new AbortController();
  #isStarted = false;
  #closing: Promise<void> | undefined;

  /**
   * Creates a writer, and starts it unless `autoStart` is `false`.
   *
   * @param url The URL with its path, such as `http://localhost:9090/api/v1/write`. Credentials in
   * it are sent as basic authentication.
   * @param options Options.
   * @throws {TypeError} If the URL or an option is invalid.
   * @throws {RangeError} If a number is out of bounds.
   */
  constructor(url: string | URL, options: RemoteWriterOptions = {}) {
    const checked = checkKnownOptions(options, WRITER_OPTIONS, "Cannot write to a URL");
    this.#sender = new Sender(url, checked);
    const { intervalMs = 15_000, autoStart = true, staleOnClose = false } = checked;
    this.#intervalMs = checkPositive(intervalMs, this.#sender.doing, "intervalMs");
    this.#staleOnClose = staleOnClose;
    if (autoStart) this.start();
  }

  /** The number of samples that the receiver has accepted, with stale markers. */
  get sentSamples(): number {
    return this.#sender.sentSamples;
  }

  /** The number of samples in requests that the receiver has refused. */
  get refusedSamples(): number {
    return this.#sender.refusedSamples;
  }

  /** The number of samples that were dropped for lack of memory or time. */
  get droppedSamples(): number {
    return this.#sender.droppedSamples;
  }

  /** The number of retries. */
  get retries(): number {
    return this.#sender.retries;
  }

  /** The size of the compressed requests that wait or are being sent, in bytes. */
  get bufferedBytes(): number {
    return this.#sender.bufferedBytes;
  }

  /**
   * Starts to send on the interval. Does nothing if it is started already. The first snapshot is
   * taken at a random time within the first interval, so that many programs which start together do
   * not send at the same time.
   *
   * @throws {TypeError} If the writer is closed.
   */
  start(): void {
    this.#refuseClosed("start");
    if (this.#isStarted) return;
    this.#isStarted = true;
    void this.#run();
  }

  /**
   * Takes a snapshot, and waits until the receiver has accepted it and all requests before it. Ends
   * a pause after a failure, unless the receiver has asked for the pause.
   *
   * @param options Limits of the waiting. The writer goes on after them.
   * @throws {RemoteWriteError} If samples were refused or dropped, or the time is up.
   * @throws {TypeError} If the writer is closed.
   */
  async flush(options: FlushOptions = {}): Promise<void> {
    this.#refuseClosed("flush");
    await this.#sender.flush(this.#checkLimits(options, 30_000));
  }

  /**
   * Flushes a last time and stops. Samples that cannot be sent in time are dropped, counted, and
   * reported to `onError`, but `close()` does not reject. Call `flush()` before if that matters.
   *
   * @param options Limits of the waiting. @default {5 s, because SIGTERM leaves little more}
   */
  close(options: FlushOptions = {}): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#close(this.#checkLimits(options, 5000));
    }
    return this.#closing;
  }

  /** Calls {@linkcode close} at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Returns the numbers of the writer.
   *
   * @returns Three families.
   */
  collect(): MetricFamily[] {
    const [samples, retries, bytes] = this.describe() as [MetricFamily, MetricFamily, MetricFamily];
    const { sentSamples, refusedSamples, droppedSamples } = this;
    const outcomes = { sent: sentSamples, refused: refusedSamples, dropped: droppedSamples };
    for (const [outcome, value] of Object.entries(outcomes)) {
      samples.addSample(samples.name, { outcome }, value);
    }
    retries.addSample(retries.name, {}, this.retries);
    bytes.addSample(bytes.name, {}, this.bufferedBytes);
    return [samples, retries, bytes];
  }

  /**
   * Returns the families of {@linkcode collect}, without samples.
   *
   * @returns Three families.
   */
  describe(): MetricFamily[] {
    const name = (suffix: string): string => `narthex_remote_write_${suffix}`;
    return [
      new MetricFamily(name("samples_total"), "Samples by what became of them.", "counter"),
      new MetricFamily(name("retries_total"), "Requests that were sent again.", "counter"),
      new MetricFamily(name("buffered_bytes"), "Compressed requests that wait.", "gauge"),
    ];
  }

  async #run(): Promise<void> {
    const { settings } = this.#sender;
    const { clock, random } = settings;
    const { signal } = this.#end;
    for (let waitMs = this.#intervalMs * random();;) {
      await wait(waitMs, { signal, inBackground: true, timers: clock });
      if (signal.aborted) return;
      const began = clock.monotonic();
      try {
        await this.#sender.takeSnapshot();
      } catch (error) {
        if (!signal.aborted) this.#sender.report(error);
      }
      waitMs = Math.max(0, this.#intervalMs - (clock.monotonic() - began) * 1000);
    }
  }

  async #close(limits: FlushOptions & { timeoutMs: number }): Promise<void> {
    this.#end.abort();
    try {
      await this.#sender.flush(limits, this.#staleOnClose);
    } catch (error) {
      this.#sender.report(error);
    }
    this.#sender.stop();
  }

  /** Checks the limits of the waiting, and fills in the default. */
  #checkLimits(options: FlushOptions, byDefault: number): FlushOptions & { timeoutMs: number } {
    const { doing } = this.#sender;
    const { signal, timeoutMs = byDefault } = checkKnownOptions(options, FLUSH_OPTIONS, doing);
    return { signal, timeoutMs: checkPositive(timeoutMs, doing, "timeoutMs") };
  }

  #refuseClosed(what: string): void {
    if (this.#closing !== undefined) {
      throw new TypeError(`Cannot ${what} a remote writer: it is closed`);
    }
  }
}
