import type { Collected, CollectOptions, Collector, MetricFamily } from "../model.ts";
import type { Timers } from "../time/clock.ts";
import { abortable, limitTime } from "../time/time_limit.ts";
import { Slices } from "../time/turn.ts";
import type { CollectorErrorCause, ReadAsyncOptions } from "./protocol.ts";
import { unread } from "./unread.ts";

/** The maximum number of families of one collector. Programs have thousands at most. */
const MAX_FAMILIES = 100_000;

/** For how long an asynchronous generator may hold the event loop, in milliseconds. */
const TURN_MS = 50;

/** Reports something that had to be left out of a read. */
export type Report = (collector: Collector, cause: CollectorErrorCause, error: unknown) => void;

/** What a collector is called with: a signal, which is created when it is asked for. */
class CallOptions implements CollectOptions {
  /** How old numbers may be, in milliseconds. */
  readonly maxAgeMs: number;
  #controller: AbortController | undefined;

  constructor(maxAgeMs: number) {
    this.maxAgeMs = maxAgeMs;
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  abort(reason: unknown): void {
    this.#own.abort(reason);
  }

  get #own(): AbortController {
    return this.#controller ??= new AbortController();
  }
}

/** A collector's call that is under way. Several reads may wait for it. */
interface Call {
  readonly families: Promise<MetricFamily[]>;
  /** Their signal is aborted when the call was given up. */
  readonly options: CallOptions;
  /** When it began, in seconds of the monotonic clock. */
  readonly began: number;
  /** The largest time limit of the reads that wanted it, in milliseconds. */
  patienceMs: number;
  /** Cancels the timer of `patienceMs`. */
  cancel: () => void;
  /** The number of reads that wait for it. */
  waiting: number;
  /** Whether a read had too little time for it. */
  isMissed: boolean;
}

/**
 * Calls collectors so that one that throws, rejects or never settles costs only itself.
 *
 * A call that is under way is not made again: later reads wait for its result. It is judged by its
 * own age, so that a read with little time neither ends nor discredits a call that others have time
 * for. Once a call is older than the largest time limit of the reads that wanted it, it counts as
 * a timeout, once, and its signal is aborted.
 */
export class CollectorCalls {
  readonly #timers: Timers;
  readonly #report: Report;
  readonly #note: (collector: Collector, error: Error) => void;
  readonly #calls: Map<Collector, Call> = new Map();
  readonly #calling: Set<Collector> = new Set();

  /**
   * Starts without calls.
   *
   * @param timers Where the time comes from.
   * @param report Called with what has to be left out.
   * @param note Called when a collector settled after all reads that wanted it had ended: that is
   * not counted, because strangers choose how much time a scrape has.
   */
  constructor(
    timers: Timers,
    report: Report,
    note: (collector: Collector, error: Error) => void,
  ) {
    this.#timers = timers;
    this.#report = report;
    this.#note = note;
  }

