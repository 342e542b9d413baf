/**
 * The mutants of the library: each a file with one small mistake.
 *
 * @module
 */
import { ROOT } from "../support/paths.ts";
import type { Edit } from "./mutators.ts";

/** What is mutated: where numbers are kept, collected and written. */
export const SOURCES = ["metrics.ts", "metrics", "registry.ts", "registry", "encoding"];

/** A file with one mistake. */
export interface Mutant {
  /** The file, from the top of the checkout. */
  readonly file: string;
  /** The number of the line that is changed, from 1. */
  readonly line: number;
  /** The number of the last line that is changed. */
  readonly lastLine: number;
  /** What kind of mistake it is. */
  readonly mutator: string;
  /** The class and functions around it. */
  readonly within: string;
  /** The lines that are changed, and what becomes of them, without regard to layout. */
  readonly change: string;
  /** The text of the whole file with the mistake. */
  readonly text: string;
}

/** How much of a changed line is told. */
const MAX_LENGTH = 160;

/**
 * Every mutant of the library, in the order of the files and of what stands in them.
 *
 * @returns The mutants.
 */
export async function listMutants(): Promise<Mutant[]> {
  const config = new URL("lint.json", import.meta.url).pathname;
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["lint", "--quiet", "--json", "--config", config, ...SOURCES],
    cwd: ROOT,
  }).output();
  const report = JSON.parse(new TextDecoder().decode(stdout)) as {
    diagnostics: { filename: string; message: string }[];
    errors: unknown[];
  };
  if (report.errors.length > 0 || report.diagnostics.length === 0) {
    throw new Error(
      `Cannot list mutants: ${JSON.stringify(report.errors)} ${new TextDecoder().decode(stderr)}`,
    );
  }
  const texts = new Map<string, string>();
  const seen = new Map<string, number>();
  const mutants: Mutant[] = [];
  for (const { filename, message } of report.diagnostics) {
    const file = decodeURI(new URL(filename).pathname).slice(ROOT.length);
    let text = texts.get(file);
    if (text === undefined) texts.set(file, text = await Deno.readTextFile(`${ROOT}${file}`));
    const mutant = applyEdit(file, text, JSON.parse(message) as Edit);
    // The same change of the same line elsewhere in the same function.
    const key = keyOf(mutant);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    mutants.push(count === 1 ? mutant : { ...mutant, change: `${mutant.change} (${count})` });
  }
  return mutants;
}

/**
 * Makes a mutant.
 *
 * @param file The file's path.
 * @param text Its text.
 * @param edit The mistake.
 * @returns The mutant.
 */
export function applyEdit(file: string, text: string, edit: Edit): Mutant {
  const { mutator, start, end, within } = edit;
  const before = text.slice(0, start);
  const after = text.slice(end);
  const line = before.split("\n").length;
  const head = before.slice(before.lastIndexOf("\n") + 1);
  const tail = after.slice(0, `${after}\n`.indexOf("\n"));
  const original = text.slice(start, end);
  const change = `${flatten(head + original + tail)} → ${flatten(head + edit.text + tail)}`;
  return {
    file,
    line,
    lastLine: line + original.split("\n").length - 1,
    mutator,
    within,
    change,
    text: before + edit.text + after,
  };
}

/** Code on one line, of which long ones are told by their ends. */
function flatten(code: string): string {
  const flat = code.trim().replaceAll(/\s+/g, " ");
  if (flat.length <= MAX_LENGTH) return flat;
  return `${flat.slice(0, MAX_LENGTH / 2)} … ${flat.slice(-MAX_LENGTH / 2)}`;
}

/** What tells a mutant from all others, and stays the same when its file changes elsewhere. */
export function keyOf(
  { file, within, change }: Pick<Mutant, "file" | "within" | "change">,
): string {
  return `${file} ${within}: ${change}`;
}

/**
 * Some of the mutants: of each file as many as its share, but at least one. Which they are is
 * decided by each mutant's key and the seed alone, so that a change of the library changes
 * little else of the sample.
 *
 * @param mutants All mutants.
 * @param options How many, and which.
 * @returns The sample, in an order that the seed decides: its first part is a sample as well.
 */
export function sampleMutants(
  mutants: readonly Mutant[],
  { count, seed }: { count: number; seed: number },
): Mutant[] {
  const drawn = mutants.map((mutant) => ({ mutant, hash: hash(`${seed} ${keyOf(mutant)}`) }))
    .sort((a, b) => a.hash - b.hash);
  const files = Map.groupBy(drawn, ({ mutant }) => mutant.file);
  const ranked = [...files.values()].flatMap((ofFile) =>
    // Where in the queue of all files each stands: the first of every file before the second.
    ofFile.map(({ mutant, hash }, i) => ({
      mutant,
      place: (i + hash / 2 ** 32) / ofFile.length,
      isFirst: i === 0,
    }))
  ).sort((a, b) => Number(b.isFirst) - Number(a.isFirst) || a.place - b.place);
  const chosen = new Set(ranked.slice(0, count).map(({ mutant }) => mutant));
  return drawn.map(({ mutant }) => mutant).filter((mutant) => chosen.has(mutant));
}

/** FNV-1a with a last mixing, for keys that differ only at their ends. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
