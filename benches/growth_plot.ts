/**
 * Draws growth as an SVG that is readable on light and dark pages.
 *
 * @module
 */
import type { Growth } from "./data.ts";
import { formatQuantity, MEMORY, TIME } from "./report.ts";

/** A diagram of one quantity over the number of series. */
interface Panel {
  readonly title: string;
  readonly units: typeof TIME;
  readonly valueOf: (growth: Growth) => number;
  /** The powers of ten at the lower and the upper end. */
  readonly powers: readonly [from: number, to: number];
  /** Whether linear growth is a rising line, as opposed to a level one. */
  readonly linear: boolean;
}

const PANELS: readonly Panel[] = [
  {
    title: "labels({ … }).inc()",
    units: TIME,
    valueOf: ({ inc }) => inc,
    powers: [0, 4],
    linear: false,
  },
  {
    title: "scrape",
    units: TIME,
    valueOf: ({ scrape }) => scrape,
    powers: [4, 10],
    linear: true,
  },
  {
    title: "memory",
    units: MEMORY,
    valueOf: ({ memory }) => memory,
    powers: [3, 10],
    linear: true,
  },
];

const PANEL_WIDTH = 300;
const LEFT = 58;
const TOP = 40;
const PLOT_WIDTH = 220;
const PLOT_HEIGHT = 220;
const HEIGHT = 320;
/** The power of ten of the largest number of series. */
const SERIES_POWER = 6;

const STYLE = `
    text { font: 12px system-ui, sans-serif; fill: #333 }
    .title { font-weight: 600 }
    .end { text-anchor: end }
    .middle { text-anchor: middle }
    line { stroke: #8884 }
    polyline { fill: none; stroke-width: 2 }
    .linear { stroke: #888; stroke-width: 1; stroke-dasharray: 3 3 }
    .line-0 { stroke: #0072b2 } .dot-0 { fill: #0072b2 }
    .line-1 { stroke: #d55e00 } .dot-1 { fill: #d55e00 }
    .line-2 { stroke: #009e73 } .dot-2 { fill: #009e73 }
    @media (prefers-color-scheme: dark) {
      text { fill: #ddd }
      .line-0 { stroke: #56b4e9 } .dot-0 { fill: #56b4e9 }
      .line-1 { stroke: #ff9a4d } .dot-1 { fill: #ff9a4d }
      .line-2 { stroke: #2ec99a } .dot-2 { fill: #2ec99a }
    }`;

function drawPanel(
  { title, units, valueOf, powers, linear }: Panel,
  results: readonly Growth[],
): string {
  const [from, to] = powers;
  const x = (series: number): number => LEFT + PLOT_WIDTH * Math.log10(series) / SERIES_POWER;
  const y = (value: number): number =>
    TOP + PLOT_HEIGHT * (1 - (Math.log10(Math.max(value, 1)) - from) / (to - from));
  const point = (series: number, value: number): string =>
    `${x(series).toFixed(1)},${y(value).toFixed(1)}`;

  const parts = [`<text class="title" x="${LEFT}" y="22">${title}</text>`];
  for (let power = from; power <= to; power++) {
    const at = y(10 ** power).toFixed(1);
    const label = formatQuantity(10 ** power, units).replace(/\.0+(?= )/, "");
    parts.push(
      `<line x1="${LEFT}" y1="${at}" x2="${LEFT + PLOT_WIDTH}" y2="${at}"/>`,
      `<text class="end" x="${LEFT - 6}" y="${at}" dy="4">${label}</text>`,
    );
  }
  for (let power = 0; power <= SERIES_POWER; power += 2) {
    const label = (10 ** power).toLocaleString("en-US");
    const at = x(10 ** power).toFixed(1);
    parts.push(
      `<line x1="${at}" y1="${TOP}" x2="${at}" y2="${TOP + PLOT_HEIGHT}"/>`,
      `<text class="middle" x="${at}" y="${TOP + PLOT_HEIGHT + 18}">${label}</text>`,
    );
  }
  const widths = [...new Set(results.map(({ width }) => width))];
  for (const [i, width] of widths.entries()) {
    const ours = results.filter((growth) => growth.width === width);
    const points = ours.map((growth) => point(growth.series, valueOf(growth)));
    parts.push(`<polyline class="line-${i}" points="${points.join(" ")}"/>`);
    for (const at of points) {
      const [cx, cy] = at.split(",");
      parts.push(`<circle class="dot-${i}" cx="${cx}" cy="${cy}" r="2.5"/>`);
    }
  }
  // Linear growth, as far down as the diagram goes, through the largest counter with the fewest
  // labels.
  const largest = results.filter(({ width }) => width === widths[0]).at(-1);
  if (linear && largest !== undefined) {
    const top = valueOf(largest);
    const start = Math.max(1, largest.series * 10 ** from / top);
    const points = [point(start, top * start / largest.series), point(largest.series, top)];
    parts.push(`<polyline class="linear" points="${points.join(" ")}"/>`);
  }
  return parts.join("\n    ");
}

/**
 * Draws a diagram for each quantity, with a line for each number of labels.
 *
 * @param results The measurements, by increasing number of series.
 * @returns The SVG.
 */
export function plotGrowth(results: readonly Growth[]): string {
  const panels = PANELS.map((panel, i) =>
    `<g transform="translate(${i * PANEL_WIDTH} 0)">\n    ${drawPanel(panel, results)}\n  </g>`
  );
  const legend = [...new Set(results.map(({ width }) => width))].map((width, i) =>
    `<circle class="dot-${i}" cx="${LEFT + i * 90}" cy="302" r="4"/>` +
    `<text x="${LEFT + 10 + i * 90}" y="306">${width} labels</text>`
  );
  const width = PANELS.length * PANEL_WIDTH + 20; // The last label reaches beyond its panel.
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${HEIGHT}" role="img" \
aria-label="Time of inc, time of a scrape and memory over the number of series">
  <style>${STYLE}
  </style>
  ${[...panels, ...legend].join("\n  ")}
</svg>
`;
}
