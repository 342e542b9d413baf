import {
  type Collector,
  type CollectorErrorCause,
  CollectorRegistry,
  type CollectorRegistryProxy,
  gather,
  gatherAsync,
  type Gatherer,
  type LabelValue,
  MetricFamily,
  type ReadAsyncOptions,
  type Registry,
} from "../mod.ts";
import type { LiveMetrics } from "../model.ts";
import type { Session } from "./backend.ts";
import { Flusher } from "./write/flusher.ts";
import { LOADED, type Loaded } from "./loaded.ts";
import { readFamilies } from "./read/reader.ts";
import { isShared, whyNotShared } from "./schema.ts";
import type { Timers } from "../time/clock.ts";
import { abortable, limitTime, type TimeLimit, type TimeLimitOptions } from "../time/time_limit.ts";
import { UnreadSeries } from "./write/unread_series.ts";

/** The part of a scrape's time for flushing. The rest is for reading. */
const FLUSH_SHARE = 0.5;

/** The shortest time between two runs of `onCollect` for flushes, in milliseconds. */
const MAX_AGE_MS = 15_000;

/** An operation that can fail: a label value of `narthex_backend_errors_total`. */
export type BackendOperation = "flush" | "read" | "close";

/** Options of {@linkcode SharedRegistry}. */
export interface SharedRegistryOptions {
  /** The registry that holds the collectors. */
  readonly inner: Registry;
  /** The proxy that forwards to the shared registry, if there is one. */
  readonly proxy: CollectorRegistryProxy | undefined;
  /** The families of its metrics, with exposed names. */
  readonly families: readonly MetricFamily[];
  /** The entry in the list of shared registries. It is removed when the registry is closed. */
  readonly loaded: object;
  /** The store, open. */
  readonly session: Session;
  /** The value of the label `process`. */
  readonly process: string;
  /** Whether nothing is sent to the store. */
  readonly readOnly: boolean;
  /** How often changes are sent to the store, in milliseconds. */
  readonly intervalMs: number;
  /** How long the store may take, in milliseconds. */
  readonly timeoutMs: number;
  /** After how much time without a change a heartbeat is sent, in milliseconds. */
  readonly heartbeatMs: number;
  /** The clock and timers. */
  readonly timers: Timers;
  /** Called with every failure. */
  readonly onError: (error: unknown, operation: BackendOperation) => void;
}

/**
 * A registry that several processes share. The changes of its metrics are sent to a store at an
 * interval, and a read returns the numbers of all processes. {@linkcode loadBackend} creates one.
 *
 * It can be read only asynchronously. Names and labels already have the prefix and the constant
 * labels of the inner registry, so it has no prefix itself.
 */
export class SharedRegistry implements Registry {
  /** Always `null`, because the names already have the prefix of the inner registry. */
  readonly prefix = null;
  readonly #options: SharedRegistryOptions;
  #inner: Registry;
  readonly #flusher: Flusher;
  readonly #unread: UnreadSeries = new UnreadSeries();
  #cancelTimer: () => void = () => {};
  readonly #errors: Map<BackendOperation, number> = new Map();
  /** Whether the store answered the last read. Undefined before the first one. */
  #isUp: boolean | undefined = undefined;
  #running: Promise<boolean> | undefined = undefined;
  #next: Promise<boolean> | undefined = undefined;
  /** The greatest age of numbers of a metric with `onCollect` in the next flush, in milliseconds. */
  #nextAgeMs = Infinity;
  #closing: Promise<void> | undefined = undefined;

