import { encodeWriteRequests } from "../../encoding/write_request.ts";
import { gatherAsync, type MetricFamily } from "../../mod.ts";
import { limitTime, wait } from "../../time/time_limit.ts";
import { nextTurn } from "../../time/turn.ts";
import { type Answer, showAnswer } from "../requests/send.ts";
import { HttpCall, parseRetryAfter } from "./http_call.ts";
import { type RemoteWriteOptions, type Settings, toSettings } from "./options.ts";
import { RemoteWriteError } from "./remote_write_error.ts";
import { type Queued, type QueuedRequest, RequestQueue } from "./request_queue.ts";
import { SeriesMemory } from "./series_memory.ts";
import { compressSnappy } from "./snappy.ts";

/** The header `User-Agent`. A test compares it with the version of the package. */
export const USER_AGENT = "narthex/0.1.0";

/** The headers of the specification. */
const HEADERS = {
  "content-encoding": "snappy",
  "content-type": "application/x-protobuf",
  "user-agent": USER_AGENT,
  "x-prometheus-remote-write-version": "0.1.0",
};

/** A caller that waits until some requests have left the queue. */
interface Waiter {
  /** The number of the last request that it waits for. */
  upTo: number;
  /** The first failure of one of these requests. */
  failure: unknown;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Takes snapshots of a registry and sends them to a receiver, one request at a time, in the order
 * of time. Snapshots are encoded and compressed at once.
 *
 * Snapshots add requests to a queue, and one loop sends them. If the queue is full, a snapshot
 * waits for room while requests succeed. While they fail, the oldest requests are dropped.
 */
export class Sender {
  readonly settings: Settings;
  sentSamples = 0;
  refusedSamples = 0;
  droppedSamples = 0;
  retries = 0;
  readonly #call: HttpCall;
  readonly #queue: RequestQueue;
  readonly #memory = new SeriesMemory();
  readonly #stop = new AbortController();
  readonly #waiters = new Set<Waiter>();
  /** Called when a request has left the queue, or has failed. */
  #onProgress: (() => void) | undefined;
  #snapshot: Promise<void> | undefined;
  #lastMs = -Infinity;
  #isSending = false;
  /** The number of failures in a row, and the time of the first. */
  #failures = 0;
  #failingSince: number | undefined;
  #lastFailure: unknown;
  /** Ends a pause early. Undefined if the receiver has asked for the pause. */
  #rest: AbortController | undefined;

  constructor(url: string | URL, options: RemoteWriteOptions) {
    this.#call = new HttpCall(url, options, HEADERS);
    this.settings = toSettings(options, this.doing);
    this.#queue = new RequestQueue(this.settings.maxBufferedBytes);
  }

  /** The beginning of error messages. */
  get doing(): string {
    return `Cannot write to "${this.#call.shownUrl}"`;
  }

