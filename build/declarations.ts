/**
 * Edits declaration files of the compiler.
 *
 * @module
 */
import { posix } from "node:path";

/** Matches the specifier of every kind of import or export. */
const SPECIFIER_REGEXP = /\b(?:from |import |import\()"([^"\n]+)"/g;

/** Matches the types of `using`. */
const DISPOSABLE_REGEXP = /\bSymbol\.(?:d|asyncD)ispose\b|\b(?:Async)?Disposable\b/;

/** A reference to these types, for programs that do not load them. */
const DISPOSABLE_TYPES = '/// <reference lib="esnext.disposable" />\n';

/** Matches a comment, which starts on a new line. Examples in comments import packages. */
const COMMENT_REGEXP = /^[ \t]*\/\*[^]*?\*\//gm;

/**
 * Returns the declaration files that a file imports.
 *
 * @param path The path of the file in the package.
 * @param text The text that the compiler wrote.
 * @returns Their paths in the package.
 */
export function importsOf(path: string, text: string): string[] {
  return specifiersOf(text).map((specifier) =>
    posix.join(posix.dirname(path), specifier).replace(/\.ts$/, ".d.ts")
  );
}

/**
 * Checks that a declaration file compiles without any other package, even without Node's types.
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
 * Makes a declaration file independent of the compiler's options. Imports get the file names of the
 * package. If the file uses the types of `using`, a reference is added, because `"lib": ["ES2022"]`
 * does not include them. JSR does not allow such a reference in the source.
 *
 * @param text The text that the compiler wrote.
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
