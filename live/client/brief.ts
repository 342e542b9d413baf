import { formatMoment, formatRate, formatValue, isMoment } from "./format.ts";
import { RATE_STEPS } from "./number_row.ts";
import type { Family, Series } from "./store.ts";
import type { Timeline } from "./timeline.ts";

/**
 * A family in a few characters: a rate of all its series together, the value of its only one, or how
 * many there are.
 *
 * @param family The family.
 * @param members Its series that are shown; the states of a stateset together.
 * @param timeline When their numbers were read.
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
