import type { Collected, Collector, MetricFamily } from "../model.ts";
import type { CollectAsyncOptions, CollectorErrorCause } from "./protocol.ts";

/** A collector's call that is under way. */
interface Call {
  readonly families: Promise<MetricFamily[]>;
  /** Whether a read has given up waiting for it. */
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
      const collected = collector.collect();
      if (Symbol.iterator in collected) return this.#sift(collector, collected);
      // A promise is under way; what an asynchronous iterable would bring is not.
      if (!(Symbol.asyncIterator in collected)) this.#start(collector, collected);
      this.#count(collector, "async");
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
      const collected = collector.collect({ signal: deadline.signal });
      if (Symbol.iterator in collected) return this.#sift(collector, collected);
      return this.#await(collector, this.#start(collector, collected), deadline);
    } catch {
      this.#count(collector, "error");
      return [];
    }
  }

  #start(collector: Collector, collected: Exclude<Collected, Iterable<MetricFamily>>): Call {
    const families = Symbol.asyncIterator in collected ? drain(collected) : drainPromise(collected);
    const call: Call = { families, abandoned: false };
    this.#calls.set(collector, call);
    const settled = (brought: readonly unknown[]): void => {
      this.#calls.delete(collector);
      for (const family of brought) hush(family);
    };
    families.then(settled, () => settled([]));
    return call;
  }

  async #await(collector: Collector, call: Call, deadline: Deadline): Promise<MetricFamily[]> {
    try {
      const families = await Promise.race([call.families, deadline.passed]);
      if (families !== undefined) return this.#sift(collector, families);
      if (deadline.timedOut) {
        call.abandoned = true;
        this.#count(collector, "timeout");
      }
    } catch {
      this.#count(collector, "error");
    }
    return [];
  }

  /** What a collector brought, without what an asynchronous generator would wait for. */
  #sift(collector: Collector, collected: Iterable<MetricFamily>): MetricFamily[] {
    const families: MetricFamily[] = [];
    for (const family of collected) {
      hush(family);
      if (isThenable(family)) this.#count(collector, "invalid");
      else families.push(family);
    }
    return families;
  }
}

function isThenable(value: unknown): boolean {
  try {
    return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
  } catch {
    return true;
  }
}

/** Handles the rejection of a promise that nobody waits for. */
function hush(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}

/** The longest time that a timer takes; it fires at once when asked for a longer one. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The end of waiting: a time limit, or the caller's signal, whichever comes first. */
class Deadline {
  /** What collectors are handed. */
  readonly signal: AbortSignal;
  /** Resolves when it is time to give up; never rejects. */
  readonly passed: Promise<undefined>;
  /** Whether the time limit ended the waiting. */
  timedOut = false;
  readonly #outer: AbortSignal | undefined;
  readonly #end: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(outer: AbortSignal | undefined, timeoutMs: number | undefined) {
    const controller = new AbortController();
    this.signal = controller.signal;
    this.#outer = outer;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.passed = promise;
    this.#end = () => {
      controller.abort(outer?.reason);
      resolve(undefined);
    };
    if (outer?.aborted) this.#end();
    outer?.addEventListener("abort", this.#end, { once: true });
    if (timeoutMs !== undefined && timeoutMs <= MAX_TIMER_MS) {
      this.#timer = setTimeout(() => {
        this.timedOut = true;
        controller.abort(new DOMException("The scrape ran out of time", "TimeoutError"));
        resolve(undefined);
      }, Math.max(0, timeoutMs));
    }
  }

  /** Lets go of timer and signal; what a reader left early is told to stop. */
  end(complete: boolean): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener("abort", this.#end);
    if (!complete) this.#end();
  }
}

async function drain(collected: AsyncIterable<MetricFamily>): Promise<MetricFamily[]> {
  const families: MetricFamily[] = [];
  for await (const family of collected) families.push(family);
  return families;
}

async function drainPromise(collected: Promise<Iterable<MetricFamily>>): Promise<MetricFamily[]> {
  return [...await collected];
}
