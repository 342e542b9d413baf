/**
 * Writers that are killed and replaced, while the totals are watched.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { CollectorRegistry } from "../../mod.ts";
import { type Backend, loadBackend } from "../../multiprocess/mod.ts";
import { RUNTIMES } from "./demo.ts";
import { ROOT } from "./paths.ts";
import { type RunningProgram, start, waitFor } from "./processes.ts";
import { runtimePath } from "./runtimes.ts";

/** How long a writer may be silent, and the store too. Only a fault takes that long. */
const PATIENCE_MS = 60_000;

/** Options of {@linkcode killWriters}. */
export interface KillingOptions {
  /** The file of `tests/support/` that makes the backend of the writers. */
  readonly file: string;
  /** Its arguments. */
  readonly args: readonly unknown[];
  /** The same backend, for this process. */
  readonly backend: Backend;
  readonly writers: number;
  readonly kills: number;
}

/**
 * Lets writers on all runtimes count, kills some of them, and holds the total against
 * their output: at least the acknowledged counts, at most the issued counts, and
 * never less than before.
 */
export async function killWriters(options: KillingOptions): Promise<void> {
  const { file, args, backend, writers, kills } = options;
  const paths = await Promise.all(RUNTIMES.map((runtime) => runtimePath(runtime)));
  let started = 0;
  const startWriter = (): RunningProgram => {
    const runtime = RUNTIMES[started % RUNTIMES.length]!;
    const path = paths[started++ % paths.length]!;
    const program = join(ROOT, "tests/support/writer.ts");
    const permissions = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
    const url = new URL(file, `file://${ROOT}tests/support/`).href;
    return start(path, [...permissions, program, url, JSON.stringify(args)], {
      cwd: ROOT,
      env: { ...process.env, NO_COLOR: "1" },
    });
  };
  const said = (program: RunningProgram, what: string): number => {
    const numbers = [...program.output().matchAll(new RegExp(`^${what} (\\d+)$`, "gm"))];
    return Number(numbers.at(-1)?.[1] ?? 0);
  };
  const registry = new CollectorRegistry();
  await using shared = await loadBackend(backend, {
    registry,
    intervalMs: 20,
    timeoutMs: PATIENCE_MS,
    deadAfterMs: PATIENCE_MS,
  });
  let watching = true;
  const falls: string[] = [];
  let reads = 0;
  const watch = async (): Promise<void> => {
    const last = new Map<string, number>();
    while (watching) {
      for (const name of ["jobs_total", "size_sum", "size_count"]) {
        const value = await shared.getSampleValueAsync(name);
        if (value === undefined) continue;
        reads++;
        if (value < (last.get(name) ?? 0)) falls.push(`${name}: ${last.get(name)} to ${value}`);
        last.set(name, value);
      }
      await sleep(10);
    }
  };
  const running: RunningProgram[] = [];
  const killed: RunningProgram[] = [];
  const watcher = watch();
  try {
    for (let i = 0; i < writers; i++) running.push(startWriter());
    for (let i = 0; i < kills; i++) {
      const victim = running[i % writers]!;
      await waitFor("a writer that was acknowledged", () => said(victim, "acked") > 2 || undefined);
      await victim.stop("SIGKILL");
      killed.push(victim);
      running[i % writers] = startWriter();
    }
    for (const program of running) {
      await waitFor(
        "a writer that was acknowledged",
        () => said(program, "acked") > 2 || undefined,
      );
    }
    await waitFor("many reads", () => reads > 100 || undefined);
    // Processes that were killed are alive for others until they have been silent for long.
    const busy = Number(await shared.getSampleValueAsync("busy"));
    assert.ok(busy >= writers && busy <= writers + killed.length, `${busy} busy`);
    await Promise.all(running.map((program) => program.stop("SIGTERM")));
  } finally {
    for (const program of running) await program.stop("SIGKILL");
    watching = false;
    await watcher;
  }
  const all = [...running, ...killed];
  for (const program of running) assert.match(program.output(), /^closed$/m);
  const total = Number(await shared.getSampleValueAsync("jobs_total"));
  const acked = all.reduce((sum, program) => sum + said(program, "acked"), 0);
  const issued = all.reduce((sum, program) => sum + said(program, "issued"), 0);
  assert.deepEqual(falls, []);
  assert.ok(total >= acked, `${total} in total, ${acked} acknowledged`);
  assert.ok(total <= issued, `${total} in total, ${issued} issued`);
  assert.equal(await shared.getSampleValueAsync("size_count"), total);
  // The last step of each killed process may or may not be in the total.
  assert.ok(issued - acked <= killed.length, `${issued - acked} in doubt`);
}
