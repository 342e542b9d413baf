/**
 * Packs `dist/npm/`, and installs the dependencies of the package tests. `deno task test:package`
 * runs it first.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { join } from "node:path";
import { execFileSync } from "node:child_process";
import { ROOT } from "../support/paths.ts";

const DIST = join(ROOT, "dist");

/** Folders with their own package.json. */
const INSTALLED = ["tests/package/next", "tests/package/tools"];

const inherit = { stdio: "inherit" } as const;
execFileSync("npm", ["pack", "--silent", "--pack-destination", DIST, join(DIST, "npm")], inherit);
for (const path of INSTALLED) {
  const folder = join(ROOT, path);
  const [wanted, installed] = ["package-lock.json", "node_modules/.installed-lock.json"]
    .map((name) => join(folder, name));
  if (existsSync(installed!) && readFileSync(wanted!).equals(readFileSync(installed!))) continue;
  // `npm ci` would fail if a registry lacks a package that only Windows needs.
  const args = ["install", "--prefer-offline", "--loglevel=error"];
  execFileSync("npm", args, { ...inherit, cwd: folder });
  await copyFile(wanted!, installed!);
}
