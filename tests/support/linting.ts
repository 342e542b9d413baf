/**
 * Metric names that promtool complains about, and its messages.
 *
 * @module
 */
import fc from "fast-check";
import { type Collector, CollectorRegistry, MetricFamily, type MetricType } from "../../mod.ts";
import type { Problem } from "../../testing.ts";
import { TYPES } from "./families.ts";

/** Words that each keep or break some rule in a name. */
const WORDS = [
  ...["a", "size", "fooBar", "HTTPRequests", "b1C", "x:y", ":", "", "Gauge", "GAUGE", "MS", "Kb"],
  ...["counter", "gauge", "histogram", "summary", "untyped", "gauge_histogram", "info"],
  ...["bucket", "count", "sum", "total", "created", "gcount", "gsum"],
  ...["s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d", "min"],
  ...["seconds", "milliseconds", "minutes", "days", "megabytes", "mebibytes", "mibibytes", "bits"],
  ...["kelvin", "kelvins", "kilograms", "metres", "thermometers", "Seconds", "volts", "miles"],
];

const LABELS = ["a", "aB", "le", "quantile", "job", "instance", "camelCase", "UPPER", "a.b", "aß"];

/** A description of a family. */
interface Description {
  readonly words: readonly string[];
  readonly help: string;
  readonly type: MetricType;
  readonly labels: readonly string[];
  readonly series: number;
  readonly suffix: string;
}

const description: fc.Arbitrary<Description> = fc.record({
  words: fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 4 }),
  help: fc.constantFrom("Help.", "Help.", "Help.", "", " ", " \t", "\n", "\\", "\u00a0", "x\ny"),
  type: fc.constantFrom(...TYPES),
  labels: fc.uniqueArray(fc.constantFrom(...LABELS), { maxLength: 3 }),
  series: fc.integer({ min: 0, max: 2 }),
  suffix: fc.constantFrom("", "", "_total", "_bucket", "_count", "_sum", "_ms", "_gauge"),
});

function build({ words, help, type, labels, series, suffix }: Description): MetricFamily {
  let name = `${words.join("_")}${suffix}`.replace(/^(?=[0-9]|$)/, "_");
  if (type === "stateset") name = name.replaceAll(":", ".");
  const family = new MetricFamily(name, help, type, { nameValidation: "utf8" });
  for (let i = 0; i < series; i++) {
    const set = Object.fromEntries(labels.map((label) => [label, String(i)]));
    delete set[family.name];
    addSeries(family, set, i);
    // Without labels there can only be one series.
    if (Object.keys(set).length === 0) break;
  }
  return family;
}

function addSeries(family: MetricFamily, labels: Record<string, string>, value: number): void {
  const { name, type } = family;
  switch (type) {
    case "histogram":
    case "gaugehistogram": {
      const { le: _, ...own } = labels;
      const g = type === "gaugehistogram" ? "g" : "";
      family.addSample(`${name}_bucket`, { ...own, le: -1 }, value)
        .addSample(`${name}_bucket`, { ...own, le: Infinity }, value)
        .addSample(`${name}_${g}sum`, own, value).addSample(`${name}_${g}count`, own, value);
      break;
    }
    case "summary": {
      const { quantile: _, ...own } = labels;
      family.addSample(name, { ...own, quantile: 0.5 }, value)
        .addSample(`${name}_sum`, own, value).addSample(`${name}_count`, own, value);
      break;
    }
    case "stateset":
      family.addSample(name, { ...labels, [name]: "on" }, 1);
      break;
    default:
      family.addSample(name, labels, type === "info" ? 1 : value);
  }
}

/** Registries with families of all types, most of them with bad names and labels. */
export const arbitraryRegistry: fc.Arbitrary<CollectorRegistry> = fc.array(description, {
  minLength: 1,
  maxLength: 40,
}).map((descriptions) => registryOf(descriptions.map(build)));

/** Creates a registry with a custom collector that returns these families. */
export function registryOf(families: readonly MetricFamily[]): CollectorRegistry {
  const registry = new CollectorRegistry();
  const collector: Collector = { collect: () => families };
  registry.register(collector);
  return registry;
}

/** Returns the lines that `promtool check metrics` prints about problems, without duplicates. */
export function promtoolLines(problems: readonly Problem[]): string[] {
  const lines = problems.filter(({ source }) => source === "promtool")
    .map(({ metric, message }) => `${metric} ${message}`);
  return [...new Set(lines)];
}
