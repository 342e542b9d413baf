/**
 * Families with such similar names that OpenMetrics cannot expose both of a pair unchanged.
 *
 * @module
 */
import { MetricFamily, type MetricType } from "../../mod.ts";
import { createdName, sampleNames } from "../../model.ts";

/** Similar names, with a type each. */
const FAMILIES: readonly (readonly [name: string, type: MetricType])[] = [
  ["jobs", "gauge"],
  ["jobs", "unknown"],
  ["jobs", "counter"],
  ["jobs", "histogram"],
  ["jobs", "gaugehistogram"],
  ["jobs", "summary"],
  ["jobs", "stateset"],
  ["jobs_total", "counter"],
  ["jobs_total", "gauge"],
  ["jobs_info", "info"],
  ["jobs_info", "gauge"],
  ["jobs_created", "gauge"],
  ["jobs_created", "counter"],
  ["jobs_created_total", "counter"],
  ["jobs_total_created", "gauge"],
  ["jobs_bucket", "gauge"],
  ["jobs_sum", "gauge"],
  ["jobs_count", "gauge"],
  ["jobs_count_total", "counter"],
  ["jobs_gsum", "gauge"],
];

let next = 1;

/** Creates a family with one metric. Its numbers occur in no other family. */
function make(name: string, type: MetricType): MetricFamily {
  const family = new MetricFamily(name, `A ${type}.`, type);
  const labels: Record<string, string> = { l: "v" };
  const created = createdName(name, type);
  switch (type) {
    case "histogram":
      family.addSample(`${name}_bucket`, { ...labels, le: 1 }, next++)
        .addSample(`${name}_bucket`, { ...labels, le: "+Inf" }, next)
        .addSample(`${name}_sum`, labels, next * 1000).addSample(`${name}_count`, labels, next++);
      break;
    case "gaugehistogram":
      family.addSample(`${name}_bucket`, { ...labels, le: "+Inf" }, next)
        .addSample(`${name}_gsum`, labels, next * 1000).addSample(`${name}_gcount`, labels, next++);
      break;
    case "summary":
      family.addSample(name, { ...labels, quantile: 0.5 }, next++)
        .addSample(`${name}_sum`, labels, next++).addSample(`${name}_count`, labels, next++);
      break;
    case "stateset":
      family.addSample(name, { ...labels, [name]: "on" }, 1);
      break;
    case "info":
      family.addSample(name, { ...labels, version: `${next++}` }, 1);
      break;
    default:
      family.addSample(name, labels, next++);
  }
  if (created !== undefined) family.addSample(created, labels, 1_600_000_000 + next++);
  return family;
}

/** Two families of one registry. */
export interface ClosePair {
  /** A description, such as `gauge jobs and counter jobs_total`. */
  readonly name: string;
  /** The families, in the order of their registration. */
  readonly families: readonly [MetricFamily, MetricFamily];
}

/** Returns all pairs that a registry accepts, in both orders. */
export function closePairs(): ClosePair[] {
  return FAMILIES.flatMap((a) => {
    const names = [a[0], ...sampleNames(...a)];
    // A registry rejects families with equal family or sample names.
    const others = FAMILIES.filter((b) =>
      !names.some((name) => name === b[0] || sampleNames(...b).includes(name))
    );
    return others.map((b): ClosePair => ({
      name: `${a[1]} ${a[0]} and ${b[1]} ${b[0]}`,
      families: [make(...a), make(...b)],
    }));
  });
}

/** Formats every sample as text, except created timestamps. */
export function valuesOf(families: Iterable<MetricFamily>): string[] {
  return [...families].flatMap(({ name: familyName, type, samples }) =>
    [...samples].filter(({ name }) => name !== createdName(familyName, type))
      .map(({ name, labels, value }) => {
        const spelled = Object.entries(labels).map(([label, text]) => {
          const isBound = label === "le" || label === "quantile";
          return `${label}=${isBound ? Number(text.replace("+Inf", "Infinity")) : text}`;
        });
        return `${name}{${spelled.sort().join()}} ${value}`;
      })
  ).sort();
}
