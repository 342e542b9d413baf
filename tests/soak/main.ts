/**
 * The soak: programs that make 50,000 updates per second, are scraped every second, and regularly
 * lose a writer. Their totals must be exact and never fall, their heap must stay flat, and they
 * must print nothing unexpected.
 *
 * By default it takes 45 seconds, or 20 minutes with `NARTHEX_TRUST=full`. It runs on Deno and Bun
 * at the same time, with workers of one process. Options: `--minutes N` or `--seconds N`,
 * `--runtime deno|bun|node`, `--backend workers|sqlite` (both can be repeated), `--kill-seconds N`,
 * `--rate N`.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { type Runtime, RUNTIMES } from "../support/demo.ts";
import { load, megabytes, reportFault } from "../support/fault_report.ts";
import type { ProgramOptions } from "./program.ts";
import { type Drift, soak, type SoakOptions, type SoakOutcome } from "./soak.ts";

type BackendName = ProgramOptions["backend"];

const DEFAULT_RUNTIMES: readonly Runtime[] = ["deno", "bun"];
const BACKENDS: readonly BackendName[] = ["workers", "sqlite"];
/**
 * The tolerated growth of the heap between the second and the last quarter of a soak of a minute or
 * more.
 */
const TOLERANCE = 0.05;
/** The tolerated growth in addition, in bytes, because some heaps are only a few megabytes. */
const SLACK = 1e6;
/** The tolerated growth in shorter soaks, because engines have not yet compiled all code. */
const SHORT_TOLERANCE = 0.5;
const SHORT_SECONDS = 60;

/** The number of failures that are printed of each soak, because one cause leads to many. */
const SHOWN = 20;

const { values } = parseArgs({
  options: {
    minutes: { type: "string" },
    seconds: { type: "string", default: String(load(20 * 60, 45)) },
    runtime: { type: "string", multiple: true, default: [...DEFAULT_RUNTIMES] },
    backend: { type: "string", multiple: true, default: ["workers"] },
    "kill-seconds": { type: "string" },
    rate: { type: "string", default: "50000" },
  },
});
const seconds = values.minutes === undefined
  ? positive("seconds", values.seconds)
  : positive("minutes", values.minutes) * 60;
const killSeconds = positive(
  "kill-seconds",
  values["kill-seconds"] ?? (seconds < 120 ? "5" : "30"),
);
const rate = positive("rate", values.rate);
const isShort = seconds < SHORT_SECONDS;
const tolerance = isShort ? SHORT_TOLERANCE : TOLERANCE;

const runtimes = oneOf("runtime", values.runtime, RUNTIMES);
const backends = oneOf("backend", values.backend, BACKENDS);
for (const backend of backends) {
  await Promise.all(
    runtimes.map((runtime) => run({ runtime, backend, seconds, killSeconds, rate })),
  );
}

/** Runs a soak and reports the result. */
async function run(options: SoakOptions): Promise<void> {
  const outcome = await soak(options);
  const failures = [...outcome.failures, ...judge(outcome, options)];
  report(options, outcome, failures);
  if (failures.length > 0) process.exitCode = 1;
}

/** Returns what is wrong with the figures. */
function judge(outcome: SoakOutcome, { seconds }: SoakOptions): string[] {
  const { heap, series, updates, kills } = outcome;
  const failures: string[] = [];
  // Comparisons are negated, so that NaN fails too.
  if (!(heap.late <= heap.early * (1 + tolerance) + SLACK)) {
    failures.push(`the heap grows: ${describe(heap)}`);
  }
  // The number of series depends on the speed of updates. If series were never removed, there would
  // be a thousand times as many at the end.
  if (!(series.late <= 2 * series.early)) failures.push(`series pile up: from ${series.early}`);
  // A busy machine is not a failure, except in a long soak.
  const isSlow = !(updates / outcome.seconds >= 0.98 * rate);
  if (isSlow && !isShort) failures.push(`${updates} updates in ${outcome.seconds} s`);
  if (!(kills >= Math.ceil(seconds / killSeconds) - 1)) failures.push(`${kills} kills`);
  return failures;
}

function report(options: SoakOptions, outcome: SoakOutcome, failures: readonly string[]): void {
  const { runtime, backend, seconds, killSeconds } = options;
  const { updates, lost, scrapes, slowest, kills, heap, memory, series } = outcome;
  const length = seconds < 120 ? `${seconds} s` : `${+(seconds / 60).toFixed(1)} min`;
  const writers = backend === "workers" ? "workers of one process" : "processes with SQLite";
  const figure = `${count(updates)} updates (${count(updates / outcome.seconds)}/s), ` +
    `${count(scrapes)} scrapes (the longest ${slowest.toFixed(1)} s), ${kills} kills ` +
    `(${count(lost)} updates not flushed); ${count(failures.length)} failures; ` +
    `heap ${describe(heap)}; process ${describe(memory)}; ${count(series.late)} series`;
  console.log(`${runtime}, ${writers}: ${figure}`);
  for (const failure of failures.slice(0, SHOWN)) console.log(`  ${failure}`);
  reportFault({
    fault: `a soak of ${length} on ${runtime}, ${writers}: ${count(rate)} updates/s, ` +
      `a scrape every second, churn of series, a writer killed every ${killSeconds} s`,
    bar: `every total exact and never lower, heap flat (at most ` +
      `+${tolerance * 100} % + ${megabytes(SLACK)}), no error`,
    figure,
  });
}

function growth({ early, late }: Drift): number {
  return late / early - 1;
}

function describe(drift: Drift): string {
  const { early, late } = drift;
  const percent = growth(drift) * 100;
  return `${megabytes(early)} → ${megabytes(late)} (${percent < 0 ? "" : "+"}${
    percent.toFixed(1)
  } %)`;
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value < Infinity) return value;
  throw new RangeError(`Cannot soak: --${name} must be > 0: received ${text}`);
}

function oneOf<T extends string>(name: string, given: readonly string[], known: readonly T[]): T[] {
  return given.map((text) => {
    const value = known.find((one) => one === text);
    if (value !== undefined) return value;
    throw new TypeError(`Cannot soak: --${name} must be one of ${known}: received ${text}`);
  });
}
