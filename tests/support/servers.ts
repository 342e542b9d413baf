/**
 * Starts programs of `tests/` as child processes on any runtime. Servers print `port <number>`.
 *
 * @module
 */
import { join } from "node:path";
import process from "node:process";
import type { Runtime } from "./demo.ts";
import { ROOT } from "./paths.ts";
import { type RunningProgram, start } from "./processes.ts";
import { runtimePath } from "./runtimes.ts";

/** The paths of the runtimes, cached because finding one is slow. */
const _paths: Map<Runtime, Promise<string>> = new Map();

/** Starts a file of `tests/` with arguments. */
export async function startOn(
  runtime: Runtime,
  file: string,
  args: readonly string[],
): Promise<RunningProgram> {
  const flags = runtime === "deno" ? ["run", "-A", "--no-check"] : [];
  const found = _paths.get(runtime) ?? runtimePath(runtime);
  _paths.set(runtime, found);
  return start(await found, [...flags, join(ROOT, "tests", file), ...args], {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1" },
  });
}

/** Waits until a program prints its port. Stops the program if it never does. */
export async function portOf(program: RunningProgram): Promise<number> {
  try {
    return Number((await program.waitForOutput(/^port (\d+)$/m))[1]);
  } catch (error) {
    await program.stop();
    throw error;
  }
}
