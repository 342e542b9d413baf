/**
 * The demo as a child process, and its `/metrics` page, for tests.
 *
 * @module
 */
import { join } from "node:path";
import { ROOT } from "./paths.ts";
import { type RunningProgram, start } from "./processes.ts";
import { runtimePath } from "./runtimes.ts";

/** The runtimes that the demo runs on. */
export const RUNTIMES = ["deno", "bun", "node"] as const;

/** A runtime that the demo runs on. */
export type Runtime = (typeof RUNTIMES)[number];

/** The demo, started. */
export interface RunningDemo extends AsyncDisposable {
  /** The process itself. */
  readonly program: RunningProgram;
  /** Where it listens, as `host:port`. */
  readonly address: string;
  /** The text of a page of it. */
  page(path: string): Promise<string>;
}

/** What `deno task demo` allows the demo. */
const PERMISSIONS = ["--allow-net", "--allow-env=PORT,REDIS_URL"];

/**
 * Starts `examples/demo.ts` on a free port; `options` are its own, and `permissions` those that
 * Deno gives it.
 */
export async function startDemo(
  runtime: Runtime,
  options: readonly string[] = [],
  permissions: readonly string[] = PERMISSIONS,
): Promise<RunningDemo> {
  const run = runtime === "deno" ? ["run", ...permissions] : [];
  const program = start(
    await runtimePath(runtime),
    [...run, join(ROOT, "examples/demo.ts"), "--port", "0", ...options],
    { cwd: ROOT },
  );
  let address: string;
  try {
    const [, port] = await program.waitForOutput(/http:\/\/localhost:(\d+)\//);
    address = `127.0.0.1:${port}`;
  } catch (error) {
    await program.stop();
    throw error;
  }
  return {
    program,
    address,
    page: async (path) => await (await fetch(`http://${address}${path}`)).text(),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** The value of `series`, spelled exactly as in `exposition`. */
export function seriesValue(exposition: string, series: string): number {
  const line = exposition.split("\n").find((line) => line.startsWith(`${series} `));
  if (line === undefined) throw new Error(`Cannot find series ${series} in:\n${exposition}`);
  return Number(line.slice(series.length + 1));
}
