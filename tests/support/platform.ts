/**
 * Platforms for tests of runtime metrics: the global object, as far as it is read, with
 * nothing real in it.
 *
 * @module
 */
import type { Platform, PlatformDeno, PlatformProcess } from "../../collectors/platform.ts";

/** The permissions that Deno has. */
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

/** The files of a Linux machine, and how often one was read. */
export class FakeFiles {
  /** How often a file or a folder was read. */
  reads = 0;
  /** The texts of the files. */
  readonly texts: Record<string, string> = {
    // A name with everything that could be taken for the end of it.
    "/proc/self/stat": "42 (a b) R 1) S 1 42 42 0 -1 4194304 4022 0 0 0 4 3 0 0 20 0 11 0 " +
      "12345 19372355584 26000 18446744073709551615 1 1 0 0\n",
    "/proc/stat": "cpu  1 2 3\nintr 4 5\nbtime 1700000000\nprocesses 9\n",
    "/proc/self/limits":
      "Limit                     Soft Limit           Hard Limit      Units     \n" +
      "Max open files            1024                 4096            files     \n" +
      "Max address space         unlimited            unlimited       bytes     \n",
  };
  /** The names in `/proc/self/fd`, that of the reading itself included. */
  descriptors: string[] = ["0", "1", "2", "3"];
  /** What `stat()` says of that folder. */
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

/** What a timer is to call, and when. */
export interface FakeTimer {
  callback(): void;
  readonly milliseconds: number;
  /** Whether it keeps no program running. */
  isUnref: boolean;
}

/** What a test wants to have otherwise. */
export interface FakePlatformOptions {
  /** Members of `process` in the place of those that are there. */
  readonly process?: PlatformProcess;
  /** Modules by their name. */
  readonly modules?: Readonly<Record<string, unknown>>;
  /** What it calls itself. */
  readonly userAgent?: string;
  /** Makes it Deno. */
  readonly deno?: PlatformDeno;
}

/** A platform like Node on Linux, whose clock and timers are the test's. */
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

  /** Lets the last timer come, later than it should. */
  fire(lateMs: number): void {
    const timer = this.timers.at(-1)!;
    this.milliseconds += timer.milliseconds + lateMs;
    timer.callback();
  }
}
