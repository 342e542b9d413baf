/**
 * Guards against accidents: measures briefly, and fails when Narthex is ahead of the reference by less
 * than half of what a row's target says. It is made for a noisy machine and is no measurement; a row
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
/** The part of a target that has to be reached. */
const PART = 0.5;

/** Whether a row reaches its part of the target, in one of the tries. */
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
