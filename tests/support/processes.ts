/**
 * Starts child processes, waits for them and stops them, for tests.
 *
 * @module
 */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { createServer } from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** The time limit of all waits. Only a failing test reaches it. */
export const PATIENCE_MS = 60_000;

/** A running program. Dispose of it to stop it. */
export interface RunningProgram extends AsyncDisposable {
  /** The process id, or undefined if the program could not be started. */
  readonly pid: number | undefined;
  /** Returns what the program has written to both outputs so far. */
  output(): string;
  /** Waits for output that matches `pattern`. */
  waitForOutput(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Sends `signal` and waits for the end. Resolves to the exit code, or null if it was killed. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits for the end. Resolves to the exit code, or to the signal that ended the program. */
  ended(): Promise<number | NodeJS.Signals | null>;
}

/** Starts `command` with `args`. */
export function start(
  command: string,
  args: readonly string[],
  options: SpawnOptions = {},
): RunningProgram {
  const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  let failure: Error | undefined;
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => output += text);
  }
  const closed = new Promise<void>((resolve) => {
    child.once("close", () => resolve());
    child.once("error", (error) => {
      failure = error;
      resolve();
    });
  });
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    await stopChild(child, signal, closed);
    return child.exitCode;
  };
  return {
    pid: child.pid,
    output: () => output,
    waitForOutput: (pattern) =>
      waitFor(`output of ${command} that matches ${pattern}`, () => {
        const match = output.match(pattern);
        if (match === null && (failure !== undefined || child.exitCode !== null)) {
          throw new Error(`Cannot wait for "${command}", it ended: ${failure ?? output}`);
        }
        return match ?? undefined;
      }),
    stop,
    ended: async () => {
      await closed;
      return child.exitCode ?? child.signalCode;
    },
    async [Symbol.asyncDispose]() {
      await stop();
    },
  };
}

async function stopChild(
  child: ChildProcess,
  signal: NodeJS.Signals,
  closed: Promise<void>,
): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(child.pid, signal); // After child.kill() Deno reports no exit code.
  } catch {
    // The process has just ended.
  }
  const last = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS / 4);
  await closed;
  clearTimeout(last);
}

/** Calls `attempt` repeatedly until it returns a value other than `undefined`. */
export async function waitFor<T>(
  what: string,
  attempt: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const result = await attempt();
    if (result !== undefined) return result;
    await sleep(50);
  }
  throw new Error(`Cannot wait any longer for ${what}`);
}

/** Returns an unused loopback port, for programs that cannot choose one themselves. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}
