/**
 * Whether the library hurts the program that it measures: all tests of faults, floods and hostile
 * input, mutants and the soak.
 *
 * Where `NARTHEX_TRUST` is `full` they make their whole load, and their figures go into
 * docs/reliability.md if all has passed. Otherwise they make a sample of it. The soak is beside the
 * others, which come one after the other. `--only NAME` runs one part and writes nothing.
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

/** One of the programs that measure. */
interface Part {
  readonly name: string;
  /** The task that runs it. */
  readonly task: string;
  /** What the task is given. */
  readonly args?: readonly string[];
  /** The file or the folder that is run. */
  readonly path: string;
  /** Whether the other tests have it already, so that a sample does without. */
  readonly isElsewhere?: boolean;
}

const PARTS: readonly Part[] = [
  { name: "faults", task: "test:faults", path: "tests/faults" },
  { name: "hostile", task: "test:hostile", path: "tests/hostile", isElsewhere: true },
  { name: "fuzz", task: "test:fuzz", path: "tests/fuzz" },
  {
    name: "mutation",
    task: "mutation",
    // One at a time, beside the soak.
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
  // In the order of the parts, whatever ended first.
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

/** Runs parts one after the other, also after one that failed. */
async function runInTurn(parts: readonly Part[]): Promise<boolean> {
  let passed = true;
  for (const part of parts) passed = await run(part) && passed;
  return passed;
}

/** Runs a part; what it says is shown when it has ended, as another runs beside it. */
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

/** The commit that is checked out. */
function describeCommit(): string {
  const git = (...args: readonly string[]): string =>
    execFileSync("git", args, { cwd: ROOT, encoding: "utf8" }).trim();
  const changed = git("status", "--porcelain") !== "";
  return git("rev-parse", "--short=12", "HEAD") + (changed ? " with changes" : "");
}
