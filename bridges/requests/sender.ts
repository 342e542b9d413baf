import { gatherAsync, type MetricFamily } from "../../mod.ts";
import { limitTime, wait } from "../../time/time_limit.ts";
import { nextTurn } from "../../time/turn.ts";
import { HttpCall, type HttpProtocol, parseRetryAfter, type SafeAnswer } from "./http_call.ts";
import { type Queued, type QueuedRequest, RequestQueue } from "./request_queue.ts";
import { showAnswer } from "./send.ts";
import type { SendError, SendErrorOptions } from "./send_error.ts";
import { type SenderOptions, type SenderSettings, toSenderSettings } from "./sender_options.ts";

/** The header `User-Agent`. A test compares it with the version of the package. */
export const USER_AGENT = "narthex/0.1.0";

/** When a snapshot is taken. */
export interface SnapshotTimes {
  /** The time of the snapshot, in milliseconds since 1970. Later than that of the one before. */
  readonly timestampMs: number;
  /** The time of the snapshot before, or -Infinity. */
  readonly beforeMs: number;
}

/** A part of a request that the receiver did not take, although it answered with success. */
export interface Rejection {
  /** How many samples were not taken; 0 for a mere warning. */
  readonly samples: number;
  /** The message of the receiver. */
  readonly message: string;
}

/** The parts of a sender that differ between protocols. */
export interface SendProtocol extends HttpProtocol {
  /**
   * Encodes and compresses a snapshot. Never runs twice at the same time.
   *
   * @param families The families, as exposed.
   * @param times When it is taken.
   * @returns The requests, each of which is complete in itself.
   */
  encode(
    families: AsyncIterable<MetricFamily>,
    times: SnapshotTimes,
  ): AsyncIterable<QueuedRequest>;
  /** Whether a request with this answer is to be sent again later. */
  isRetryable(status: number): boolean;
  /** Makes the error of the protocol. */
  createError(message: string, options?: SendErrorOptions): SendError;
  /** Called when a request was given up that the receiver never took. */
  onDropped?(): void;
  /** Finds out which part of a request was not taken, from the body of a success. */
  readRejection?(bytes: Uint8Array, contentType: string): Rejection | undefined;
  /** The default time limit of an answer, in milliseconds. @default {30000} */
  readonly timeoutMs?: number;
  /** Whether no snapshot is taken while another one waits, because none may be lost. */
  readonly takesTurns?: boolean;
  /** Whether a request that failed is given up at once. */
  readonly neverRetries?: boolean;
}

/** The outcome of a request. */
interface Outcome {
  /** Why it was not taken. */
  readonly failure?: SendError;
  /** The receiver's message about a request that it took, in whole or in part. */
  readonly partial?: SendError;
}

/** A caller that waits until the requests in the queue have left it. */
interface Waiter {
  /** The number of the last request that matters. */
  upTo: number;
  /** The first error of a request that matters. */
  failure: unknown;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Takes snapshots of a registry, encodes and compresses them at once, and sends them to a receiver: one
 * request at a time, in order.
 *
 * Snapshots add requests to the queue, and one loop sends them. While the receiver accepts requests, a
 * snapshot waits for room. While it fails, the oldest requests are dropped for new ones.
 */
export class Sender {
  readonly settings: SenderSettings;
  sentSamples = 0;
  refusedSamples = 0;
  droppedSamples = 0;
  retries = 0;
  readonly #protocol: SendProtocol;
  readonly #call: HttpCall;
  readonly #queue: RequestQueue;
  readonly #stop = new AbortController();
  readonly #waiters = new Set<Waiter>();
  /** Called when a request has left the queue, or could not. */
  #onProgress: (() => void) | undefined;
  #snapshot: Promise<void> | undefined;
  #lastMs = -Infinity;
  #isSending = false;
  /** The number of consecutive failures, and the time of the first. */
  #failures = 0;
  #failingSince: number | undefined;
  #lastFailure: unknown;
  /** Ends a pause early, unless the receiver has asked for it. */
  #rest: AbortController | undefined;

