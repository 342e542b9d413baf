import type { Collected, CollectOptions, Collector, MetricFamily } from "../model.ts";
import type { CollectAsyncOptions, CollectorErrorCause } from "./protocol.ts";

/** What a collector is handed: a signal, which is only made if it is asked for. */
class CallOptions implements CollectOptions {
  #controller: AbortController | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    return this.#controller.signal;
  }

  abort(reason: unknown): void {
    this.#controller ??= new AbortController();
    this.#controller.abort(reason);
  }
}

/** A collector's call that is under way. Several reads may wait for it. */
interface Call {
  readonly families: Promise<MetricFamily[]>;
  readonly options: CallOptions;
  /** How many reads wait for it. */
  waiting: number;
  /** Whether all that waited have given up, and it was told to stop. */
  abandoned: boolean;
}

/**
 * Calls collectors so that one that throws, rejects or never settles costs only
 * itself. A call that is still under way is not made again: a later read joins
 * it, or, when an earlier read has given it up, goes on without it.
 */
export class AsyncReader {
  readonly #count: (collector: Collector, cause: CollectorErrorCause) => void;
  readonly #calls: Map<Collector, Call> = new Map();

  constructor(count: (collector: Collector, cause: CollectorErrorCause) => void) {
    this.#count = count;
  }

  /** Reads a collector synchronously; an asynchronous one is left out and counted. */
  readSync(collector: Collector): MetricFamily[] {
    if (this.#calls.has(collector)) {
      this.#count(collector, "async");
      return [];
    }
    try {
      const options = new CallOptions();
      const collected = collector.collect(options);
      if (Symbol.iterator in collected) return this.#sift(collector, collected);
      const isPromise = isThenable(collected);
      if (isPromise) this.#start(collector, collected, options);
      // What an asynchronous iterable would bring is not under way before it is asked.
      const isAsync = isPromise || Symbol.asyncIterator in collected;
      this.#count(collector, isAsync ? "async" : "error");
    } catch {
      this.#count(collector, "error");
    }
    return [];
  }

  /** Reads collectors, the asynchronous ones all at once, and brings their families in order. */
  async *readAll(
    collectors: readonly Collector[],
    options: CollectAsyncOptions,
  ): AsyncGenerator<[Collector, MetricFamily[]]> {
    const { signal, timeoutMs } = options;
    const deadline = new Deadline(signal, timeoutMs);
    let complete = false;
    try {
      const reads = collectors.map((collector) => this.#begin(collector, deadline));
      for (let i = 0; i < collectors.length; i++) {
        const read = reads[i]!;
        yield [collectors[i]!, Array.isArray(read) ? read : await read];
      }
      complete = true;
    } finally {
      deadline.end(complete);
    }
  }

  #begin(collector: Collector, deadline: Deadline): MetricFamily[] | Promise<MetricFamily[]> {
    const pending = this.#calls.get(collector);
    if (pending !== undefined) {
      if (!pending.abandoned) return this.#await(collector, pending, deadline);
      this.#count(collector, "timeout");
      return [];
    }
    try {
      const options = new CallOptions();
      const collected = collector.collect(options);
      if (Symbol.iterator in collected) return this.#sift(collector, collected, deadline);
      return this.#await(collector, this.#start(collector, collected, options), deadline);
    } catch {
      this.#count(collector, "error");
      return [];
    }
  }

