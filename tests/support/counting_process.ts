/**
 * A process that counts in an SQLite store. It reads commands as lines of JSON:
 * `counting_process.ts <path> <options of loadBackend() as JSON>`. It answers each with a line.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { Counter, Gauge } from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";

/** A command for a process. */
export interface ProcessCommand {
  /** How much to count, and then to flush. */
  readonly count?: number;
  /** Which series. @default {"a"} */
  readonly queue?: string;
  /** In how many series to count, each with a name of its own, instead of one. */
  readonly series?: number;
  /** Where to go. */
  readonly chdir?: string;
  /** Whether to close the registry. */
  readonly close?: boolean;
}

/** An answer of a process. */
export interface ProcessAnswer {
  /** Whether the flush has arrived. */
  readonly flushed?: boolean;
  /** The total, if the command was empty. */
  readonly total?: number | undefined;
  readonly error?: string;
}

const [path = "", options = "{}"] = process.argv.slice(2);
const jobs = new Counter("jobs_total", "Jobs.", { labelNames: ["queue"] });
const level = new Gauge("level", "Level.", { aggregation: "livesum" });
const say = (answer: unknown): void => console.log(`> ${JSON.stringify(answer)}`);

const shared = await loadBackend(sqliteBackend(path), {
  intervalMs: 1e9,
  timeoutMs: 60_000,
  ...JSON.parse(options),
}).catch((error: unknown) => {
  say({ error: String(error) });
  process.exit();
});
say({});

async function run(
  { count, queue = "a", series = 0, chdir, close }: ProcessCommand,
): Promise<ProcessAnswer> {
  if (chdir !== undefined) process.chdir(chdir);
  else if (close) await shared.close();
  else if (count !== undefined) {
    if (series === 0) jobs.labels(queue).inc(count);
    for (let i = 0; i < series; i++) jobs.labels(`series ${i}`).inc(count);
    level.set(1);
    return { flushed: await shared.flush() };
  } else return { total: await shared.getSampleValueAsync("jobs_total", { queue }) };
  return {};
}

for await (const line of createInterface({ input: process.stdin })) {
  say(await run(JSON.parse(line)).catch((error) => ({ error: String(error) })));
}
process.exit();
