import { formatMoment, formatRate, formatValue, isMoment } from "./format.ts";
import { RATE_STEPS } from "./number_row.ts";
import type { Family, Series } from "./store.ts";
import type { Timeline } from "./timeline.ts";

/**
 * Describes a family in a few characters: the rate of all its series, the value of its only series,
 * or the number of series.
 *
 * @param family The family.
 * @param members Its visible series. The states of a stateset are one member.
 * @param timeline The times of their numbers.
 */
export function briefly(
  family: Family,
  members: readonly (readonly Series[])[],
  timeline: Timeline,
): string {
  const { name, type, unit } = family;
  const [only] = members.length === 1 ? members[0]! : [];
  const many = `${members.length.toLocaleString("en")} series`;
  switch (type) {
    case "counter":
    case "histogram":
    case "summary": {
      const rates = members.map(([series]) => timeline.rate(series!.values, RATE_STEPS));
      const sum = rates.filter(Number.isFinite).reduce((all, rate) => all + rate, 0);
      if (rates.length > 0 && rates.every(Number.isNaN)) return many;
      return formatRate(sum, type === "counter" ? unit : "");
    }
    case "gauge":
    case "unknown": {
      if (only === undefined) return many;
      const value = timeline.now(only.values);
      if (Number.isNaN(value)) return "–";
      return isMoment(name, value) ? formatMoment(value) : formatValue(value, unit);
    }
    case "stateset": {
      if (only === undefined) return many;
      const on = members[0]!.find((state) => timeline.now(state.values) === 1);
      return on?.labels.find(([label]) => label === name)?.[1].slice(0, 40) ?? "–";
    }
    default:
      return many;
  }
}
