import { Histogram } from "../mod.ts";
import type { Timers } from "../time/clock.ts";
import { builtinModule, type Platform } from "./platform.ts";

/** How long the sampler waits between two samples, in milliseconds. */
const INTERVAL_MS = 100;

/** From what a timer is late by nature to what nobody should have to wait. */
const LAG_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** The part of `node:perf_hooks` that is used. */
interface PerformanceHooks {
  readonly performance: {
    eventLoopUtilization?(): { readonly idle: number; readonly active: number };
  };
}

/**
 * How late the event loop is: a timer, ten times a second, and by how much it missed its
 * time. A loop that is blocked is seen by one in so many samples as it is blocked in so
 * much of the time, and then for as long as what waits has to wait on.
 *
 * The timer keeps nothing alive: neither the program, nor the sampler, which ends when
 * nobody has it any more.
 */
export class EventLoopLag {
  /** The lag, in seconds. */
  readonly histogram: Histogram = new Histogram(
    "runtime_event_loop_lag_seconds",
    "How late timers of the event loop were, sampled ten times a second.",
    { registry: null, buckets: LAG_BUCKETS },
  );

  /**
   * Starts to sample.
   *
   * @param timers The clock and the timers.
   */
  constructor(timers: Timers) {
    sample(timers, new WeakRef(this));
  }

  /**
   * Counts a sample.
   *
   * @param seconds By how much the timer was late.
   */
  observe(seconds: number): void {
    // A runtime may round its timers down.
    this.histogram.observe(Math.max(0, seconds));
  }
}

/** Waits, counts, and goes on. It is not a method: what it holds, the timer holds. */
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
 * For how long the event loop has worked rather than waited, where the runtime measures
 * it: Node. Deno and Bun say 0.
 *
 * @param platform The global object.
 * @returns Seconds; nothing where it is not measured, or the loop has not begun.
 */
export function readActiveTime(platform: Platform): number | undefined {
  const { performance } = builtinModule<PerformanceHooks>(platform, "node:perf_hooks") ?? {};
  const { active = 0 } = performance?.eventLoopUtilization?.() ?? {};
  return active > 0 ? active / 1000 : undefined;
}
