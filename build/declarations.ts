/**
 * Edits declaration files after the compiler has written them.
 *
 * @module
 */
import { posix } from "node:path";

/** Matches what a file imports or exports from, in each of the ways to write that. */
const SPECIFIER_REGEXP = /\b(?:from |import |import\()"([^"\n]+)"/g;

/** Matches the types of `using`. */
const DISPOSABLE_REGEXP = /\bSymbol\.(?:d|asyncD)ispose\b|\b(?:Async)?Disposable\b/;

/** Adds them to a program that does not have them. */
const DISPOSABLE_TYPES = '/// <reference lib="esnext.disposable" />\n';

/** Matches a comment: each begins on a line of its own. Its examples import packages. */
const COMMENT_REGEXP = /^[ \t]*\/\*[^]*?\*\//gm;

/**
 * The declaration files that one imports.
 *
 * @param path The path of the file, in the package.
 * @param text Its text, as the compiler makes it.
 * @returns Their paths, in the package.
 */
export function importsOf(path: string, text: string): string[] {
  return specifiersOf(text).map((specifier) =>
    posix.join(posix.dirname(path), specifier).replace(/\.ts$/, ".d.ts")
  );
}

/**
 * Makes sure that a declaration file compiles in a program that has no other package installed, not
 * even Node's types.
 *
 * @param path The path of the file.
 * @param text Its text.
 * @throws {Error} If it imports a package or a module of a runtime.
 */
export function checkDeclaration(path: string, text: string): void {
  for (const specifier of specifiersOf(text)) {
    if (/^\.\.?\/.+\.ts$/.test(specifier)) continue;
    throw new Error(
      `Cannot publish "${path}": its types must not need a package or a runtime: ` +
        `received "${specifier}"`,
    );
  }
}

/**
 * Makes a declaration file independent of the compiler's options: it imports files by the names
 * that they have in the package, and brings the types of `using` where it needs them, which
 * `"lib": ["ES2022"]` does not have. JSR allows no such reference in the source.
 *
 * @param text Its text, as the compiler makes it.
 * @returns The text to publish.
 */
export function finishDeclaration(text: string): string {
  const renamed = text.replace(
    SPECIFIER_REGEXP,
    (all) => all.replace(/(?<="\.\.?\/.+)\.ts"$/, '.js"'),
  );
  return DISPOSABLE_REGEXP.test(text) ? DISPOSABLE_TYPES + renamed : renamed;
}

function specifiersOf(text: string): string[] {
  const code = text.replaceAll(COMMENT_REGEXP, "");
  return [...code.matchAll(SPECIFIER_REGEXP)].map(([, specifier = ""]) => specifier);
}
