/**
 * Programs of this folder, each in a process of its own on the runtime that this one runs on.
 *
 * @module
 */
import { execFile } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

/** The runtime that this is. */
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
 * Runs a program of this folder in a fresh process that can collect garbage when it wants to.
 *
 * @param file The file's name.
 * @param args Its arguments.
 * @returns What it printed, parsed as JSON.
 */
export async function runFresh(file: string, ...args: readonly string[]): Promise<unknown> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const command = [...FLAGS[RUNTIME], path, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command);
  return JSON.parse(stdout);
}

/** Collects garbage, where the runtime was started so that this can be asked for. */
export function collectGarbage(): void {
  // What Bun has, and what V8 has with --expose-gc.
  const { gc, Bun } = globalThis as { gc?: () => void; Bun?: { gc(synchronous: boolean): void } };
  if (Bun !== undefined) Bun.gc(true);
  else gc?.();
}

/** What is on the heap and outside of it, in bytes, once all garbage is collected. */
export async function usedMemory(): Promise<number> {
  for (let i = 0; i < 5; i++) {
    collectGarbage();
    await new Promise((resolve) => setTimeout(resolve, 10)); // Some is freed in a later turn.
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
