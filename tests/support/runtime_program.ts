/**
 * A program with runtime metrics that writes JSON and exits. `tests/e2e/runtime_test.ts` starts it
 * on each runtime, with and without permissions.
 *
 * @module
 */

/** The output of the program. */
export interface RuntimeReport {
  /** The number of watched calls during the import. */
  readonly callsOfImport: number;
  /** The number of watched calls after the metrics were registered and read. */
  readonly calls: number;
  /** The exposition. */
  readonly text: string;
  /** With `--forget`: whether the sampler ended after its registry was garbage-collected. */
  readonly ended: boolean | undefined;
}

/** The parts of the global object that are used here. */
interface Globals {
  process?: Record<string, unknown> & { argv: string[] };
  Deno?: { permissions: Record<string, unknown>; readTextFileSync(path: string): string };
  Bun?: { gc(force: boolean): void };
  gc?(): void;
}

// Members that only some runtimes have are optional.
const globals = globalThis as unknown as Globals;
const flags = new Set(globals.process?.argv.slice(2));
/** The original timer, taken before it is watched. */
const { setTimeout: wait } = globalThis;

let calls = 0;

/** Starts counting the calls of a method. */
function watch(owner: object | undefined, name: string): void {
  const methods = owner as Record<string, unknown> | undefined;
  const method = methods?.[name];
  if (typeof method !== "function" || methods === undefined) return;
  methods[name] = Object.assign(function (this: unknown, ...args: unknown[]): unknown {
    calls++;
    return method.apply(this, args);
  }, method);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => wait(resolve, milliseconds));
}

/** Blocks the event loop. */
function block(milliseconds: number): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end);
}

/** Creates objects that the garbage collector has to free. */
function litter(): number {
  let things: { number: number }[] = [];
  for (let i = 0; i < 500_000; i++) {
    if (i % 1000 === 0) things = [];
    things.push({ number: i });
  }
  return things.length;
}

/** Returns whether timers are no longer set after the registry is gone. */
async function awaitEnd(): Promise<boolean> {
  for (let i = 0; i < 50; i++) {
    globals.gc?.();
    globals.Bun?.gc(true);
    const before = calls;
    await sleep(150);
    if (calls === before) return true;
  }
  return false;
}

if (flags.has("--read")) globals.Deno?.readTextFileSync("/proc/self/stat");
if (flags.has("--bare")) {
  delete globals.process;
  delete globals.Deno;
}
watch(globals, "setTimeout");
watch(globals, "setInterval");
for (const name of ["cpuUsage", "memoryUsage", "getBuiltinModule"]) watch(globals.process, name);
watch(globals.Deno?.permissions, "querySync");
watch(globals.Deno?.permissions, "query");

const { CollectorRegistry, generateMetrics } = await import("../../mod.ts");
const { registerRuntimeMetrics } = await import("../../collectors/runtime.ts");
const callsOfImport = calls;

/** Returns the exposition after a while. The registry is unreachable afterwards. */
async function observe(): Promise<string> {
  const registry = new CollectorRegistry();
  registerRuntimeMetrics(registry);
  if (litter() !== 1000) throw new Error("Cannot make litter");
  block(300);
  await sleep(50);
  return generateMetrics(registry);
}

const text = await observe();
const callsOfAll = calls;
const ended = flags.has("--forget") ? await awaitEnd() : undefined;
const report: RuntimeReport = { callsOfImport, calls: callsOfAll, text, ended };
console.log(JSON.stringify(report));
