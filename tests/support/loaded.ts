/**
 * Runs the suite next to a busy loop on each core: `deno task test:loaded`. A test that only fails
 * there depends on the speed of the machine.
 *
 * Arguments: folders or files in `tests/` to run (default: all), and `--ignore=tests/FOLDER` for
 * each folder to skip.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { ROOT } from "./paths.ts";

/** The tasks of the suite. */
const TASKS = ["test:deno", "test:bun", "test:node", "test:e2e"] as const;

/** A selection of tests. */
export interface Selection {
  /** Folders and files to run. Empty means all. */
  readonly paths: readonly string[];
  /** Folders to skip. */
  readonly ignored: readonly string[];
}

/** Commands by the names of their tasks. */
export type Commands = Readonly<Record<(typeof TASKS)[number], string>>;

/**
 * Returns the commands that run a selection of the suite.
 *
 * @param commands The commands for all tests.
 * @param selection The tests.
 * @returns One command for each runtime, and one for the end-to-end tests if they are selected.
 */
export function select(commands: Commands, { paths, ignored }: Selection): string[] {
  for (const folder of ignored) {
    if (!/^tests\/\w+$/.test(folder)) {
      throw new TypeError(`Cannot leave out "${folder}": it must be a folder of tests/`);
    }
  }
  const isAll = paths.length === 0;
  const selected: string[] = [];
  const add = (command: string, chosen: readonly string[]): void => {
    if (isAll || chosen.length > 0) selected.push([command, ...chosen].join(" "));
  };
  const isIn = (path: string, folders: readonly string[]): boolean =>
    folders.some((folder) => `${path}/`.startsWith(`tests/${folder}/`));
  const outside = (...folders: string[]): string[] => paths.filter((path) => !isIn(path, folders));

  const folders = [...ignored, ""].join();
  add(commands["test:deno"].replace("--ignore=", `--ignore=${folders}`), outside("bun", "e2e"));
  const patterns = ignored.map((folder) => ` --path-ignore-patterns='${folder}/**'`).join("");
  add(commands["test:bun"] + patterns, outside("deno", "e2e"));
  const names = ignored.map((folder) => `${folder.slice("tests/".length)}|`).join("");
  const node = commands["test:node"].replace("!(", `!(${names}`);
  const globs = outside("bun", "deno", "e2e")
    .map((path) => path.endsWith(".ts") ? `'${path}'` : `'${path}/**/*_test.ts'`);
  add(isAll ? node : node.replace(/ 'tests\/.*$/, ""), globs);
  const endToEnd = commands["test:e2e"];
  if (!ignored.includes("tests/e2e")) {
    const chosen = paths.filter((path) => isIn(path, ["e2e"]));
    add(isAll ? endToEnd : endToEnd.replace(" tests/e2e", ""), chosen);
  }
  return selected;
}

/**
 * Runs a function while other processes keep the machine busy. They have ended when it returns.
 *
 * @param loops The number of processes.
 * @param run The function.
 * @returns Its result.
 */
export async function runBesideLoops<T>(loops: number, run: () => Promise<T>): Promise<T> {
  const program = fileURLToPath(new URL("busy_loop.ts", import.meta.url));
  const processes = Array.from({ length: loops }, () => {
    return new Deno.Command(Deno.execPath(), { args: ["run", "--allow-all", program] }).spawn();
  });
  try {
    return await run();
  } finally {
    for (const process of processes) process.kill("SIGKILL");
    await Promise.all(processes.map(({ status }) => status));
  }
}

/** Runs commands in order, and returns the first exit code that is not 0, or 0. */
export async function runAll(commands: readonly string[]): Promise<number> {
  let first = 0;
  for (const command of commands) {
    console.log(`\n== ${command}`);
    const args = ["task", "--quiet", "--eval", command];
    const { code } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).spawn().status;
    console.log(`== exit code ${code}`);
    first ||= code;
  }
  return first;
}

if (import.meta.main) {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    options: { ignore: { type: "string", multiple: true, default: [] } },
    allowPositionals: true,
  });
  const config = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const commands = Object.fromEntries(TASKS.map((task) => [task, config.tasks[task].command]));
  const ignored = values.ignore.flatMap((folders) => folders.split(","));
  // The keys are the names of the tasks.
  const selected = select(commands as Commands, { paths: positionals, ignored });
  Deno.exit(await runBesideLoops(navigator.hardwareConcurrency, () => runAll(selected)));
}
