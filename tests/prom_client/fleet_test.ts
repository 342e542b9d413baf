import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { ROOT } from "../support/paths.ts";
import { start } from "../support/processes.ts";

/** Runs a program of tests/support on this runtime, and returns its output. */
async function run(program: string, official: string): Promise<string> {
  const file = `tests/support/${program}.ts`;
  const args = "Deno" in globalThis ? ["run", "-A", "--no-check", file] : [file];
  const env = { ...process.env, OFFICIAL: official };
  const running = start(process.execPath, args, { cwd: ROOT, env });
  try {
    const outcome = await running.ended();
    assert.equal(outcome, 0, running.output());
    return running.output();
  } finally {
    await running[Symbol.asyncDispose]();
  }
}

for (
  const [program, what] of [
    ["prom_client_cluster", "a cluster"],
    ["prom_client_threads", "worker threads"],
  ] as const
) {
  test(`${what} has the same metrics, whichever members use the official client`, async () => {
    const expected = await run(program, "primary,1,2");
    assert.match(expected, /^c_total\{of="all"\} [23]$/m);
    assert.match(expected, /^done$/m);
    for (const mixed of ["", "primary", "1", "2"]) {
      assert.equal(await run(program, mixed), expected, `official: ${mixed}`);
    }
  });
}
