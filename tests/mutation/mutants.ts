/**
 * Lists the mutants of the library. Each is a file with one small mistake.
 *
 * @module
 */
import { ROOT } from "../support/paths.ts";
import type { Edit } from "./mutators.ts";

/** The mutated files and folders: those that store, collect and encode numbers. */
export const SOURCES = ["metrics.ts", "metrics", "registry.ts", "registry", "encoding"];

/** A file with one mistake. */
export interface Mutant {
  /** The path of the file, relative to the root of the checkout. */
  readonly file: string;
  /** The first changed line, counted from 1. */
  readonly line: number;
  /** The last changed line. */
  readonly lastLine: number;
  /** The kind of mistake. */
  readonly mutator: string;
  /** The class and functions that contain the change. */
  readonly within: string;
  /** The changed lines before and after the change, without line breaks. */
  readonly change: string;
  /** The text of the whole file with the mistake. */
  readonly text: string;
}

/** The length at which a changed line is shortened. */
const MAX_LENGTH = 160;

/**
 * Lists all mutants of the library, in the order of the files and of their content.
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
    // A function may contain the same line several times, with the same change.
    const key = keyOf(mutant);
    const count = (seen.get(key) ?? 0) + 1;
    seen.set(key, count);
    mutants.push(count === 1 ? mutant : { ...mutant, change: `${mutant.change} (${count})` });
  }
  return mutants;
}

/**
 * Creates a mutant.
 *
 * @param file The path of the file.
 * @param text The text of the file.
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

/** Joins code into one line, and shortens it in the middle. */
function flatten(code: string): string {
  const flat = code.trim().replaceAll(/\s+/g, " ");
  if (flat.length <= MAX_LENGTH) return flat;
  return `${flat.slice(0, MAX_LENGTH / 2)} … ${flat.slice(-MAX_LENGTH / 2)}`;
}

/** Returns a unique key of a mutant. It stays the same if the file changes elsewhere. */
export function keyOf(
  { file, within, change }: Pick<Mutant, "file" | "within" | "change">,
): string {
  return `${file} ${within}: ${change}`;
}

/**
 * Takes a sample of the mutants: from each file in proportion, but at least one. Only the keys of
 * the mutants and the seed determine the sample, so that a change of the library affects little of
 * it.
 *
 * @param mutants All mutants.
 * @param options The size of the sample, and the seed.
 * @returns The sample, in an order that depends on the seed. Its first part is a sample too.
 */
export function sampleMutants(
  mutants: readonly Mutant[],
  { count, seed }: { count: number; seed: number },
): Mutant[] {
  const drawn = mutants.map((mutant) => ({ mutant, hash: hash(`${seed} ${keyOf(mutant)}`) }))
    .sort((a, b) => a.hash - b.hash);
  const files = Map.groupBy(drawn, ({ mutant }) => mutant.file);
  const ranked = [...files.values()].flatMap((ofFile) =>
    // This is the place in a queue of all files: the first mutant of each file, then the others.
    ofFile.map(({ mutant, hash }, i) => ({
      mutant,
      place: (i + hash / 2 ** 32) / ofFile.length,
      isFirst: i === 0,
    }))
  ).sort((a, b) => Number(b.isFirst) - Number(a.isFirst) || a.place - b.place);
  const chosen = new Set(ranked.slice(0, count).map(({ mutant }) => mutant));
  return drawn.map(({ mutant }) => mutant).filter((mutant) => chosen.has(mutant));
}

/** Computes FNV-1a with a final mixing step, for keys that only differ at their ends. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}
