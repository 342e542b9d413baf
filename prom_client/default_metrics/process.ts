import { attempt } from "../../collectors/platform.ts";
import { SYSTEM_CLOCK } from "../../time/clock.ts";
import { Counter } from "../counter.ts";
import { type Context, gaugeOf, optionsOf, processOf, readNames, readText } from "./context.ts";

/** Registers counters of CPU time. */
export function processCpuTotal(context: Context): void {
  const { cpuUsage } = processOf();
  if (cpuUsage === undefined) return;
  const read = (): { user: number; system: number } => cpuUsage.call(processOf());
  let last = read();
  new Counter<string>({
    ...optionsOf(
      context,
      "process_cpu_user_seconds_total",
      "Total user CPU time spent in seconds.",
    ),
    collect() {
      const now = read();
      const { labels } = context;
      // A clock that was set back must not break a scrape.
      const userSeconds = Math.max(0, now.user - last.user) / 1e6;
      const systemSeconds = Math.max(0, now.system - last.system) / 1e6;
      last = now;
      this.inc(labels, userSeconds);
      system.inc(labels, systemSeconds);
      total.inc(labels, userSeconds + systemSeconds);
    },
  });
  const system = new Counter<string>(optionsOf(
    context,
    "process_cpu_system_seconds_total",
    "Total system CPU time spent in seconds.",
  ));
  const total = new Counter<string>(optionsOf(
    context,
    "process_cpu_seconds_total",
    "Total user and system CPU time spent in seconds.",
  ));
}

/** Registers the start time of the process. */
export function processStartTime(context: Context): void {
  const uptime = processOf().uptime?.() ?? SYSTEM_CLOCK.monotonic();
  const start = Math.round(SYSTEM_CLOCK.now() - uptime);
  const help = "Start time of the process since unix epoch in seconds.";
  gaugeOf(context, "process_start_time_seconds", help, {
    aggregator: "omit",
    collect() {
      this.set(context.labels, start);
    },
  });
}

/** Registers the memory of the process, as the operating system counts it. */
export function osMemoryHeap(context: Context): void {
  const { labels } = context;
  const isLinux = processOf().platform === "linux";
  const resident = gaugeOf(
    context,
    "process_resident_memory_bytes",
    "Resident memory size in bytes.",
    {
      collect() {
        const status = isLinux ? readText("/proc/self/status") : undefined;
        if (status === undefined) {
          const { memoryUsage } = processOf();
          const rss = attempt(() => memoryUsage?.rss?.() ?? memoryUsage?.().rss);
          if (rss !== undefined) this.set(labels, rss);
          return;
        }
        const bytesOf = (key: string): number => {
          const [, kilobytes] = new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(status) ?? [];
          return Number(kilobytes) * 1024;
        };
        resident.set(labels, bytesOf("VmRSS"));
        virtual?.set(labels, bytesOf("VmSize"));
        heap?.set(labels, bytesOf("VmData"));
      },
    },
  );
  if (!isLinux) return;
  const virtual = gaugeOf(
    context,
    "process_virtual_memory_bytes",
    "Virtual memory size in bytes.",
  );
  const heap = gaugeOf(context, "process_heap_bytes", "Process heap size in bytes.");
}

/** Registers the number of open files. */
export function processOpenFileDescriptors(context: Context): void {
  if (processOf().platform !== "linux") return;
  gaugeOf(context, "process_open_fds", "Number of open file descriptors.", {
    collect() {
      const names = readNames("/proc/self/fd");
      // One of them was that of the folder itself.
      if (names !== undefined) this.set(context.labels, names.length - 1);
    },
  });
}

/** Registers the maximum number of open files. */
export function processMaxFileDescriptors(context: Context): void {
  const limits = readText("/proc/self/limits");
  const [, limit] = /^Max open files\s+(\d+|unlimited)/m.exec(limits ?? "") ?? [];
  if (limit === undefined) return;
  gaugeOf(context, "process_max_fds", "Maximum number of open file descriptors.", {
    collect() {
      this.set(context.labels, limit === "unlimited" ? Infinity : Number(limit));
    },
  });
}
