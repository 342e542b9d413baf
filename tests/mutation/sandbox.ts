/**
 * Copies of the checkout that may be broken, and the tests that notice it.
 *
 * @module
 */
import { basename, join } from "node:path";
import { ROOT } from "../support/paths.ts";
import type { Mutant } from "./mutants.ts";

/** The folders of the tests for the mutated code, and for code that depends on it. */
const TEST_FOLDERS = ["metrics", "registry", "encoding", "exposition", "bridges"]
  .map((room) => `tests/${room}`);

/** Names that are not copied. */
const LEFT_OUT = new Set([".git", ".coverage", "benches", "node_modules"]);

/**
 * The time limit of a test file in milliseconds, beyond five times its duration without a mutant.
 * It limits processor time, because an endless loop uses the same amount on a busy machine.
 */
const CPU_PATIENCE = 10_000;
/** The limit when the duration is unknown. Such a run may also measure coverage. */
const FIRST_PATIENCE = 60_000;
const PATIENCE = 180_000;

/** The memory limit of a test file in megabytes, because an endless loop may fill all memory. */
const MAX_HEAP_MB = 1024;

/** A test file. */
export interface TestFile {
  /** The path, relative to the root of the checkout. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
  /** Whether it has passed without a mutant. */
  isSound: boolean;
  /** The duration in milliseconds, or 0 if it was not measured. */
  duration: number;
  /** The lines that it runs, by file, or undefined if they were not measured. */
  lines: Map<string, Set<number>> | undefined;
}

/** The verdict on a mutant. */
export interface Verdict {
  /** The outcome. `invalid` means that the mutant could not be parsed. */
  readonly status: "killed" | "timeout" | "survived" | "uncovered" | "invalid";
  /** The test file that failed. */
  readonly by?: TestFile;
}

/** The result of running one test file. */
interface Run {
  readonly status: "passed" | "failed" | "timeout";
  readonly duration: number;
  readonly output: string;
}

