/**
 * Runs the TypeScript compiler: the one in `node_modules`, or the same version from npm.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";

/** The sources and the target of a compilation. */
export interface Compilation {
  /** The folder of the sources. */
  readonly root: string;
  /** The files to compile with all their imports, as paths in `root`. */
  readonly entries: readonly string[];
  /** The folder for the output. */
  readonly output: string;
  /** Compiler options in addition to those of `build/tsconfig.json`. */
  readonly options: Readonly<Record<string, boolean>>;
}

/**
 * Compiles TypeScript.
 *
 * @param compilation The sources and the target.
 * @throws {Error} With the compiler's messages, if there are errors.
 */
export async function compile({ root, entries, output, options }: Compilation): Promise<void> {
  const config = `${output}.json`;
  const build = join(root, "build");
  await writeFile(
    config,
    JSON.stringify({
      extends: join(build, "tsconfig.json"),
      compilerOptions: { ...options, rootDir: root, outDir: output, noEmitOnError: true },
      files: [join(build, "node.d.ts"), ...entries.map((path) => join(root, path))],
    }),
  );
  const [program = "", ...args] = await findCompiler(root);
  try {
    await promisify(execFile)(program, [...args, "--project", config], { cwd: root });
  } catch (error) {
    // The compiler writes its messages to the standard output.
    const { stdout, message } = error as Error & { stdout?: string };
    throw new Error(`Cannot compile the library: ${stdout || message}`, { cause: error });
  }
}

/** Returns the command that runs the pinned compiler. */
async function findCompiler(root: string): Promise<string[]> {
  const read = async (path: string) => JSON.parse(await readFile(join(root, path), "utf8"));
  const version: string = (await read("package.json")).devDependencies.typescript;
  const installed = await read("node_modules/typescript/package.json").catch(() => undefined);
  if (installed?.version !== version) {
    return ["npx", "-y", "-p", `typescript@${version}`, "tsc"];
  }
  const script = join(root, "node_modules/typescript/lib/tsc.js");
  return "Deno" in globalThis
    ? [process.execPath, "run", "-A", script]
    : [process.execPath, script];
}
