/// <reference lib="dom" />
import { element, setText } from "./elements.ts";
import { formatDuration } from "./format.ts";

/** How far the text is from the pointer, in CSS pixels. */
const APART = 14;

/** What a drawing shows at one place. */
export interface Reading {
  /** Where the line through it is, from 0 at the left to 1 at the right. */
  readonly x: number;
  readonly text: string;
}

/** Reads a drawing at a place; both coordinates are from 0, left and top, to 1. */
export type Reader = (x: number, y: number) => Reading | undefined;

/** Finds the chart that an element belongs to. */
const charts = new WeakMap<Element, Chart>();

/**
 * A drawing of the last minutes with what explains it: how far back it goes, a note where nothing
 * is drawn yet, and what it shows under the pointer.
 */
export class Chart {
  readonly element: HTMLElement;
  /** Reads the current drawing. */
  read: Reader = () => undefined;
  readonly #drawing: Element;
  readonly #note: HTMLElement = element("p", { class: "chart-note", hidden: "" });
  readonly #start: HTMLElement = element("span");
  readonly #cursor: HTMLElement = element("div", { class: "chart-cursor", hidden: "" });

  /** @param drawing The drawing, which says itself what it shows to a screen reader. */
  constructor(drawing: Element) {
    this.#drawing = drawing;
    this.element = element(
      "div",
      { class: "chart" },
      element("div", { class: "chart-drawing" }, drawing, this.#cursor, this.#note),
      element(
        "div",
        { class: "chart-axis", "aria-hidden": "true" },
        this.#start,
        element("span", {}, "now"),
      ),
    );
    charts.set(this.element, this);
  }

  /**
   * Says what the drawing covers.
   *
   * @param seconds How far back it goes.
   * @param note What is said in its place, if there is nothing to see.
   */
  describe(seconds: number, note: string): void {
    setText(this.#start, seconds > 0 ? `${formatDuration(seconds)} ago` : "");
    setText(this.#note, note);
    this.#note.hidden = note === "";
  }

  /** What is at a place of the window; the line through it is moved there. */
  point(clientX: number, clientY: number): string | undefined {
    const { left, top, width, height } = this.#drawing.getBoundingClientRect();
    const place = (at: number, from: number, size: number) =>
      Math.min(1, Math.max(0, (at - from) / size));
    const reading = width === 0
      ? undefined
      : this.read(place(clientX, left, width), place(clientY, top, height));
    this.#cursor.hidden = reading === undefined;
    if (reading !== undefined) this.#cursor.style.left = `${reading.x * 100}%`;
    return reading?.text;
  }

  /** Takes the line away. */
  leave(): void {
    this.#cursor.hidden = true;
  }
}

/**
 * Shows what the chart under the pointer shows there.
 *
 * @param root Where the charts are.
 * @param reading Where the text goes. It stands beside the pointer.
 * @returns Reads again, after the charts were drawn.
 */
export function readUnderPointer(root: HTMLElement, reading: HTMLElement): () => void {
  let chart: Chart | undefined;
  let x = 0;
  let y = 0;
  const show = () => {
    const text = chart?.element.isConnected ? chart.point(x, y) : undefined;
    reading.hidden = text === undefined;
    if (text === undefined) return;
    setText(reading, text);
    const { offsetWidth, offsetHeight } = reading;
    const left = x + APART + offsetWidth > innerWidth ? x - APART - offsetWidth : x + APART;
    reading.style.left = `${Math.max(0, left)}px`;
    reading.style.top = `${Math.max(0, y - APART - offsetHeight)}px`;
  };
  const follow = (event: PointerEvent) => {
    const target = event.target instanceof Element ? event.target.closest(".chart") : null;
    const pointed = target === null ? undefined : charts.get(target);
    if (chart !== pointed) chart?.leave();
    if (chart === undefined && pointed === undefined) return;
    chart = pointed;
    ({ clientX: x, clientY: y } = event);
    show();
  };
  const leave = () => {
    chart?.leave();
    chart = undefined;
    show();
  };
  root.addEventListener("pointermove", follow, { passive: true });
  root.addEventListener("pointerdown", follow, { passive: true });
  root.addEventListener("pointerleave", leave);
  addEventListener("scroll", leave, { passive: true });
  return show;
}
