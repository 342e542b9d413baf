/**
 * Builds the npm package into `dist/npm/`. Run it with `deno task build:npm` or `npm run build`.
 *
 * The TypeScript compiler writes the JavaScript and the declarations. Nothing is bundled, so that
 * bundlers can drop unused parts.
 *
 * @module
 */
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { compile } from "./compiler.ts";
import { checkDeclaration, finishDeclaration, importsOf } from "./declarations.ts";
import { absoluteLinks } from "./readme.ts";
import { keepLines } from "./source_maps.ts";

/** The root of the checkout. */
const ROOT: string = fileURLToPath(new URL("../", import.meta.url));

/** The folder of the finished package. */
export const NPM_FOLDER: string = join(ROOT, "dist/npm");

/** The folder for the compiler's output, until the package is complete. */
const WORK_FOLDER = join(ROOT, "dist/work");

/** Files that are copied unchanged. */
const COPIED = ["LICENSE", "CHANGELOG.md"];

/** The supported versions: the first one of Node that can `require()` modules, and later. */
const ENGINES = { node: ">=22.12" };

/** The fields of `deno.json` and `package.json` that the package is built from. */
interface Project {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly keywords: readonly string[];
  readonly license: string;
  readonly repository?: string;
  readonly exports: Readonly<Record<string, string>>;
}

/**
 * Builds the package.
 *
 * @returns The paths of its files in the package.
 */
export async function buildNpm(): Promise<string[]> {
  const project = await readProject();
  const entries = Object.values(project.exports).map((path) => path.slice("./".length));
  await rm(join(ROOT, "dist"), { recursive: true, force: true });
  await mkdir(WORK_FOLDER, { recursive: true });
  await Promise.all([
    compile({
      root: ROOT,
      entries,
      output: join(WORK_FOLDER, "js"),
      // The declarations keep the comments, because editors read them there.
      options: { declaration: false, removeComments: true, sourceMap: true },
    }),
    compile({
      root: ROOT,
      entries,
      output: join(WORK_FOLDER, "types"),
      options: { declaration: true, emitDeclarationOnly: true },
    }),
  ]);
  await copyJavaScript();
  await copyDeclarations(entries.map((path) => path.replace(/\.ts$/, ".d.ts")));
  for (const name of COPIED) await cp(join(ROOT, name), join(NPM_FOLDER, name));
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  await write("README.md", absoluteLinks(readme, project));
  await rm(WORK_FOLDER, { recursive: true });
  const manifest = makeManifest(project, await readdir(NPM_FOLDER));
  await write("package.json", `${JSON.stringify(manifest, null, 2)}\n`);
  return await listFiles(NPM_FOLDER);
}

async function readProject(): Promise<Project> {
  const read = async (name: string) => JSON.parse(await readFile(join(ROOT, name), "utf8"));
  return { ...await read("package.json"), ...await read("deno.json") };
}

/** Creates the `package.json` of the package. */
function makeManifest(project: Project, topLevel: readonly string[]): Record<string, unknown> {
  const { name, version, description, keywords, license, repository } = project;
  const exports = Object.entries(project.exports).map(([entry, source]) => {
    const path = source.replace(/\.ts$/, "");
    return [entry, { types: `${path}.d.ts`, default: `${path}.js` }];
  });
  return {
    name,
    version,
    description,
    keywords,
    license,
    ...(repository === undefined ? {} : { repository }),
    type: "module",
    sideEffects: false,
    engines: ENGINES,
    // For tools that do not support `exports`.
    main: "./mod.js",
    types: "./mod.d.ts",
    exports: { ...Object.fromEntries(exports), "./package.json": "./package.json" },
    files: [...topLevel].sort(),
  };
}

async function copyJavaScript(): Promise<void> {
  const folder = join(WORK_FOLDER, "js");
  for (const path of await listFiles(folder)) {
    const text = await readFile(join(folder, path), "utf8");
    // The package has the same folders as the checkout, so a map names a file in its own folder.
    const source = (path.split("/").at(-1) ?? path).replace(/\.js\.map$/, ".ts");
    await write(path, path.endsWith(".map") ? keepLines(text, source) : text);
  }
}

/** Copies the declarations of the entry points and of their imports. */
async function copyDeclarations(entries: readonly string[]): Promise<void> {
  const paths = new Set(entries);
  for (const path of paths) {
    const text = await readFile(join(WORK_FOLDER, "types", path), "utf8");
    checkDeclaration(path, text);
    for (const imported of importsOf(path, text)) paths.add(imported);
    await write(path, finishDeclaration(text));
  }
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(NPM_FOLDER, path)), { recursive: true });
  await writeFile(join(NPM_FOLDER, path), text);
}

/** Lists all files in a folder, as sorted relative paths. */
async function listFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const files = await buildNpm();
  console.log(`Built ${files.length} files into ${relative(process.cwd(), NPM_FOLDER)}`);
}
