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

/** Which part of a scrape's time may be spent on flushing; the rest is for reading. */
const FLUSH_SHARE = 0.5;

/** How often `onCollect` runs for flushes at most, in milliseconds. */
const MAX_AGE_MS = 15_000;

/** What can fail, as `narthex_backend_errors_total` tells it. */
export type BackendOperation = "flush" | "read" | "close";

/** Options of {@linkcode SharedRegistry}. */
export interface SharedRegistryOptions {
  /** The registry that holds the collectors. */
  readonly inner: Registry;
  /** The proxy that stands for the shared registry from now on, if there is one. */
  readonly proxy: CollectorRegistryProxy | undefined;
  /** The families of its metrics, as exposed. */
  readonly families: readonly MetricFamily[];
  /** The entry among the registries that are shared. It is removed when the registry is closed. */
  readonly loaded: object;
  /** The store, open. */
  readonly session: Session;
  /** What the label `process` says. */
  readonly process: string;
  /** Whether nothing is brought to the store. */
  readonly readOnly: boolean;
  /** How often changes are brought to the store, in milliseconds. */
  readonly intervalMs: number;
  /** How long the store may take, in milliseconds. */
  readonly timeoutMs: number;
  /** After how long a silence the store hears that this process is alive, in milliseconds. */
  readonly heartbeatMs: number;
  /** Where time comes from. */
  readonly timers: Timers;
  /** Called with every failure. */
  readonly onError: (error: unknown, operation: BackendOperation) => void;
}

/**
 * A registry that several processes share. The changes of its metrics are brought to a store on an
 * interval, and a read returns what all processes have counted. {@linkcode loadBackend} makes one.
 *
 * It can be read only asynchronously. Names are as exposed, with the prefix and the constant labels
 * of the registry behind it, so it has no prefix itself.
 */
