/// <reference lib="dom" />
import { element, setAttribute, setText } from "./elements.ts";
import {
  formatAge,
  formatDuration,
  formatExact,
  formatMoment,
  formatRate,
  formatValue,
  isMoment,
} from "./format.ts";
import { labelList, type Row, type RowSource, spokenSeries } from "./row.ts";
import { Sparkline, type SparklineData } from "./sparkline.ts";
import type { Timeline } from "./timeline.ts";

/** The number of steps of a rate. The rate of a single step would jump. */
export const RATE_STEPS = 10;

/** A counter: its rate and its value. */
export function counterRow({ timeline, family, series }: RowSource): Row {
  const rate = element("span", { class: "value" });
  const total = element("span", { class: "detail" });
  const sparkline = new Sparkline();
  const name = spokenSeries(family, series);
  return {
    element: element(
      "li",
      { class: "row" },
      labelList(series),
      sparkline.element,
      element("div", { class: "numbers" }, rate, total),
    ),
    update() {
      const now = timeline.now(series.values);
      const speed = formatRate(timeline.rate(series.values, RATE_STEPS), family.unit);
      setText(rate, speed);
      setText(total, Number.isNaN(now) ? "gone" : formatValue(now, family.unit));
      setAttribute(total, "title", formatExact(now));
      sparkline.draw(rateLine({ timeline, ring: series.values, unit: family.unit, name }));
    },
  };
}

/** The data for drawing a rate. */
interface RateSource {
  readonly timeline: Timeline;
  readonly ring: Float64Array;
  readonly unit: string;
  /** The name for screen readers. */
  readonly name: string;
}

/** Draws the rate of a counter over the last minutes as a line. */
export function rateLine({ timeline, ring, unit, name }: RateSource): SparklineData {
  const values = timeline.rates(ring);
  const covered = timeline.covered(timeline.length - 1);
  const now = formatRate(timeline.rate(ring, RATE_STEPS), unit);
  const greatest = formatRate(extreme(values, Math.max), unit);
  return {
    values,
    fromZero: true,
    covered,
    label: `${name}: rate over the last ${
      formatDuration(covered)
    }, now ${now}, at most ${greatest}`,
    nothing: "A rate from the next scrape on",
    read: (index) => {
      const age = timeline.age(values.length - 1 - index);
      return `${formatRate(values[index]!, unit)}, ${formatAge(age)}`;
    },
  };
}

/** A gauge, or a number of unknown type. */
export function gaugeRow({ timeline, family, series }: RowSource): Row {
  const value = element("span", { class: "value" });
  const range = element("span", { class: "detail" });
  const sparkline = new Sparkline();
  const name = spokenSeries(family, series);
  return {
    element: element(
      "li",
      { class: "row" },
      labelList(series),
      sparkline.element,
      element("div", { class: "numbers" }, value, range),
    ),
    update() {
      const now = timeline.now(series.values);
      const values = timeline.read(series.values);
      const least = extreme(values, Math.min);
      const greatest = extreme(values, Math.max);
      const gone = series.seen < timeline.latest;
      const moment = isMoment(family.name, now);
      const spell = (value: number) =>
        moment ? formatMoment(value) : formatValue(value, family.unit);
      setText(value, gone ? "–" : spell(now));
      setAttribute(value, "title", formatExact(now));
      const steady = !(greatest > least);
      setText(range, gone ? "gone" : steady ? "steady" : `${spell(least)} to ${spell(greatest)}`);
      const covered = timeline.covered(timeline.length - 1);
      const course = steady
        ? `steady at ${spell(now)}`
        : `from ${spell(least)} to ${spell(greatest)}`;
      sparkline.draw({
        values,
        fromZero: false,
        covered,
        label: `${name}: the last ${formatDuration(covered)}, ${course}`,
        nothing: "",
        read: (index) => {
          const age = timeline.age(values.length - 1 - index);
          return `${spell(values[index]!)}, ${formatAge(age)}`;
        },
      });
    },
  };
}

/** Returns the largest or the smallest finite value. NaN without finite values. */
function extreme(values: readonly number[], choose: (...values: number[]) => number): number {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? NaN : choose(...finite);
}
