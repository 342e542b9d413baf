/**
 * A second copy of the library, as in a program that depends on two versions.
 *
 * @module
 */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT } from "./paths.ts";
import { readSources } from "./sources.ts";

/** A temporary folder with a copy of the library. Dispose of it to delete it. */
export interface LibraryCopy extends AsyncDisposable {
  /** The folder. */
  readonly folder: string;
  /** Writes a module next to `mod.ts` in the folder, and returns its URL. */
  write(name: string, code: string): Promise<string>;
  /** The URL of the copy's `mod.ts`. */
  readonly url: string;
}

/** Copies the library to a temporary folder. */
export async function copyLibrary(): Promise<LibraryCopy> {
  const folder = await mkdtemp(join(tmpdir(), "narthex-copy-"));
  for (const { path } of readSources()) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await copyFile(join(ROOT, path), join(folder, path));
  }
  // Without this file, Node would have to guess the module type.
  await writeFile(join(folder, "package.json"), '{ "type": "module" }\n');
  const urlOf = (name: string) => pathToFileURL(join(folder, name)).href;
  return {
    folder,
    url: urlOf("mod.ts"),
    async write(name, code) {
      await writeFile(join(folder, name), code);
      return urlOf(name);
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
