/**
 * Compares the libraries, row by row.
 *
 * @module
 */
import { runFresh } from "./fresh_process.ts";
import { type Effort, type Measured, measureLong, measureShort, summarise } from "./harness.ts";
import {
  type Library,
  loadWorks,
  type MemoryRow,
  REFERENCE,
  type Row,
  ROW_IDS,
  type RowId,
  ROWS,
  type Work,
} from "./work.ts";

/** What was measured in a row: nanoseconds, or bytes. */
export type Results = ReadonlyMap<Library, Measured>;

/**
 * Compares the speed of libraries.
 *
 * @param id The row.
 * @param libraries The libraries; those that cannot do the work are left out.
 * @param effort How thoroughly.
 * @returns Nanoseconds by library.
 */
export async function compareSpeed(
  id: RowId,
  libraries: readonly Library[],
  effort: Effort,
): Promise<Results> {
  const { scrape, maxTimes }: Row = ROWS[id];
  const works = new Map<Library, Work>();
  for (const library of libraries) {
    const create = (await loadWorks(library))[id];
    if (create !== undefined) works.set(library, create());
  }
  return scrape ? await measureLong(works, effort) : await measureShort(works, effort, maxTimes);
}

/**
 * Runs all short rows briefly, so that code is compiled for a program that uses all of it. Alone, a
 * counter of small integers would be quicker than it is in any program that counts bytes as well.
 *
 * @param libraries The libraries.
 */
export async function warmUp(libraries: readonly Library[]): Promise<void> {
  for (const id of ROW_IDS) {
    const { scrape }: Row = ROWS[id];
    if (!scrape) await compareSpeed(id, libraries, { rounds: 1, scrapes: 1, batchMs: 1 });
  }
}

/**
 * Compares the memory of libraries, each in processes of its own.
 *
 * @param row The row.
 * @param libraries The libraries; the floor is left out.
 * @param processes How many processes for each.
 * @returns Bytes by library.
 */
export async function compareMemory(
  { id, items }: MemoryRow,
  libraries: readonly Library[],
  processes: number,
): Promise<Results> {
  const results = new Map<Library, Measured>();
  for (const library of libraries) {
    if (library === "floor") continue;
    const samples: number[] = [];
    for (let i = 0; i < processes; i++) {
      samples.push(await runFresh("memory.ts", library, id, String(items)) as number); // It prints one.
    }
    results.set(library, summarise(samples));
  }
  return results;
}

/** How many times less than the reference Narthex takes; `undefined` where there is no reference. */
export function ratioOf(results: Results): number | undefined {
  const reference = results.get(REFERENCE);
  return reference && reference.median / results.get("narthex")!.median;
}
