/**
 * Processes that count in an SQLite store, for tests.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";
import type { LoadBackendOptions } from "../../multiprocess/mod.ts";
import type { ProcessAnswer, ProcessCommand } from "./counting_process.ts";
import { ROOT } from "./paths.ts";

/** The runtime of a process. */
export interface ProcessRuntime {
  readonly path: string;
  /** The arguments before the program. */
  readonly args: readonly string[];
}

const THIS_RUNTIME: ProcessRuntime = {
  path: process.execPath,
  args: "Deno" in globalThis ? ["run", "-A", "--no-check"] : [],
};

/** The processes of one test. Dispose of them to end those that are left. */
export class CountingProcesses implements AsyncDisposable {
  readonly #running: Set<CountingProcess> = new Set();

  /** Starts a process, and waits until it has opened the store. */
  async start(
    path: string,
    options: LoadBackendOptions = {},
    runtime: ProcessRuntime = THIS_RUNTIME,
  ): Promise<CountingProcess> {
    const one = new CountingProcess(path, options, runtime);
    this.#running.add(one);
    await one.answer();
    return one;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.#running) await one.end("SIGKILL");
  }
}

/** A process. */
export class CountingProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #answers: AsyncIterator<string>;
  #errors = "";

  constructor(path: string, options: LoadBackendOptions, runtime: ProcessRuntime) {
    const program = join(ROOT, "tests/support/counting_process.ts");
    const args = [...runtime.args, program, path, JSON.stringify(options)];
    const stdio = ["pipe", "pipe", "pipe"] as const;
    this.#child = spawn(runtime.path, args, { stdio: [...stdio], cwd: ROOT });
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#errors += text);
    this.#ended = new Promise((resolve) => this.#child.once("close", () => resolve()));
    this.#answers = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Reads the next answer. */
  async answer(): Promise<ProcessAnswer> {
    while (true) {
      const { value, done } = await this.#answers.next();
      if (done) throw new Error(`Cannot read an answer: the process has ended: ${this.#errors}`);
      if (!value.startsWith("> ")) continue;
      const answer: ProcessAnswer = JSON.parse(value.slice(2));
      if (answer.error !== undefined) throw new Error(answer.error);
      return answer;
    }
  }

  async tell(command: ProcessCommand): Promise<ProcessAnswer> {
    this.#child.stdin!.write(`${JSON.stringify(command)}\n`);
    return await this.answer();
  }

  /** Counts, and flushes. */
  async count(count: number, queue = "a"): Promise<void> {
    const { flushed } = await this.tell({ count, queue });
    assert.equal(flushed, true, "the flush has arrived");
  }

  /** The total that it reads. */
  async total(queue = "a"): Promise<number | undefined> {
    return (await this.tell({ queue })).total;
  }

  /** Closes the registry, and ends. */
  async close(): Promise<void> {
    await this.tell({ close: true });
    this.#child.stdin!.end();
    await this.#ended;
  }

  /** Stops it, or lets it go on. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    process.kill(this.pid, signal);
  }

  /** Ends it at once. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      process.kill(this.pid, signal);
    }
    await this.#ended;
  }
}
