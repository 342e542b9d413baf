/**
 * Reads the code blocks of README.md and other documents.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { ROOT_URL } from "./paths.ts";

/** A TypeScript block of a document. */
export interface Snippet {
  /** The line in the document where the code starts. */
  readonly line: number;
  /** The code, unchanged. */
  readonly code: string;
  /** The text block directly below it, which shows the exposition. */
  readonly exposed: string | undefined;
}

const SNIPPET_REGEXP = /^```ts\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?/gms;

/** Returns the text of README.md. */
export function readReadme(): string {
  return readFileSync(new URL("README.md", ROOT_URL), "utf8");
}

/** Returns all TypeScript blocks of a document, in order. */
export function readSnippets(path = "README.md"): Snippet[] {
  const document = readFileSync(new URL(path, ROOT_URL), "utf8");
  return [...document.matchAll(SNIPPET_REGEXP)].map((match) => ({
    line: document.slice(0, match.index).split("\n").length + 1,
    code: match[1] ?? "",
    exposed: match[2],
  }));
}

/** Replaces the package name in the imports of `code` by files below `root`. */
export function importFrom(root: URL, code: string): string {
  const config = JSON.parse(readFileSync(new URL("deno.json", ROOT_URL), "utf8"));
  let replaced = code;
  for (const [entry, path] of Object.entries<string>(config.exports)) {
    const name = `"${config.name}${entry.slice(1)}"`;
    replaced = replaced.replaceAll(name, JSON.stringify(new URL(path, root).href));
  }
  // A snippet runs outside of the checkout, where packages cannot be resolved.
  const { devDependencies } = JSON.parse(readFileSync(new URL("package.json", ROOT_URL), "utf8"));
  return replaced.replaceAll(
    / from "([^"]+)"/g,
    (whole, name: string) =>
      Object.hasOwn(devDependencies, name)
        ? ` from ${JSON.stringify(import.meta.resolve(name))}`
        : whole,
  );
}
