/**
 * Python with prometheus_client, the parser that most people meet.
 *
 * @module
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { testUnless } from "./programs.ts";

/** A Python that has prometheus_client: Debian's has, another one in front of it may not. */
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
 * Defines a test that needs Python. Where it is missing the test is skipped, or fails where `CI`
 * is set.
 *
 * @param name The name of the test.
 * @param run The test; it is given the path of Python.
 */
export function testWithPython(name: string, run: (python: string) => void | Promise<void>): void {
  const reason = python === undefined ? "python3-prometheus-client not installed" : undefined;
  testUnless(reason, name, async () => await run(python!));
}
