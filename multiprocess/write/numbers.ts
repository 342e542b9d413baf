import type {
  HistogramMetric,
  Metric,
  MetricFamily,
  NumberMetric,
  StateSetMetric,
  SummaryMetric,
} from "../../mod.ts";

/** Reads the numbers of a metric, in the order of its rows. */
export function readNumbers(family: MetricFamily, metric: Metric, into: number[]): void {
  // The type of the family determines the shape of its metrics.
  switch (family.type) {
    case "histogram": {
      const { sum = 0 } = metric as HistogramMetric;
      const counts = (metric as HistogramMetric).cumulativeCounts();
      into.length = counts.length + 1;
      into[0] = sum;
      for (let i = 0; i < counts.length; i++) into[i + 1] = counts[i]!;
      break;
    }
    case "summary": {
      const { sum = 0, count = 0 } = metric as SummaryMetric;
      into.length = 2;
      into[0] = sum;
      into[1] = count;
      break;
    }
    case "stateset": {
      const { stateValues } = metric as StateSetMetric;
      into.length = 0;
      into.push(...stateValues);
      break;
    }
    default: {
      const { value, changed = 0 } = metric as NumberMetric;
      into.length = 1;
      into[0] = value;
      if (family.aggregation?.endsWith("mostrecent")) into[1] = changed;
    }
  }
}

/** Returns whether the numbers are the same, including NaN and the sign of zero. */
export function areSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

/** Returns whether a number that only goes up has fallen. */
export function hasFallen(
  before: readonly number[],
  now: readonly number[],
  first: number,
): boolean {
  for (let i = first; i < before.length; i++) if (now[i]! < before[i]!) return true;
  return false;
}

/** Returns the differences between two states. The difference of equal infinities is 0. */
export function growth(before: readonly number[], now: readonly number[]): number[] {
  return now.map((number, i) => {
    const old = before[i] ?? 0;
    return Object.is(number, old) ? 0 : number - old;
  });
}
