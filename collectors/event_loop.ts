import { Histogram } from "../mod.ts";
import type { Timers } from "../time/clock.ts";
import { builtinModule, type Platform } from "./platform.ts";

/** The time between two samples, in milliseconds. */
const INTERVAL_MS = 100;

/** From the usual delay of a timer to delays that no user should notice. */
const LAG_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** The part of `node:perf_hooks` that is used. */
interface PerformanceHooks {
  readonly performance: {
    eventLoopUtilization?(): { readonly idle: number; readonly active: number };
  };
}

/**
 * The lag of the event loop: the delay of a timer that fires ten times a second. The share of late
 * samples is the share of the time in which the loop is blocked. A late sample is the time that
 * other callbacks have to wait.
 *
 * The timer does not keep the program running. It stops when this object is garbage-collected.
 */
export class EventLoopLag {
  /** The lag, in seconds. */
  readonly histogram: Histogram = new Histogram(
    "runtime_event_loop_lag_seconds",
    "How late timers of the event loop were, sampled ten times a second.",
    { registry: null, buckets: LAG_BUCKETS },
  );

  /**
   * Starts the timer.
   *
   * @param timers The clock and the timers.
   */
  constructor(timers: Timers) {
    sample(timers, new WeakRef(this));
  }

  /**
   * Counts a sample.
   *
   * @param seconds The delay of the timer.
   */
  observe(seconds: number): void {
    // A runtime may fire a timer early, because it rounds down.
    this.histogram.observe(Math.max(0, seconds));
  }
}

/**
 * Starts one sample after the other. It is not a method, so that the timer does not hold `this`.
 */
function sample(timers: Timers, lag: WeakRef<EventLoopLag>): void {
  const due = timers.monotonic() + INTERVAL_MS / 1000;
  timers.setTimeout(
    () => {
      const alive = lag.deref();
      if (alive === undefined) return;
      alive.observe(timers.monotonic() - due);
      sample(timers, lag);
    },
    INTERVAL_MS,
    { inBackground: true },
  );
}

/**
 * Returns the time that the event loop did not spend waiting, if the runtime measures it. Node
 * does. Deno and Bun return 0.
 *
 * @param platform The global object.
 * @returns Seconds. Undefined if it is not measured, or if the loop has not started.
 */
export function readActiveTime(platform: Platform): number | undefined {
  const { performance } = builtinModule<PerformanceHooks>(platform, "node:perf_hooks") ?? {};
  const { active = 0 } = performance?.eventLoopUtilization?.() ?? {};
  return active > 0 ? active / 1000 : undefined;
}
