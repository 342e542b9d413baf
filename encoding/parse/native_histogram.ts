import type { NativeHistogram } from "../../model.ts";
import { parseInteger, parseValue } from "./numbers.ts";
import type { Scanner } from "./scanner.ts";

const WORD_REGEXP = /[a-zA-Z0-9_+.-]*/y;

/** The fields, and whether a native histogram must have them. */
const FIELDS: ReadonlyMap<string, { required: boolean }> = new Map([
  ["count", { required: true }],
  ["sum", { required: true }],
  ["schema", { required: true }],
  ["zero_threshold", { required: true }],
  ["zero_count", { required: true }],
  ["positive_spans", { required: false }],
  ["negative_spans", { required: false }],
  ["positive_deltas", { required: false }],
  ["negative_deltas", { required: false }],
]);

/**
 * Reads a native histogram in the place of a value, such as
 * `{count:3,sum:4.5,schema:0,zero_threshold:0,zero_count:0,positive_spans:[0:2],positive_deltas:[1,1]}`.
 * This is an extension of OpenMetrics 1.0.
 *
 * @param scanner The scanner, at the opening brace.
 * @returns The native histogram.
 * @throws {ParseError} If the text is not a native histogram.
 */
export function readNativeHistogram(scanner: Scanner): NativeHistogram {
  const start = scanner.position;
  const numbers = new Map<string, number>();
  const lists = new Map<string, number[][]>();
  scanner.position++;
  do {
    const at = scanner.position;
    const key = readWord(scanner);
    if (!FIELDS.has(key) || numbers.has(key) || lists.has(key)) {
      throw scanner.unexpected("a field of a native histogram is expected here", at);
    }
    if (!scanner.take(":")) throw scanner.unexpected('":" must follow a field');
    if (key.endsWith("_spans")) lists.set(key, readList(scanner, 2));
    else if (key.endsWith("_deltas")) lists.set(key, readList(scanner, 1));
    else numbers.set(key, readNumber(scanner, key));
  } while (scanner.take(","));
  if (!scanner.take("}")) throw scanner.unexpected('"," or "}" must follow a field');
  for (const [key, { required }] of FIELDS) {
    if (!required || numbers.has(key)) continue;
    throw scanner.unexpected(`a native histogram must have "${key}"`, start);
  }
  const number = (key: string): number => numbers.get(key)!;
  const buckets = (sign: string): Map<number, number> => {
    const spans = lists.get(`${sign}_spans`) ?? [];
    const deltas = lists.get(`${sign}_deltas`) ?? [];
    const result = decodeBuckets(spans, deltas);
    if (result !== undefined) return result;
    throw scanner.unexpected(`the ${sign} spans and deltas must describe buckets`, start);
  };
  return {
    schema: number("schema"),
    zeroThreshold: number("zero_threshold"),
    zeroCount: number("zero_count"),
    positive: buckets("positive"),
    negative: buckets("negative"),
    sum: number("sum"),
    count: number("count"),
  };
}

/**
 * Converts spans and deltas to buckets. A span consists of the gap before it and its length. A
 * delta is the difference between the count of a bucket and that of the bucket before.
 */
function decodeBuckets(spans: number[][], deltas: number[][]): Map<number, number> | undefined {
  const buckets = new Map<number, number>();
  let index = 0;
  let count = 0;
  let used = 0;
  for (const [i, [offset = 0, length = 0]] of spans.entries()) {
    if (length < 0 || (i > 0 && offset < 0) || length > deltas.length - used) return undefined;
    index += offset;
    const end = used + length;
    for (; used < end; used++) {
      count += deltas[used]?.[0] ?? 0;
      if (count < 0 || !Number.isSafeInteger(index)) return undefined;
      buckets.set(index++, count);
    }
  }
  return used === deltas.length ? buckets : undefined;
}

function readWord(scanner: Scanner): string {
  WORD_REGEXP.lastIndex = scanner.position;
  const word = WORD_REGEXP.exec(scanner.text)?.[0] ?? "";
  scanner.position += word.length;
  return word;
}

function readInteger(scanner: Scanner): number {
  const at = scanner.position;
  const value = parseInteger(readWord(scanner));
  if (value === undefined) throw scanner.unexpected("a whole number is expected here", at);
  return value;
}

function readNumber(scanner: Scanner, key: string): number {
  if (key === "schema") return readInteger(scanner);
  const at = scanner.position;
  const value = parseValue(readWord(scanner));
  if (value === undefined) throw scanner.unexpected(`"${key}" must be a number`, at);
  if (key.endsWith("count") && !(Number.isInteger(value) && value >= 0)) {
    throw scanner.unexpected(`"${key}" must be a whole number, not negative`, at);
  }
  return value;
}

/** Reads a list of whole numbers, or of tuples of whole numbers with colons between them. */
function readList(scanner: Scanner, width: number): number[][] {
  if (!scanner.take("[")) throw scanner.unexpected("a list must begin with a bracket");
  const list: number[][] = [];
  if (scanner.take("]")) return list;
  do {
    const tuple = [readInteger(scanner)];
    while (tuple.length < width) {
      if (!scanner.take(":")) throw scanner.unexpected('":" is expected here');
      tuple.push(readInteger(scanner));
    }
    list.push(tuple);
  } while (scanner.take(","));
  if (!scanner.take("]")) throw scanner.unexpected('"," or "]" is expected here');
  return list;
}
