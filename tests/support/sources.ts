/**
 * The library's source files, and what they import.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { ROOT_URL } from "./paths.ts";

/** A file of the library proper. */
export interface SourceFile {
  /** Its path from the top of the checkout, with slashes. */
  readonly path: string;
  /** The file or folder of the top level that it belongs to, without `.ts`. */
  readonly room: string;
  /** Its text without comments. */
  readonly code: string;
  /** What it imports and re-exports. */
  readonly imports: readonly Import[];
}

/** An import, a re-export, or a dynamic import. */
export interface Import {
  /** What is imported, as written. */
  readonly specifier: string;
}

/** Top-level folders that are not part of the library proper. */
const OUTSIDE = new Set(["benches", "build", "dist", "docs", "examples", "node_modules", "tests"]);

/** A comment, or a string, which may look as if a comment began in it. */
const COMMENT_OR_STRING_REGEXP =
  /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`/g;
const IMPORT_REGEXP =
  /\b(?:import|export)(?:\s+type\b)?\s*(?:\w+\s*,?\s*)?(?:\{[^{}]*\}|\*(?:\s*as\s+\w+)?)?\s*\bfrom\s*"([^"\n]+)"/g;
const BARE_IMPORT_REGEXP = /\bimport\s*\(?\s*"([^"\n]+)"/g;

/** Every file of the library proper. */
export function readSources(): SourceFile[] {
  return [...listFiles("")].sort().map((path) => {
    const text = readFileSync(new URL(path, ROOT_URL), "utf8");
    const code = text.replaceAll(
      COMMENT_OR_STRING_REGEXP,
      (match) => match.startsWith("/") ? "" : match,
    );
    return { path, room: roomOf(path), code, imports: readImports(code) };
  });
}

/** What `code`, which has no comments, imports and re-exports. */
export function readImports(code: string): Import[] {
  return [...code.matchAll(IMPORT_REGEXP), ...code.matchAll(BARE_IMPORT_REGEXP)]
    .map(([, specifier = ""]) => ({ specifier }));
}

/** The room of a path: `model` for `model.ts` and for `model/sample.ts`. */
export function roomOf(path: string): string {
  return path.replace(/\.ts$/, "").split("/")[0] ?? "";
}

/** The path that `specifier` means in the file at `path`. */
export function resolveSpecifier(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

function* listFiles(folder: string): Generator<string> {
  for (const entry of readdirSync(new URL(folder, ROOT_URL), { withFileTypes: true })) {
    if (entry.name.startsWith(".") || (folder === "" && OUTSIDE.has(entry.name))) continue;
    if (entry.isDirectory()) yield* listFiles(`${folder}${entry.name}/`);
    else if (entry.name.endsWith(".ts")) yield `${folder}${entry.name}`;
  }
}
