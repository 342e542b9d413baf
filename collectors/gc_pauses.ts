import { Histogram } from "../mod.ts";
import { builtinModule, type Platform } from "./platform.ts";

/** The kinds of garbage collection, by the bits of V8. */
const KINDS: ReadonlyMap<number, string> = new Map([
  [1, "minor"],
  [2, "minor"], // Another algorithm, which V8 has behind a flag.
  [4, "major"],
  [8, "incremental"],
  [16, "weak_callbacks"],
]);

/** From a short scavenge to a noticeable pause. */
const PAUSE_BUCKETS = [0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];

/** A garbage collection, as `node:perf_hooks` reports it. */
interface GcEntry {
  /** Milliseconds. */
  readonly duration: number;
  readonly detail?: { readonly kind?: number };
}

/** An observer of `node:perf_hooks`. */
interface Observer {
  observe(options: { entryTypes: readonly string[] }): void;
  disconnect(): void;
}

/** The part of `node:perf_hooks` that is used. */
interface PerformanceHooks {
  readonly PerformanceObserver: new (
    callback: (list: { getEntries(): readonly GcEntry[] }) => void,
  ) => Observer;
}

/**
 * The pauses of garbage collections, if the runtime reports them. Node does. Bun has no such
 * entries, and Deno accepts the observer but never calls it.
 *
 * The observer stops when this object is garbage-collected.
 */
export class GcPauses {
  /** The pauses, in seconds. */
  readonly histogram: Histogram<readonly ["kind"]> = new Histogram(
    "runtime_gc_duration_seconds",
    "How long garbage collections stopped the program, by kind.",
    { registry: null, labelNames: ["kind"], buckets: PAUSE_BUCKETS },
  );
  #seen = false;

  /**
   * Starts the observer.
   *
   * @param platform The global object.
   */
  constructor(platform: Platform) {
    const { PerformanceObserver } = builtinModule<PerformanceHooks>(platform, "node:perf_hooks") ??
      {};
    if (PerformanceObserver !== undefined) watch(PerformanceObserver, new WeakRef(this));
  }

  /** Whether there was a pause, so that the runtime reports them. */
  get seen(): boolean {
    return this.#seen;
  }

  /**
   * Counts a garbage collection.
   *
   * @param entry The report of the runtime.
   */
  observe({ duration, detail }: GcEntry): void {
    this.#seen = true;
    this.histogram.labels(KINDS.get(detail?.kind ?? 0) ?? "other").observe(duration / 1000);
  }
}

/** Starts an observer. It is not a method, so that the observer does not hold `this`. */
function watch(
  PerformanceObserver: PerformanceHooks["PerformanceObserver"],
  pauses: WeakRef<GcPauses>,
): void {
  const observer = new PerformanceObserver((list) => {
    const alive = pauses.deref();
    if (alive === undefined) return observer.disconnect();
    for (const entry of list.getEntries()) alive.observe(entry);
  });
  observer.observe({ entryTypes: ["gc"] });
}
