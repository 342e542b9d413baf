/**
 * What the tests of the package share: the tarball, empty folders that it is installed into, and
 * the programs that use it there.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { ROOT } from "../support/paths.ts";

const config = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));

/** The name of the package. */
export const NAME: string = config.name;

/** What `npm pack` makes of the package. */
export const TARBALL: string = join(
  ROOT,
  `dist/${NAME.replace("@", "").replace("/", "-")}-${config.version}.tgz`,
);

/** The entry points, as programs import them. */
export const ENTRY_POINTS: readonly string[] = Object.keys(config.exports)
  .map((entry) => NAME + entry.slice(1));

/** The folder of the files of this gate. */
export const GATE: string = join(ROOT, "tests/package");

/** The programs that are not the library's: compilers, bundlers, linters. */
export const TOOLS: string = join(GATE, "tools");

/** The first Node.js that has `require()` of modules, and the one that the project uses. */
export const NODE_VERSIONS: readonly string[] = ["22.12.0", pinned("node")];

/** The version of a runtime that `deno.json` pins. */
function pinned(runtime: "bun" | "node"): string {
  const [, version = ""] = config.tasks[runtime].command.match(/@([\d.]+)$/) ?? [];
  return version;
}

/** The path of a runtime: this one for Deno, and one from npm for the others. Runs under Deno. */
export async function runtimePath(
  runtime: "bun" | "deno" | "node",
  version?: string,
): Promise<string> {
  if (runtime === "deno") return process.execPath;
  const name = `${runtime}@${version ?? pinned(runtime)}`;
  return (await run("npx", ["-y", name, "--print", "process.execPath"], ROOT)).trim();
}

/** A temporary folder. Dispose of it to delete it. */
export interface Consumer extends AsyncDisposable {
  /** Its path. */
  readonly folder: string;
  /** Writes a file into it. */
  write(name: string, text: string): Promise<void>;
  /** Runs a program in it; resolves to what it writes to its standard output. */
  run(program: string, ...args: string[]): Promise<string>;
}

/** Makes an empty folder. */
export async function emptyFolder(): Promise<Consumer> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-package-"));
  return {
    folder,
    write: (name, text) => writeFile(join(folder, name), text),
    run: (program, ...args) => run(program, args, folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Makes a folder with the package installed from its tarball, and the programs of `consumer/`. */
export async function installPackage(): Promise<Consumer> {
  const consumer = await emptyFolder();
  await consumer.write("package.json", '{ "type": "module" }\n');
  await consumer.run("npm", "install", "--offline", "--no-audit", "--no-fund", TARBALL);
  await cp(join(GATE, "consumer"), consumer.folder, { recursive: true });
  return consumer;
}

/**
 * Runs a program to its end.
 *
 * @throws {Error} With all that it wrote, if it fails.
 */
export async function run(program: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const options = { cwd, maxBuffer: 2 ** 26, env: { ...process.env, NO_COLOR: "1" } };
    return (await promisify(execFile)(program, args, options)).stdout;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`Cannot run ${[program, ...args].join(" ")}:\n${stdout}${stderr}`, {
      cause: error,
    });
  }
}

/** Runs one of the programs in `tools/`, or one that is installed there, with the pinned Node. */
export async function runTool(script: string, ...args: string[]): Promise<string> {
  return await run(await runtimePath("node"), [join(TOOLS, script), ...args], TOOLS);
}

if (!existsSync(TARBALL)) {
  throw new Error(`Cannot test the package: run \`deno task test:package\`, which makes it first`);
}
