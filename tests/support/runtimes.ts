/**
 * Finds the runtimes, for tests that start one. The suite that runs on every runtime starts none,
 * so that it does not need the others. `tests/package_test.ts` verifies this.
 *
 * @module
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";

/** Returns the path of Deno, which must run this, or of the version that `deno.json` pins. */
export async function runtimePath(runtime: "deno" | "bun" | "node"): Promise<string> {
  if (runtime === "deno") return process.execPath;
  const { stdout } = await promisify(execFile)(process.execPath, [
    "task",
    "--quiet",
    runtime,
    "--print",
    "process.execPath",
  ]);
  return stdout.trim();
}
