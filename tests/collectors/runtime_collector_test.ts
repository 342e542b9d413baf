import assert from "node:assert/strict";
import { test } from "node:test";
import type { PlatformDeno } from "../../collectors/platform.ts";
import { RuntimeCollector } from "../../collectors/runtime_collector.ts";
import { CollectorRegistry, generateMetrics } from "../../mod.ts";
import { DENO_PERMISSIONS, FakePlatform } from "../support/platform.ts";
import { seriesOf } from "../support/series.ts";

/** Returns the series of a collector, except those of histograms. */
function numbersOf(collector: RuntimeCollector): string[] {
  return seriesOf(collector).filter((line) => !/_(bucket|sum|count)\b/.test(line));
}

/** Metrics that need `/proc`. */
const PROC_NAMES = [
  "process_open_fds",
  "process_max_fds",
  "process_virtual_memory_bytes",
  "process_virtual_memory_max_bytes",
  "process_threads",
];

function namesOf(collector: RuntimeCollector): string[] {
  return collector.collect().map(({ name }) => name);
}

/** Returns a Deno object with the given permission states. */
function denoWith(states: Readonly<Record<string, string>>): PlatformDeno {
  return {
    permissions: {
      querySync({ name }) {
        const [state = "", partial] = (states[name] ?? "granted").split(" ");
        return { state, partial: partial !== undefined };
      },
    },
  };
}

test("a collector has the standard metrics and those of the runtime", () => {
  assert.deepEqual(numbersOf(new RuntimeCollector(new FakePlatform())), [
    "process_cpu_seconds_total 1.75",
    "process_open_fds 3",
    "process_max_fds 1024",
    "process_virtual_memory_bytes 19372355584",
    "process_virtual_memory_max_bytes Infinity",
    "process_resident_memory_bytes 5000",
    "process_heap_bytes 3000",
    "process_start_time_seconds 1700000123.45",
    "process_threads 11",
    "runtime_heap_used_bytes 2000",
    "runtime_heap_limit_bytes 4000",
    "runtime_external_memory_bytes 700",
    "runtime_array_buffers_bytes 600",
    "runtime_event_loop_active_seconds_total 0.25",
    'runtime_info{runtime="node",version="24.0.0"} 1',
  ]);
});

test("names, help and types of the standard metrics are those of the guidelines", () => {
  const families = new RuntimeCollector(new FakePlatform()).describe();
  assert.deepEqual(
    families.filter(({ name }) => name.startsWith("process_"))
      .map(({ name, type, help }) => [name, type, help]),
    [
      ["process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds."],
      ["process_open_fds", "gauge", "Number of open file descriptors."],
      ["process_max_fds", "gauge", "Maximum number of open file descriptors."],
      ["process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes."],
      [
        "process_virtual_memory_max_bytes",
        "gauge",
        "Maximum amount of virtual memory available in bytes.",
      ],
      ["process_resident_memory_bytes", "gauge", "Resident memory size in bytes."],
      ["process_heap_bytes", "gauge", "Process heap size in bytes."],
      [
        "process_start_time_seconds",
        "gauge",
        "Start time of the process since unix epoch in seconds.",
      ],
      ["process_threads", "gauge", "Number of OS threads in the process."],
    ],
  );
});

test("describe() has the families of collect() in the same order", () => {
  const collector = new RuntimeCollector(new FakePlatform());
  const described = collector.describe().map(({ name }) => name);
  assert.deepEqual(namesOf(collector), described.filter((name) => !name.includes("_gc_")));
});

test("without /proc its metrics are left out, and the runtime's start time is used", () => {
  const linux = namesOf(new RuntimeCollector(new FakePlatform()));
  for (const platform of ["darwin", "win32"]) {
    const fake = new FakePlatform({ process: { platform } });
    const collector = new RuntimeCollector(fake);
    assert.deepEqual(namesOf(collector), linux.filter((name) => !PROC_NAMES.includes(name)));
    assert.ok(numbersOf(collector).includes("process_start_time_seconds 1700000200.5"));
    assert.equal(fake.files.reads, 0);
  }
});

test("missing or strange files affect only their own metrics", () => {
  const fake = new FakePlatform();
  fake.files.texts["/proc/self/limits"] = "nothing of use\n";
  fake.files.texts["/proc/self/stat"] = "42 (short) S 1\n";
  const names = namesOf(new RuntimeCollector(fake));
  assert.deepEqual(PROC_NAMES.filter((name) => names.includes(name)), ["process_open_fds"]);
  assert.ok(names.includes("process_start_time_seconds"));
});