  /**
   * @param url Where to.
   * @param options The options as they were given.
   * @param protocol The protocol.
   */
  constructor(url: string | URL, options: SenderOptions, protocol: SendProtocol) {
    this.#protocol = protocol;
    this.#call = new HttpCall(url, options, protocol);
    this.settings = toSenderSettings(options, this.doing, protocol.timeoutMs);
    this.#queue = new RequestQueue(this.settings.maxBufferedBytes);
  }

  /** The URL without credentials and query. */
  get shownUrl(): string {
    return this.#call.shownUrl;
  }

  /** The beginning of error messages. */
  get doing(): string {
    return `${this.#protocol.verb} "${this.shownUrl}"`;
  }

  /** The size of all compressed requests that wait or are being sent, in bytes. */
  get bufferedBytes(): number {
    return this.#queue.bytes;
  }

  /** Takes a snapshot, after one that is being taken; resolves once it is in the queue. */
  async takeSnapshot(families = this.#families()): Promise<void> {
    while (this.#snapshot !== undefined) await this.#snapshot.catch(() => {});
    this.#snapshot = this.#enqueue(families).finally(() => this.#snapshot = undefined);
    await this.#snapshot;
  }

  /** Takes a snapshot in the background, unless it has to wait for another one to be taken. */
  async takeTurn(): Promise<void> {
    if (this.#protocol.takesTurns && this.#queue.head !== undefined) return;
    await this.takeSnapshot();
  }

  /**
   * Takes a snapshot and waits until it, and all earlier requests, have left the queue.
   *
   * @param limits When to give up.
   * @param isLast Whether all series end with it.
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
    // there is one even if the caller waits for ever.
    const limitMs = Math.min(timeoutMs, Number.MAX_SAFE_INTEGER);
    const limit = limitTime(limitMs, { outer: signal, timers: this.settings.clock });
    limit.signal.addEventListener("abort", () => {
      const late = this.#protocol.createError(`${this.doing}: not done in ${timeoutMs} ms`);
      reject(limit.isTimeout ? this.#lastFailure ?? late : limit.signal.reason);
    });
    const work = async (): Promise<void> => {
      // Ends only the present pause. Later failures have to wait.
      this.#rest?.abort();
      if (this.#protocol.takesTurns) await this.#untilEmpty(limit.signal);
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

  /** Stops sending. Drops all requests that are not sent yet. */
  stop(): void {
    if (this.#stop.signal.aborted) return;
    const reason = this.#protocol.createError(`${this.doing}: closed`);
    this.#stop.abort(reason);
    for (const waiter of this.#waiters) waiter.reject(reason);
    for (const request of this.#queue.clear()) this.#drop(request);
    this.#progress();
  }

  /** Calls the user's `onError`. */
  report(error: unknown): void {
    try {
      // It may be an async function, and reject.
      const returned: unknown = this.settings.onError(error);
      Promise.resolve(returned).catch(() => {});
    } catch {
      // The user has to handle it.
    }
  }

  async *#families(): AsyncGenerator<MetricFamily> {
    const { registry, collectTimeoutMs } = this.settings;
    const { signal } = this.#stop;
    yield* gatherAsync(registry, { signal, timeoutMs: collectTimeoutMs });
    // Half a registry would look as if the other half had vanished.
    signal.throwIfAborted();
  }

  async #enqueue(families: AsyncIterable<MetricFamily>): Promise<void> {
    const { settings } = this;
    const { signal } = this.#stop;
    signal.throwIfAborted();
    const beforeMs = this.#lastMs;
    // Samples must stay in order if the clock goes back.
    const timestampMs = Math.max(Math.round(settings.clock.now() * 1000), beforeMs + 1);
    this.#lastMs = timestampMs;
    for await (const request of this.#protocol.encode(families, { timestampMs, beforeMs })) {
      // While the receiver fails, the oldest requests are dropped, unless none may be lost.
      while (
        !this.#queue.hasRoom(request) && this.#isSending &&
        (this.#failures === 0 || this.#protocol.takesTurns)
      ) await this.#untilProgress();
      signal.throwIfAborted();
      this.#push(request);
      await nextTurn(settings.clock);
    }
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
      const error = this.#protocol.createError(
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
    this.#protocol.onDropped?.();
  }

  /** Takes requests out of the queue until it is empty. */
  async #send(): Promise<void> {
    this.#isSending = true;
    const { signal } = this.#stop;
    for (let request = this.#queue.head; request !== undefined; request = this.#queue.head) {
      this.#queue.hold(request);
      const { failure, partial } = await this.#attempt(request);
      this.#queue.hold(undefined);
      if (signal.aborted) break;
      if (failure?.retryable) {
        await this.#handleFailure(request, failure);
        continue;
      }
      this.#failures = 0;
      this.#failingSince = undefined;
      this.#queue.remove(request);
      const problem = failure ?? partial;
      const refused = problem?.samples ?? 0;
      this.sentSamples += request.samples - refused;
      this.refusedSamples += refused;
      if (problem !== undefined) this.report(problem);
      this.#settled(request.number, failure);
    }
    this.#isSending = false;
    this.#progress();
  }

  async #handleFailure(request: Queued, failure: SendError): Promise<void> {
    const { clock, retryForMs } = this.settings;
    const now = clock.monotonic();
    this.#failingSince ??= now;
    this.#failures++;
    this.#lastFailure = failure;
    const waitMs = Math.max(this.#backoffMs(), failure.retryAfterMs ?? 0);
    this.report(failure);
    const failedForMs = (now - this.#failingSince) * 1000;
    if (failedForMs + waitMs > retryForMs || this.#protocol.neverRetries) {
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

  /** How long to wait: twice as long after each failure, and spread over the upper half. */
  #backoffMs(): number {
    const { minBackoffMs, maxBackoffMs, random } = this.settings;
    const full = Math.min(maxBackoffMs, minBackoffMs * 2 ** Math.min(this.#failures - 1, 30));
    return full * (0.5 + random() / 2);
  }

  /** Sends a request once. Returns the failure, if any. */
  async #attempt({ body, samples }: QueuedRequest): Promise<Outcome> {
    const { clock, timeoutMs, backgroundTimeoutMs } = this.settings;
    const limitMs = this.#waiters.size > 0 ? timeoutMs : backgroundTimeoutMs;
    const protocol = this.#protocol;
    let answer: SafeAnswer;
    try {
      answer = await this.#call.post(body, { signal: this.#stop.signal, timeoutMs: limitMs });
    } catch (error) {
      const reason = (error as Error).message;
      const options = { samples, retryable: true };
      return { failure: protocol.createError(`${this.doing}: ${reason}`, options) };
    }
    const { ok, status, body: text, bytes, contentType, retryAfter } = answer;
    if (ok) {
      const rejection = bytes === undefined
        ? undefined
        : protocol.readRejection?.(bytes, contentType);
      if (rejection === undefined) return {};
      const message = answer.hide(rejection.message);
      const what = rejection.samples === 0
        ? "the receiver warns"
        : `the receiver did not take ${rejection.samples} of ${samples} samples`;
      const partial = protocol.createError(
        `${this.doing}: ${what}${message === "" ? "" : `: ${message}`}`,
        { status, body: message, samples: Math.min(rejection.samples, samples) },
      );
      return { partial };
    }
    const retryable = protocol.isRetryable(status);
    const failure = protocol.createError(
      `${this.doing}: the receiver answered ${showAnswer(answer, this.shownUrl)}`,
      {
        status,
        body: text,
        samples,
        retryable,
        retryAfterMs: retryable ? parseRetryAfter(retryAfter, clock.now() * 1000) : undefined,
      },
    );
    return { failure };
  }

  /** Called when a request has left the queue, for any reason. */
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

  /** Waits until nothing is in the queue, and no snapshot is being taken. */
  async #untilEmpty(signal: AbortSignal): Promise<void> {
    while (this.#snapshot !== undefined) await this.#snapshot.catch(() => {});
    while (this.#queue.head !== undefined && !signal.aborted) await this.#untilProgress();
    signal.throwIfAborted();
  }

  /** Waits until a request has left the queue, or could not. */
  #untilProgress(): Promise<void> {
    return new Promise((resolve) => {
      const former = this.#onProgress;
      this.#onProgress = () => {
        former?.();
        resolve();
      };
    });
  }

  #progress(): void {
    const progress = this.#onProgress;
    this.#onProgress = undefined;
    progress?.();
  }
}

/** An empty registry. All series end with it. */
async function* nothing(): AsyncGenerator<MetricFamily> {}
