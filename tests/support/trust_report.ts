/**
 * Writes the list of figures in docs/reliability.md, between two invisible marks.
 *
 * @module
 */
import type { FaultFigure } from "./fault_report.ts";

const BEGIN = "<!-- figures of the last full run: deno task trust writes them -->";
const END = "<!-- end of the figures -->";
/** A page without figures. */
const EMPTY = `# Reliability\n\n${BEGIN}\n${END}\n`;

/**
 * Parses the figures that tests have appended.
 *
 * @param lines A figure in JSON on each line.
 */
export function readFigures(lines: string): FaultFigure[] {
  return lines.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/**
 * Replaces the figures of the page.
 *
 * @param page The page. An empty string if the page is new.
 * @param run One or two sentences about the run.
 * @param figures The figures.
 * @throws {Error} If the page has no marks.
 */
export function putFigures(page: string, run: string, figures: readonly FaultFigure[]): string {
  const text = page === "" ? EMPTY : page;
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new Error(`Cannot write figures: the page must have "${BEGIN}", then "${END}"`);
  }
  const escape = (content: string): string =>
    content.replaceAll("__", "\\_\\_").replaceAll("\n", " ");
  const items = figures.map((figure) => {
    const [fault, bar, measured] = [figure.fault, figure.bar, figure.figure].map(escape);
    return `- ${fault}\n  - must hold: ${bar}\n  - measured: ${measured}\n`;
  });
  return `${text.slice(0, begin + BEGIN.length)}\n\n${run}\n\n${items.join("")}\n${
    text.slice(end)
  }`;
}
