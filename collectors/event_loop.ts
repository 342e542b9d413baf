import { Histogram } from "../mod.ts";
import { builtinModule, type Platform } from "./platform.ts";

/** How long the sampler waits between two samples, in milliseconds. */
const INTERVAL_MS = 100;

/** From what a timer is late by nature to what nobody should have to wait. */
const LAG_BUCKETS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** What timers are where they are objects. */
interface TimerObject {
  unref?(): unknown;
}

/** What the sampler needs. */
interface LagClock {
  /** Milliseconds since some moment. */
  readonly now: () => number;
  readonly setTimeout: (callback: () => void, milliseconds: number) => unknown;
}

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
   * @param platform The global object.
   * @throws {TypeError} If it has no clock or no timers.
   */
  constructor(platform: Platform) {
    const { performance } = platform;
    if (performance === undefined || platform.setTimeout === undefined) {
      throw new TypeError("Cannot sample the event loop: the platform has no clock or no timers");
    }
    // Taken now, so that clocks which tests put in their place later do not have it run forever.
    const now = performance.now.bind(performance);
    sample({ now, setTimeout: platform.setTimeout.bind(platform) }, new WeakRef(this));
  }

  /**
   * Counts a sample.
   *
   * @param milliseconds By how much the timer was late.
   */
  observe(milliseconds: number): void {
    // A runtime may round its timers down.
    this.histogram.observe(Math.max(0, milliseconds) / 1000);
  }
}

/** Waits, counts, and goes on. It is not a method: what it holds, the timer holds. */
function sample(clock: LagClock, lag: WeakRef<EventLoopLag>): void {
  const due = clock.now() + INTERVAL_MS;
  const timer = clock.setTimeout(() => {
    const alive = lag.deref();
    if (alive === undefined) return;
    alive.observe(clock.now() - due);
    sample(clock, lag);
  }, INTERVAL_MS);
  // In browsers a timer is a number, and keeps nothing alive anyway.
  if (typeof timer === "object") (timer as TimerObject | null)?.unref?.();
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
