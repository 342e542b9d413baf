/**
 * The table of docs/reliability.md: what was measured, between two marks that nobody sees.
 *
 * @module
 */
import { formatTable } from "../../benches/report.ts";
import type { FaultFigure } from "./fault_report.ts";

const BEGIN = "<!-- figures of the last full run: deno task trust writes them -->";
const END = "<!-- end of the figures -->";
/** A page that has no figures yet. */
const EMPTY = `# Reliability\n\n${BEGIN}\n${END}\n`;

/**
 * Reads the figures that tests have noted.
 *
 * @param lines A figure in JSON on each line.
 */
export function readFigures(lines: string): FaultFigure[] {
  return lines.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/**
 * Puts figures into the page, in the place of those that were there.
 *
 * @param page The page; empty if there is none yet.
 * @param run One sentence or two about the run.
 * @param figures What was measured.
 * @throws {Error} If the page has no marks.
 */
export function putFigures(page: string, run: string, figures: readonly FaultFigure[]): string {
  const text = page === "" ? EMPTY : page;
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) {
    throw new Error(`Cannot write figures: the page must have "${BEGIN}", then "${END}"`);
  }
  const cell = (content: string): string =>
    content.replaceAll("|", "\\|").replaceAll("__", "\\_\\_").replaceAll("\n", " ");
  const rows = figures.map(({ fault, bar, figure }) => [fault, bar, figure].map(cell));
  const table = formatTable([["what happens", "what must hold", "what was measured"], ...rows], {
    areTexts: true,
  });
  return `${text.slice(0, begin + BEGIN.length)}\n\n${run}\n\n${table}\n${text.slice(end)}`;
}
