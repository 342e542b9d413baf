import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ROOT } from "../support/paths.ts";

test("Bun.serve() takes instrumented routes, by Bun's own types", async () => {
  const folder = new URL("../types/bun/", import.meta.url);
  // A configuration of its own, since that of the project leaves this folder out.
  const args = ["check", "--config", "deno.json", "serve.ts"].map((arg) =>
    arg.includes(".") ? fileURLToPath(new URL(arg, folder)) : arg
  );
  const { stderr } = await promisify(execFile)(process.execPath, args, {
    cwd: ROOT,
    env: { ...process.env, NO_COLOR: "1" },
  });
  assert.match(stderr, /^Check .*serve\.ts$/m);
});
