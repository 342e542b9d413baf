/// <reference lib="dom" />
import { element } from "./elements.ts";

/** How much of a name or a value is shown, in characters. */
const SHOWN = 200;

/** Controls, and what would change the direction or the place of the text around it. */
const INVISIBLE_REGEXP =
  // deno-lint-ignore no-control-regex -- they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** A piece of a text: to be shown as it is, or as the name of something that can't be seen. */
export interface Piece {
  readonly text: string;
  readonly escaped: boolean;
}

/**
 * Cuts a text into what can be shown and what can only be named: a text from a program
 * may have characters in it that would hide, reverse or move others. A line feed is kept
 * as a space. What is too long is cut.
 */
export function visiblePieces(text: string, most = SHOWN): Piece[] {
  const long = text.length > most;
  const shown = (long ? text.slice(0, most) : text).toWellFormed().replaceAll("\n", " ");
  const pieces: Piece[] = [];
  let end = 0;
  for (const { 0: character, index } of shown.matchAll(INVISIBLE_REGEXP)) {
    if (index > end) pieces.push({ text: shown.slice(end, index), escaped: false });
    const code = character.codePointAt(0) ?? 0;
    pieces.push({ text: `U+${code.toString(16).toUpperCase().padStart(4, "0")}`, escaped: true });
    end = index + character.length;
  }
  if (end < shown.length) pieces.push({ text: shown.slice(end), escaped: false });
  if (long) {
    pieces.push({ text: `… ${text.length.toLocaleString("en")} characters`, escaped: true });
  }
  return pieces;
}

/** Such a text as nodes, in an element that keeps its direction to itself. */
export function visibleText(text: string, className: string, most = SHOWN): HTMLElement {
  const nodes = visiblePieces(text, most).map(({ text, escaped }) =>
    escaped ? element("span", { class: "escaped" }, text) : text
  );
  return element("bdi", { class: className }, ...nodes);
}

/** Such a text as one string, for labels that are only heard. */
export function spokenText(text: string): string {
  return visiblePieces(text).map(({ text }) => text).join("");
}
