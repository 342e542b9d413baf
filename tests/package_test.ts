import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ROOT_URL } from "./support/paths.ts";
import { readImports, resolveSpecifier } from "./support/sources.ts";

/** Folders of `tests/` that are not part of the suite for all runtimes. */
const OF_ONE = new Set(["bun", "deno", "e2e", "faults", "fuzz", "package"]);

const read = (path: string): string => readFileSync(new URL(path, ROOT_URL), "utf8");
const denoConfig = JSON.parse(read("deno.json"));
const nodePackage = JSON.parse(read("package.json"));

test("deno.json and package.json name the same package and entry points", () => {
  assert.equal(nodePackage.name, denoConfig.name);
  assert.deepEqual(nodePackage.exports, denoConfig.exports);
});

test("every entry point exists, and its documentation is checked", () => {
  const files = Object.values<string>(denoConfig.exports).map((path) => path.slice(2));
  for (const file of files) assert.ok(existsSync(new URL(file, ROOT_URL)), file);
  const { command } = denoConfig.tasks.doc;
  assert.deepEqual(command.replace("deno doc --lint ", "").split(" "), files);
});

test("the package has no dependencies, and devDependencies are pinned", () => {
  assert.equal(nodePackage.dependencies, undefined);
  assert.equal(denoConfig.imports, undefined);
  for (const [name, version] of Object.entries<string>(nodePackage.devDependencies)) {
    // A second version of a package has its own name.
    assert.match(version, /^(?:npm:[\w@/-]+@)?\d+\.\d+\.\d+$/, name);
  }
});

test("the lockfile names no registry host", () => {
  assert.doesNotMatch(read("deno.lock"), /:\/\//);
});

test("the suite of each runtime starts no other runtime", () => {
  const folders = readdirSync(new URL("tests/", ROOT_URL)).filter((name) => !OF_ONE.has(name));
  const files = folders.flatMap((folder) => {
    if (folder.endsWith("_test.ts")) return [`tests/${folder}`];
    if (folder.endsWith(".ts")) return [];
    return readdirSync(new URL(`tests/${folder}/`, ROOT_URL)).filter((name) =>
      name.endsWith("_test.ts")
    )
      .map((name) => `tests/${folder}/${name}`);
  });
  assert.ok(files.length > 50);
  const reached = new Set(files);
  for (const path of reached) {
    // Some tests write imports into files. Such an import in a string leads nowhere.
    if (!path.startsWith("tests/") || !existsSync(new URL(path, ROOT_URL))) continue;
    for (const { specifier } of readImports(read(path))) {
      if (specifier.startsWith(".")) reached.add(resolveSpecifier(path, specifier));
    }
  }
  assert.ok(!reached.has("tests/support/runtimes.ts"));
});

test("the scripts of package.json run the same tests as the tasks of deno.json", () => {
  const { scripts } = nodePackage;
  const { tasks } = denoConfig;
  const argumentsOf = (command: string, after: string) =>
    command.slice(command.indexOf(after)).replaceAll('"', "'");
  assert.equal(
    argumentsOf(scripts["test:bun"], " test "),
    argumentsOf(tasks["test:bun"].command, " test "),
  );
  assert.equal(
    argumentsOf(scripts.test, " --test "),
    argumentsOf(tasks["test:node"].command, " --test "),
  );
});
