/**
 * Checks that the tests notice small mistakes in the library: negated conditions, bounds that are
 * off by one, missing statements. A mutant is the library with one such mistake, and some test must
 * fail with it. Some mutants only change speed or memory, so no test can fail. They are part of the
 * tenth that may survive.
 *
 * By default it takes a sample, which is the same as long as the library is the same: 400 mutants
 * with `NARTHEX_TRUST=full`, and ten otherwise. Options:
 * - `--mutants=N` or `--mutants=all`
 * - `--seed=N`
 * - `--only=PATH`: a file, or the start of its path
 * - `--jobs=N`: the number of parallel jobs (default: all cores)
 * - `--minutes=N`: the time limit; the sample is what was judged until then
 * - `--output=FILE`: writes all verdicts as JSON
 *
 * @module
 */
import { parseArgs } from "node:util";
import { IS_FULL, reportFault } from "../support/fault_report.ts";
import { listMutants, type Mutant, sampleMutants } from "./mutants.ts";
import { listTests, Sandbox, type Verdict } from "./sandbox.ts";

/** The required fraction of killed mutants. */
const FULL_BAR = 0.9;
/**
 * The required fraction in a sample of ten, or of those that a busy machine has judged. If one in
 * ten mutants survives overall, a sample has more than four survivors by chance once in 600
 * samples.
 */
const QUICK_BAR = 0.6;
const FULL = { mutants: 400, seed: 1 };
/** A few mutants, with a seed whose tests are fast. */
const QUICK = { mutants: 10, seed: 3 };

/** The default time limit in minutes, after which no more mutants are started. */
const MAX_MINUTES = IS_FULL ? 120 : 0.75;

/** A mutant and its verdict. */
interface Result extends Verdict {
  readonly mutant: Mutant;
}

const defaults = IS_FULL ? FULL : QUICK;
const { values: options } = parseArgs({
  options: {
    mutants: { type: "string", default: String(defaults.mutants) },
    seed: { type: "string", default: String(defaults.seed) },
    only: { type: "string", default: "" },
    jobs: { type: "string", default: String(navigator.hardwareConcurrency) },
    minutes: { type: "string", default: String(MAX_MINUTES) },
    output: { type: "string" },
  },
});

const start = performance.now();
const all = await listMutants();
const count = options.mutants === "all" ? all.length : Number(options.mutants);
const candidates = all.filter((mutant) => mutant.file.startsWith(options.only));
// Without knowing which tests run which lines, it takes long to find that a mutant survives.
const isQuick = count <= QUICK.mutants;
const bar = isQuick ? QUICK_BAR : FULL_BAR;
const sample = sampleMutants(candidates, { count, seed: Number(options.seed) });
console.log(`${sample.length} of ${all.length} mutants, seed ${options.seed}`);

const results = await judgeAll(sample);
printScores(results);
const survivors = results.filter(({ status }) => isAlive(status));
printList("Survivors", survivors.map(({ mutant, status }) => describe(mutant, status)));
if (options.output !== undefined) {
  const rows = results.map(({ mutant: { text: _, ...mutant }, status, by }) => {
    return { ...mutant, status, by: by?.path };
  });
  await Deno.writeTextFile(options.output, `${JSON.stringify(rows, null, 2)}\n`);
}

const valid = results.filter(({ status }) => status !== "invalid");
const killed = valid.length - survivors.length;
const score = killed / valid.length;
const figure = `${percent(score)} of ${valid.length} mutants: ${killed} killed, ` +
  `${survivors.length} survived`;
console.log(`\n${figure}`);
reportFault({
  fault: "small mistakes in the library (mutants)",
  bar: `a test notices ${percent(bar)} of them`,
  figure,
});
if (!(score >= bar)) Deno.exit(1);

/** Judges mutants in as many copies of the checkout as there are jobs. */
async function judgeAll(mutants: readonly Mutant[]): Promise<Result[]> {
  const tests = await listTests();
  const results: Result[] = [];
  const unmeasured = isQuick ? [] : [...tests];
  const unjudged = [...mutants];
  const isLate = () => performance.now() - start > Number(options.minutes) * 60_000;
  const sandboxes = await Promise.all(
    Array.from({ length: Number(options.jobs) }, () => Sandbox.create()),
  );
  try {
    await Promise.all(sandboxes.map(async (sandbox) => {
      for (let test; (test = unmeasured.shift()) !== undefined;) await sandbox.measure(test);
    }));
    await Promise.all(sandboxes.map(async (sandbox) => {
      for (let mutant; !isLate() && (mutant = unjudged.shift()) !== undefined;) {
        const verdict = await sandbox.judge(mutant, tests);
        results.push({ mutant, ...verdict });
        if (isAlive(verdict.status)) console.log(`  ${describe(mutant, verdict.status)}`);
        if (unjudged.length % 50 === 0) console.log(`  ${unjudged.length} to go`);
      }
    }));
  } finally {
    for (const sandbox of sandboxes) await sandbox[Symbol.asyncDispose]();
  }
  if (unjudged.length > 0) console.log(`  ${unjudged.length} left when the time was over`);
  return results.sort((a, b) => place(a) < place(b) ? -1 : 1);
}

/** Returns the sort key of a result. */
function place({ mutant: { file, line } }: Result): string {
  return `${file} ${String(line).padStart(5)}`;
}

function isAlive(status: Verdict["status"]): boolean {
  return status === "survived" || status === "uncovered";
}

function describe({ file, line, within, change }: Mutant, note: string): string {
  return `${file}:${line} ${within}: ${change} [${note}]`;
}

function percent(part: number): string {
  return `${Math.floor(part * 1000) / 10} %`;
}

function printList(title: string, rows: readonly string[]): void {
  if (rows.length > 0) console.log(`\n${title}:\n${rows.map((row) => `  ${row}`).join("\n")}`);
}

function printScores(results: readonly Result[]): void {
  console.log("\nkilled  survived  file");
  for (const [file, ofFile] of Map.groupBy(results, ({ mutant }) => mutant.file)) {
    const alive = ofFile.filter(({ status }) => isAlive(status)).length;
    const killed = ofFile.filter(({ status }) =>
      status === "killed" || status === "timeout"
    ).length;
    const columns = [[killed, 6], [alive, 10]] as const;
    console.log(columns.map(([n, width]) => String(n).padStart(width)).join("") + `  ${file}`);
  }
}
