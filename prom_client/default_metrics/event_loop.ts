import { attempt, type Platform, runtimeOf } from "../../collectors/platform.ts";
import { Summary as NativeSummary } from "../../mod.ts";
import { SYSTEM_CLOCK, type Timers } from "../../time/clock.ts";
import { builtin } from "../builtin.ts";
import { Histogram } from "../histogram.ts";
import { DEFAULT_PERCENTILES, Summary } from "../summary.ts";
import type { Aggregator } from "../types.ts";
import { type Context, gaugeOf, optionsOf } from "./context.ts";

/** The delays of the event loop since the last reset, in nanoseconds. */
interface Delay {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  percentile(percentile: number): number;
  reset(): void;
}

/** The part of `node:perf_hooks` that is used. */
interface PerformanceHooks {
  monitorEventLoopDelay?(options: { resolution: number }): Delay & { enable(): void };
  readonly performance: {
    eventLoopUtilization?(...before: Utilization[]): Utilization;
  };
}

/** The time that the event loop was idle and active, since its start or between two reads. */
interface Utilization {
  readonly idle: number;
  readonly active: number;
  readonly utilization: number;
}

/** Options of the metrics of the event loop. */
export interface EventLoopOptions {
  readonly eventLoopMonitoringPrecision: number;
  readonly eventLoopUtilizationTimeout?: number | undefined;
  readonly eventLoopUtilizationBuckets?: number[] | undefined;
  readonly eventLoopUtilizationPercentiles?: number[] | undefined;
  readonly eventLoopUtilizationAgeBuckets?: number | undefined;
  readonly eventLoopUtilizationMaxAgeSeconds?: number | undefined;
}

