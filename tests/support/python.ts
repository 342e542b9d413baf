/**
 * Runs tests with Python and prometheus_client, the most widely used parser.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { testUnless } from "./programs.ts";

/**
 * Finds a Python that has prometheus_client. Debian's has it, but another one before it on the
 * `PATH` may not.
 */
function findPython(): string | undefined {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, "python3");
    try {
      accessSync(path, constants.X_OK);
      execFileSync(path, ["-c", "import prometheus_client.openmetrics.parser"], {
        stdio: "ignore",
      });
      return path;
    } catch {
      continue;
    }
  }
  return undefined;
}

const python = findPython();

/**
 * Defines a test that needs Python. If Python is missing, the test is skipped, or fails if `CI` is
 * set.
 *
 * @param name The name of the test.
 * @param run The test. The path of Python is passed to it.
 */
export function testWithPython(name: string, run: (python: string) => void | Promise<void>): void {
  const reason = python === undefined ? "python3-prometheus-client not installed" : undefined;
  testUnless(reason, name, async () => await run(python!));
}