  #start(
    collector: Collector,
    collected: Exclude<Collected, Iterable<MetricFamily>>,
    options: CallOptions,
  ): Call {
    const families = drain(collected, options);
    const call: Call = { families, options, waiting: 0, abandoned: false };
    this.#calls.set(collector, call);
    const settled = (brought: readonly unknown[]): void => {
      this.#calls.delete(collector);
      for (const family of brought) hush(family);
    };
    families.then(settled, () => settled([]));
    return call;
  }

  async #await(collector: Collector, call: Call, deadline: Deadline): Promise<MetricFamily[]> {
    call.waiting++;
    try {
      const families = await Promise.race([call.families, deadline.passed]);
      if (families !== undefined) return this.#sift(collector, families);
      if (deadline.timedOut) this.#count(collector, "timeout");
      if (call.waiting === 1) {
        call.abandoned = true;
        call.options.abort(deadline.reason);
      }
    } catch {
      this.#count(collector, "error");
    } finally {
      call.waiting--;
    }
    return [];
  }

  /** What a collector brought, without what an asynchronous generator would wait for. */
  #sift(
    collector: Collector,
    collected: Iterable<MetricFamily>,
    deadline?: Deadline,
  ): MetricFamily[] {
    const families: MetricFamily[] = [];
    // No timer fires while a generator goes on, and it must not pay for those before it.
    const end = Array.isArray(collected) || deadline === undefined
      ? Infinity
      : performance.now() + deadline.timeoutMs;
    for (const family of collected) {
      hush(family);
      if (end !== Infinity && performance.now() > end) {
        this.#count(collector, "timeout");
        return [];
      }
      if (isThenable(family)) this.#count(collector, "invalid");
      else add(families, family);
    }
    return families;
  }
}

/** Adds a family, if there are not more than any program has: a generator may never end. */
function add(families: MetricFamily[], family: MetricFamily): void {
  if (families.push(family) > MAX_FAMILIES) {
    throw new RangeError(`Cannot collect: a collector must bring at most ${MAX_FAMILIES} families`);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
  } catch {
    return true;
  }
}

/** Handles the rejection of a promise that nobody waits for. */
function hush(value: unknown): void {
  try {
    if (value instanceof Promise) value.catch(() => {});
  } catch {
    // What cannot even be asked what it is, such as a revoked proxy, is no promise.
  }
}

/** The longest time that a timer takes; it fires at once when asked for a longer one. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** How many families a collector may bring; thousands are many. */
const MAX_FAMILIES = 100_000;

/** For how long an asynchronous generator may keep the event loop from turning, in milliseconds. */
const TURN_MS = 50;

/** The end of waiting: a time limit, or the caller's signal, whichever comes first. */
class Deadline {
  /** Resolves when it is time to give up; never rejects. */
  readonly passed: Promise<undefined>;
  /** Whether the time limit ended the waiting. */
  timedOut = false;
  /** The time limit, in milliseconds. */
  readonly timeoutMs: number;
  readonly #outer: AbortSignal | undefined;
  readonly #pass: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal | undefined, timeoutMs: number | undefined) {
    this.#outer = outer;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.passed = promise;
    this.#pass = () => resolve(undefined);
    this.timeoutMs = timeoutMs ?? Infinity;
    if (outer?.aborted) this.#pass();
    outer?.addEventListener("abort", this.#pass, { once: true });
    if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) {
      this.#timer = setTimeout(() => {
        this.timedOut = true;
        this.#pass();
      }, Math.max(0, timeoutMs));
    }
  }

  /** What collectors are told when nobody waits for them any more. */
  get reason(): unknown {
    return this.timedOut
      ? new DOMException("The scrape ran out of time", "TimeoutError")
      : this.#outer?.reason;
  }

  /** Lets go of timer and signal; what a reader left early is given up. */
  end(complete: boolean): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#pass);
    if (!complete) this.#pass();
  }
}

/** Brings what is asynchronous; a generator is not asked for more once nobody waits. */
async function drain(
  collected: Exclude<Collected, Iterable<MetricFamily>>,
  options: CallOptions,
): Promise<MetricFamily[]> {
  const families: MetricFamily[] = [];
  if (!(Symbol.asyncIterator in collected)) {
    for (const family of await collected) add(families, family);
    return families;
  }
  const { signal } = options;
  let turnEnd = performance.now() + TURN_MS;
  for await (const family of collected) {
    add(families, family);
    // One that never really waits would never let the time limit's timer fire.
    if (performance.now() >= turnEnd) {
      await new Promise((resolve) => setTimeout(resolve, 0));
      turnEnd = performance.now() + TURN_MS;
    }
    if (signal.aborted) break;
  }
  return families;
}
