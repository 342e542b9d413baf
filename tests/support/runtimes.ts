/**
 * The runtimes, for tests that start one. The suite that runs on each runtime starts none, so that
 * it needs no other one: `tests/package_test.ts` makes sure.
 *
 * @module
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";

/** The path of this runtime (for "deno"), or of the one that `deno.json` pins. Runs under Deno. */
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
