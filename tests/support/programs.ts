/**
 * Defines tests that need programs. If a program is missing, the test is skipped with the reason in
 * its name. It fails instead if the environment variable `CI` is set.
 *
 * @module
 */
import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { test } from "node:test";

/** Finds a program on the `PATH`, as a shell does. */
export function findProgram(program: string): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, program);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

/** Defines a test that needs `programs`. Their paths are passed to it, in the same order. */
export function testWithPrograms(
  programs: readonly string[],
  name: string,
  run: (...paths: string[]) => Promise<void>,
): void {
  const found = programs.map(findProgram).filter((path) => path !== undefined);
  const missing = programs.filter((program) => findProgram(program) === undefined);
  const reason = missing.length > 0 ? `${missing.join(" and ")} not installed` : undefined;
  testUnless(reason, name, () => run(...found));
}

/**
 * Defines a test. If there is a reason to skip it, the test is skipped, or fails if `CI` is set.
 *
 * @param reason The reason to skip it, or undefined.
 * @param name The name of the test.
 * @param run The test.
 */
export function testUnless(
  reason: string | undefined,
  name: string,
  run: () => Promise<void>,
): void {
  if (reason === undefined) test(name, run);
  else if (process.env["CI"]) test(name, () => assert.fail(`CI requires this test: ${reason}`));
  else test(`${name} (skipped: ${reason})`, { skip: reason }, () => {});
}
