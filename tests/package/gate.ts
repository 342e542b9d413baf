/**
 * Shared parts of the package tests: the tarball, the folders that it is installed into, and the
 * programs that use it there.
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

/** The tarball that `npm pack` creates. */
export const TARBALL: string = join(
  ROOT,
  `dist/${NAME.replace("@", "").replace("/", "-")}-${config.version}.tgz`,
);

/** The entry points, with the names that programs import. */
export const ENTRY_POINTS: readonly string[] = Object.keys(config.exports)
  .map((entry) => NAME + entry.slice(1));

/** The folder of the package tests. */
export const GATE: string = join(ROOT, "tests/package");

/** The tools that are not part of the library: compilers, bundlers and linters. */
export const TOOLS: string = join(GATE, "tools");

/** The first Node.js with `require()` of ES modules, and the one that the project uses. */
export const NODE_VERSIONS: readonly string[] = ["22.12.0", pinned("node")];

/** Returns the version of a runtime that `deno.json` pins. */
function pinned(runtime: "bun" | "node"): string {
  const [, version = ""] = config.tasks[runtime].command.match(/@([\d.]+)$/) ?? [];
  return version;
}

/** Returns the path of a runtime: this one for Deno, otherwise one from npm. Requires Deno. */
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
  /** Writes a file into the folder. */
  write(name: string, text: string): Promise<void>;
  /** Runs a program in the folder. Resolves to its standard output. */
  run(program: string, ...args: string[]): Promise<string>;
}

/** Creates an empty folder. */
export async function emptyFolder(): Promise<Consumer> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-package-"));
  return {
    folder,
    write: (name, text) => writeFile(join(folder, name), text),
    run: (program, ...args) => run(program, args, folder),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Creates a folder with the installed package, and with the programs of `consumer/`. */
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
 * @throws {Error} If the program fails. The message has its whole output.
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

/** Runs a script of `tools/`, or a tool that is installed there, with the pinned Node.js. */
export async function runTool(script: string, ...args: string[]): Promise<string> {
  return await run(await runtimePath("node"), [join(TOOLS, script), ...args], TOOLS);
}

if (!existsSync(TARBALL)) {
  throw new Error(`Cannot test the package: run \`deno task test:package\`, which builds it first`);
}
