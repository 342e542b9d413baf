import { attempt } from "../../collectors/platform.ts";
import { builtin } from "../builtin.ts";
import type { Gauge } from "../gauge.ts";
import { Histogram } from "../histogram.ts";
import { type Context, gaugeOf, optionsOf, processOf } from "./context.ts";

/** The options of two gauges that count objects of the runtime, by type and in total. */
interface Activity {
  readonly name: string;
  readonly help: string;
  readonly totalHelp: string;
  /** Returns the type of each. */
  readonly read: () => string[];
}

function activityGauges(context: Context, { name, help, totalHelp, read }: Activity): void {
  gaugeOf(context, name, help, {
    labelNames: ["type"],
    collect() {
      const counts = new Map<string, number>();
      for (const type of read()) counts.set(type, (counts.get(type) ?? 0) + 1);
      this.reset();
      for (const [type, count] of counts) this.set({ type, ...context.labels }, count);
    },
  });
  gaugeOf(context, `${name}_total`, totalHelp, {
    collect() {
      this.set(context.labels, read().length);
    },
  });
}

/** The class of each of some objects. */
function classNames(objects: object[]): string[] {
  return objects.map((object) => object?.constructor?.name).filter((name) => name !== undefined);
}

/** Registers the number of resources that keep the event loop alive. */
export function processResources(context: Context): void {
  if (processOf().getActiveResourcesInfo === undefined) return;
  activityGauges(context, {
    name: "nodejs_active_resources",
    help: "Number of active resources that are currently keeping the event loop alive, " +
      "grouped by async resource type.",
    totalHelp: "Total number of active resources.",
    read: () => processOf().getActiveResourcesInfo!(),
  });
}

/** Registers the number of libuv handles. */
export function processHandles(context: Context): void {
  if (processOf()._getActiveHandles === undefined) return;
  activityGauges(context, {
    name: "nodejs_active_handles",
    help: "Number of active libuv handles grouped by handle type. " +
      "Every handle type is C++ class name.",
    totalHelp: "Total number of active handles.",
    read: () => classNames(processOf()._getActiveHandles!()),
  });
}

/** Registers the number of libuv requests. */
export function processRequests(context: Context): void {
  if (processOf()._getActiveRequests === undefined) return;
  activityGauges(context, {
    name: "nodejs_active_requests",
    help: "Number of active libuv requests grouped by request type. " +
      "Every request type is C++ class name.",
    totalHelp: "Total number of active requests.",
    read: () => classNames(processOf()._getActiveRequests!()),
  });
}

/** Registers the size of the JavaScript heap. */
export function heapSizeAndUsed(context: Context): void {
  if (processOf().memoryUsage === undefined) return;
  const { labels } = context;
  gaugeOf(
    context,
    "nodejs_heap_size_total_bytes",
    "Process heap size from Node.js in bytes.",
    {
      collect() {
        const usage = attempt(() => processOf().memoryUsage!());
        if (usage === undefined) return;
        this.set(labels, usage.heapTotal);
        used.set(labels, usage.heapUsed);
        if (usage.external !== undefined) external.set(labels, usage.external);
      },
    },
  );
  const used = gaugeOf(
    context,
    "nodejs_heap_size_used_bytes",
    "Process heap size used from Node.js in bytes.",
  );
  const external = gaugeOf(
    context,
    "nodejs_external_memory_bytes",
    "Node.js external memory size in bytes.",
  );
}

/** The part of `node:v8` that is used. */
interface V8 {
  getHeapSpaceStatistics(): {
    space_name: string;
    space_size: number;
    space_used_size: number;
    space_available_size: number;
  }[];
}

/** Registers the sizes of the parts of the JavaScript heap. */
export function heapSpacesSizeAndUsed(context: Context): void {
  const v8 = builtin<V8>("node:v8");
  const read = (): ReturnType<V8["getHeapSpaceStatistics"]> | undefined =>
    attempt(() => v8?.getHeapSpaceStatistics());
  if (read() === undefined) return;
  const of = (part: string, collect?: (this: Gauge) => void): Gauge =>
    gaugeOf(
      context,
      `nodejs_heap_space_size_${part}_bytes`,
      `Process heap space size ${part} from Node.js in bytes.`,
      { labelNames: ["space"], ...(collect && { collect }) },
    );
  const total = of("total", () => {
    for (const space of read() ?? []) {
      // Without the suffix that all of them have.
      const labels = { space: space.space_name.replace(/_space.*$/, ""), ...context.labels };
      total.set(labels, space.space_size);
      used.set(labels, space.space_used_size);
      available.set(labels, space.space_available_size);
    }
  });
  const used = of("used");
  const available = of("available");
}

/** Registers the version of Node.js that the runtime is, or is compatible with. */
export function version(context: Context): void {
  const text = processOf().version ?? "v0.0.0";
  const [major = 0, minor = 0, patch = 0] = text.slice(1).split(".").map(Number);
  gaugeOf(context, "nodejs_version_info", "Node.js version info.", {
    labelNames: ["version", "major", "minor", "patch"],
    aggregator: "first",
    collect() {
      this.set({ version: text, major, minor, patch, ...context.labels }, 1);
    },
  });
}

/** The kinds of garbage collection, by the bit that V8 has for each. */
const KINDS: ReadonlyMap<number, string> = new Map([
  [1, "minor"],
  [2, "minor"], // Of another algorithm, which V8 has behind a flag.
  [4, "major"],
  [8, "incremental"],
  [16, "weakcb"],
]);

/** The part of `node:perf_hooks` that is used. */
interface PerformanceHooks {
  PerformanceObserver?: new (
    callback: (list: {
      getEntries(): { duration: number; kind?: number; detail?: { kind?: number } }[];
    }) => void,
  ) => { observe(options: { entryTypes: string[] }): void; disconnect(): void };
}

/** Registers a histogram of garbage collections. */
export function gc(context: Context, options: { gcDurationBuckets?: number[] | undefined }): void {
  const { PerformanceObserver } = builtin<PerformanceHooks>("node:perf_hooks") ?? {};
  if (PerformanceObserver === undefined) return;
  const help = "Garbage collection duration by kind, one of major, minor, incremental or weakcb.";
  const histogram = new Histogram<string>({
    ...optionsOf(context, "nodejs_gc_duration_seconds", help, ["kind"]),
    buckets: options.gcDurationBuckets ?? [0.001, 0.01, 0.1, 1, 2, 5],
  });
  // The observer keeps nothing alive: it ends when the histogram is garbage-collected.
  const target = new WeakRef(histogram);
  const observer = new PerformanceObserver((list) => {
    const alive = target.deref();
    if (alive === undefined) return observer.disconnect();
    for (const { duration, detail, kind } of list.getEntries()) {
      const name = KINDS.get(detail?.kind ?? kind ?? 0) ?? "other";
      alive.observe({ kind: name, ...context.labels }, duration / 1000);
    }
  });
  attempt(() => observer.observe({ entryTypes: ["gc"] }));
}