test("descriptors are counted by the kernel if possible, and otherwise one by one", () => {
  const fake = new FakePlatform();
  const collector = new RuntimeCollector(fake);
  const count = () => numbersOf(collector).find((line) => line.startsWith("process_open_fds"));
  assert.equal(count(), "process_open_fds 3");
  fake.files.descriptors.push("9");
  assert.equal(count(), "process_open_fds 4");

  const newer = new FakePlatform();
  newer.files.size = 3;
  const trusting = new RuntimeCollector(newer);
  numbersOf(trusting);
  newer.files.size = 5000;
  newer.files.readdirSync = () => assert.fail("the folder was listed");
  assert.ok(numbersOf(trusting).includes("process_open_fds 5000"));
});

test("on Deno /proc is not read if a permission is missing", () => {
  const process = { versions: { deno: "2.9.6", node: "26.0.0" } };
  for (const name of DENO_PERMISSIONS) {
    for (const state of ["prompt", "denied", "granted partial"]) {
      const fake = new FakePlatform({ process, deno: denoWith({ [name]: state }) });
      const collector = new RuntimeCollector(fake);
      const names = namesOf(collector);
      assert.deepEqual(PROC_NAMES.filter((name) => names.includes(name)), [], `${name} ${state}`);
      assert.equal(fake.files.reads, 0, `${name} ${state}`);
      assert.ok(numbersOf(collector).includes("process_start_time_seconds 1700000200.5"));
    }
  }
  const fake = new FakePlatform({ process, deno: denoWith({}) });
  const names = namesOf(new RuntimeCollector(fake));
  assert.deepEqual(PROC_NAMES.filter((name) => !names.includes(name)), []);
});

test("a permission that is granted later is used, and does not change the start time", () => {
  const states: Record<string, string> = { run: "prompt" };
  const process = { versions: { deno: "2.9.6" } };
  const collector = new RuntimeCollector(new FakePlatform({ process, deno: denoWith(states) }));
  assert.ok(!namesOf(collector).includes("process_threads"));
  delete states["run"];
  assert.ok(namesOf(collector).includes("process_threads"));
  assert.ok(numbersOf(collector).includes("process_start_time_seconds 1700000200.5"));
});

test("/proc is not read in a Deno version without one of the permissions", () => {
  const deno = {
    permissions: {
      querySync(): never {
        throw new TypeError("not a valid permission name");
      },
    },
  };
  const fake = new FakePlatform({ deno });
  new RuntimeCollector(fake).collect();
  assert.equal(fake.files.reads, 0);
});

test("wrong or expensive values of a runtime are not read", () => {
  const deno = new FakePlatform({ process: { versions: { deno: "2.9.6" } } });
  assert.ok(!namesOf(new RuntimeCollector(deno)).includes("runtime_array_buffers_bytes"));

  const stop = () => assert.fail("this would block the program");
  const bun = new FakePlatform({
    process: { versions: { bun: "1.4.5" } },
    modules: {
      "node:v8": { getHeapStatistics: stop },
      "node:perf_hooks": { performance: { eventLoopUtilization: () => ({ idle: 0, active: 0 }) } },
    },
  });
  const names = namesOf(new RuntimeCollector(bun));
  assert.ok(!names.includes("runtime_heap_used_bytes"));
  assert.ok(!names.includes("runtime_heap_limit_bytes"));
  assert.ok(!names.includes("runtime_event_loop_active_seconds_total"));
});

test("the heap limit is read once", () => {
  let calls = 0;
  const getHeapStatistics = () => ({ heap_size_limit: 4000 + calls++ });
  const modules = { "node:v8": { getHeapStatistics } };
  const collector = new RuntimeCollector(new FakePlatform({ modules }));
  for (let i = 0; i < 3; i++) numbersOf(collector);
  assert.equal(calls, 1);
});

test("a worker that only knows its own start time exposes none without /proc", () => {
  const process = { platform: "darwin" };
  const modules = { "node:worker_threads": { isMainThread: false } };
  const has = (fake: FakePlatform) =>
    namesOf(new RuntimeCollector(fake)).includes("process_start_time_seconds");
  for (const runtime of ["deno", "bun"]) {
    const versions = { [runtime]: "1.0.0" };
    assert.ok(has(new FakePlatform({ process: { ...process, versions } })));
    assert.ok(!has(new FakePlatform({ process: { ...process, versions }, modules })));
    const webWorker = new FakePlatform({ process: { ...process, versions } });
    assert.ok(!has(Object.assign(webWorker, { WorkerGlobalScope: class {} })));
  }
  // Threads of Node know the start time of the process.
  assert.ok(has(new FakePlatform({ process, modules })));
});

test("a platform without anything has no metrics and no errors", () => {
  assert.deepEqual(new RuntimeCollector({}).collect(), []);
  assert.ok(new RuntimeCollector({}).describe().length > 0);
  // A replacement of `process` that bundlers add for browsers.
  const browser = { process: { versions: {} }, performance };
  assert.deepEqual(new RuntimeCollector(browser).collect(), []);
});

