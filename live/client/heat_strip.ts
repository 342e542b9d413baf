/// <reference lib="dom" />
import type { Heat } from "./buckets.ts";
import { Chart } from "./chart.ts";
import { element, setAttribute } from "./elements.ts";

/** The height of a strip, in CSS pixels. */
const HEIGHT = 72;

/** The opacity of the smallest count above zero. */
const FAINTEST = 0.14;

/** Draws a strip again when its width has changed. */
const sizes = new Map<Element, (width: number) => void>();
let sizeObserver: ResizeObserver | undefined;

/** Observes a strip as long as it is in the document. A removed strip may never come back. */
function observeWidth(target: Element, onWidth: (width: number) => void): void {
  if (sizes.has(target)) return;
  sizes.set(target, onWidth);
  sizeObserver ??= new ResizeObserver((entries, observer) => {
    for (const { target, contentRect } of entries) {
      sizes.get(target)?.(contentRect.width);
      if (target.isConnected) continue;
      observer.unobserve(target);
      sizes.delete(target);
    }
  });
  sizeObserver.observe(target);
}

/** The content of a strip. */
export interface HeatStripData {
  readonly heat: Heat;
  /** The text for screen readers. */
  readonly label: string;
  /** The time that the columns cover, in seconds. */
  readonly covered: number;
  /** The note while there is nothing to see. Empty otherwise. */
  readonly nothing: string;
  /** Describes a cell and its time. */
  read(column: number, row: number): string;
}

/** The distributions of the last minutes: a column for each scrape. Darker cells have more. */
export class HeatStrip {
  readonly element: HTMLElement;
  readonly #canvas: HTMLCanvasElement = element("canvas", { class: "heat", role: "img" });
  readonly #chart: Chart = new Chart(this.#canvas);
  #heat: Heat | undefined;
  #width = 0;
  readonly #onWidth = (width: number): void => {
    this.#width = width;
    this.#paint();
  };

  constructor() {
    this.element = this.#chart.element;
  }

  /** Draws a strip. */
  draw({ heat, label, covered, nothing, read }: HeatStripData): void {
    this.#heat = heat;
    setAttribute(this.#canvas, "aria-label", label);
    this.#chart.describe(covered, nothing);
    this.#chart.read = (x, y) => {
      const { columns, rows } = heat;
      const column = Math.min(columns.length - 1, Math.floor(x * columns.length));
      const row = Math.max(0, rows.length - 1 - Math.floor(y * rows.length));
      if (columns[column] === undefined || rows.length === 0) return undefined;
      return { x: (column + 0.5) / columns.length, text: read(column, row) };
    };
    observeWidth(this.#canvas, this.#onWidth);
    this.#paint();
  }

  /** Measures its size, for a page that is printed before the strip was near the window. */
  measure(): void {
    this.#onWidth(this.#canvas.clientWidth);
  }

  #paint(): void {
    const heat = this.#heat;
    const width = this.#width;
    if (heat === undefined || width === 0) return;
    const canvas = this.#canvas;
    const scale = Math.max(1, Math.min(3, devicePixelRatio));
    const pixelWidth = Math.round(width * scale);
    const pixelHeight = Math.round(HEIGHT * scale);
    if (canvas.width !== pixelWidth) canvas.width = pixelWidth;
    if (canvas.height !== pixelHeight) canvas.height = pixelHeight;
    const context = canvas.getContext("2d");
    if (context === null) return;
    context.clearRect(0, 0, pixelWidth, pixelHeight);
    // In every scheme the text colour of the strip is the colour of its largest count.
    context.fillStyle = getComputedStyle(canvas).color;
    const { columns, rows, max } = heat;
    const gap = Math.round(scale);
    for (let c = 0; c < columns.length; c++) {
      const left = Math.round(c * pixelWidth / columns.length);
      const right = Math.round((c + 1) * pixelWidth / columns.length) - gap;
      const counts = columns[c];
      for (let r = 0; r < rows.length && counts !== undefined; r++) {
        const count = counts[r]!;
        if (!(count > 0)) continue;
        const top = Math.round((rows.length - 1 - r) * pixelHeight / rows.length);
        const bottom = Math.round((rows.length - r) * pixelHeight / rows.length);
        // The square root keeps small counts visible beside large ones.
        context.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.sqrt(count / max);
        const height = bottom - top - (bottom - top > 4 * scale ? gap : 0);
        context.fillRect(left, top, Math.max(1, right - left), Math.max(1, height));
      }
    }
    context.globalAlpha = 1;
  }
}
