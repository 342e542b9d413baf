/**
 * Formats numbers for people.
 *
 * @module
 */

const SHORT = new Intl.NumberFormat("en", { maximumSignificantDigits: 3 });
const WHOLE = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const EXACT = new Intl.NumberFormat("en", { maximumSignificantDigits: 17 });

/** Powers of a thousand, from the largest. */
const METRIC: readonly Step[] = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** Units of time, from the largest. */
const TIMES: readonly Step[] = [
  [86_400 * 2, "d", 86_400],
  [3600 * 2, "h", 3600],
  [60 * 2, "min", 60],
  [1, "s"],
  [1e-3, "ms"],
  [1e-6, "µs"],
  [0, "ns", 1e-9],
];

/** Symbols of units. Other units are written out. */
const SIGNS: Readonly<Record<string, string>> = {
  celsius: "°C",
  meters: "m",
  grams: "g",
  joules: "J",
  volts: "V",
  amperes: "A",
  percent: "%",
};

/** The smallest value for a unit, the unit, and its size if that is another value. */
type Step = readonly [from: number, unit: string, worth?: number];

/** A space that keeps a number and its unit on one line. */
const SPACE = "\u202f";

/** Formats a number without a unit. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  const size = Math.abs(value);
  if (size === Infinity) return value < 0 ? "−∞" : "∞";
  if (size >= 1e6) {
    return size < 1e18 ? scaled(value, METRIC, "") : value.toExponential(3);
  }
  if (size >= 1000) return minus(WHOLE.format(value));
  if (size < 1e-3 && size > 0) return minus(value.toExponential(2));
  return minus(SHORT.format(value));
}

/** Formats a number with its unit, at a suitable scale. */
export function formatValue(value: number, unit: string): string {
  if (Number.isFinite(value)) {
    if (unit === "seconds") return value === 0 ? `0${SPACE}s` : scaled(value, TIMES, "");
    if (unit === "bytes") {
      return Math.abs(value) >= 1000
        ? scaled(value, METRIC, "B")
        : `${minus(SHORT.format(value))}${SPACE}B`;
    }
    if (unit === "ratio") return `${minus(SHORT.format(value * 100))}${SPACE}%`;
  }
  return unit === "" || unit === "ratio"
    ? formatNumber(value)
    // In a narrow place the line may break before a long unit, not within it.
    : `${formatNumber(value)} ${SIGNS[unit] ?? unit}`;
}

/** Formats a rate per second of a quantity with a unit. */
export function formatRate(value: number, unit: string): string {
  if (Number.isNaN(value)) return "–";
  // Seconds per second are a share.
  if (unit === "seconds") return `${formatNumber(value)}${SPACE}s/s`;
  return `${formatValue(value, unit)}/s`;
}

/** Formats a number with all its digits. */
export function formatExact(value: number): string {
  return Number.isFinite(value) ? minus(EXACT.format(value)) : formatNumber(value);
}

/** Formats a duration, such as "3 min". */
export function formatDuration(seconds: number): string {
  if (seconds < 1) return formatValue(seconds, "seconds");
  if (seconds < 120) return `${Math.round(seconds)}${SPACE}s`;
  return `${Math.round(seconds / 60)}${SPACE}min`;
}

/** Formats the time since a moment. */
export function formatAge(seconds: number): string {
  return seconds > 0 ? `${formatDuration(seconds)} ago` : "now";
}

/** Whether the value of a gauge is a time, in Unix seconds. */
export function isMoment(name: string, value: number): boolean {
  return /(?:_time|_timestamp|_created)(?:_seconds)?$/.test(name) && value > 1e8 && value < 1e11;
}

/** Formats a time in the local time zone. */
export function formatMoment(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString("en-GB", {
    dateStyle: "medium",
    timeStyle: "medium",
  });
}

/** Returns the name of a quantile, such as "p99" or "p99.9". */
export function quantileName(quantile: number): string {
  return `p${Number((quantile * 100).toPrecision(12))}`;
}

function scaled(value: number, steps: readonly Step[], unit: string): string {
  const size = Math.abs(value);
  const step = steps.find(([from]) => size >= from) ?? steps.at(-1)!; // No table is empty.
  const prefix = step[1];
  const worth = step[2] ?? step[0];
  const number = size / worth >= 1000 ? WHOLE.format(value / worth) : SHORT.format(value / worth);
  return `${minus(number)}${SPACE}${prefix}${unit}`;
}

/** A minus that is as wide as a plus. */
function minus(text: string): string {
  return text.replace("-", "−");
}
