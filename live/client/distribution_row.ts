/// <reference lib="dom" />
import {
  type Buckets,
  countOf,
  type Heat,
  heat,
  knownQuantile,
  quantile,
  total,
} from "./buckets.ts";
import { element, setAttribute, setChildren, setText } from "./elements.ts";
import {
  formatAge,
  formatDuration,
  formatExact,
  formatRate,
  formatValue,
  quantileName,
} from "./format.ts";
import { HeatStrip } from "./heat_strip.ts";
import { RATE_STEPS, rateLine } from "./number_row.ts";
import { labelList, type Row, type RowSource, spokenSeries } from "./row.ts";
import { Sparkline } from "./sparkline.ts";

/** The quantiles of a histogram on the page. */
const QUANTILES = [0.5, 0.9, 0.99] as const;

/** The maximum number of rows in the strip of a native histogram. */
const MAX_ROWS = 24;

/** Names and values side by side. Some of the values change. */
class Facts {
  readonly element: HTMLElement = element("dl", { class: "facts" });
  readonly #values = new Map<string, HTMLElement>();

  set(name: string, value: string, title?: string): void {
    let shown = this.#values.get(name);
    if (shown === undefined) {
      shown = element("dd");
      this.#values.set(name, shown);
      this.element.append(element("div", {}, element("dt", {}, name), shown));
    }
    setText(shown, value);
    if (title !== undefined) setAttribute(shown, "title", title);
  }
}

/** A histogram: its recent observations, as a strip and as quantiles. */
export function histogramRow({ timeline, family, series }: RowSource): Row {
  const strip = new HeatStrip();
  const quantiles = new Facts();
  const facts = new Facts();
  const upper = element("span");
  const lower = element("span");
  const name = spokenSeries(family, series);
  const isGauge = family.type === "gaugehistogram";
  const row = element(
    "li",
    { class: "row distribution" },
    labelList(series),
    element(
      "div",
      { class: "strip" },
      element("div", { class: "axis", "aria-hidden": "true" }, upper, lower),
      strip.element,
    ),
    element("div", { class: "measures" }, quantiles.element, facts.element),
  );
  return {
    element: row,
    measure: () => strip.measure(),
    update() {
      const columns = timeline.read<Buckets | undefined>(series.columns).slice(1);
      const recent = isGauge ? columns.at(-1) : total(columns);
      const isRecent = countOf(recent) > 0;
      // Without new observations, the quantiles are those of all observations.
      const shown = isRecent ? recent : series.buckets;
      const spoken: string[] = [];
      for (const q of QUANTILES) {
        const text = shown === undefined ? "–" : spellQuantile(q, shown, family.unit);
        const interpolated = shown === undefined ? NaN : quantile(q, shown);
        quantiles.set(
          quantileName(q),
          text,
          Number.isNaN(interpolated) ? "" : `Interpolated: ${formatExact(interpolated)}`,
        );
        spoken.push(`${quantileName(q)} ${text}`);
      }
      const seconds = timeline.covered(timeline.length - 1);
      const covered = formatDuration(seconds);
      const when = isGauge
        ? "now"
        : isRecent
        ? `last ${covered}`
        : countOf(shown) > 0
        ? "since start"
        : "none yet";
      const count = timeline.now(series.values);
      if (!isGauge) {
        facts.set("rate", formatRate(timeline.rate(series.values, RATE_STEPS), ""));
      }
      facts.set("count", Number.isNaN(count) ? "gone" : formatValue(count, ""), formatExact(count));
      facts.set("window", when);
      const painted = heat(columns, MAX_ROWS);
      const top = painted.rows.at(-1);
      const bottom = painted.rows[0];
      row.classList.toggle("quiet", !isRecent);
      setText(upper, top === undefined ? "" : bound(top.upper, top.lower, family.unit, ">"));
      setText(
        lower,
        bottom === undefined ? "" : bound(bottom.lower, bottom.upper, family.unit, "≤"),
      );
      strip.draw({
        heat: painted,
        covered: seconds,
        label: `${name}: distribution over the last ${covered}; ${spoken.join(", ")}, ${when}`,
        nothing: isRecent
          ? ""
          : isGauge
          ? "Nothing in it"
          : seconds > 0
          ? `Nothing observed in the last ${covered}`
          : "What is observed from now on shows here",
        read: (column, row) =>
          `${spellCell(painted, column, row, family.unit)}, ${
            formatAge(timeline.age(painted.columns.length - 1 - column))
          }`,
      });
    },
  };
}

/** Formats a quantile, as precisely as the buckets allow. */
function spellQuantile(q: number, buckets: Buckets, unit: string): string {
  const { sign, value } = knownQuantile(q, buckets);
  if (Number.isNaN(value)) return "–";
  return sign === "" ? formatValue(value, unit) : `${sign} ${formatValue(value, unit)}`;
}

/** Describes the observations in a cell of a strip, and in its column. */
function spellCell({ rows, columns }: Heat, column: number, row: number, unit: string): string {
  const counts = columns[column]!; // Called only for columns that exist.
  const { lower, upper } = rows[row]!;
  const all = counts.reduce((sum, count) => sum + count, 0);
  const interval = [
    Number.isFinite(lower) ? formatValue(lower, unit) : "",
    Number.isFinite(upper) ? formatValue(upper, unit) : "",
  ];
  const range = interval[0] === ""
    ? `≤ ${interval[1]}`
    : interval[1] === ""
    ? `> ${interval[0]}`
    : interval.join(" to ");
  return `${formatValue(counts[row]!, "")} of ${formatValue(all, "")}: ${range}`;
}

/** Returns the outer bound of the first or the last row, or the inner one if that is infinite. */
function bound(outer: number, inner: number, unit: string, sign: string): string {
  if (Number.isFinite(outer)) return formatValue(outer, unit);
  return Number.isFinite(inner) ? `${sign} ${formatValue(inner, unit)}` : "";
}

/** A summary: its quantiles, the rate of its observations, and their recent mean. */
export function summaryRow({ timeline, family, series }: RowSource): Row {
  const quantiles = new Facts();
  const facts = new Facts();
  const sparkline = new Sparkline();
  const name = spokenSeries(family, series);
  const body = element("div", { class: "measures" });
  return {
    element: element("li", { class: "row summary" }, labelList(series), sparkline.element, body),
    update() {
      const spoken: string[] = [];
      for (const [q, value] of series.quantiles) {
        const text = Number.isNaN(value) ? "–" : formatValue(value, family.unit);
        quantiles.set(quantileName(q), text, formatExact(value));
        spoken.push(`${quantileName(q)} ${text}`);
      }
      const speed = timeline.rate(series.values, RATE_STEPS);
      const count = timeline.now(series.values);
      facts.set("rate", formatRate(speed, ""));
      if (series.sums !== undefined) {
        const mean = timeline.rate(series.sums, RATE_STEPS) / speed;
        facts.set("mean", Number.isFinite(mean) ? formatValue(mean, family.unit) : "–");
      }
      facts.set("count", Number.isNaN(count) ? "gone" : formatValue(count, ""), formatExact(count));
      const parts = series.quantiles.length > 0 ? [quantiles.element, facts.element] : [
        facts.element,
      ];
      setChildren(body, parts);
      const line = rateLine({ timeline, ring: series.values, unit: "", name });
      sparkline.draw({ ...line, label: [line.label, ...spoken].join(", ") });
    },
  };
}
