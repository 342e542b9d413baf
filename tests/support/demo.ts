/**
 * Starts the demo as a child process and reads its pages, for tests.
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

/** A running demo. */
export interface RunningDemo extends AsyncDisposable {
  /** The process itself. */
  readonly program: RunningProgram;
  /** The address that it listens on, as `host:port`. */
  readonly address: string;
  /** Fetches a page of the demo as text. */
  page(path: string): Promise<string>;
}

/** The permissions that `deno task demo` grants. */
const PERMISSIONS = ["--allow-net", "--allow-env=PORT,REDIS_URL"];

/**
 * Starts `examples/demo.ts` on a free port. `options` are command-line options of the demo, and
 * `permissions` are granted by Deno.
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

/** Returns the value of `series`, which must be spelled exactly as in `exposition`. */
export function seriesValue(exposition: string, series: string): number {
  const line = exposition.split("\n").find((line) => line.startsWith(`${series} `));
  if (line === undefined) throw new Error(`Cannot find series ${series} in:\n${exposition}`);
  return Number(line.slice(series.length + 1));
}