/** Measures the delay of the event loop with a timer, because the monitor of Deno is wrong. */
export class SampledDelay implements Delay {
  min = Infinity;
  max = 0;
  readonly #values = new NativeSummary("lag", "Lag.", {
    registry: null,
    quantiles: [0.5, 0.9, 0.99],
  });
  #squares = 0;

  /** Starts to sample, with `resolution` milliseconds between two samples. */
  constructor(resolution: number, timers: Timers = SYSTEM_CLOCK) {
    sample(new WeakRef(this), resolution, timers);
  }

  /** Counts a sample, in nanoseconds. */
  observe(nanoseconds: number): void {
    this.min = Math.min(this.min, nanoseconds);
    this.max = Math.max(this.max, nanoseconds);
    this.#values.observe(nanoseconds);
    this.#squares += nanoseconds ** 2;
  }

  get mean(): number {
    const { sum, count } = this.#values.labels();
    return sum / count;
  }

  get stddev(): number {
    const { count } = this.#values.labels();
    return Math.sqrt(Math.max(0, this.#squares / count - this.mean ** 2));
  }

  percentile(percentile: number): number {
    const { quantiles, quantileValues } = readQuantiles(this.#values);
    return quantileValues[quantiles.indexOf(percentile / 100)] ?? NaN;
  }

  reset(): void {
    this.min = Infinity;
    this.max = 0;
    this.#squares = 0;
    this.#values.clear();
  }
}

function readQuantiles(
  summary: NativeSummary,
): { quantiles: readonly number[]; quantileValues: readonly number[] } {
  const series = summary.labels();
  return { quantiles: series.quantiles, quantileValues: series.quantileValues() };
}

/** It is not a method: what it holds, the timer holds. */
function sample(delay: WeakRef<SampledDelay>, resolution: number, timers: Timers): void {
  const due = timers.monotonic() + resolution / 1000;
  const fire = (): void => {
    const alive = delay.deref();
    if (alive === undefined) return;
    alive.observe(Math.max(0, timers.monotonic() - due) * 1e9);
    sample(delay, resolution, timers);
  };
  timers.setTimeout(fire, resolution, { inBackground: true });
}

function delayOf(resolution: number): Delay | undefined {
  if (runtimeOf(globalThis as Platform)?.runtime === "deno") return new SampledDelay(resolution);
  const hooks = builtin<PerformanceHooks>("node:perf_hooks");
  return attempt(() => {
    const delay = hooks?.monitorEventLoopDelay?.({ resolution });
    delay?.enable();
    return delay;
  });
}

/** Registers gauges of the event loop's delay. */
export function eventLoopLag(context: Context, options: EventLoopOptions): void {
  const { labels } = context;
  const delay = delayOf(options.eventLoopMonitoringPrecision);
  const lag = gaugeOf(context, "nodejs_eventloop_lag_seconds", "Lag of event loop in seconds.", {
    aggregator: "average",
    collect() {
      const start = SYSTEM_CLOCK.monotonic();
      SYSTEM_CLOCK.nextTurn(() => lag.set(labels, SYSTEM_CLOCK.monotonic() - start));
      if (delay === undefined) return;
      for (const { gauge, read } of others) gauge.set(labels, read(delay) / 1e9);
      delay.reset();
    },
  });
  const of = (
    name: string,
    help: string,
    aggregator: Aggregator,
    read: (delay: Delay) => number,
  ): { gauge: typeof lag; read: (delay: Delay) => number } => ({
    gauge: gaugeOf(context, `nodejs_eventloop_lag_${name}_seconds`, help, { aggregator }),
    read,
  });
  const others = [
    of("min", "The minimum recorded event loop delay.", "min", ({ min }) => min),
    of("max", "The maximum recorded event loop delay.", "max", ({ max }) => max),
    of("mean", "The mean of the recorded event loop delays.", "average", ({ mean }) => mean),
    of(
      "stddev",
      "The standard deviation of the recorded event loop delays.",
      "average",
      ({ stddev }) => stddev,
    ),
    ...[50, 90, 99].map((percentile) =>
      of(
        `p${percentile}`,
        `The ${percentile}th percentile of the recorded event loop delays.`,
        "average",
        (recorded) => recorded.percentile(percentile),
      )
    ),
  ];
}

/** Registers the share of time in which the event loop is active. */
export function eventLoopUtilization(context: Context, options: EventLoopOptions): void {
  const help =
    "Ratio of time the event loop is not idling in the event provider to the total time " +
    "the event loop is running.";
  const summary = new Summary<string>({
    ...optionsOf(context, "nodejs_eventloop_utilization_summary", help),
    maxAgeSeconds: options.eventLoopUtilizationMaxAgeSeconds ?? 60,
    ageBuckets: options.eventLoopUtilizationAgeBuckets ?? 5,
    percentiles: options.eventLoopUtilizationPercentiles ?? DEFAULT_PERCENTILES,
  });
  const histogram = new Histogram<string>({
    ...optionsOf(context, "nodejs_eventloop_utilization_histogram", help),
    buckets: options.eventLoopUtilizationBuckets ??
      [0.01, 0.05, 0.1, 0.25, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9, 0.95, 0.99, 1],
  });
  const { performance } = builtin<PerformanceHooks>("node:perf_hooks") ?? {};
  const read = performance?.eventLoopUtilization?.bind(performance);
  if (read === undefined) return;
  const interval = options.eventLoopUtilizationTimeout ?? 100;
  const target = { summary, histogram };
  // It is held as long as the summary is.
  targets.set(summary, target);
  observeUtilization(read, new WeakRef(target), interval);
}

/** Holds what the timer only has a weak reference to. */
const targets: WeakMap<Summary, object> = new WeakMap();

function observeUtilization(
  read: (...before: Utilization[]) => Utilization,
  target: WeakRef<{ summary: Summary; histogram: Histogram }>,
  interval: number,
): void {
  let before = read();
  let start = SYSTEM_CLOCK.monotonic();
  const fire = (): void => {
    const alive = target.deref();
    if (alive === undefined) return;
    const now = read();
    const { utilization } = read(now, before);
    const end = SYSTEM_CLOCK.monotonic();
    // Deno and Bun always say 0 and do not measure it.
    const isMeasured = now.active > 0 || now.idle > 0;
    const missed = isMeasured ? Math.round((end - start) * 1000 / interval) : 0;
    for (let i = 0; i < missed; i++) {
      alive.summary.observe(utilization);
      alive.histogram.observe(utilization);
    }
    before = now;
    start = end;
    SYSTEM_CLOCK.setTimeout(fire, interval, { inBackground: true });
  };
  SYSTEM_CLOCK.setTimeout(fire, interval, { inBackground: true });
}
