import { setInterval } from "node:timers";
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
import type { LiveMetrics, SeriesExpiry } from "../model.ts";
import type { Session } from "./backend.ts";
import { Flusher } from "./flusher.ts";
import { LOADED } from "./loaded.ts";
import { readFamilies } from "./reader.ts";
import { isShared, whyNotShared } from "./schema.ts";
import { abortable, timeLimit } from "./time_limit.ts";
import { UnreadSeries } from "./unread_series.ts";

/** Which part of a scrape's time may be spent on flushing; the rest is for reading. */
const FLUSH_SHARE = 0.5;

/** What can fail, as `narthex_backend_errors_total` tells it. */
export type BackendOperation = "flush" | "read" | "close";

/** What a shared registry is made of. */
export interface SharedRegistryOptions {
  /** The registry that holds the collectors. */
  readonly inner: Registry;
  /** The proxy that stands for the shared registry from now on, if there is one. */
  readonly proxy: CollectorRegistryProxy | undefined;
  /** The store, open. */
  readonly session: Session;
  /** What the label `process` says. */
  readonly process: string;
  /** Whether nothing is brought to the store. */
  readonly readOnly: boolean;
  /** How often what has changed is brought to the store, in milliseconds. */
  readonly intervalMs: number;
  /** How long the store is waited for, in milliseconds. */
  readonly timeoutMs: number;
  /** After how long a silence the store is told that this process is alive, in milliseconds. */
  readonly heartbeatMs: number;
  /** Called with every failure. */
  readonly onError: (error: unknown, operation: BackendOperation) => void;
}

/**
 * A registry that several processes share: what its metrics count is brought to a
 * store on an interval, and a read brings what all of them have counted.
 * {@linkcode loadBackend} makes one.
 *
 * It can be read only asynchronously. Names are as exposed, with the prefix and the
 * constant labels of the registry behind it, and so it has no prefix itself.
 */
export class SharedRegistry implements Registry {
  /** Always `null`: the names have the prefix of the registry behind it already. */
  readonly prefix = null;
  readonly #options: SharedRegistryOptions;
  readonly #metrics: Gatherer;
  readonly #flusher: Flusher;
  readonly #unread: UnreadSeries = new UnreadSeries();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  readonly #errors: Map<BackendOperation, number> = new Map();
  #running: Promise<boolean> | undefined = undefined;
  #next: Promise<boolean> | undefined = undefined;
  #closing: Promise<void> | undefined = undefined;

