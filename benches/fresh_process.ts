/**
 * Runs programs of this folder in separate processes, on the current runtime.
 *
 * @module
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The current runtime. */
export const RUNTIME: "Deno" | "Bun" | "Node.js" = process.versions["deno"]
  ? "Deno"
  : process.versions["bun"]
  ? "Bun"
  : "Node.js";

const FLAGS = {
  "Deno": ["run", "-A", "--v8-flags=--expose-gc"],
  "Bun": ["run"],
  "Node.js": ["--expose-gc"],
};

/**
 * Runs a program of this folder in a fresh process that can trigger garbage collections.
 *
 * @param file The name of the file.
 * @param args The arguments.
 * @returns The output, parsed as JSON.
 */
export async function runFresh(file: string, ...args: readonly string[]): Promise<unknown> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const command = [...FLAGS[RUNTIME], path, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  return JSON.parse(stdout);
}

/** Collects garbage if the runtime allows it. */
export function collectGarbage(): void {
  // Bun always has `Bun.gc()`. V8 has `gc()` with --expose-gc.
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(synchronous: boolean): void } };
  if (Bun !== undefined) Bun.gc(true);
  else gc?.();
}

/** Returns the used memory in bytes, on the heap and outside, after garbage collections. */
export async function usedMemory(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10)); // Some memory is freed later.
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
