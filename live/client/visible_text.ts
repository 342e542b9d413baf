/// <reference lib="dom" />
import { element } from "./elements.ts";

/** The maximum length of a name or a value, in characters. */
const SHOWN = 200;

/** Control characters, and characters that change the direction or the place of other text. */
const INVISIBLE_REGEXP =
  // deno-lint-ignore no-control-regex -- the expression looks for them
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;

/** A piece of a text: visible text, or the name of an invisible character. */
export interface Piece {
  readonly text: string;
  readonly escaped: boolean;
}

/**
 * Splits a text into visible pieces and names of invisible characters. A text of a program may contain
 * characters that hide, reverse or move others. A line feed becomes a space. A long text is cut.
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

/** Returns such a text as nodes, in an element that isolates its direction. */
export function visibleText(text: string, className: string, most = SHOWN): HTMLElement {
  const nodes = visiblePieces(text, most).map(({ text, escaped }) =>
    escaped ? element("span", { class: "escaped" }, text) : text
  );
  return element("bdi", { class: className }, ...nodes);
}

/** Returns such a text as one string, for screen readers. */
export function spokenText(text: string): string {
  return visiblePieces(text).map(({ text }) => text).join("");
}
