/**
 * Fake platforms for tests of runtime metrics: the parts of the global object that the collectors
 * read.
 *
 * @module
 */
import type { Platform, PlatformDeno, PlatformProcess } from "../../collectors/platform.ts";

/** The names of Deno's permissions. */
export const DENO_PERMISSIONS: readonly string[] = [
  "read",
  "write",
  "net",
  "env",
  "sys",
  "run",
  "ffi",
  "import",
];

/** The files of a Linux machine, with a count of reads. */
export class FakeFiles {
  /** The number of reads of files and folders. */
  reads = 0;
  /** The texts of the files. */
  readonly texts: Record<string, string> = {
    // The process name contains everything that could be mistaken for its end.
    "/proc/self/stat": "42 (a b) R 1) S 1 42 42 0 -1 4194304 4022 0 0 0 4 3 0 0 20 0 11 0 " +
      "12345 19372355584 26000 18446744073709551615 1 1 0 0\n",
    "/proc/stat": "cpu  1 2 3\nintr 4 5\nbtime 1700000000\nprocesses 9\n",
    "/proc/self/limits":
      "Limit                     Soft Limit           Hard Limit      Units     \n" +
      "Max open files            1024                 4096            files     \n" +
      "Max address space         unlimited            unlimited       bytes     \n",
  };
  /** The names in `/proc/self/fd`, including the descriptor that reads the folder. */
  descriptors: string[] = ["0", "1", "2", "3"];
  /** The size of that folder according to `stat()`. */
  size = 0;

  readFileSync = (path: string): string => {
    this.reads++;
    const text = this.texts[path];
    if (text === undefined) throw new Error(`ENOENT ${path}`);
    return text;
  };
  readdirSync = (): string[] => {
    this.reads++;
    return this.descriptors;
  };
  statSync = (): { size: number } => ({ size: this.size });
}

/** A timer that was started. */
export interface FakeTimer {
  callback(): void;
  readonly milliseconds: number;
  /** Whether the timer lets the program end. */
  isUnref: boolean;
}

/** Options of {@linkcode FakePlatform}. */
export interface FakePlatformOptions {
  /** Members that replace those of `process`. */
  readonly process?: PlatformProcess;
  /** Modules by name. */
  readonly modules?: Readonly<Record<string, unknown>>;
  /** The user agent. */
  readonly userAgent?: string;
  /** Makes the platform Deno. */
  readonly deno?: PlatformDeno;
}

/** A platform like Node on Linux, with a clock and timers that the test controls. */
export class FakePlatform implements Platform {
  readonly files: FakeFiles = new FakeFiles();
  readonly timers: FakeTimer[] = [];
  milliseconds = 0;
  readonly process: PlatformProcess;
  readonly Deno?: PlatformDeno;
  readonly navigator?: { userAgent: string };
  readonly performance: { now: () => number; timeOrigin: number } = {
    now: () => this.milliseconds,
    timeOrigin: 1_700_000_200_500,
  };

  constructor(options: FakePlatformOptions = {}) {
    if (options.deno !== undefined) this.Deno = options.deno;
    if (options.userAgent !== undefined) this.navigator = { userAgent: options.userAgent };
    const modules: Readonly<Record<string, unknown>> = {
      "node:fs": this.files,
      "node:v8": { getHeapStatistics: () => ({ heap_size_limit: 4000 }) },
      "node:perf_hooks": {
        performance: { eventLoopUtilization: () => ({ idle: 1000, active: 250 }) },
      },
      "node:worker_threads": { isMainThread: true },
      ...options.modules,
    };
    this.process = {
      platform: "linux",
      versions: { node: "24.0.0" },
      cpuUsage: () => ({ user: 1_500_000, system: 250_000 }),
      memoryUsage: () => ({
        rss: 5000,
        heapTotal: 3000,
        heapUsed: 2000,
        external: 700,
        arrayBuffers: 600,
      }),
      getBuiltinModule: (name) => modules[name],
      ...options.process,
    };
  }

  setTimeout(callback: () => void, milliseconds: number): unknown {
    const timer: FakeTimer = { callback, milliseconds, isUnref: false };
    this.timers.push(timer);
    return { unref: () => timer.isUnref = true };
  }

  clearTimeout(): void {
    throw new Error("no timer is ever cancelled");
  }

  /** Fires the last timer, late by `lateMs`. */
  fire(lateMs: number): void {
    const timer = this.timers.at(-1)!;
    this.milliseconds += timer.milliseconds + lateMs;
    timer.callback();
  }
}
