/// <reference lib="dom" />
import { element, setText } from "./elements.ts";
import { formatDuration } from "./format.ts";

/** The distance of the text from the pointer, in CSS pixels. */
const APART = 14;

/** The content of a drawing at one place. */
export interface Reading {
  /** The position of the line through it, from 0 at the left to 1 at the right. */
  readonly x: number;
  readonly text: string;
}

/** Reads a drawing at a place. Both coordinates are from 0 (left, top) to 1. */
export type Reader = (x: number, y: number) => Reading | undefined;

/** Finds the chart that an element belongs to. */
const charts = new WeakMap<Element, Chart>();

/**
 * A drawing of the last minutes, with its time axis, a note while there is nothing to draw, and the
 * value under the pointer.
 */
export class Chart {
  readonly element: HTMLElement;
  /** Reads the current drawing. */
  read: Reader = () => undefined;
  readonly #drawing: Element;
  readonly #note: HTMLElement = element("p", { class: "chart-note", hidden: "" });
  readonly #start: HTMLElement = element("span");
  readonly #cursor: HTMLElement = element("div", { class: "chart-cursor", hidden: "" });

  /** @param drawing The drawing. It has its own text for screen readers. */
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
   * Updates the time axis and the note.
   *
   * @param seconds The time that the drawing covers.
   * @param note The text in place of the drawing, if there is nothing to see.
   */
  describe(seconds: number, note: string): void {
    setText(this.#start, seconds > 0 ? `${formatDuration(seconds)} ago` : "");
    setText(this.#note, note);
    this.#note.hidden = note === "";
  }

  /** Returns the content at a place of the window, and moves the line there. */
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

  /** Removes the line. */
  leave(): void {
    this.#cursor.hidden = true;
  }
}

/**
 * Shows the value under the pointer.
 *
 * @param root The element with the charts.
 * @param reading The element for the text, beside the pointer.
 * @returns A function that updates the text after the charts were drawn.
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
