import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { registerRuntimeMetrics } from "../../collectors/runtime.ts";
import { parseOpenMetrics } from "../../encoding/parse.ts";
import {
  type Collector,
  CollectorRegistry,
  Counter,
  DuplicateMetricError,
  gather,
  generateMetrics,
  generateOpenMetrics,
  metricsResponse,
  REGISTRY,
  type Registry,
} from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { until } from "../support/clock.ts";
import { MemoryStore } from "../support/memory_store.ts";
import { ROOT } from "../support/paths.ts";
import { readSources, resolveSpecifier } from "../support/sources.ts";

const IS_LINUX = process.platform === "linux";
const onLinux = { skip: !IS_LINUX && "there is no /proc" };

function register(registry = new CollectorRegistry()): CollectorRegistry {
  registerRuntimeMetrics(registry);
  return registry;
}

function valueOf(name: string, registry = register()): number {
  const value = registry.getSampleValue(name);
  assert.ok(value !== undefined, `${name} exists`);
  return value;
}

/** Returns a field of `/proc/self/status`. */
function status(field: string): number {
  const text = readFileSync("/proc/self/status", "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1]);
}

/**
 * Waits until two numbers are nearly equal. They cannot be read at the same moment, and other tests
 * use the process meanwhile.
 */
async function untilNear(
  actual: () => number,
  expected: () => number,
  tolerance: number,
): Promise<void> {
  await until(`${actual} is near ${expected}`, () => Math.abs(actual() - expected()) <= tolerance);
}

test("the entry point imports only modules of this library", () => {
  const sources = new Map(readSources().map((source) => [source.path, source]));
  const reached = new Set(["collectors/runtime.ts"]);
  for (const path of reached) {
    for (const { specifier } of sources.get(path)?.imports ?? []) {
      assert.match(specifier, /^\.\.?\//, path);
      reached.add(resolveSpecifier(path, specifier));
    }
  }
  assert.ok(reached.has("collectors/proc_files.ts") && reached.has("mod.ts"));
});

test("registerRuntimeMetrics() registers in the default registry", () => {
  const former = REGISTRY.getRegistry();
  try {
    const [first, second] = [new CollectorRegistry(), new CollectorRegistry({ prefix: "app" })];
    REGISTRY.setRegistry(first, { collectors: "leave" });
    registerRuntimeMetrics();
    assert.match(generateMetrics(), /^process_cpu_seconds_total /m);
    REGISTRY.setRegistry(second, { collectors: "leave" });
    assert.equal(generateMetrics(), "");
    registerRuntimeMetrics();
    assert.match(generateMetrics(), /^app_process_cpu_seconds_total /m);
    // The former registry keeps its metrics.
    assert.match(generateMetrics(first), /^process_cpu_seconds_total /m);
  } finally {
    REGISTRY.setRegistry(former, { collectors: "leave" });
  }
});

test("a second call does nothing, whatever onDuplicate is", () => {
  for (const onDuplicate of ["throw", "keep", "reuse"] as const) {
    const registry = register(new CollectorRegistry({ onDuplicate }));
    const names = [...gather(registry)].map(({ name }) => name);
    assert.equal(register(registry), registry);
    assert.deepEqual([...gather(registry)].map(({ name }) => name), names);
    assert.equal(new Set(names).size, names.length);
  }
});

test("the metrics can be registered again after clear()", () => {
  const registry = register();
  registry.clear();
  assert.equal(generateMetrics(registry), "");
  register(registry);
  assert.match(generateMetrics(registry), /^process_cpu_seconds_total /m);
});

test("a module that is loaded again finds the same collector", async () => {
  const registered: unknown[] = [];
  const registry: Registry = {
    prefix: null,
    register: (collector: Collector) => void registered.push(collector),
    unregister: () => false,
    collect: () => [],
  };
  registerRuntimeMetrics(registry);
  const again = "../../collectors/runtime.ts?again";
  const module: typeof import("../../collectors/runtime.ts") = await import(again);
  assert.notEqual(module.registerRuntimeMetrics, registerRuntimeMetrics);
  module.registerRuntimeMetrics(registry);
  assert.equal(registered.length, 2);
  assert.equal(registered[0], registered[1]);
});

test("names are claimed at registration", () => {
  const registry = register();
  for (const name of ["process_cpu_seconds_total", "process_threads", "runtime_info"]) {
    assert.throws(() => new Counter(name, "Mine.", { registry }), DuplicateMetricError);
  }
  const other = new CollectorRegistry();
  new Counter("process_cpu_seconds_total", "Mine.", { registry: other });
  assert.throws(() => registerRuntimeMetrics(other), DuplicateMetricError);
});

test("registerRuntimeMetrics() throws on values that are not registries", () => {
  for (const registry of [42, null, {}, "REGISTRY"]) {
    assert.throws(
      () => registerRuntimeMetrics(registry as unknown as Registry),
      { name: "TypeError", message: /^Cannot register runtime metrics: a registry must have / },
    );
  }
});

test("restricted views and ?name[] select the metrics by name", async () => {
  const registry = register();
  const view = registry.restrictedRegistry(["process_resident_memory_bytes"]);
  assert.match(
    generateMetrics(view),
    /^# HELP .*\n# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes \d+\n$/,
  );
  const query = "name[]=runtime_info&name[]=runtime_event_loop_lag_seconds_count";
  const request = new Request(`http://localhost/metrics?${query}`);
  const text = await (await metricsResponse(request, { registry })).text();
  assert.deepEqual(text.match(/^\w+/gm), ["runtime_info", "runtime_event_loop_lag_seconds_count"]);
  assert.equal(generateMetrics(registry.restrictedRegistry(["other"])), "");
});

test("runtime_info has the name and the version of the runtime", () => {
  const { bun, deno, node } = process.versions as Record<string, string | undefined>;
  const [runtime, version = ""] = deno !== undefined
    ? ["deno", deno]
    : bun !== undefined
    ? ["bun", bun]
    : ["node", node];
  assert.equal(register().getSampleValue("runtime_info", { runtime, version }), 1);
});

test("the metrics have the prefix and the constant labels of the registry", () => {
  const registry = register(new CollectorRegistry({ prefix: "app", constLabels: { zone: "eu" } }));
  assert.match(generateMetrics(registry), /^app_process_cpu_seconds_total\{zone="eu"\} /m);
  assert.match(generateMetrics(registry), /^app_runtime_info\{zone="eu",runtime="/m);
});

test("the exposition is valid OpenMetrics", () => {
  const registry = register();
  const parsed = parseOpenMetrics(generateOpenMetrics(registry));
  assert.deepEqual(
    parsed.map(({ name, type }) => [name, type]),
    [...gather(registry)].map(({ name, type }) => [name, type]),
  );
});

test("processor time increases with work", () => {
  const registry = register();
  const seconds = (since: NodeJS.CpuUsage) => {
    const { user, system } = process.cpuUsage(since);
    return (user + system) / 1e6;
  };
  const outer = process.cpuUsage();
  const before = valueOf("process_cpu_seconds_total", registry);
  const inner = process.cpuUsage();
  let work = 0;
  while (seconds(inner) < 0.05) for (let i = 0; i < 100_000; i++) work += Math.sqrt(i);
  assert.ok(work > 0);
  const grown = valueOf("process_cpu_seconds_total", registry) - before;
  assert.ok(grown >= 0.05 && grown <= seconds(outer), `${grown}`);
});

test("the start time of the process is in the past and does not change", () => {
  const registry = register();
  const start = valueOf("process_start_time_seconds", registry);
  const now = Date.now() / 1000;
  assert.ok(start < now && start > now - 86_400, `${start}, ${now}`);
  assert.equal(valueOf("process_start_time_seconds", registry), start);
  if (!IS_LINUX) return;
  const before = Date.now() / 1000;
  const elapsed = Number(
    execFileSync("ps", ["-o", "etimes=", "-p", `${process.pid}`], { encoding: "utf8" }),
  );
  const after = Date.now() / 1000;
  // ps reports whole seconds.
  assert.ok(start >= before - elapsed - 2 && start <= after - elapsed + 2, `${start}, ${elapsed}`);
});

test("the values equal those of /proc", onLinux, async () => {
  const MB = 2 ** 20;
  const value = (name: string) => () => valueOf(`process_${name}`);
  await untilNear(value("resident_memory_bytes"), () => status("VmRSS") * 1024, 32 * MB);
  await untilNear(value("virtual_memory_bytes"), () => status("VmSize") * 1024, 256 * MB);
  await untilNear(value("threads"), () => status("Threads"), 2);
  const cpuTime = () => {
    const stat = readFileSync("/proc/self/stat", "utf8").replace(/^.*\) /s, "").split(" ");
    // Hundredths of a second in user mode and in the kernel.
    return (Number(stat[11]) + Number(stat[12])) / 100;
  };
  const before = cpuTime();
  const seconds = valueOf("process_cpu_seconds_total");
  // Each value is rounded down separately.
  assert.ok(seconds >= before && seconds <= cpuTime() + 0.02, `${before}, ${seconds}`);
  const shell = (command: string) =>
    execFileSync("sh", ["-c", command], { encoding: "utf8" }).trim();
  const limit = (text: string) => text === "unlimited" ? Infinity : Number(text);
  assert.equal(valueOf("process_max_fds"), limit(shell("ulimit -n")));
  // ulimit uses kilobytes.
  assert.equal(valueOf("process_virtual_memory_max_bytes"), limit(shell("ulimit -v")) * 1024);
});

test(
  "open descriptors are counted without the one that counts",
  onLinux,
  async () => {
    const registry = register();
    const path = `${ROOT}README.md`;
    const inFolder = () => readdirSync("/proc/self/fd").length - 1;
    // Descriptors of earlier tests may be closed at any moment.
    await until("no other descriptors are opened or closed meanwhile", () => {
      const before = valueOf("process_open_fds", registry);
      const expected = inFolder();
      const descriptors = Array.from({ length: 7 }, () => openSync(path, "r"));
      const meanwhile = valueOf("process_open_fds", registry);
      for (const descriptor of descriptors) closeSync(descriptor);
      const after = valueOf("process_open_fds", registry);
      return before === expected && meanwhile === before + 7 && after === before;
    });
  },
);

test("memory increases with allocations", () => {
  const registry = register();
  const external = valueOf("runtime_external_memory_bytes", registry);
  const bytes = new Uint8Array(new ArrayBuffer(64 * 2 ** 20)).fill(1);
  // Written memory is resident. The increase depends on how much was free before.
  assert.ok(valueOf("process_resident_memory_bytes", registry) >= bytes.length);
  assert.ok(valueOf("runtime_external_memory_bytes", registry) >= external + bytes.length / 2);
  const buffers = registry.getSampleValue("runtime_array_buffers_bytes");
  if (buffers !== undefined) assert.ok(buffers >= bytes.length, `${buffers}`);
  assert.equal(bytes.at(-1), 1);
});

test("the used heap is not larger than the heap when much memory is outside the heap", () => {
  const registry = register();
  const bytes = new Uint8Array(new ArrayBuffer(64 * 2 ** 20)).fill(1);
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  Bun?.gc(true);
  const values = new Map(
    [...gather(registry)].flatMap(({ samples }) => [...samples])
      .map(({ name, value }) => [name, value]),
  );
  const used = values.get("runtime_heap_used_bytes");
  assert.equal(used === undefined, Bun !== undefined);
  // Both values are from one scrape.
  assert.ok((used ?? 1) > 0 && (used ?? 1) <= values.get("process_heap_bytes")!);
  assert.equal(bytes.at(-1), 1);
});

test("isolates share their own metrics, and expose those of the process once", async () => {
  const [one, two] = [new CollectorRegistry(), new CollectorRegistry()];
  for (const registry of [one, two]) registerRuntimeMetrics(registry);
  const store = new MemoryStore();
  const first = await loadBackend(store.backend(), { registry: one });
  const second = await loadBackend(store.backend(), { registry: two });
  try {
    // Registers again, because the registry is shared now.
    registerRuntimeMetrics(second);
    assert.ok(await first.flush());
    const texts = new Set<string>();
    for await (const { samples } of second.collectAsync()) {
      for (const { name, labels } of samples) {
        texts.add(name + (labels["process"] === undefined ? "" : " by process"));
      }
    }
    assert.ok(!texts.has("narthex_collector_errors_total"));
    assert.ok(texts.has("process_cpu_seconds_total"));
    assert.ok(texts.has("process_resident_memory_bytes"));
    assert.ok(texts.has("process_heap_bytes by process"));
    assert.ok(texts.has("runtime_info"));
    assert.ok(texts.has("runtime_event_loop_lag_seconds_count"));
    assert.ok(await second.getSampleValueAsync("process_cpu_seconds_total"));
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
});