  /** Calls a collector synchronously. An asynchronous one is left out and counted. */
  callSync(collector: Collector): MetricFamily[] {
    if (!this.#calls.has(collector)) {
      const answer = this.#call(collector, Infinity, 0);
      if (Array.isArray(answer)) return answer;
    }
    const advice = "read it with generateMetricsAsync() or metricsHandler()";
    this.#report(
      collector,
      "async",
      new TypeError(`Cannot read asynchronous collector: ${advice}`),
    );
    return [];
  }

  /** Tells whether a collector is being called in this turn. */
  isCalling(collector: Collector): boolean {
    return this.#calling.has(collector);
  }

  /**
   * Calls collectors, the asynchronous ones all at once, and yields their families in order.
   *
   * @param collectors The collectors.
   * @param options A signal and a time limit.
   * @param around Makes each call.
   */
  async *callAll(
    collectors: readonly Collector[],
    options: ReadAsyncOptions,
    around: <T>(call: () => T) => T,
  ): AsyncGenerator<[Collector, MetricFamily[]]> {
    const { signal, timeoutMs = Infinity, patienceMs = timeoutMs } = options;
    const ended = new AbortController();
    const end = (): void => ended.abort(signal?.reason);
    if (signal?.aborted) end();
    signal?.addEventListener("abort", end, { once: true });
    try {
      const answers = collectors.map((collector) => {
        const answer = this.#calls.get(collector) ??
          around(() => this.#call(collector, timeoutMs, options.maxAgeMs ?? 0));
        return Array.isArray(answer)
          ? answer
          : this.#await(collector, answer, { signal: ended.signal, timeoutMs, patienceMs });
      });
      for (const [i, answer] of answers.entries()) {
        yield [collectors[i]!, Array.isArray(answer) ? answer : await answer];
      }
    } finally {
      signal?.removeEventListener("abort", end);
      // Reached early if the reader stops: then nothing is waited for any more.
      end();
    }
  }

  /** Calls a collector: returns its families, or the call if it is asynchronous. */
  #call(collector: Collector, timeoutMs: number, maxAgeMs: number): MetricFamily[] | Call {
    this.#calling.add(collector);
    try {
      const options = new CallOptions(maxAgeMs);
      const rule = "collect() must return another one at each call";
      const collected = unread(collector.collect(options), rule);
      if (Symbol.iterator in collected) return this.#take(collector, collected, timeoutMs);
      if (!isThenable(collected) && !(Symbol.asyncIterator in collected)) {
        throw new TypeError("Cannot collect: collect() must return an iterable or a promise");
      }
      return this.#start(collector, collected, options);
    } catch (error) {
      this.#report(collector, "error", error);
      return [];
    } finally {
      this.#calling.delete(collector);
    }
  }

  /** Takes families that are there. A generator is stopped when its own time is up. */
  #take(
    collector: Collector,
    collected: Iterable<MetricFamily>,
    timeoutMs: number,
  ): MetricFamily[] {
    const families: MetricFamily[] = [];
    // No timer fires while a generator runs, and it must not pay for those before it.
    const end = Array.isArray(collected) ? Infinity : this.#timers.monotonic() + timeoutMs / 1000;
    for (const family of collected) {
      if (end !== Infinity && this.#timers.monotonic() > end) {
        this.#report(collector, "timeout", timeoutError(timeoutMs));
        return [];
      }
      this.#add(collector, families, family);
    }
    return families;
  }

  #start(
    collector: Collector,
    collected: Exclude<Collected, Iterable<MetricFamily>>,
    options: CallOptions,
  ): Call {
    const families = this.#drain(collector, collected, options);
    const began = this.#timers.monotonic();
    const call: Call = {
      families,
      options,
      began,
      patienceMs: 0,
      cancel: () => {},
      waiting: 0,
      isMissed: false,
    };
    this.#calls.set(collector, call);
    const settle = (): void => {
      call.cancel();
      this.#calls.delete(collector);
    };
    const succeed = (): void => {
      settle();
      // Reads that wait for it still get it.
      if (!call.isMissed || options.signal.aborted || call.waiting > 0) return;
      const text = "It took longer than the scrapes had time that asked for it";
      this.#note(collector, new Error(text));
    };
    families.then(succeed, (error) => {
      settle();
      // A collector may reject when its signal is aborted.
      if (!options.signal.aborted) this.#report(collector, "error", error);
    });
    return call;
  }

  /** Waits for a call: no longer than the read has time, and not for one that is too old for it. */
  async #await(
    collector: Collector,
    call: Call,
    { signal, timeoutMs, patienceMs }: {
      signal: AbortSignal;
      timeoutMs: number;
      patienceMs: number;
    },
  ): Promise<MetricFamily[]> {
    const timers = this.#timers;
    const leftMs = patienceMs - (timers.monotonic() - call.began) * 1000;
    const judge = (): void => this.#giveUp(collector, call, timeoutError(call.patienceMs), true);
    if (patienceMs > call.patienceMs) {
      call.patienceMs = patienceMs;
      call.cancel();
      if (patienceMs !== Infinity) {
        call.cancel = timers.setTimeout(judge, leftMs, { inBackground: true });
      }
    }
    const waitMs = Math.min(timeoutMs, leftMs);
    if (waitMs <= 0) {
      // Its timer is due, and only waits for a turn.
      if (leftMs <= 0 && patienceMs >= call.patienceMs) judge();
      return [];
    }
    const limit = limitTime(waitMs, { outer: signal, timers });
    call.waiting++;
    try {
      return await abortable(call.families, limit.signal);
    } catch {
      if (limit.isTimeout) call.isMissed = true;
      // Two timers of the same time may fire in any order.
      if (limit.isTimeout && waitMs === leftMs && patienceMs >= call.patienceMs) judge();
      // Without a time limit nothing else would ever stop it.
      else if (signal.aborted && call.waiting === 1 && call.patienceMs === Infinity) {
        this.#giveUp(collector, call, signal.reason, false);
      }
      return [];
    } finally {
      call.waiting--;
      limit.end();
    }
  }

  #giveUp(collector: Collector, call: Call, reason: unknown, isTimeout: boolean): void {
    if (call.options.signal.aborted || this.#calls.get(collector) !== call) return;
    call.options.abort(reason);
    if (isTimeout) this.#report(collector, "timeout", reason);
  }

  /** Takes families that come. A generator is not asked for more once it was given up. */
  async #drain(
    collector: Collector,
    collected: Exclude<Collected, Iterable<MetricFamily>>,
    options: CallOptions,
  ): Promise<MetricFamily[]> {
    const families: MetricFamily[] = [];
    if (!(Symbol.asyncIterator in collected)) {
      for (const family of await collected) this.#add(collector, families, family);
      return families;
    }
    const { signal } = options;
    const slices = new Slices(TURN_MS, this.#timers);
    for await (const family of collected) {
      this.#add(collector, families, family);
      // A generator that never really waits would keep all timers from firing.
      if (slices.isOver) await slices.pause();
      if (signal.aborted) break;
    }
    return families;
  }

  #add(collector: Collector, families: MetricFamily[], family: MetricFamily): void {
    handleRejection(family);
    if (isThenable(family)) {
      const rule = "collect() must yield metric families: received a promise";
      this.#report(collector, "invalid", new TypeError(`Cannot collect: ${rule}`));
    } else if (families.push(family) > MAX_FAMILIES) {
      const rule = `a collector must yield at most ${MAX_FAMILIES} families`;
      throw new RangeError(`Cannot collect: ${rule}`);
    }
  }
}

function timeoutError(ms: number): DOMException {
  return new DOMException(`The collector did not settle within ${ms} ms`, "TimeoutError");
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
  } catch {
    return true;
  }
}

/** Keeps a promise that no one waits for from becoming an unhandled rejection. */
function handleRejection(value: unknown): void {
  try {
    if (value instanceof Promise) value.catch(() => {});
  } catch {
    // A revoked proxy throws even here, and is no promise.
  }
}
