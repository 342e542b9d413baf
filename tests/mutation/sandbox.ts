/**
 * A copy of the checkout whose files may be broken, and the tests that notice.
 *
 * @module
 */
import { basename, join } from "node:path";
import { ROOT } from "../support/paths.ts";
import type { Mutant } from "./mutants.ts";

/** Where the tests are that are asked: of what is mutated, and of what stands upon it. */
const TEST_FOLDERS = ["metrics", "registry", "encoding", "exposition", "bridges"]
  .map((room) => `tests/${room}`);

/** What a copy does without. */
const LEFT_OUT = new Set([".git", ".coverage", "benches", "node_modules"]);

/**
 * What a test file may take, beyond five times what it takes without a mutant, in milliseconds.
 * Endless loops are ended by the processor's time, of which they have the same on a busy machine.
 */
const CPU_PATIENCE = 10_000;
/** The same, when it is not known yet how long it takes; its coverage is measured as well. */
const FIRST_PATIENCE = 60_000;
const PATIENCE = 180_000;

/** How much memory a test file may fill, in megabytes: endless loops fill all there is. */
const MAX_HEAP_MB = 1024;

/** A test file. */
export interface TestFile {
  /** Its path from the top of the checkout. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
  /** Whether it is known to pass without a mutant. */
  isSound: boolean;
  /** How long it takes, in milliseconds; 0 where that was not measured. */
  duration: number;
  /** The lines that it runs, by file; `undefined` where that was not measured. */
  lines: Map<string, Set<number>> | undefined;
}

/** What became of a mutant. */
export interface Verdict {
  /** `invalid` is what is no program. */
  readonly status: "killed" | "timeout" | "survived" | "uncovered" | "invalid";
  /** The test file that noticed. */
  readonly by?: TestFile;
}

/** How a run of one test file ended. */
interface Run {
  readonly status: "passed" | "failed" | "timeout";
  readonly duration: number;
  readonly output: string;
}

/** The test files, in alphabetical order. */
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

  /** @param folder The folder, which has a copy already. */
  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes a copy. */
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
   * Notes how long a test file takes and which lines it runs.
   *
   * @param test The test file.
   * @throws {Error} If it fails with no mutant at all.
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
   * Puts a mutant in its place, and asks the tests that run it until one notices.
   *
   * @param mutant The mutant.
   * @param tests All tests.
   * @returns What became of it.
   * @throws {Error} If the test that noticed fails with no mutant at all.
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

  /** Runs a test without a mutant, which it has to pass, and tells how long it took. */
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
    // The shell sets the limit and becomes the test, which gets a signal when it is reached.
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

/** The tests that run a mutant, those first that are likely to notice and quick to ask. */
function chooseTests(mutant: Mutant, tests: readonly TestFile[]): TestFile[] {
  const name = basename(mutant.file, ".ts");
  const room = mutant.file.split("/")[0]!; // There is one at least.
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

/** The lines that were run, by file, of a report in LCOV's format. */
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
