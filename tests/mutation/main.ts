/**
 * Holds the tests against small mistakes in the library: negated conditions, bounds that are off by
 * one, statements that were forgotten. A mutant is the library with one of them; a test must fail
 * with it, or `explained.ts` must say why none can.
 *
 * Takes a sample, the same each time as long as the library is the same: 400 mutants where
 * `NARTHEX_TRUST` is `full`, else ten of those that are not explained. Options:
 * `--mutants=N` or `--mutants=all`, `--seed=N`, `--only=PATH` (a file, or how its path begins),
 * `--jobs=N` (all cores), `--minutes=N` (what is judged until then is the sample),
 * `--output=FILE` (all verdicts in JSON).
 *
 * @module
 */
import { parseArgs } from "node:util";
import { IS_FULL, reportFault } from "../support/fault_report.ts";
import { EXPLAINED } from "./explained.ts";
import { keyOf, listMutants, type Mutant, sampleMutants } from "./mutants.ts";
import { listTests, Sandbox, type Verdict } from "./sandbox.ts";

/** The part of the mutants that must be killed or explained. */
const BAR = 0.9;
const FULL = { mutants: 400, seed: 1 };
/** Few mutants, of a seed whose tests are quick ones. */
const QUICK = { mutants: 10, seed: 3 };

/** When no more mutants are taken up, in minutes after the start, if nothing else is said. */
const MAX_MINUTES = IS_FULL ? 120 : 0.75;

/** A mutant and what became of it. */
interface Result extends Verdict {
  readonly mutant: Mutant;
  /** Why it may survive. */
  readonly reason: string | undefined;
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
const reasons = new Map(
  EXPLAINED.flatMap(({ file, within, changes, reason }) =>
    changes.map((change) => [keyOf({ file, within, change }), reason] as const)
  ),
);
const known = new Set(all.map(keyOf));
const stale = [...reasons.keys()].filter((key) => !known.has(key));

const count = options.mutants === "all" ? all.length : Number(options.mutants);
const candidates = all.filter((mutant) => mutant.file.startsWith(options.only));
// Without knowing which tests run what, it takes long to find that a mutant survives.
const isQuick = count <= QUICK.mutants;
const sample = sampleMutants(
  isQuick ? candidates.filter((mutant) => !reasons.has(keyOf(mutant))) : candidates,
  { count, seed: Number(options.seed) },
);
console.log(`${sample.length} of ${all.length} mutants, seed ${options.seed}`);

const results = await judgeAll(sample);
printScores(results);
const survivors = results.filter(({ status, reason }) => isAlive(status) && reason === undefined);
printList("Survivors", survivors.map(({ mutant, status }) => describe(mutant, status)));
printList(
  "Explained, and yet killed",
  results.filter(({ status, reason }) => !isAlive(status) && reason !== undefined)
    .map(({ mutant, status, by }) => describe(mutant, by?.path ?? status)),
);
printList("Explanations of what is not there", stale);
if (options.output !== undefined) {
  const rows = results.map(({ mutant: { text: _, ...mutant }, status, by, reason }) => {
    return { ...mutant, status, by: by?.path, reason };
  });
  await Deno.writeTextFile(options.output, `${JSON.stringify(rows, null, 2)}\n`);
}

const valid = results.filter(({ status }) => status !== "invalid");
const killed = valid.filter(({ status }) => !isAlive(status)).length;
const explained = valid.length - killed - survivors.length;
const score = (killed + explained) / valid.length;
const figure = `${percent(score)} of ${valid.length} mutants: ${killed} killed, ` +
  `${explained} explained, ${survivors.length} survived`;
console.log(`\n${figure}`);
reportFault({ fault: "mutation", bar: percent(BAR), figure });
// Whoever changes the library sees at the next full run what has to be explained anew.
if (!(score >= BAR) || (!isQuick && stale.length > 0)) Deno.exit(1);

/** Judges mutants, in as many copies of the checkout as there are jobs. */
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
        const reason = reasons.get(keyOf(mutant));
        results.push({ mutant, ...verdict, reason });
        if (isAlive(verdict.status) && reason === undefined) {
          console.log(`  ${describe(mutant, verdict.status)}`);
        }
        if (unjudged.length % 50 === 0) console.log(`  ${unjudged.length} to go`);
      }
    }));
  } finally {
    for (const sandbox of sandboxes) await sandbox[Symbol.asyncDispose]();
  }
  if (unjudged.length > 0) console.log(`  ${unjudged.length} left when the time was over`);
  return results.sort((a, b) => place(a) < place(b) ? -1 : 1);
}

/** What results are sorted by. */
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
  console.log("\nkilled  explained  survived  file");
  for (const [file, ofFile] of Map.groupBy(results, ({ mutant }) => mutant.file)) {
    const alive = ofFile.filter(({ status }) => isAlive(status));
    const explained = alive.filter(({ reason }) => reason !== undefined).length;
    const killed = ofFile.filter(({ status }) =>
      status === "killed" || status === "timeout"
    ).length;
    const columns = [[killed, 6], [explained, 11], [alive.length - explained, 10]] as const;
    console.log(columns.map(([n, width]) => String(n).padStart(width)).join("") + `  ${file}`);
  }
}
