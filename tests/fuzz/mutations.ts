/**
 * Inputs for the parsers: parts of real expositions with random changes.
 *
 * @module
 */
import type { Random } from "../support/random.ts";
import { TOKENS } from "./expositions.ts";

/** The limit of lines that an input takes from a base. */
const MAX_LINES = 12;
/** The limit of an input in UTF-16 code units. */
const MAX_LENGTH = 4000;
/** Numbers of repetitions: mostly one, sometimes many. */
const REPEATS = [1, 1, 2, 3, 10, 100, 1000];

type Mutation = (text: string, random: Random, bases: readonly string[]) => string;

/** Returns the start and end of a random part of a text. */
function pieceOf(text: string, random: Random): [start: number, end: number] {
  const start = random.below(text.length + 1);
  const length = Math.floor(text.length * random.next() ** 4) + 1;
  return [start, Math.min(text.length, start + length)];
}

function replace(text: string, start: number, end: number, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}

/** Replaces a random match of a pattern. */
function replaceMatch(text: string, random: Random, pattern: RegExp, by: string): string {
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return text;
  const { 0: found, index } = random.pick(matches);
  return replace(text, index, index + found.length, by);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function changeByte(text: string, random: Random, change: (byte: number) => number): string {
  const bytes = encoder.encode(text);
  if (bytes.length === 0) return text;
  const at = random.below(bytes.length);
  bytes[at] = change(bytes[at]!);
  return decoder.decode(bytes);
}

/** The mutations by name. */
export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  flipBit: (text, random) => changeByte(text, random, (byte) => byte ^ (1 << random.below(8))),
  setByte: (text, random) => changeByte(text, random, () => random.below(256)),
  setCharacter: (text, random) => {
    const at = random.below(text.length + 1);
    return replace(text, at, at + 1, String.fromCharCode(random.below(0x10000)));
  },
  insertToken: (text, random) => {
    const at = random.below(text.length + 1);
    return replace(text, at, at, random.pick(TOKENS));
  },
  swapToken: (text, random) =>
    replaceMatch(text, random, /[a-z]+|[0-9.e+-]+|\s|[^\w\s]/gi, random.pick(TOKENS)),
  swapNumber: (text, random) => {
    const digits = String(random.below(10)).repeat(random.pick(REPEATS));
    const number = random.pick([digits, `-${digits}.${digits}`, `1e${digits}`, `.${digits}`]);
    return replaceMatch(text, random, /[0-9.e+-]+/g, number);
  },
  swapWords: (text, random) => {
    const words = text.match(/\w+/g) ?? [""];
    return replaceMatch(text, random, /\w+/g, random.pick(words));
  },
  removePiece: (text, random) => replace(text, ...pieceOf(text, random), ""),
  repeatPiece: (text, random) => {
    const [start, end] = pieceOf(text, random);
    const room = Math.max(1, Math.floor(MAX_LENGTH / (end - start + 1)));
    const times = Math.min(random.pick(REPEATS), room);
    return replace(text, end, end, text.slice(start, end).repeat(times));
  },
  repeatCharacter: (text, random) => {
    const at = random.below(text.length + 1);
    return replace(text, at, at, (text[at] ?? "{").repeat(random.pick(REPEATS)));
  },
  truncate: (text, random) => text.slice(0, random.below(text.length + 1)),
  behead: (text, random) => text.slice(random.below(text.length + 1)),
  splice: (text, random, bases) => {
    const other = random.pick(bases);
    const at = random.below(text.length + 1);
    return replace(text, at, at, other.slice(...pieceOf(other, random)));
  },
  swapLines: (text, random) => {
    const lines = text.split("\n");
    const [a, b] = [random.below(lines.length), random.below(lines.length)];
    [lines[a], lines[b]] = [lines[b]!, lines[a]!];
    return lines.join("\n");
  },
  repeatLine: (text, random) => {
    const lines = text.split("\n");
    const line = random.pick(lines);
    lines.splice(random.below(lines.length + 1), 0, line);
    return lines.join("\n");
  },
  nest: (text, random) => {
    const at = random.below(text.length + 1);
    return replace(text, at, at, random.pick(["{", "[", '{"', "# {", "\\"]).repeat(50));
  },
};

const ALL_MUTATIONS: readonly Mutation[] = Object.values(MUTATIONS);

/**
 * Creates an input.
 *
 * @param random The source of randomness.
 * @param bases The expositions to start with.
 * @param end The required end of an exposition. Only some inputs lack it.
 */
export function makeInput(random: Random, bases: readonly string[], end: string): string {
  const lines = random.pick(bases).split("\n");
  let start = random.below(lines.length);
  // Half of the inputs start at a family, because few families would be left whole otherwise.
  const isWhole = random.below(2) === 0;
  while (isWhole && start > 0 && !lines[start]!.startsWith("# TYPE")) start--;
  const count = 1 + random.below(MAX_LINES);
  let text = lines.slice(start, start + count).join("\n");
  for (let i = random.below(6); i > 0; i--) text = random.pick(ALL_MUTATIONS)(text, random, bases);
  if (text.length > MAX_LENGTH) text = text.slice(0, MAX_LENGTH);
  return end === "" || text.endsWith(end) || random.below(20) === 0 ? text : `${text}\n${end}\n`;
}

/**
 * Shrinks a failing input as long as it still fails.
 *
 * @param text The input.
 * @param fails Returns whether an input fails.
 */
export function minimise(text: string, fails: (text: string) => boolean): string {
  for (let size = text.length >> 1; size >= 1; size = size === 1 ? 0 : size >> 1) {
    for (let at = 0; at < text.length;) {
      const shorter = text.slice(0, at) + text.slice(at + size);
      if (fails(shorter)) text = shorter;
      else at += size;
    }
  }
  return text;
}
