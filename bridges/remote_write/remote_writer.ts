import { type Collector, MetricFamily } from "../../mod.ts";
import { checkKnownOptions, type KnownOptions } from "../../model.ts";
import { wait } from "../../time/time_limit.ts";
import { checkPositive } from "../requests/checks.ts";
import { type RemoteWriterOptions, WRITER_OPTIONS } from "./options.ts";
import { Sender } from "./sender.ts";

/** When to stop waiting. */
export interface FlushOptions {
  /** Abort it to give up. */
  signal?: AbortSignal | undefined;
  /**
   * How long to wait, in milliseconds.
   * @default {30000 for flush(), 5000 for close()}
   */
  timeoutMs?: number | undefined;
}

const FLUSH_OPTIONS: KnownOptions<FlushOptions> = { signal: true, timeoutMs: true };

/**
 * Sends a registry by Prometheus remote write 1.0 on an interval, for as long as the
 * program runs. It does not keep the program running.
 *
 * Each interval it takes a snapshot, compresses it, and sends it in requests of some
 * thousand samples, one after the other. A request that fails with a status of 5xx or 429,
 * or without an answer, is tried again until it is taken, with longer and longer pauses, and
 * not before the time that `Retry-After` names; what comes meanwhile waits behind it, so that
 * all samples arrive in order, under the time at which they were true. A request that is
 * refused with another status is given up, reported and counted.
 *
 * Memory is bounded: at most `maxBufferedBytes` of compressed requests, of which the oldest
 * are dropped for new ones; what is being encoded, up to `maxRequestBytes` and one metric
 * twice; and the labels of the series of the last snapshot. What was dropped is missing in
 * graphs; totals are right again with the next snapshot, as counters and histograms are
 * cumulative.
 *
 * A series that was there in one snapshot and is not in the next is marked as stale.
 *
 * A writer is a collector of its own numbers; register it to have
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
   * Creates a writer and, unless `autoStart` is `false`, starts it.
   *
   * @param url Where to, with the path: `http://localhost:9090/api/v1/write`. Credentials in
   * it are sent as basic authentication.
   * @param options Options.
   * @throws {TypeError} If the URL or an option is not legal.
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

  /** How many samples the receiver has taken, stale markers included. */
  get sentSamples(): number {
    return this.#sender.sentSamples;
  }

  /** How many samples came in requests that the receiver refused for good. */
  get refusedSamples(): number {
    return this.#sender.refusedSamples;
  }

  /** How many samples were dropped for want of memory, or of time. */
  get droppedSamples(): number {
    return this.#sender.droppedSamples;
  }

  /** How often a request was tried again. */
  get retries(): number {
    return this.#sender.retries;
  }

  /** How many bytes of compressed requests wait or are on their way. */
  get bufferedBytes(): number {
    return this.#sender.bufferedBytes;
  }

  /**
   * Begins to send on the interval; nothing if it has begun already. The first snapshot is
   * taken at some moment within the first interval, so that many programs that are started
   * together do not send together.
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
   * Takes a snapshot and resolves once it, and all that was waiting, was taken by the
   * receiver. A pause after a failure is cut short, unless the receiver has asked for it.
   *
   * @param options When to stop waiting; the writer goes on trying.
   * @throws {RemoteWriteError} If something was refused or dropped, or the time is over.
   * @throws {TypeError} If the writer is closed.
   */
  async flush(options: FlushOptions = {}): Promise<void> {
    this.#refuseClosed("flush");
    await this.#sender.flush(this.#checkLimits(options, 30_000));
  }

  /**
   * Flushes a last time and ends. Never rejects for what could not be sent by then: that is
   * dropped, counted, and told to `onError`. Use `flush()` before where it matters.
   *
   * @param options When to stop waiting. @default {5 s, for SIGTERM leaves little more}
   */
  close(options: FlushOptions = {}): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#close(this.#checkLimits(options, 5000));
    }
    return this.#closing;
  }

  /** The same as {@linkcode close}, at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The writer's own numbers.
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
   * The families of {@linkcode collect}, without samples.
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
    const { timers, random } = settings;
    const { signal } = this.#end;
    for (let waitMs = this.#intervalMs * random();;) {
      await wait(waitMs, { signal, inBackground: true, timers });
      if (signal.aborted) return;
      const began = timers.monotonic();
      try {
        await this.#sender.takeSnapshot();
      } catch (error) {
        if (!signal.aborted) this.#sender.report(error);
      }
      waitMs = Math.max(0, this.#intervalMs - (timers.monotonic() - began) * 1000);
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

  /** Checks when to stop waiting, and fills in the time. */
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
