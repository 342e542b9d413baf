import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ROOT, ROOT_URL } from "../support/paths.ts";

/** Files that use Bun's types, directly or through Elysia. These types change global types. */
const FILES = ["tests/types/bun/serve.ts", "tests/types/bun/elysia.ts", "examples/elysia.ts"];

const read = async (path: string) =>
  JSON.parse(await readFile(new URL(path, ROOT_URL), "utf8")) as {
    exclude: string[];
    devDependencies: Record<string, string>;
  };

test("files that use Bun's types compile", async () => {
  const { exclude, ...config } = await read("deno.json");
  const { devDependencies } = await read("package.json");
  for (const file of FILES) assert.ok(exclude.some((path) => file.startsWith(path)), file);
  // The project excludes these files, so they are checked with another configuration. Packages of
  // package.json are found only if the configuration is called deno.json.
  const imports = Object.fromEntries(
    Object.entries(devDependencies).filter(([, version]) => /^\d/.test(version))
      .map(([name, version]) => [name, `npm:${name}@${version}`]),
  );
  const copy = fileURLToPath(new URL(`.bun_types_${process.pid}.json`, ROOT_URL));
  await writeFile(copy, JSON.stringify({ ...config, imports, nodeModulesDir: "manual" }));
  try {
    const { stderr } = await promisify(execFile)(
      process.execPath,
      ["check", "--no-lock", "--config", copy, ...FILES],
      { cwd: ROOT, env: { ...process.env, NO_COLOR: "1" } },
    );
    for (const file of FILES) assert.ok(stderr.includes(file), stderr);
  } finally {
    await rm(copy);
  }
});
