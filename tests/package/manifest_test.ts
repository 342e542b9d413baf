import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { ROOT } from "../support/paths.ts";
import { readSources } from "../support/sources.ts";
import { ENTRY_POINTS, NAME, run, runTool, TARBALL } from "./gate.ts";

const PACKAGE = join(ROOT, "dist/npm");
const files = (await run("tar", ["-tzf", TARBALL], ROOT)).trim().split("\n")
  .map((path) => path.replace(/^package\//, ""));
const read = (path: string): string => readFileSync(join(PACKAGE, path), "utf8");
const manifest = JSON.parse(read("package.json"));
const config = JSON.parse(readFileSync(join(ROOT, "deno.json"), "utf8"));

test("the manifest has the fields that registries and tools read", () => {
  const { name, version, license, type, sideEffects, engines } = manifest;
  assert.deepEqual({ name, version, license, type, sideEffects, engines }, {
    name: NAME,
    version: config.version,
    license: config.license,
    type: "module",
    sideEffects: false,
    engines: { node: ">=22.12" },
  });
  assert.ok(manifest.description.length > 20);
  assert.ok(manifest.keywords.includes("prometheus"));
  for (const field of ["dependencies", "peerDependencies", "optionalDependencies", "scripts"]) {
    assert.equal(manifest[field], undefined, field);
  }
});

test("every entry point of deno.json has its types first, and then its module", () => {
  const { "./package.json": own, ...exports } = manifest.exports;
  assert.equal(own, "./package.json");
  assert.deepEqual(Object.keys(exports).map((entry) => NAME + entry.slice(1)), ENTRY_POINTS);
  for (const conditions of Object.values<Record<string, string>>(exports)) {
    assert.deepEqual(Object.keys(conditions), ["types", "default"]);
    for (const path of Object.values(conditions)) assert.ok(files.includes(path.slice(2)), path);
  }
});

test("the package has only the library, in at most 400 kB", () => {
  const sources = readSources().map(({ path }) => path.replace(/\.ts$/, ""));
  const fixed = ["CHANGELOG.md", "LICENSE", "README.md", "package.json"];
  const rest = files.filter((path) =>
    !fixed.includes(path) && !sources.includes(path.replace(/\.(?:d\.ts|js|js\.map)$/, ""))
  );
  assert.deepEqual(rest, []);
  for (const path of fixed) assert.ok(files.includes(path), path);
  assert.deepEqual(files.filter((path) => path.startsWith("live/client/")), []);
  assert.ok(statSync(TARBALL).size <= 400_000, `${statSync(TARBALL).size} bytes`);
});

test("only declarations have comments, modules have none", () => {
  for (const path of files.filter((path) => path.endsWith(".js"))) {
    assert.doesNotMatch(read(path), /^\s*(?:\/\*|\/\/(?!# sourceMappingURL))/m, path);
    assert.ok(files.includes(`${path}.map`), path);
  }
  assert.match(read("mod.d.ts"), /^ \* @module$/m);
  assert.match(read("metrics/counter.d.ts"), /^ {4} \* @throws/m);
});

test("no declaration needs a package, a runtime, or a source file", () => {
  for (const path of files.filter((path) => path.endsWith(".d.ts"))) {
    const code = read(path).replaceAll(/\/\*[^]*?\*\//g, "");
    for (const [, specifier = ""] of code.matchAll(/(?:from |import\(|import )"([^"]+)"/g)) {
      assert.match(specifier, /^\.\.?\/.*\.js$/, path);
    }
  }
});

test("publint reports nothing", async () => {
  const output = await runTool("node_modules/publint/src/cli.js", PACKAGE, "--strict");
  assert.match(output, /All good!/);
});

test("arethetypeswrong reports no problem for programs that import ES modules", async () => {
  const script = "node_modules/@arethetypeswrong/cli/dist/index.js";
  const output = await runTool(script, TARBALL, "--profile", "esm-only", "--no-emoji");
  const verdicts = output.split("\n").filter((line) =>
    /^(?:node16 \(from ESM\)|bundler):/.test(line)
  );
  assert.equal(verdicts.length, 2 * Object.keys(manifest.exports).length);
  for (const line of verdicts) assert.match(line, /: OK /);
});