export class SharedRegistry implements Registry {
  /** Always `null`: the names have the prefix of the registry behind it already. */
  readonly prefix = null;
  readonly #options: SharedRegistryOptions;
  #inner: Registry;
  readonly #flusher: Flusher;
  readonly #unread: UnreadSeries = new UnreadSeries();
  /** The names of the families that are shared, as the last gather has met them. */
  #names: ReadonlySet<string> = new Set();
  #cancelTimer: () => void = () => {};
  readonly #errors: Map<BackendOperation, number> = new Map();
  /** Whether the store has answered when it was asked last; undefined before that. */
  #isUp: boolean | undefined = undefined;
  #running: Promise<boolean> | undefined = undefined;
  #next: Promise<boolean> | undefined = undefined;
  /** How old the numbers of a metric with `onCollect` may be for the next flush, in milliseconds. */
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
    // From now on no series expires before it was read.
    this.#take(options.families);
    this.#schedule();
  }

  /**
   * Returns the registry whose metrics are shared.
   *
   * @returns The registry behind this one.
   */
  getInner(): Registry {
    return this.#inner;
  }

  /**
   * Shares the metrics of another registry from now on. What was counted stays in the store. A
   * metric that is in both registries goes on from there.
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

  /** How many series a metric has at most, as the registry behind has it. */
  get maxSeries(): number | undefined {
    return this.#inner.maxSeries;
  }

  /**
   * Takes a collector in, as the registry behind does.
   *
   * @param collector The collector.
   * @returns What that registry returns.
   * @throws {TypeError} If it has a label `process` that the store adds itself.
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
   * Lets a collector go, as the registry behind does. What was counted stays shared.
   *
   * @param collector The collector, by identity.
   * @returns What that registry returns.
   */
  unregister(collector: Collector): boolean | void {
    return this.#inner.unregister(collector);
  }

  /**
   * Refused: what other processes counted cannot be read synchronously.
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
   * Returns the families of all processes: flushes, then reads. Collectors that are not metrics of
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
    // At the same time: a slow collector does not keep the store waiting. The flush brings metrics
    // with onCollect up to date.
    const reading = this.#read(options);
    const met: MetricFamily[] = [];
    const given = { maxAgeMs: this.#maxAgeMs, ...options };
    const families = this.#inner.collectAsync?.(given) ?? this.#inner.collect(options);
    // Each for itself: a reader merges the family of a custom collector with a shared one. Of a
    // metric this reads no number.
    for await (const family of families) met.push(...gather(this.#onlyWith(family)));
    const stored = await reading;
    for (const family of met) {
      if (!isShared(family) || !this.#names.has(family.name)) {
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
   * Finds a sample among those of all processes, as it is exposed. For tests.
   *
   * @param name The name of the sample.
   * @param labels All its labels. @default {{}}
   * @returns Its value, or `undefined` when there is no such sample.
   */
  async getSampleValueAsync(
    name: string,
    labels: Readonly<Record<string, LabelValue>> = {},
  ): Promise<number | undefined> {
    const families: MetricFamily[] = [];
    for await (const family of gatherAsync(this)) families.push(family);
    // A registry of what was read looks it up as any registry does.
    const read = new CollectorRegistry();
    read.register({ collect: () => families });
    return read.getSampleValue(name, labels);
  }

  /**
   * Brings all changes to the store now. A failure is counted and loses nothing: the next flush
   * goes on from there.
   *
   * @returns Whether everything that was counted before the call has arrived.
   */
  flush(): Promise<boolean> {
    return this.#flush(this.#maxAgeMs);
  }

  /**
   * Flushes a last time, tells the store that this process ends, closes it, and puts the registry
   * behind back into its place. Never rejects: failures are counted.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** The same as {@linkcode close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Counts something that had to be left out of a read, in the registry behind.
   *
   * @param collector The name of the collector or of the family.
   * @param cause Why it was left out.
   */
  countError(collector: string, cause: CollectorErrorCause, error?: unknown, times = 1): void {
    this.#inner.countError?.(collector, cause, error, times);
  }

  /** Lets all collectors of this process go. What was counted stays shared. */
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
   * The labels of the `target_info` series of this process.
   *
   * @returns The labels, or `null`.
   */
  getTargetInfo(): Record<string, string> | null {
    return this.#extended("getTargetInfo").getTargetInfo();
  }

  #flush(maxAgeMs: number): Promise<boolean> {
    if (this.#options.readOnly || this.#closing !== undefined) return Promise.resolve(false);
    if (this.#running === undefined) return this.#start(maxAgeMs);
    // The running flush may have passed what was counted just now. All callers share the next one.
    this.#nextAgeMs = Math.min(this.#nextAgeMs, maxAgeMs);
    return this.#next ??= this.#running.then(() => {
      const maxAgeMs = this.#nextAgeMs;
      this.#next = undefined;
      this.#nextAgeMs = Infinity;
      return this.#running === undefined ? this.#start(maxAgeMs) : this.#flush(maxAgeMs);
    });
  }

  #start(maxAgeMs: number, inBackground = false): Promise<boolean> {
    const { signal, end } = this.#limit(this.#options.timeoutMs, { inBackground });
    const running = this.#gather(maxAgeMs, signal).then((families) => {
      return this.#flusher.flush(families, signal);
    }).then(() => {
      this.#unread.endRead();
      return true;
    }, (error) => {
      this.#count("flush", error);
      return false;
    }).finally(() => {
      end();
      this.#running = undefined;
    });
    return this.#running = running;
  }

  /** How old the numbers of a metric with `onCollect` may be for a flush, in milliseconds. */
  get #maxAgeMs(): number {
    return Math.max(this.#options.intervalMs, MAX_AGE_MS);
  }

  /** The families that are shared, as exposed. */
  async #gather(maxAgeMs: number, signal: AbortSignal): Promise<MetricFamily[]> {
    const families: MetricFamily[] = [];
    const options = { metricsOnly: true, maxAgeMs, signal };
    for await (const family of gatherAsync(this.#inner, options)) families.push(family);
    return this.#take(families);
  }

  /** Keeps what can be shared. Nothing of it expires before it was read. */
  #take(families: readonly MetricFamily[]): MetricFamily[] {
    const shared = families.filter((family) => {
      if (!isShared(family)) return false;
      const reason = whyNotShared(family);
      if (reason !== undefined) this.countError(family.name, "conflict", new TypeError(reason));
      return reason === undefined;
    });
    this.#names = new Set(shared.map(({ name }) => name));
    if (this.#options.readOnly) return shared;
    for (const { metrics } of shared) {
      const { expiry }: LiveMetrics = metrics;
      if (expiry !== undefined) this.#unread.beginRead(expiry);
    }
    return shared;
  }

  /** Flushes after each interval. The program may end meanwhile. */
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

  /** A registry that has one family of the registry behind. */
  #onlyWith(family: MetricFamily): Gatherer {
    return {
      prefix: this.#inner.prefix,
      collect: () => [family],
      countError: (...args) => this.countError(...args),
    };
  }

  /** Returns what the store holds after a flush; undefined if it does not answer. */
  async #read(options: ReadAsyncOptions): Promise<Map<string, MetricFamily> | undefined> {
    const { session, readOnly, timers } = this.#options;
    const timeoutMs = Math.min(options.timeoutMs ?? Infinity, this.#options.timeoutMs);
    const began = timers.monotonic();
    const limit = this.#limit(timeoutMs, { outer: options.signal });
    const half = this.#limit(timeoutMs * FLUSH_SHARE, { outer: options.signal });
    try {
      // A flush that fails or takes too long leaves numbers out, but the store can still be read.
      if (readOnly) await this.#gather(this.#maxAgeMs, half.signal);
      else await abortable(this.#flush(0), half.signal).catch(() => {});
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
      // The store is not to blame for a caller that has no time, or has left.
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
    // Flushes that callers wait for come first.
    while (this.#running !== undefined) await (this.#next ?? this.#running);
    const hasFlushed = !readOnly && await this.#start(this.#maxAgeMs);
    this.#unread.release();
    const { signal, end } = this.#limit(timeoutMs);
    try {
      // A store that does not answer is not told.
      if (hasFlushed) await this.#flusher.leave(signal);
    } catch (error) {
      this.#count("close", error);
    }
    if (proxy?.getRegistry() === this) proxy.setRegistry(this.#inner, { collectors: "leave" });
    // A backend that takes the place of this one is there already.
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
      // A failure of the store must not become one of the program.
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

  /** The registry behind, when it has a method that the protocol does not ask for. */
  #extended<K extends keyof CollectorRegistry>(method: K): Pick<CollectorRegistry, K> {
    const inner = this.#inner as Partial<CollectorRegistry>;
    if (typeof inner[method] !== "function") {
      throw new TypeError(`Cannot call ${method}(): the registry in use has no such method`);
    }
    // Its presence was just checked.
    return inner as Pick<CollectorRegistry, K>;
  }
}

/** Whether a registry stands before another one that it shares, of any copy of the package. */
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
