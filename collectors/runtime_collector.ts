import { type Aggregation, type Collector, MetricFamily, type MetricType } from "../mod.ts";
import { captureTimers } from "../time/clock.ts";
import { EventLoopLag, readActiveTime } from "./event_loop.ts";
import { GcPauses } from "./gc_pauses.ts";
import { attempt, builtinModule, type Platform, type Runtime, runtimeOf } from "./platform.ts";
import { ProcFiles } from "./proc_files.ts";

/** The definition of a family that is one number. */
interface Definition {
  readonly type: MetricType;
  readonly help: string;
  /** How the numbers of several processes are combined. If left out, they are not shared. */
  readonly aggregation?: Aggregation;
}

/** The definition of gauges that each isolate has for itself. */
const OF_ISOLATE = { type: "gauge", aggregation: "liveall" } as const;

/**
 * The families that are one number, in the order of the exposition. Names and help texts of the
 * first ones are from the guidelines for client libraries:
 * https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics
 *
 * Numbers of the process are not shared, because all isolates of the process have the same ones.
 */
const DEFINITIONS = {
  process_cpu_seconds_total: {
    type: "counter",
    help: "Total user and system CPU time spent in seconds.",
  },
  process_open_fds: { type: "gauge", help: "Number of open file descriptors." },
  process_max_fds: { type: "gauge", help: "Maximum number of open file descriptors." },
  process_virtual_memory_bytes: { type: "gauge", help: "Virtual memory size in bytes." },
  process_virtual_memory_max_bytes: {
    type: "gauge",
    help: "Maximum amount of virtual memory available in bytes.",
  },
  process_resident_memory_bytes: { type: "gauge", help: "Resident memory size in bytes." },
  process_heap_bytes: { ...OF_ISOLATE, help: "Process heap size in bytes." },
  process_start_time_seconds: {
    type: "gauge",
    help: "Start time of the process since unix epoch in seconds.",
  },
  process_threads: { type: "gauge", help: "Number of OS threads in the process." },
  runtime_heap_used_bytes: { ...OF_ISOLATE, help: "Part of the heap that is in use, in bytes." },
  runtime_heap_limit_bytes: { ...OF_ISOLATE, help: "Size that the heap may grow to, in bytes." },
  runtime_external_memory_bytes: {
    ...OF_ISOLATE,
    help: "Memory outside of the heap that objects in it hold, in bytes.",
  },
  runtime_array_buffers_bytes: {
    ...OF_ISOLATE,
    help: "Part of the external memory that is in array buffers, in bytes.",
  },
  runtime_event_loop_active_seconds_total: {
    type: "counter",
    aggregation: "sum",
    help: "Time that the event loop did not spend waiting, in seconds.",
  },
} as const satisfies Record<string, Definition>;

/** The name of a family that is one number. */
type NumberName = keyof typeof DEFINITIONS;

/** The part of `node:v8` that is used. */
interface HeapModule {
  getHeapStatistics(): { readonly heap_size_limit: number };
}

/**
 * The numbers that the runtime reports about itself and its process. One collector is created when
 * runtime metrics are first registered. It can be in any number of registries.
 */
export class RuntimeCollector implements Collector {
  /** The definition, which lets processes share a registry. */
  readonly definition = "narthex runtime metrics 1";
  readonly #runtime: Runtime | undefined;
  readonly #platform: Platform;
  readonly #files: ProcFiles;
  readonly #lag: EventLoopLag | undefined;
  readonly #gc: GcPauses | undefined;
  readonly #heapLimit: number | undefined;
  /** The start time. It never changes after it is known. */
  #startTime: number | undefined;

