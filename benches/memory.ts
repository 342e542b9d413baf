/**
 * Prints what one series of a library takes: `memory.ts <library> <row> <items>`, with garbage
 * collection exposed. All that two scrapes leave behind counts; code does not, as it has run before.
 *
 * @module
 */
import process from "node:process";
import { RUNTIME, usedMemory } from "./fresh_process.ts";
import { type Library, loadWorks, type RowId, type Work } from "./work.ts";

// Started by `measureMemory` only.
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

// Bun's collector is conservative: it may keep some of what is held here, and count it as before.
if (RUNTIME !== "Bun") await hold();
const before = await usedMemory();
const held = await hold();
const after = await usedMemory();
console.log((after - before) / Number(items));
await held.run(1); // It was held until here.
