/// <reference lib="dom" />
import { Chart } from "./chart.ts";
import { setAttribute, svgElement } from "./elements.ts";

/** The size of the drawing, in its own units. It is stretched to its place. */
const WIDTH = 240;
const HEIGHT = 40;

/** Room above and below, so that a line at the edge is not cut. */
const MARGIN = 3;

/** The lines of a sparkline, as SVG paths. */
export interface SparkPaths {
  readonly line: string;
  /** The area between the line and the bottom. */
  readonly area: string;
}

/**
 * Draws values from left to right, with a gap for a value that is not finite. Either zero is at the
 * bottom, or the values fill the height. Equal values are in the middle.
 */
export function sparkPaths(values: readonly number[], fromZero: boolean): SparkPaths {
  let least = fromZero ? 0 : Infinity;
  let greatest = fromZero ? 0 : -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
  }
  const range = greatest - least;
  const rest = fromZero ? 0 : 0.5;
  const y = (value: number) => {
    const height = range > 0 ? (value - least) / range : rest;
    return round(HEIGHT - MARGIN - height * (HEIGHT - 2 * MARGIN));
  };
  const step = WIDTH / Math.max(1, values.length - 1);
  let line = "";
  let area = "";
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) continue;
    const first = i;
    let piece = "";
    for (; i < values.length && Number.isFinite(values[i]); i++) {
      piece += `${i === first ? "M" : "L"}${round(i * step)} ${y(values[i]!)}`;
    }
    // A single value is a dot.
    line += i - first === 1 ? `${piece}h.1` : piece;
    area += `${piece}L${round((i - 1) * step)} ${HEIGHT}L${round(first * step)} ${HEIGHT}Z`;
  }
  return { line, area };
}

function round(coordinate: number): number {
  return Math.round(coordinate * 100) / 100;
}

/** The content of a sparkline. */
export interface SparklineData {
  readonly values: readonly number[];
  readonly fromZero: boolean;
  /** The text for screen readers. */
  readonly label: string;
  /** The time that the values cover, in seconds. */
  readonly covered: number;
  /** The note while there is no value. */
  readonly nothing: string;
  /** Describes the value with an index and its time. */
  read(index: number): string;
}

/** The last minutes of a number, as a line. */
export class Sparkline {
  readonly element: HTMLElement;
  readonly #chart: Chart;
  readonly #svg: SVGSVGElement;
  readonly #line: SVGPathElement = svgElement("path", { class: "line" });
  readonly #area: SVGPathElement = svgElement("path", { class: "area" });

  constructor() {
    this.#svg = svgElement(
      "svg",
      {
        class: "sparkline",
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: "none",
        role: "img",
      },
      this.#area,
      this.#line,
    );
    this.#chart = new Chart(this.#svg);
    this.element = this.#chart.element;
    this.element.classList.add("spark");
  }

  /** Draws values. */
  draw({ values, fromZero, label, covered, nothing, read }: SparklineData): void {
    const { line, area } = sparkPaths(values, fromZero);
    setAttribute(this.#line, "d", line);
    setAttribute(this.#area, "d", fromZero ? area : "");
    setAttribute(this.#svg, "aria-label", label);
    this.#chart.describe(covered, line === "" ? nothing : "");
    this.#chart.read = (x) => {
      const last = Math.max(1, values.length - 1);
      const index = Math.round(x * last);
      return Number.isFinite(values[index]) ? { x: index / last, text: read(index) } : undefined;
    };
  }
}