  /**
   * Takes a store that is open; {@linkcode loadBackend} does so.
   *
   * @param options What it is made of.
   */
  constructor(options: SharedRegistryOptions) {
    this.#options = options;
    const { inner, session, process, heartbeatMs } = options;
    // A registry that only reads brings nothing to the store, and so waits for nothing.
    const onRead = options.readOnly
      ? () => {}
      : (expiry: SeriesExpiry) => this.#unread.beginRead(expiry);
    this.#metrics = metricsOf(inner, onRead);
    this.#flusher = new Flusher({
      session,
      registry: this.#metrics,
      owner: inner,
      process,
      heartbeatMs,
      onLost: (error) => this.#count("flush", error),
      onRead: () => this.#unread.endRead(),
    });
    if (options.readOnly) return;
    // The first step meets all metrics: from now on nothing of them expires unread.
    for (const _ of this.#metrics.collect()); // Reads no number.
    this.#timer = setInterval(() => {
      if (this.#running === undefined) this.#start(true);
    }, options.intervalMs);
    // It is for the program to say how long it runs.
    this.#timer.unref();
  }

  /**
   * Returns the registry whose metrics are shared.
   *
   * @returns The registry behind this one.
   */
  getInner(): Registry {
    return this.#options.inner;
  }

  /** How many series a metric has at most, as the registry behind has it. */
  get maxSeries(): number | undefined {
    return this.#options.inner.maxSeries;
  }

  /**
   * Takes a collector in, as the registry behind does.
   *
   * @param collector The collector.
   * @returns What that registry returns.
   * @throws {TypeError} If it has a label `process` and is told apart by one.
   */
  register(collector: Collector): Collector | void {
    for (const family of collector?.describe?.() ?? []) {
      const reason = whyNotShared(family);
      if (reason !== undefined) throw new TypeError(`Cannot register collector: ${reason}`);
    }
    const { inner, readOnly } = this.#options;
    const kept = inner.register(collector);
    if (!readOnly) {
      for (const { metrics } of collector.describe?.() ?? []) {
        const { expiry }: LiveMetrics = metrics;
        if (expiry !== undefined) this.#unread.await(expiry);
      }
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
    return this.#options.inner.unregister(collector);
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
   * Brings the families of all processes: flushes, then reads. Collectors that are no
   * metrics of this library are read in this process only. When the store does not
   * answer in time, `narthex_backend_up` is 0 and the shared families have no series.
   *
   * @param options A signal and a time limit, which `timeoutMs` of `loadBackend` bounds.
   * @throws {Error} If the registry is closed.
   */
  async *collectAsync(options: ReadAsyncOptions = {}): AsyncGenerator<MetricFamily> {
    if (this.#closing !== undefined) {
      throw new Error("Cannot read the shared registry: it is closed");
    }
    const { inner, session } = this.#options;
    // Both at once: neither has to wait for the other.
    const reading = this.#read(options);
    const local: MetricFamily[] = [];
    for await (const family of inner.collectAsync?.(options) ?? inner.collect()) {
      // Each for itself: what a collector of one's own has under the name of a shared
      // metric is merged with what is shared, by whoever reads.
      local.push(...gather(this.#onlyWith(family)));
    }
    const stored = await reading;
    for (const family of local) {
      if (!isShared(family)) {
        yield family;
        continue;
      }
      yield stored?.get(family.name) ?? withoutSeries(family);
      stored?.delete(family.name);
    }
    if (stored !== undefined) yield* stored.values();
    yield backendFamily("narthex_backend_up", "Whether the store of the shared metrics answers.", [
      { labels: {}, value: stored === undefined ? 0 : 1 },
    ]);
    for (const { name, help, samples } of session.collect?.() ?? []) {
      yield backendFamily(name, help, samples);
    }
    if (this.#errors.size > 0) yield this.#errorFamily();
  }

  /**
   * Looks a sample up among those of all processes, as it is exposed. Meant for tests.
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
   * Brings what has changed to the store now. A failure is counted, and nothing is
   * lost by it: the next flush goes on from there.
   *
   * @returns Whether everything has arrived that was counted before the call.
   */
  flush(): Promise<boolean> {
    if (this.#options.readOnly || this.#closing !== undefined) return Promise.resolve(false);
    if (this.#running === undefined) return this.#start();
    // What runs may have passed by what was counted just now; those who wait share the next.
    return this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#running === undefined ? this.#start() : this.flush();
    });
  }

  /**
   * Flushes a last time, tells the others that this process ends, closes the store, and
   * puts the registry behind back into its place. Never rejects: failures are counted.
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
    this.#options.inner.countError?.(collector, cause, error, times);
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

  #start(inBackground = false): Promise<boolean> {
    const { signal, end } = timeLimit(this.#options.timeoutMs, { inBackground });
    const running = this.#flusher.flush(signal).then(() => true, (error) => {
      this.#count("flush", error);
      return false;
    }).finally(() => {
      end();
      this.#running = undefined;
    });
    return this.#running = running;
  }

  /** A registry that has one family of the registry behind. */
  #onlyWith(family: MetricFamily): Gatherer {
    return {
      prefix: this.#options.inner.prefix,
      collect: () => [family],
      countError: (...args) => this.countError(...args),
    };
  }

  /** What the store holds after a flush; nothing when it does not answer. */
  async #read(options: ReadAsyncOptions): Promise<Map<string, MetricFamily> | undefined> {
    const { session, readOnly } = this.#options;
    const timeoutMs = Math.min(options.timeoutMs ?? Infinity, this.#options.timeoutMs);
    const limit = timeLimit(timeoutMs, { outer: options.signal });
    const began = performance.now();
    const half = timeLimit(timeoutMs * FLUSH_SHARE, { outer: options.signal });
    try {
      // A flush that fails or takes too long leaves numbers out, which is no reason not to read.
      if (!readOnly) await abortable(this.flush(), half.signal).catch(() => {});
      const left = Math.max(0, timeoutMs - (performance.now() - began));
      const call = { signal: limit.signal, timeoutMs: left };
      return await readFamilies(session, call, (name) => this.countError(name, "conflict"));
    } catch (error) {
      this.#count("read", error);
      return undefined;
    } finally {
      limit.end();
      half.end();
    }
  }

  async #close(): Promise<void> {
    const { session, proxy, inner, readOnly, timeoutMs } = this.#options;
    clearInterval(this.#timer);
    // Whoever waits for a flush gets it.
    while (this.#running !== undefined) await (this.#next ?? this.#running);
    const hasFlushed = !readOnly && await this.#start();
    this.#unread.release();
    const { signal, end } = timeLimit(timeoutMs);
    try {
      // A store that does not answer hears no farewell either.
      if (hasFlushed) await this.#flusher.leave(signal);
    } catch (error) {
      this.#count("close", error);
    }
    if (proxy?.getRegistry() === this) proxy.setRegistry(inner, { collectors: "leave" });
    LOADED.delete(inner);
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
    const inner = this.#options.inner as Partial<CollectorRegistry>;
    if (typeof inner[method] !== "function") {
      throw new TypeError(`Cannot call ${method}(): the registry in use has no such method`);
    }
    // Its presence was just checked.
    return inner as Pick<CollectorRegistry, K>;
  }
}

/**
 * The part of a registry that is shared, to be read synchronously.
 *
 * @param registry The registry.
 * @param onRead Called with the expiry of each metric before it is read. @default {nothing}
 * @returns A view of it.
 */
export function metricsOf(
  registry: Registry,
  onRead: (expiry: SeriesExpiry) => void = () => {},
): Gatherer {
  return {
    prefix: registry.prefix,
    *collect(options) {
      for (const family of registry.collect({ ...options, metricsOnly: true })) {
        const { expiry }: LiveMetrics = family.metrics;
        if (expiry !== undefined) onRead(expiry);
        yield family;
      }
    },
    countError: (...args) => registry.countError?.(...args),
  };
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
