/**
 * Programs that a test needs and that may be missing. On a developer's machine such a test is skipped,
 * with the reason in its name; where the environment variable `CI` is set it fails.
 *
 * @module
 */
import assert from "node:assert/strict";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { test } from "node:test";

/** The path of `program`, found the way a shell finds it. */
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

/** Defines a test that needs `programs`; it is given their paths, in the same order. */
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
 * Defines a test. It is skipped for a reason, if there is one, and fails then where `CI` is set.
 *
 * @param reason What is missing, if anything.
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