test("Cloudflare Workers expose only their name, because their process imitates that of Node", () => {
  const platform = new FakePlatform({ userAgent: "Cloudflare-Workers" });
  const collector = new RuntimeCollector(platform);
  assert.deepEqual(seriesOf(collector), ['runtime_info{runtime="workerd",version=""} 1']);
  assert.equal(platform.timers.length, 0);
});

test("errors and values that are not numbers are left out", () => {
  const fail = () => {
    throw new Error("not implemented");
  };
  const process = { versions: {}, cpuUsage: fail, memoryUsage: fail, getBuiltinModule: fail };
  const timers = { setTimeout: fail, clearTimeout: fail };
  const failing = { process, performance: { now: fail, timeOrigin: 0 }, ...timers };
  assert.deepEqual(new RuntimeCollector(failing).collect(), []);

  const text = "text" as unknown as number;
  const strange = new FakePlatform({
    process: {
      platform: "none",
      versions: {},
      cpuUsage: () => ({ user: NaN, system: 0 }),
      memoryUsage: () => ({
        rss: text,
        heapTotal: NaN,
        heapUsed: 1,
        external: text,
        arrayBuffers: text,
      }),
      getBuiltinModule: () => undefined,
    },
  });
  assert.deepEqual(numbersOf(new RuntimeCollector(strange)), ["runtime_heap_used_bytes 1"]);
});

test("the lag of the event loop is the delay of a timer", () => {
  const fake = new FakePlatform();
  const registry = new CollectorRegistry();
  registry.register(new RuntimeCollector(fake));
  const read = (suffix: string, labels = {}) =>
    registry.getSampleValue(`runtime_event_loop_lag_seconds_${suffix}`, labels);
  assert.equal(fake.timers.length, 1);
  assert.equal(read("count"), 0);
  fake.fire(0);
  fake.fire(1500);
  fake.fire(-0.5); // Too early, because timers round.
  assert.equal(read("count"), 3);
  assert.equal(read("sum"), 1.5);
  assert.equal(read("bucket", { le: "0.001" }), 2);
  assert.equal(read("bucket", { le: "1" }), 2);
  assert.equal(read("bucket", { le: "2" }), 3);
  assert.equal(fake.timers.length, 4);
  assert.deepEqual(new Set(fake.timers.map(({ milliseconds }) => milliseconds)), new Set([100]));
  assert.ok(fake.timers.every(({ isUnref }) => isUnref));
});

test("fake clocks that are installed later are not used", () => {
  const fake = new FakePlatform();
  const collector = new RuntimeCollector(fake);
  fake.performance.now = () => assert.fail("another clock was read");
  const { timers } = fake;
  fake.setTimeout = () => assert.fail("another timer was set");
  timers[0]!.callback();
  assert.equal(timers.length, 2);
  assert.ok(seriesOf(collector).includes("runtime_event_loop_lag_seconds_count 1"));
});

test("timers that are numbers work, as in browsers", () => {
  const callbacks: (() => void)[] = [];
  const setTimeout = (callback: () => void) => callbacks.push(callback);
  const collector = new RuntimeCollector({ performance, setTimeout, clearTimeout });
  callbacks[0]!();
  assert.equal(callbacks.length, 2);
  assert.ok(seriesOf(collector).includes("runtime_event_loop_lag_seconds_count 1"));
});

test("garbage collections are observed by kind, and are left out before the first one", () => {
  let tell: ((list: { getEntries(): unknown[] }) => void) | undefined;
  let observed: unknown;
  class PerformanceObserver {
    constructor(callback: typeof tell) {
      tell = callback;
    }
    observe(options: unknown): void {
      observed = options;
    }
  }
  const modules = { "node:perf_hooks": { PerformanceObserver } };
  const registry = new CollectorRegistry();
  registry.register(new RuntimeCollector(new FakePlatform({ modules })));
  assert.deepEqual(observed, { entryTypes: ["gc"] });
  assert.doesNotMatch(generateMetrics(registry), /runtime_gc_/);
  const entry = (kind: number | undefined, duration: number) => ({ duration, detail: { kind } });
  tell!({ getEntries: () => [entry(1, 2), entry(4, 250), entry(8, 1), entry(16, 1)] });
  tell!({ getEntries: () => [entry(2, 3), entry(32, 1), { duration: 1 }] });
  const count = (kind: string) =>
    registry.getSampleValue("runtime_gc_duration_seconds_count", { kind });
  const kinds = ["minor", "major", "incremental", "weak_callbacks", "other"];
  assert.deepEqual(kinds.map(count), [2, 1, 1, 1, 2]);
  assert.equal(registry.getSampleValue("runtime_gc_duration_seconds_sum", { kind: "major" }), 0.25);
});
