/**
 * Writes `docs/api/`, with a page for each entry point. Run it with `deno task docs:api` before a
 * release. The list of symbols comes from `deno doc`, and their declarations from the package in
 * `dist/npm/`.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { commentText, declarationOf, type Member, membersOf } from "./declaration_reader.ts";
import { renderComment } from "./doc_comments.ts";
import { buildNpm, NPM_FOLDER } from "./npm.ts";

const ROOT: string = fileURLToPath(new URL("../", import.meta.url));
const FOLDER = join(ROOT, "docs/api");

/** The parts of the output of `deno doc --json` that are used here. */
interface DocumentedModule {
  readonly module_doc?: { readonly doc?: string };
  readonly symbols: readonly {
    readonly name: string;
    readonly declarations: readonly {
      readonly kind: string;
      readonly location: { readonly filename: string };
    }[];
  }[];
}

/** An entry point and its page. */
interface Page {
  /** The specifier of the import. */
  readonly specifier: string;
  readonly file: string;
  readonly text: string;
  /** The first sentence of the page. */
  readonly summary: string;
}

const KINDS: Readonly<Record<string, string>> = {
  class: "Classes",
  function: "Functions",
  variable: "Constants",
  interface: "Interfaces",
  typeAlias: "Types",
};

/** Exports that contain all other exports in one object. */
const WHOLE_MODULES: ReadonlySet<string> = new Set(["default", "module.exports"]);

/** Writes all pages. */
export async function writeApiDocs(): Promise<void> {
  const { name, exports, version } = JSON.parse(await readFile(join(ROOT, "deno.json"), "utf8"));
  const pages = await Promise.all(
    Object.entries<string>(exports).map(([entry, path]) =>
      writePage(name + entry.slice(1), `${entry === "." ? "core" : entry.slice(2)}.md`, path)
    ),
  );
  await rm(FOLDER, { recursive: true, force: true });
  await mkdir(FOLDER, { recursive: true });
  for (const { file, text } of pages) await writeFile(join(FOLDER, file), text);
  const rows = pages.map(({ specifier, file, summary }) =>
    `- [\`${specifier}\`](${file}): ${summary}`
  );
  const index = `# API reference\n\nOf version ${version}, made by \`deno task docs:api\`.\n\n` +
    `${rows.join("\n")}\n`;
  await writeFile(join(FOLDER, "README.md"), index);
}

async function writePage(specifier: string, file: string, path: string): Promise<Page> {
  const { module_doc: { doc = "" } = {}, symbols } = await documented(path);
  const source = await readFile(join(ROOT, path), "utf8");
  const about = renderComment(doc);
  const sections: string[] = [`# \`${specifier}\``, about];
  for (const [kind, heading] of Object.entries(KINDS)) {
    const parts = await Promise.all(
      symbols.filter(({ name, declarations }) =>
        declarations[0]?.kind === kind && !WHOLE_MODULES.has(name)
      )
        .map(({ name, declarations }) => {
          // Each symbol has at least one declaration.
          const original = originalOf(name, source);
          return describe(name, original, fileURLToPath(declarations[0]!.location.filename));
        }),
    );
    if (parts.length > 0) sections.push(`## ${heading}`, ...parts);
  }
  const text = `${sections.filter((section) => section !== "").join("\n\n")}\n`;
  const [summary = ""] = about.replaceAll("\n", " ").match(/^.*?[.:](?=\s|$)/) ?? [];
  return { specifier, file, text, summary: summary.replace(/:$/, ".") };
}

async function documented(path: string): Promise<DocumentedModule> {
  const { stdout } = await promisify(execFile)(process.execPath, ["doc", "--json", path], {
    cwd: ROOT,
    maxBuffer: 2 ** 28,
  });
  const [module] = Object.values<DocumentedModule>(JSON.parse(stdout).nodes);
  if (module === undefined) throw new Error(`Cannot document "${path}": it has no exports`);
  return module;
}

/** Returns the name of an export in its declaration. */
function originalOf(name: string, source: string): string {
  const [, original = name] = source.match(new RegExp(String.raw`[{,]\s*(\w+) as ${name}\b`)) ?? [];
  return original;
}

/** Renders the part of a page about one symbol. */
async function describe(name: string, original: string, source: string): Promise<string> {
  const path = source.slice(ROOT.length).replace(/\.ts$/, ".d.ts");
  const { comment, code } = declarationOf(original, await readFile(join(NPM_FOLDER, path), "utf8"));
  const shown = commentText.remove(code).replaceAll(
    new RegExp(String.raw`\b${original}\b`, "g"),
    name,
  );
  const parts = [
    `### ${name}`,
    "```ts\n" + shown + "\n```",
    renderComment(comment),
    ...membersOf(code).filter(({ comment }) => comment !== "").map(describeMember),
  ];
  return parts.filter((part) => part !== "").join("\n\n");
}

function describeMember({ name, comment }: Member): string {
  const text = renderComment(comment).replaceAll("\n", "\n  ").replaceAll(/\n +(?=\n)/g, "\n");
  return `- **\`${name}\`** ${text}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildNpm();
  await writeApiDocs();
}
