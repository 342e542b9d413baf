/**
 * Checks that the library does not hurt the program that it measures: runs the tests of faults,
 * floods and hostile input, the mutants and the soak.
 *
 * With `NARTHEX_TRUST=full` each part runs with its full load. If all parts pass, their figures are
 * written to docs/reliability.md. Otherwise each part runs a sample. The soak runs beside the other
 * parts, which run one by one. `--only NAME` runs one part and writes nothing.
 *
 * @module
 */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { describeRun } from "../benches/report.ts";
import { IS_FULL } from "./support/fault_report.ts";
import { ROOT } from "./support/paths.ts";
import { putFigures, readFigures } from "./support/trust_report.ts";

/** A program that measures. */
interface Part {
  readonly name: string;
  /** The task that runs it. */
  readonly task: string;
  /** The arguments of the task. */
  readonly args?: readonly string[];
  /** The file or the folder that the task runs. */
  readonly path: string;
  /** Whether other tests include it, so that a sample leaves it out. */
  readonly isElsewhere?: boolean;
}

const PARTS: readonly Part[] = [
  { name: "faults", task: "test:faults", path: "tests/faults" },
  { name: "hostile", task: "test:hostile", path: "tests/hostile", isElsewhere: true },
  { name: "fuzz", task: "test:fuzz", path: "tests/fuzz" },
  {
    name: "mutation",
    task: "mutation",
    // One mutant at a time, because the soak runs beside it.
    args: IS_FULL ? ["--jobs=1", "--mutants=250"] : [],
    path: "tests/mutation/main.ts",
  },
  { name: "soak", task: "soak", path: "tests/soak/main.ts" },
];
const PAGE = join(ROOT, "docs/reliability.md");

const { values: { only } } = parseArgs({ options: { only: { type: "string" } } });
const chosen = PARTS.filter(({ name, isElsewhere = false }) =>
  only === undefined ? IS_FULL || !isElsewhere : name === only
);
const parts = chosen.filter(({ path }) => existsSync(join(ROOT, path)));
const missing = chosen.filter((part) => !parts.includes(part)).map(({ path }) => path);
if (parts.length === 0 || (IS_FULL && missing.length > 0)) {
  throw new Error(`Cannot run ${only ?? "all"}: not there: ${missing.join(", ") || only}`);
}
if (missing.length > 0) console.log(`Not there: ${missing.join(", ")}`);

const commit = describeCommit();
const folder = mkdtempSync(join(tmpdir(), "narthex-trust-"));
const began = performance.now();
try {
  const passed = (await Promise.all([
    runInTurn(parts.filter(({ name }) => name !== "soak")),
    runInTurn(parts.filter(({ name }) => name === "soak")),
  ])).every(Boolean);
  // In the order of the parts, whichever part ended first.
  const figures = parts.map(({ name }) => join(folder, name))
    .filter((path) => existsSync(path))
    .flatMap((path) => readFigures(readFileSync(path, "utf8")));
  for (const { fault, bar, figure } of figures) {
    console.log(`\n${fault}\n  must hold: ${bar}\n  measured:  ${figure}`);
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  console.log(`\n${passed ? "All passed" : "Something failed"}, in ${seconds} s`);
  if (!passed) process.exitCode = 1;
  else if (IS_FULL && only === undefined) {
    const page = existsSync(PAGE) ? readFileSync(PAGE, "utf8") : "";
    const run = `${describeRun("deno task trust")} Commit ${commit}. It took ` +
      `${Math.ceil(seconds / 60)} minutes.`;
    writeFileSync(PAGE, putFigures(page, run, figures));
    execFileSync(process.execPath, ["fmt", "--quiet", PAGE]);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Runs parts one by one, even after one has failed. */
async function runInTurn(parts: readonly Part[]): Promise<boolean> {
  let passed = true;
  for (const part of parts) passed = await run(part) && passed;
  return passed;
}

/** Runs a part. Prints its output at the end, because another part runs at the same time. */
async function run({ name, task, args = [] }: Part): Promise<boolean> {
  const env = { ...process.env, NARTHEX_TRUST_REPORT: join(folder, name) };
  const child = spawn(process.execPath, ["task", "--quiet", task, ...args], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => output += text);
  }
  const [code] = await once(child, "close");
  console.log(`\n== ${name}: ${code === 0 ? "passed" : "failed"}\n${output.trimEnd()}`);
  return code === 0;
}

/** Describes the commit that is checked out. */
function describeCommit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain") !== "";
  return git("rev-parse", "--short=12", "HEAD") + (changed ? " with changes" : "");
}