  /**
   * Creates a shared registry on an open store. Use {@linkcode loadBackend} instead.
   *
   * @param options Options.
   */
  constructor(options: SharedRegistryOptions) {
    this.#options = options;
    const { inner, session, process, heartbeatMs, timers } = options;
    this.#inner = inner;
    this.#flusher = new Flusher({
      session,
      owner: () => this.#inner,
      process,
      heartbeatMs,
      timers,
      onLost: (error) => this.#count("flush", error),
    });
    if (options.readOnly) return;
    // From now on, no series expires before it is read.
    this.#take(options.families);
    this.#schedule();
  }

  /**
   * Returns the registry whose metrics are shared.
   *
   * @returns The inner registry.
   */
  getInner(): Registry {
    return this.#inner;
  }

  /**
   * Shares the metrics of another registry from now on. Former counts stay in the store. A
   * metric of both registries continues from there.
   *
   * @param registry The registry.
   * @returns The former one.
   * @throws {TypeError} If the registry is shared already.
   */
  setInner(registry: Registry): Registry {
    const former = this.#inner;
    if (registry === former) return former;
    if (LOADED.has(registry) || isSharing(registry)) {
      throw new TypeError("Cannot set registry: it is shared already");
    }
    LOADED.delete(former);
    // loadBackend() has made the entry.
    LOADED.set(registry, this.#options.loaded as Loaded);
    this.#flusher.moveTo(registry, former);
    this.#inner = registry;
    return former;
  }

  /** The `maxSeries` of the inner registry. */
  get maxSeries(): number | undefined {
    return this.#inner.maxSeries;
  }

  /**
   * Registers a collector with the inner registry.
   *
   * @param collector The collector.
   * @returns The result of the inner registry.
   * @throws {TypeError} If the collector has a label `process`, which the store adds itself.
   */
  register(collector: Collector): Collector | void {
    for (const family of collector?.describe?.() ?? []) {
      const reason = whyNotShared(family);
      if (reason !== undefined) throw new TypeError(`Cannot register collector: ${reason}`);
    }
    const kept = this.#inner.register(collector);
    if (this.#options.readOnly) return kept;
    for (const { metrics } of collector.describe?.() ?? []) {
      const { expiry }: LiveMetrics = metrics;
      if (expiry !== undefined) this.#unread.await(expiry);
    }
    return kept;
  }

  /**
   * Unregisters a collector from the inner registry. Its counts stay in the store.
   *
   * @param collector The collector, by identity.
   * @returns The result of the inner registry.
   */
  unregister(collector: Collector): boolean | void {
    return this.#inner.unregister(collector);
  }

  /**
   * Throws, because the numbers of other processes cannot be read synchronously.
   *
   * @throws {TypeError} Always.
   */
  collect(): never {
    throw new TypeError(
      "Cannot read a shared registry synchronously: use generateMetricsAsync(), " +
        "metricsResponse() or metricsHandler()",
    );
  }

  /**
   * Flushes, then reads the families of all processes. Collectors that are not metrics of
   * this library are read in this process only. If the store does not answer in time,
   * `narthex_backend_up` is 0 and the shared families have no series.
   *
   * @param options A signal and a time limit, which `timeoutMs` of `loadBackend` bounds.
   * @throws {Error} If the registry is closed.
   */
  async *collectAsync(options: ReadAsyncOptions = {}): AsyncGenerator<MetricFamily> {
    if (this.#closing !== undefined) {
      throw new Error("Cannot read the shared registry: it is closed");
    }
    // Both run at the same time, so a slow collector does not delay the store. The flush updates
    // metrics with onCollect.
    const reading = this.#read(options);
    const collected: MetricFamily[] = [];
    const given = { maxAgeMs: this.#maxAgeMs, ...options };
    const families = this.#inner.collectAsync?.(given) ?? this.#inner.collect(options);
    // Each family is gathered separately, because a reader merges the family of a custom collector
    // with a shared one. This reads no number of a metric.
    for await (const family of families) collected.push(...gather(this.#onlyWith(family)));
    const stored = await reading;
    for (const family of collected) {
      if (!isShared(family) || whyNotShared(family) !== undefined) {
        yield family;
        continue;
      }
      yield stored?.get(family.name) ?? withoutSeries(family);
      stored?.delete(family.name);
    }
    if (stored !== undefined) yield* stored.values();
    if (this.#isUp !== undefined) {
      const help = "Whether the store of the shared metrics answers.";
      yield backendFamily("narthex_backend_up", help, [{ labels: {}, value: Number(this.#isUp) }]);
    }
    for (const { name, help, samples } of this.#options.session.collect?.() ?? []) {
      yield backendFamily(name, help, samples);
    }
    if (this.#errors.size > 0) yield this.#errorFamily();
  }

  /**
   * Returns the value of a sample of all processes, for tests.
   *
   * @param name The name of the sample.
   * @param labels All its labels. @default {{}}
   * @returns The value, or `undefined` if there is no such sample.
   */
  async getSampleValueAsync(
    name: string,
    labels: Readonly<Record<string, LabelValue>> = {},
  ): Promise<number | undefined> {
    const families: MetricFamily[] = [];
    for await (const family of gatherAsync(this)) families.push(family);
    // Uses the lookup of a plain registry.
    const read = new CollectorRegistry();
    read.register({ collect: () => families });
    return read.getSampleValue(name, labels);
  }

  /**
   * Sends all changes to the store now. A failure is counted and loses nothing, because the next
   * flush sends the rest.
   *
   * @returns Whether all counts from before the call have arrived.
   */
  flush(): Promise<boolean> {
    return this.#flush(this.#maxAgeMs);
  }

  /**
   * Flushes a last time, leaves the store, closes it, and makes the proxy forward to the inner
   * registry again. Never rejects, because failures are counted.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The same as {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Counts something that was left out of a read, in the inner registry.
   *
   * @param collector The name of the collector or of the family.
   * @param cause The reason.
   */
  countError(collector: string, cause: CollectorErrorCause, error?: unknown, times = 1): void {
    this.#inner.countError?.(collector, cause, error, times);
  }

  /** Unregisters all collectors of this process. Their counts stay in the store. */
  clear(): void {
    this.#extended("clear").clear();
  }

  /**
   * Sets the labels of the `target_info` series, in this process.
   *
   * @param labels The labels; `null` for no such series.
   */
  setTargetInfo(labels: Readonly<Record<string, LabelValue>> | null): void {
    this.#extended("setTargetInfo").setTargetInfo(labels);
  }

  /**
   * Returns the labels of the `target_info` series of this process.
   *
   * @returns The labels, or `null`.
   */
  getTargetInfo(): Record<string, string> | null {
    return this.#extended("getTargetInfo").getTargetInfo();
  }

  #flush(maxAgeMs: number): Promise<boolean> {
    if (this.#options.readOnly || this.#closing !== undefined) return Promise.resolve(false);
    if (this.#running === undefined) return this.#start(maxAgeMs);
    // The running flush may already have passed the newest counts. All callers share the next one.
    this.#nextAgeMs = Math.min(this.#nextAgeMs, maxAgeMs);
    return this.#next ??= this.#running.then(() => {
      const maxAgeMs = this.#nextAgeMs;
      this.#next = undefined;
      this.#nextAgeMs = Infinity;
      return this.#running === undefined ? this.#start(maxAgeMs) : this.#flush(maxAgeMs);
    });
  }

  #start(maxAgeMs: number, inBackground = false): Promise<boolean> {
    const running = this.#sendChanges(maxAgeMs, inBackground).then(() => {
      this.#unread.endRead();
      return true;
    }, (error) => {
      this.#count("flush", error);
      return false;
    }).finally(() => {
      this.#running = undefined;
    });
    return this.#running = running;
  }

  async #sendChanges(maxAgeMs: number, inBackground: boolean): Promise<void> {
    const { timeoutMs } = this.#options;
    const families = await this.#gather(maxAgeMs);
    // A slow onCollect takes no time from the store.
    const { signal, end } = this.#limit(timeoutMs, { inBackground });
    await this.#flusher.flush(families, signal).finally(end);
  }

  /** The greatest age of numbers of a metric with `onCollect` in a flush, in milliseconds. */
  get #maxAgeMs(): number {
    return Math.max(this.#options.intervalMs, MAX_AGE_MS);
  }

  /** Gathers the shared families, with exposed names. */
  async #gather(maxAgeMs: number): Promise<MetricFamily[]> {
    const families: MetricFamily[] = [];
    const { timeoutMs } = this.#options;
    const options = { metricsOnly: true, maxAgeMs, timeoutMs };
    for await (const family of gatherAsync(this.#inner, options)) families.push(family);
    return this.#take(families);
  }

  /** Returns the families that can be shared. Their series do not expire before they are read. */
  #take(families: readonly MetricFamily[]): MetricFamily[] {
    const shared = families.filter((family) => {
      if (!isShared(family)) return false;
      const reason = whyNotShared(family);
      if (reason !== undefined) this.countError(family.name, "conflict", new TypeError(reason));
      return reason === undefined;
    });
    for (const { metrics } of shared) {
      const { expiry }: LiveMetrics = metrics;
      if (expiry !== undefined) this.#unread.beginRead(expiry);
    }
    return shared;
  }

  /** Flushes after each interval. Does not keep the program alive. */
  #schedule(): void {
    const { timers, intervalMs } = this.#options;
    this.#cancelTimer = timers.setTimeout(
      () => {
        this.#schedule();
        if (this.#running === undefined) this.#start(this.#maxAgeMs, true);
      },
      intervalMs,
      { inBackground: true },
    );
  }

  #limit(timeoutMs: number, options: TimeLimitOptions = {}): TimeLimit {
    const { timers } = this.#options;
    const message = `Cannot wait for the store any longer: ${timeoutMs} ms`;
    return limitTime(timeoutMs, { ...options, timers, message });
  }

  /** Returns a registry of one family of the inner registry. */
  #onlyWith(family: MetricFamily): Gatherer {
    return {
      prefix: this.#inner.prefix,
      collect: () => [family],
      countError: (...args) => this.countError(...args),
    };
  }

  /** Flushes and returns the content of the store, or undefined if it does not answer. */
  async #read(options: ReadAsyncOptions): Promise<Map<string, MetricFamily> | undefined> {
    const { session, timers } = this.#options;
    const timeoutMs = Math.min(options.timeoutMs ?? Infinity, this.#options.timeoutMs);
    const began = timers.monotonic();
    const limit = this.#limit(timeoutMs, { outer: options.signal });
    const half = this.#limit(timeoutMs * FLUSH_SHARE, { outer: options.signal });
    try {
      // After a flush that fails or takes too long, the store can still be read.
      await abortable(this.#flush(0), half.signal).catch(() => {});
      const left = Math.max(0, timeoutMs - (timers.monotonic() - began) * 1000);
      const stored = await readFamilies(session, {
        signal: limit.signal,
        timeoutMs: left,
        timers,
        onConflict: (name) => this.countError(name, "conflict"),
      });
      this.#isUp = true;
      return stored;
    } catch (error) {
      // It is no failure of the store if the caller has too little time, or has left.
      const hadTime = limit.isTimeout && timeoutMs === this.#options.timeoutMs;
      if (!limit.signal.aborted || hadTime) {
        this.#isUp = false;
        this.#count("read", error);
      }
      return undefined;
    } finally {
      limit.end();
      half.end();
    }
  }

  async #close(): Promise<void> {
    const { session, proxy, readOnly, timeoutMs } = this.#options;
    this.#cancelTimer();
    // Finishes the flushes that callers wait for.
    while (this.#running !== undefined) await (this.#next ?? this.#running);
    const hasFlushed = !readOnly && await this.#start(this.#maxAgeMs);
    this.#unread.release();
    const { signal, end } = this.#limit(timeoutMs);
    try {
      // Skips leave() if the flush failed.
      if (hasFlushed) await this.#flusher.leave(signal);
    } catch (error) {
      this.#count("close", error);
    }
    if (proxy?.getRegistry() === this) proxy.setRegistry(this.#inner, { collectors: "leave" });
    // The backend that replaces this one has already made its own entry.
    if (LOADED.get(this.#inner) === this.#options.loaded) LOADED.delete(this.#inner);
    try {
      await abortable(session.close(), signal);
    } catch (error) {
      this.#count("close", error);
    } finally {
      end();
    }
  }

  #count(operation: BackendOperation, error: unknown): void {
    this.#errors.set(operation, (this.#errors.get(operation) ?? 0) + 1);
    try {
      this.#options.onError(error, operation);
    } catch {
      // A failure of the store must not stop the program.
    }
  }

  #errorFamily(): MetricFamily {
    const { process } = this.#options;
    const name = "narthex_backend_errors_total";
    const help = "Operations on the store of the shared metrics that failed.";
    const family = new MetricFamily(name, help, "counter");
    for (const [operation, count] of this.#errors) {
      family.addSample(name, { operation, process }, count);
    }
    return family;
  }

  /** Returns the inner registry. Throws if it lacks an optional method. */
  #extended<K extends keyof CollectorRegistry>(method: K): Pick<CollectorRegistry, K> {
    const inner = this.#inner as Partial<CollectorRegistry>;
    if (typeof inner[method] !== "function") {
      throw new TypeError(`Cannot call ${method}(): the registry in use has no such method`);
    }
    // Its presence was just checked.
    return inner as Pick<CollectorRegistry, K>;
  }
}

/** Returns whether a registry is a shared one, of any copy of the package. */
export function isSharing(registry: Registry): registry is SharedRegistry {
  const { getInner, flush } = registry as Partial<SharedRegistry>;
  return typeof getInner === "function" && typeof flush === "function";
}

function withoutSeries({ name, help, type, unit }: MetricFamily): MetricFamily {
  return new MetricFamily(name, help, type, { unit, nameValidation: "utf8" });
}

function backendFamily(
  name: string,
  help: string,
  samples: readonly { labels: Readonly<Record<string, string>>; value: number }[],
): MetricFamily {
  const family = new MetricFamily(name, help, "gauge");
  for (const { labels, value } of samples) family.addSample(name, labels, value);
  return family;
}
