import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ROOT_URL } from "./support/paths.ts";

const read = (path: string): string => readFileSync(new URL(path, ROOT_URL), "utf8");
const denoConfig = JSON.parse(read("deno.json"));
const nodePackage = JSON.parse(read("package.json"));

test("deno.json and package.json name the same package and entry points", () => {
  assert.equal(nodePackage.name, denoConfig.name);
  assert.deepEqual(nodePackage.exports, denoConfig.exports);
});

test("every entry point exists and has its documentation checked", () => {
  const files = Object.values<string>(denoConfig.exports).map((path) => path.slice(2));
  for (const file of files) assert.ok(existsSync(new URL(file, ROOT_URL)), file);
  const { command } = denoConfig.tasks.doc;
  assert.deepEqual(command.replace("deno doc --lint ", "").split(" "), files);
});

test("the package has no dependencies, and devDependencies are pinned", () => {
  assert.equal(nodePackage.dependencies, undefined);
  assert.equal(denoConfig.imports, undefined);
  for (const [name, version] of Object.entries<string>(nodePackage.devDependencies)) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});

test("the lockfile names no registry host", () => {
  assert.doesNotMatch(read("deno.lock"), /:\/\//);
});