/** Lists the test files, in alphabetical order. */
export async function listTests(): Promise<TestFile[]> {
  const tests: TestFile[] = [];
  for (const folder of TEST_FOLDERS) {
    for await (const { name } of Deno.readDir(join(ROOT, folder))) {
      if (!name.endsWith("_test.ts")) continue;
      const path = `${folder}/${name}`;
      const text = await Deno.readTextFile(join(ROOT, path));
      tests.push({ path, text, isSound: false, duration: 0, lines: undefined });
    }
  }
  return tests.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** A copy of the checkout. */
export class Sandbox {
  readonly #folder: string;

  /** @param folder The folder, which must contain a copy. */
  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Creates a copy. */
  static async create(): Promise<Sandbox> {
    const folder = await Deno.makeTempDir({ prefix: "narthex-mutation-" });
    await copyFolder(ROOT, folder);
    await Deno.symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const config = join(folder, "deno.json");
    const { coverage: _, ...rest } = JSON.parse(await Deno.readTextFile(config));
    await Deno.writeTextFile(config, JSON.stringify({ ...rest, nodeModulesDir: "manual" }));
    return new Sandbox(folder);
  }

  /** Removes the copy. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.#folder, { recursive: true });
  }

  /**
   * Measures the duration of a test file and the lines that it runs.
   *
   * @param test The test file.
   * @throws {Error} If it fails without a mutant.
   */
  async measure(test: TestFile): Promise<void> {
    const folder = join(this.#folder, ".coverage");
    const args = [`--coverage=${folder}`, "--coverage-raw-data-only"];
    const duration = await this.#prove(test, args);
    const report = ["coverage", "--quiet", "--lcov", folder];
    const { stdout } = await this.#command(Deno.execPath(), report).output();
    await Deno.remove(folder, { recursive: true });
    test.duration = duration;
    test.lines = readLcov(new TextDecoder().decode(stdout), `${this.#folder}/`);
  }

  /**
   * Applies a mutant, and runs the tests that cover it until one fails.
   *
   * @param mutant The mutant.
   * @param tests All tests.
   * @returns The verdict.
   * @throws {Error} If the failed test also fails without a mutant.
   */
  async judge(mutant: Mutant, tests: readonly TestFile[]): Promise<Verdict> {
    const asked = chooseTests(mutant, tests);
    if (asked.length === 0) return { status: "uncovered" };
    const path = join(this.#folder, mutant.file);
    const original = await Deno.readTextFile(path);
    let verdict: Verdict = { status: "survived" };
    await Deno.writeTextFile(path, mutant.text);
    try {
      for (const test of asked) {
        const { status, output } = await this.#run(test);
        if (status === "passed") continue;
        if (output.includes("could not be parsed")) return { status: "invalid" };
        verdict = { status: status === "failed" ? "killed" : status, by: test };
        break;
      }
    } finally {
      await Deno.writeTextFile(path, original);
    }
    if (verdict.by !== undefined && !verdict.by.isSound) await this.#prove(verdict.by);
    return verdict;
  }

  /** Runs a test without a mutant. Returns the duration, or throws if it fails. */
  async #prove(test: TestFile, args: string[] = []): Promise<number> {
    const { status, duration, output } = await this.#run(test, args);
    if (status !== "passed") {
      throw new Error(`Cannot test mutants: ${test.path} fails without one: ${output}`);
    }
    test.isSound = true;
    return duration;
  }

  async #run(test: TestFile, args: string[] = []): Promise<Run> {
    const flags = ["--allow-all", "--no-check", "--no-lock", "--quiet", "--fail-fast"];
    const heap = `--v8-flags=--max-old-space-size=${MAX_HEAP_MB}`;
    const start = performance.now();
    const known = test.duration > 0;
    const patience = known ? CPU_PATIENCE + 5 * test.duration : FIRST_PATIENCE;
    const seconds = Math.ceil(patience / 1000);
    // The shell sets the limit and is replaced by the test, which is sent a signal at the limit.
    const limited = ["-c", 'ulimit -S -t "$0" && exec "$@"', String(seconds), Deno.execPath()];
    const child = this.#command("sh", [...limited, "test", ...flags, heap, ...args, test.path])
      .spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), PATIENCE + 5 * test.duration);
    const { success, signal, stdout, stderr } = await child.output();
    clearTimeout(timer);
    const decoder = new TextDecoder();
    return {
      status: success ? "passed" : signal === null ? "failed" : "timeout",
      duration: performance.now() - start,
      output: `${decoder.decode(stdout)}${decoder.decode(stderr)}`,
    };
  }

  #command(program: string, args: string[]): Deno.Command {
    return new Deno.Command(program, {
      args,
      cwd: this.#folder,
      env: { NO_COLOR: "1" },
      stdout: "piped",
      stderr: "piped",
    });
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
    if (LEFT_OUT.has(name)) continue;
    if (isFile) await Deno.copyFile(join(from, name), join(to, name));
    if (isDirectory) {
      await Deno.mkdir(join(to, name));
      await copyFolder(join(from, name), join(to, name));
    }
  }
}

/**
 * Returns the tests that cover a mutant. Tests that are likely to fail, and fast ones, come first.
 */
function chooseTests(mutant: Mutant, tests: readonly TestFile[]): TestFile[] {
  const name = basename(mutant.file, ".ts");
  const room = mutant.file.split("/")[0]!; // A path has at least one part.
  const rank = ({ path, text }: TestFile): number =>
    basename(path).endsWith(`${name}_test.ts`)
      ? 0
      : text.includes(`/${mutant.file}"`)
      ? 1
      : path.startsWith(`tests/${room}/`)
      ? 2
      : 3;
  const runs = ({ lines }: TestFile): boolean => {
    if (lines === undefined) return true;
    const ofFile = lines.get(mutant.file);
    if (ofFile === undefined) return false;
    for (let line = mutant.line; line <= mutant.lastLine; line++) if (ofFile.has(line)) return true;
    return false;
  };
  return tests.filter(runs).sort((a, b) =>
    rank(a) - rank(b) || a.duration - b.duration || a.text.length - b.text.length
  );
}

/** Reads the covered lines by file from an LCOV report. */
function readLcov(report: string, root: string): Map<string, Set<number>> {
  const files = new Map<string, Set<number>>();
  let lines = new Set<number>();
  for (const row of report.split("\n")) {
    if (row.startsWith("SF:")) {
      lines = new Set();
      if (row.startsWith(root, 3)) files.set(row.slice(3 + root.length), lines);
    } else if (row.startsWith("DA:")) {
      const [line, count] = row.slice(3).split(",").map(Number);
      if (line !== undefined && count !== undefined && count > 0) lines.add(line);
    }
  }
  return files;
}
