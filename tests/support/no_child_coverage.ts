/**
 * Loaded before the tests. Keeps the programs that they start from writing coverage: a program that
 * is killed leaves half a file, which `deno coverage` cannot read.
 *
 * @module
 */
import process from "node:process";

delete process.env["DENO_COVERAGE_DIR"];
