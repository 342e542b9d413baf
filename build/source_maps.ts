/**
 * Makes source maps smaller. Those of the compiler are a third of the package, but stack traces
 * only need lines. The format is specified in https://tc39.es/ecma426/.
 *
 * @module
 */

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/**
 * Keeps only the first mapping of each line.
 *
 * @param text A source map of one source, as JSON.
 * @param source The new name of the source.
 * @returns The smaller map, as JSON.
 */
export function keepLines(text: string, source: string): string {
  const { version, file, mappings }: { version: number; file: string; mappings: string } = JSON
    .parse(text);
  let line = 0;
  let kept = 0;
  const lines = mappings.split(";").map((segments) => {
    let first: number | undefined;
    for (const segment of segments.split(",")) {
      const [, , lines] = decode(segment);
      if (lines === undefined) continue;
      line += lines;
      first ??= line;
    }
    if (first === undefined) return "";
    // The fields are: column 0, the same source, the difference of lines, column 0.
    const mapping = `AA${encode(first - kept)}A`;
    kept = first;
    return mapping;
  });
  const map = { version, file, sources: [source], names: [], mappings: lines.join(";") };
  return JSON.stringify(map);
}

/** Decodes the numbers of a segment. */
function decode(segment: string): number[] {
  const numbers: number[] = [];
  let number = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = BASE64.indexOf(digit);
    number |= (bits & 31) << shift;
    shift += 5;
    if ((bits & 32) !== 0) continue;
    numbers.push((number & 1) === 0 ? number >> 1 : -(number >> 1));
    number = shift = 0;
  }
  return numbers;
}

/** Encodes a number. */
function encode(number: number): string {
  let rest = number < 0 ? (-number << 1) | 1 : number << 1;
  let text = "";
  do {
    const bits = rest & 31;
    rest >>= 5;
    text += BASE64[rest === 0 ? bits : bits | 32];
  } while (rest !== 0);
  return text;
}
