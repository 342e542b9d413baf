/**
 * Reads the library's source files and their imports.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { ROOT_URL } from "./paths.ts";

/** A source file of the library. */
export interface SourceFile {
  /** The path relative to the root of the checkout, with slashes. */
  readonly path: string;
  /** The top-level file or folder that contains it, without `.ts`. */
  readonly room: string;
  /** The text without comments. */
  readonly code: string;
  /** The imports and re-exports. */
  readonly imports: readonly Import[];
}

/** An import, a re-export, or a dynamic import. */
export interface Import {
  /** The specifier, as written. */
  readonly specifier: string;
}

/** Top-level folders that are not part of the library. */
const OUTSIDE = new Set(["benches", "build", "dist", "docs", "examples", "node_modules", "tests"]);

/** Matches a comment, or a string, because a string may contain the start of a comment. */
const COMMENT_OR_STRING_REGEXP =
  /\/\*[^]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`/g;
const IMPORT_REGEXP =
  /\b(?:import|export)(?:\s+type\b)?\s*(?:\w+\s*,?\s*)?(?:\{[^{}]*\}|\*(?:\s*as\s+\w+)?)?\s*\bfrom\s*"([^"\n]+)"/g;
const BARE_IMPORT_REGEXP = /\bimport\s*\(?\s*"([^"\n]+)"/g;

/** Reads all source files of the library. */
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

/** Returns the imports and re-exports of code without comments. */
export function readImports(code: string): Import[] {
  return [...code.matchAll(IMPORT_REGEXP), ...code.matchAll(BARE_IMPORT_REGEXP)]
    .map(([, specifier = ""]) => ({ specifier }));
}

/** Returns the room of a path: `model` for `model.ts` and `model/sample.ts`. */
export function roomOf(path: string): string {
  return path.replace(/\.ts$/, "").split("/")[0] ?? "";
}

/** Resolves a specifier in the file at `path`. */
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