  /** The size of the compressed requests that wait or are being sent, in bytes. */
  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  /** Takes a snapshot, after a present one. Resolves when it is in the queue. */
  async takeSnapshot(families = this.#families()): Promise<void> {
    while (this.#snapshot !== undefined) await this.#snapshot.catch(() => {});
    this.#snapshot = this.#enqueue(families).finally(() => this.#snapshot = undefined);
    await this.#snapshot;
  }

  /**
   * Takes a snapshot, and waits until it and all requests before it have left the queue.
   *
   * @param limits Limits of the waiting.
   * @param isLast Whether to mark all series as stale after it.
   */
  async flush(
    { signal, timeoutMs }: { signal?: AbortSignal | undefined; timeoutMs: number },
    isLast = false,
  ): Promise<void> {
    signal?.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiter: Waiter = { upTo: Infinity, failure: undefined, resolve, reject };
    this.#waiters.add(waiter);
    // Unlike all other timers, this one keeps the program running, because the caller waits. So
    // there is one even without a limit.
    const limitMs = Math.min(timeoutMs, Number.MAX_SAFE_INTEGER);
    const limit = limitTime(limitMs, { outer: signal, timers: this.settings.clock });
    limit.signal.addEventListener("abort", () => {
      const late = new RemoteWriteError(`${this.doing}: not done in ${timeoutMs} ms`);
      reject(limit.isTimeout ? this.#lastFailure ?? late : limit.signal.reason);
    });
    const work = async (): Promise<void> => {
      // Only a pause that has begun is ended. Failures from now on pause again.
      this.#rest?.abort();
      await this.takeSnapshot();
      if (isLast) await this.takeSnapshot(nothing());
      waiter.upTo = this.#queue.last;
      this.#tell(waiter);
    };
    work().catch(reject);
    try {
      await promise;
    } finally {
      limit.end();
      this.#waiters.delete(waiter);
    }
  }

  /** Stops, and drops all requests that are not sent. */
  stop(): void {
    if (this.#stop.signal.aborted) return;
    const reason = new RemoteWriteError(`${this.doing}: closed`);
    this.#stop.abort(reason);
    for (const waiter of this.#waiters) waiter.reject(reason);
    for (const request of this.#queue.clear()) this.#drop(request);
    this.#progress();
  }

  /** Reports an error to the user. */
  report(error: unknown): void {
    try {
      // It may be an async function that rejects.
      const told: unknown = this.settings.onError(error);
      Promise.resolve(told).catch(() => {});
    } catch {
      // Errors of onError() are ignored.
    }
  }

  async *#families(): AsyncGenerator<MetricFamily> {
    const { registry, collectTimeoutMs } = this.settings;
    const { signal } = this.#stop;
    yield* gatherAsync(registry, { signal, timeoutMs: collectTimeoutMs });
    // After an incomplete read the missing series would look as if they had vanished.
    signal.throwIfAborted();
  }

  async #enqueue(families: AsyncIterable<MetricFamily>): Promise<void> {
    const { settings } = this;
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const exemplarsSinceMs = this.#lastMs;
    // Samples must stay in order if the clock goes back.
    this.#lastMs = Math.max(Math.round(settings.clock.now() * 1000), this.#lastMs + 1);
    this.#memory.begin();
    const requests = encodeWriteRequests(families, {
      externalLabels: settings.externalLabels,
      timestampMs: this.#lastMs,
      exemplarsSinceMs,
      exemplars: settings.exemplars,
      nativeHistograms: settings.nativeHistograms,
      metadata: settings.metadata,
      maxSamples: settings.maxSamplesPerRequest,
      maxBytes: settings.maxRequestBytes,
      tracker: this.#memory,
    });
    for await (const { bytes, samples } of requests) {
      const request = { body: compressSnappy(bytes), samples };
      while (!this.#queue.hasRoom(request) && this.#isSending && this.#failures === 0) {
        await new Promise<void>((resolve) => this.#onProgress = resolve);
      }
      signal.throwIfAborted();
      this.#push(request);
      await nextTurn(settings.clock);
    }
    this.#memory.end();
  }

  #push(request: QueuedRequest): void {
    const dropped = this.#queue.push(request);
    let samples = 0;
    for (const request of dropped) {
      this.#drop(request);
      samples += request.samples;
    }
    if (dropped.length > 0) {
      const { maxBufferedBytes } = this.settings;
      const error = new RemoteWriteError(
        `${this.doing}: the oldest ${samples} samples were dropped: ` +
          `maxBufferedBytes is ${maxBufferedBytes}`,
        { samples },
      );
      this.report(error);
      for (const { number } of dropped) this.#settled(number, error);
    }
    if (!this.#isSending) void this.#send();
  }

  #drop({ samples }: QueuedRequest): void {
    this.droppedSamples += samples;
    this.#memory.resend();
  }

  /** Sends requests until the queue is empty. */
  async #send(): Promise<void> {
    this.#isSending = true;
    const { signal } = this.#stop;
    for (let request = this.#queue.head; request !== undefined; request = this.#queue.head) {
      this.#queue.hold(request);
      const failure = await this.#attempt(request);
      this.#queue.hold(undefined);
      if (signal.aborted) break;
      if (failure === undefined || !failure.retryable) {
        this.#failures = 0;
        this.#failingSince = undefined;
        this.#queue.remove(request);
        if (failure === undefined) this.sentSamples += request.samples;
        else this.refusedSamples += request.samples;
        if (failure !== undefined) this.report(failure);
        this.#settled(request.number, failure);
        continue;
      }
      await this.#handleFailure(request, failure);
    }
    this.#isSending = false;
    this.#progress();
  }

  async #handleFailure(request: Queued, failure: RemoteWriteError): Promise<void> {
    const { clock, retryForMs } = this.settings;
    const now = clock.monotonic();
    this.#failingSince ??= now;
    this.#failures++;
    this.#lastFailure = failure;
    const waitMs = Math.max(this.#backoffMs(), failure.retryAfterMs ?? 0);
    this.report(failure);
    if ((now - this.#failingSince) * 1000 + waitMs > retryForMs) {
      this.#queue.remove(request);
      this.#drop(request);
      this.#settled(request.number, failure);
      for (const waiter of this.#waiters) waiter.reject(failure);
    } else {
      this.retries++;
    }
    this.#progress();
    const rest = new AbortController();
    const end = (): void => rest.abort();
    const { signal } = this.#stop;
    if (signal.aborted) end();
    signal.addEventListener("abort", end, { once: true });
    if (failure.retryAfterMs === undefined) this.#rest = rest;
    await wait(waitMs, { signal: rest.signal, inBackground: true, timers: clock });
    this.#rest = undefined;
    signal.removeEventListener("abort", end);
  }

  /** Returns the pause: it doubles after each failure, and is spread over its upper half. */
  #backoffMs(): number {
    const { minBackoffMs, maxBackoffMs, random } = this.settings;
    const full = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(this.#failures - 1, 30));
    return full * (0.5 + random() / 2);
  }

  /** Sends a request once. Returns the failure, if there is one. */
  async #attempt({ body, samples }: QueuedRequest): Promise<RemoteWriteError | undefined> {
    const { clock, timeoutMs } = this.settings;
    let answer: Answer;
    try {
      answer = await this.#call.post(body, { signal: this.#stop.signal, timeoutMs });
    } catch (error) {
      const reason = (error as Error).message;
      return new RemoteWriteError(`${this.doing}: ${reason}`, { samples, retryable: true });
    }
    const { ok, status, body: text, retryAfter } = answer;
    if (ok) return undefined;
    const retryable = status === 429 || status >= 500;
    return new RemoteWriteError(
      `${this.doing}: the receiver answered ${showAnswer(answer, this.#call.shownUrl)}`,
      {
        status,
        body: text,
        samples,
        retryable,
        retryAfterMs: retryable ? parseRetryAfter(retryAfter, clock.now() * 1000) : undefined,
      },
    );
  }

  /** Notes that a request has left the queue. */
  #settled(number: number, failure: unknown): void {
    for (const waiter of this.#waiters) {
      if (number <= waiter.upTo) waiter.failure ??= failure;
      this.#tell(waiter);
    }
    this.#progress();
  }

  #tell(waiter: Waiter): void {
    const next = this.#queue.head?.number ?? Infinity;
    if (waiter.upTo === Infinity || next <= waiter.upTo) return;
    if (waiter.failure === undefined) waiter.resolve();
    else waiter.reject(waiter.failure);
  }

  #progress(): void {
    this.#onProgress?.();
    this.#onProgress = undefined;
  }
}

/** Yields no families, so that all series have vanished. */
async function* nothing(): AsyncGenerator<MetricFamily> {}
