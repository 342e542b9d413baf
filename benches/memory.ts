/**
 * Prints the memory of one series of a library: `memory.ts <library> <row> <items>`. Garbage
 * collection must be exposed. Everything that two scrapes leave behind counts, except code, which
 * has run before.
 *
 * @module
 */
import process from "node:process";
import { RUNTIME, usedMemory } from "./fresh_process.ts";
import { type Library, loadWorks, type RowId, type Work } from "./work.ts";

// Only `compareMemory()` starts this program.
const [library, id, items] = process.argv.slice(2) as [Library, RowId, string];
const create = (await loadWorks(library))[id]!;

async function hold(): Promise<Work> {
  const work = create();
  for (let scrape = 0; scrape < 2; scrape++) {
    work.prepare?.(1);
    await work.run(1);
  }
  return work;
}

// Bun's collector is conservative. It may keep parts of this object, and count them as memory
// before.
if (RUNTIME !== "Bun") await hold();
const before = await usedMemory();
const held = await hold();
const after = await usedMemory();
console.log((after - before) / Number(items));
await held.run(1); // Keeps the work alive until here.
