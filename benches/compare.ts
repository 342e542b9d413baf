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

/** The results of a row by library, in nanoseconds or bytes. */
export type Results = ReadonlyMap<Library, Measured>;

/**
 * Compares the speed of libraries.
 *
 * @param id The row.
 * @param libraries The libraries. Libraries that cannot do the work are skipped.
 * @param effort How thoroughly to measure.
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
 * Runs all short rows briefly, so that code is compiled for a program that uses all of it.
 * Otherwise a counter of small integers would be faster than in any program that also counts bytes.
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
 * Compares the memory of libraries, with fresh processes for each.
 *
 * @param row The row.
 * @param libraries The libraries. The floor is skipped.
 * @param processes The number of processes for each.
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
      samples.push(await runFresh("memory.ts", library, id, String(items)) as number); // It prints a number.
    }
    results.set(library, summarise(samples));
  }
  return results;
}

/**
 * Returns the ratio of the reference to Narthex, or undefined without a result of the reference.
 */
export function ratioOf(results: Results): number | undefined {
  const reference = results.get(REFERENCE);
  return reference && reference.median / results.get("narthex")!.median;
}
