import { checkKnownOptions, checkShape, type KnownOptions } from "../../model.ts";
import { wait } from "../../time/time_limit.ts";
import { checkPositive } from "./checks.ts";
import type { Sender } from "./sender.ts";
import { addSenderMetrics, type SenderMetricNames } from "./sender_metrics.ts";

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

/** Common options of senders with an interval. */
export interface IntervalOptions {
  /** The time between two snapshots, in milliseconds. */
  intervalMs?: number | undefined;
  /** Whether to start without a call of `start()`. @default {true} */
  autoStart?: boolean | undefined;
  /**
   * Whether the registry gets metrics about the sender, if it accepts collectors. @default {true}
   */
  ownMetrics?: boolean | undefined;
}

/** The names of these options. */
export const INTERVAL_OPTIONS: KnownOptions<IntervalOptions> = {
  intervalMs: true,
  autoStart: true,
  ownMetrics: true,
};

/** Options of {@linkcode IntervalSender}. */
export interface IntervalSenderOptions extends IntervalOptions {
  /** The kind of the sender, for error messages, such as `a remote writer`. */
  readonly what: string;
  readonly metrics: SenderMetricNames;
  /** Whether all series end with the last snapshot. */
  readonly endsSeries?: boolean;
}

/** Sends a registry on an interval, and a last time at the end. */
export class IntervalSender {
  readonly sender: Sender;
  readonly #what: string;
  readonly #intervalMs: number;
  readonly #endsSeries: boolean;
  readonly #end = new AbortController();
  readonly #removeMetrics: () => void;
  #isStarted = false;
  #closing: Promise<void> | undefined;

  constructor(sender: Sender, options: IntervalSenderOptions) {
    const { intervalMs, autoStart = true, ownMetrics = true, endsSeries = false } = options;
    const { doing } = sender;
    this.sender = sender;
    this.#what = options.what;
    this.#intervalMs = checkPositive(intervalMs, doing, "intervalMs");
    checkShape(typeof autoStart === "boolean", doing, "autoStart must be a boolean", autoStart);
    checkShape(typeof ownMetrics === "boolean", doing, "ownMetrics must be a boolean", ownMetrics);
    this.#endsSeries = endsSeries;
    this.#removeMetrics = ownMetrics ? addSenderMetrics(sender, options.metrics) : () => {};
    if (autoStart) this.start();
  }

  /** Starts sending, unless it has started already. */
  start(): void {
    this.#refuseClosed("start");
    if (this.#isStarted) return;
    this.#isStarted = true;
    void this.#run();
  }

  /** Takes a snapshot and waits until the receiver has accepted it. */
  async flush(options: FlushOptions): Promise<void> {
    this.#refuseClosed("flush");
    await this.sender.flush(this.#checkLimits(options, 30_000));
  }

  /** Flushes a last time and stops. Never rejects if samples could not be sent. */
  close(options: FlushOptions): Promise<void> {
    if (this.#closing === undefined) {
      this.#closing = this.#close(this.#checkLimits(options, 5000));
    }
    return this.#closing;
  }

  async #run(): Promise<void> {
    const { clock, random } = this.sender.settings;
    const { signal } = this.#end;
    for (let waitMs = this.#intervalMs * random();;) {
      await wait(waitMs, { signal, inBackground: true, timers: clock });
      if (signal.aborted) return;
      const began = clock.monotonic();
      try {
        await this.sender.takeTurn();
      } catch (error) {
        if (!signal.aborted) this.sender.report(error);
      }
      waitMs = Math.max(0, this.#intervalMs - (clock.monotonic() - began) * 1000);
    }
  }

  async #close(limits: FlushOptions & { timeoutMs: number }): Promise<void> {
    this.#end.abort();
    try {
      await this.sender.flush(limits, this.#endsSeries);
    } catch (error) {
      this.sender.report(error);
    }
    this.sender.stop();
    this.#removeMetrics();
  }

  /** Checks when to stop waiting, and fills in the time. */
  #checkLimits(options: FlushOptions, byDefault: number): FlushOptions & { timeoutMs: number } {
    const { doing } = this.sender;
    const { signal, timeoutMs = byDefault } = checkKnownOptions(options, FLUSH_OPTIONS, doing);
    return { signal, timeoutMs: checkPositive(timeoutMs, doing, "timeoutMs") };
  }

  #refuseClosed(action: string): void {
    if (this.#closing !== undefined) {
      throw new TypeError(`Cannot ${action} ${this.#what}: it is closed`);
    }
  }
}
