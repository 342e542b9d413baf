import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { copyFile, mkdir, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { before, test } from "node:test";
import { promisify } from "node:util";
import { ROOT } from "../support/paths.ts";
import { runtimePath } from "../support/runtimes.ts";

/** A project whose tests use the library. */
const PROJECT = join(ROOT, "tests/users");

before(async () => {
  const [wanted, installed] = ["package-lock.json", "node_modules/.installed-lock.json"]
    .map((name) => join(PROJECT, name));
  const isInstalled = existsSync(installed!) &&
    readFileSync(wanted!).equals(readFileSync(installed!));
  if (!isInstalled) {
    // `npm ci` would fail if a registry lacks a package that only Windows needs.
    const args = ["install", "--prefer-offline", "--loglevel=error"];
    execFileSync("npm", args, { cwd: PROJECT, stdio: "inherit" });
    await copyFile(wanted!, installed!);
  }
  // Links this checkout under the name of the library.
  const link = join(PROJECT, "node_modules/@narthex/prometheus");
  await rm(link, { force: true });
  await mkdir(join(link, ".."), { recursive: true });
  await symlink(ROOT, link);
});

/** Runs a program in the project to its end. Returns its whole output. */
async function run(program: string, ...args: string[]): Promise<string> {
  const options = { cwd: PROJECT, env: { ...process.env, NO_COLOR: "1" } };
  try {
    const { stdout, stderr } = await promisify(execFile)(program, args, options);
    return stdout + stderr;
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ")}:\n${stdout}${stderr}`, { cause: error });
  }
}

test("tests of users with vitest reset values, load modules again and compare metrics", async () => {
  const vitest = join(PROJECT, "node_modules/vitest/vitest.mjs");
  const output = await run(await runtimePath("node"), vitest, "run");
  assert.match(output, /Tests\s+5 passed \(5\)/);
});

test("tests of users with bun test do the same, in files that share a process", async () => {
  const files = ["./first.bun.js", "./second.bun.js"];
  const output = await run(await runtimePath("bun"), "test", ...files);
  assert.match(output, /^ *6 pass$/m);
  assert.match(output, /^ *0 fail$/m);
});

test("tests of users with node --test do the same", async () => {
  const output = await run(await runtimePath("node"), "--test", "orders.node.js");
  assert.match(output, /^\W*pass 4$/m);
  assert.match(output, /^\W*fail 0$/m);
});

test("tests of users with deno test do the same", async () => {
  const args = ["test", "--no-check", "--config", join(ROOT, "deno.json"), "orders.node.js"];
  assert.match(await run(await runtimePath("deno"), ...args), /4 passed \| 0 failed/);
});

test("docs/testing.md shows the files of these tests", () => {
  const docs = readFileSync(join(ROOT, "docs/testing.md"), "utf8");
  for (const file of ["shop.js", "fresh.vitest.js"]) {
    const code = readFileSync(join(PROJECT, file), "utf8");
    assert.ok(docs.includes(`\`\`\`js\n${code}\`\`\`\n`), file);
  }
});
