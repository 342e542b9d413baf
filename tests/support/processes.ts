/**
 * Child processes that serve something, for tests: started, waited for, and stopped by their id.
 *
 * @module
 */
import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { createServer } from "node:net";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/** How long anything here is waited for. Only a failing test waits that long. */
export const PATIENCE_MS = 60_000;

/** A started program. Dispose of it to stop it. */
export interface RunningProgram extends AsyncDisposable {
  /** Its process id; undefined if it could not be started. */
  readonly pid: number | undefined;
  /** What it has written so far, to both of its outputs. */
  output(): string;
  /** Waits for output that matches `pattern`. */
  waitForOutput(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Ends it with `signal` and waits until it is gone; resolves to its exit code, null if killed. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Waits until it has ended: its exit code, or the signal that has ended it. */
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
    // It has just ended by itself.
  }
  const last = setTimeout(() => child.kill("SIGKILL"), PATIENCE_MS / 4);
  await closed;
  clearTimeout(last);
}

/** Tries again and again, until `attempt` gives something else than `undefined`. */
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

/** A port of loopback that nothing listens on, for programs that cannot choose one themselves. */
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
