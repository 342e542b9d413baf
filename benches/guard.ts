/**
 * Guards against accidents. Measures briefly, and fails if the lead of Narthex over the reference
 * is less than half of a row's target. It is made for noisy machines, and is not a benchmark. A row
 * that fails is measured again up to twice.
 *
 * @module
 */
import process from "node:process";
import { compareMemory, compareSpeed, ratioOf, type Results, warmUp } from "./compare.ts";
import { formatNumber } from "./report.ts";
import { type Library, MEMORY_ROWS, REFERENCE, type Row, ROW_IDS, ROWS } from "./work.ts";

const CONTESTANTS: readonly Library[] = ["narthex", REFERENCE];
const EFFORT = { rounds: 9, scrapes: 5, batchMs: 4 };
const TRIES = 3;
/** The fraction of a target that must be reached. */
const PART = 0.5;

/** Returns whether a row reaches its fraction of the target in one of the tries. */
async function passes({ title, target }: Row, measure: () => Promise<Results>): Promise<boolean> {
  const limit = (target?.ratio ?? 0) * PART;
  for (let i = 1; i <= TRIES; i++) {
    const ratio = ratioOf(await measure()) ?? NaN;
    const ok = ratio >= limit;
    const verdict = ok ? "ok" : i < TRIES ? "again" : "FAILED";
    console.log(
      `${verdict.padEnd(7)}${title}: ${formatNumber(ratio)} ×, at least ${formatNumber(limit)} ×`,
    );
    if (ok) return true;
  }
  return false;
}

await warmUp(CONTESTANTS);
let failures = 0;
for (const id of ROW_IDS) {
  const row: Row = ROWS[id];
  if (row.target?.ratio === undefined) continue;
  if (!await passes(row, () => compareSpeed(id, CONTESTANTS, EFFORT))) failures++;
}
for (const row of MEMORY_ROWS) {
  if (!await passes(row, () => compareMemory(row, CONTESTANTS, 1))) failures++;
}
if (failures > 0) {
  console.log(`${failures} rows are under half of their target`);
  process.exitCode = 1;
}
