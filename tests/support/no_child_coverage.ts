/**
 * Preloaded before the tests. Keeps child programs from writing coverage, because a killed program
 * leaves an incomplete file that `deno coverage` cannot read.
 *
 * @module
 */
import process from "node:process";

delete process.env["DENO_COVERAGE_DIR"];