  /**
   * Starts the observers and timers.
   *
   * @param platform The global object.
   */
  constructor(platform: Platform) {
    this.#runtime = attempt(() => runtimeOf(platform));
    // It imitates the process of Node with zeros, and its clocks stand still while code runs.
    if (this.#runtime?.runtime === "workerd") platform = {};
    this.#platform = platform;
    this.#files = new ProcFiles(platform);
    this.#lag = attempt(() => new EventLoopLag(captureTimers(platform)));
    this.#gc = attempt(() => new GcPauses(platform));
    this.#heapLimit = attempt(() => readHeapLimit(platform));
  }

  /**
   * Returns the families that are available.
   *
   * @returns The families, with their samples.
   */
  collect(): MetricFamily[] {
    const numbers = this.#read();
    const families: MetricFamily[] = [];
    for (const [name, value] of Object.entries(numbers)) {
      // A platform may have other values under the names of Node.
      if (typeof value !== "number" || Number.isNaN(value)) continue;
      families.push(familyOf(name as NumberName).addSample(name, {}, value));
    }
    if (this.#runtime !== undefined) {
      families.push(infoFamily().addSample("runtime_info", { ...this.#runtime }, 1));
    }
    if (this.#lag !== undefined) families.push(...this.#lag.histogram.collect());
    if (this.#gc?.seen) families.push(...this.#gc.histogram.collect());
    return families;
  }

  /**
   * Returns the families of all platforms, so that registries know their names.
   *
   * @returns The families, without samples.
   */
  describe(): MetricFamily[] {
    // The keys are names of families.
    const families = (Object.keys(DEFINITIONS) as NumberName[]).map(familyOf);
    families.push(infoFamily());
    for (const part of [this.#lag, this.#gc]) {
      if (part !== undefined) families.push(...part.histogram.describe());
    }
    return families;
  }

  /** Reads the present numbers, in the order of the definitions. */
  #read(): Record<NumberName, number | undefined> {
    const { process } = this.#platform;
    const cpu = attempt(() => process?.cpuUsage?.());
    const memory = attempt(() => process?.memoryUsage?.());
    const proc = this.#files.read();
    this.#startTime ??= this.#files.readStartTime() ??
      attempt(() => readStartTime(this.#platform));
    return {
      process_cpu_seconds_total: cpu && (cpu.user + cpu.system) / 1e6,
      process_open_fds: proc.openDescriptors,
      process_max_fds: proc.maxDescriptors,
      process_virtual_memory_bytes: proc.virtualMemory,
      process_virtual_memory_max_bytes: proc.maxVirtualMemory,
      process_resident_memory_bytes: memory?.rss,
      process_heap_bytes: memory?.heapTotal,
      process_start_time_seconds: this.#startTime,
      process_threads: proc.threads,
      // Bun adds memory outside the heap as of the last collection, which may exceed the total.
      runtime_heap_used_bytes: process?.versions?.["bun"] === undefined
        ? memory?.heapUsed
        : undefined,
      runtime_heap_limit_bytes: this.#heapLimit,
      runtime_external_memory_bytes: memory?.external,
      // Deno always returns 0.
      runtime_array_buffers_bytes: process?.versions?.["deno"] === undefined
        ? memory?.arrayBuffers
        : undefined,
      runtime_event_loop_active_seconds_total: attempt(() => readActiveTime(this.#platform)),
    };
  }
}

function familyOf(name: NumberName): MetricFamily {
  const { type, help, ...options }: Definition = DEFINITIONS[name];
  return new MetricFamily(name, help, type, { ...options, labelNames: [] });
}

function infoFamily(): MetricFamily {
  return new MetricFamily("runtime", "The JavaScript runtime and its version.", "info", {
    labelNames: ["runtime", "version"],
    aggregation: "livemax",
  });
}

/** Returns the limit of the heap, if it is known without stopping the program. */
function readHeapLimit(platform: Platform): number | undefined {
  // Bun would visit its whole heap, and has no limit.
  if (platform.process?.versions?.["bun"] !== undefined) return undefined;
  const v8 = builtinModule<HeapModule>(platform, "node:v8");
  return v8?.getHeapStatistics?.().heap_size_limit;
}

/** Returns the start time of the process, if the runtime knows it, in seconds since 1970. */
function readStartTime(platform: Platform): number | undefined {
  const runtime = runtimeOf(platform)?.runtime;
  if (runtime === undefined) return undefined;
  if (runtime !== "node") {
    // A worker of Deno or Bun only knows its own start time.
    const threads = builtinModule<{ isMainThread: boolean }>(platform, "node:worker_threads");
    if (threads?.isMainThread === false || platform.WorkerGlobalScope !== undefined) {
      return undefined;
    }
  }
  const origin = platform.performance?.timeOrigin;
  return origin === undefined ? undefined : origin / 1000;
}
