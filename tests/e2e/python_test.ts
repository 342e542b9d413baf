import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import {
  CollectorRegistry,
  type Exemplar,
  generateMetrics,
  generateOpenMetrics,
  MetricFamily,
  type MetricType,
  type Sample,
} from "../../mod.ts";
import { allTypes } from "../support/all_types.ts";
import { testWithPython } from "../support/python.ts";

/** A Python program that parses texts and prints their samples, with numbers as text. */
const PARSE = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

def plain(sample):
    name, labels, value, timestamp, exemplar = sample
    return {
        "name": name,
        "labels": labels,
        "value": repr(float(value)),
        "timestamp": None if timestamp is None else repr(float(timestamp)),
        "exemplar": None if exemplar is None else {
            "labels": exemplar.labels,
            "value": repr(float(exemplar.value)),
            "timestamp": None if exemplar.timestamp is None else repr(float(exemplar.timestamp)),
        },
    }

def parse(case):
    reader = parse_open_metrics if case["format"] == "openmetrics" else parse_text
    try:
        return [plain(s) for family in reader(case["text"]) for s in family.samples]
    except Exception as error:
        return repr(error)

cases = json.loads(sys.stdin.buffer.read().decode("utf-8"))
print(json.dumps([parse(case) for case in cases]))
`;

interface Case {
  format: "text" | "openmetrics";
  text: string;
}

interface ParsedExemplar {
  labels: Record<string, string>;
  value: string;
  timestamp: string | null;
}

interface ParsedSample extends ParsedExemplar {
  name: string;
  exemplar: ParsedExemplar | null;
}

function parseWith(path: string, cases: Case[]): (ParsedSample[] | string)[] {
  const input = JSON.stringify(cases);
  const output = execFileSync(path, ["-c", PARSE], { input, maxBuffer: 2 ** 30 });
  return JSON.parse(output.toString());
}

/** Returns a number, or a number's text from Python, in a comparable form. */
function spell(number: number | string | undefined | null): string | null {
  if (number === undefined || number === null) return null;
  const text = String(number);
  const value = text === "inf" ? Infinity : text === "-inf" ? -Infinity : Number(text);
  return text === "nan" ? "NaN" : String(value);
}

/**
 * Returns labels with bounds and quantiles as numbers, because their spelling differs by format.
 */
function comparable(labels: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1).map(([name, value]) => [
      name,
      (name === "le" || name === "quantile") && value !== "+Inf" ? String(Number(value)) : value,
    ]),
  );
}

function fromPython(samples: ParsedSample[]): unknown[] {
  return samples.map(({ name, labels, value, timestamp, exemplar }) => ({
    name,
    labels: comparable(labels),
    value: spell(value),
    timestamp: spell(timestamp),
    exemplar: exemplar === null ? null : {
      labels: exemplar.labels,
      value: spell(exemplar.value),
      timestamp: spell(exemplar.timestamp),
    },
  })).sort(bySeries);
}

function bySeries(a: unknown, b: unknown): number {
  const [left, right] = [JSON.stringify(a), JSON.stringify(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Returns the samples that Python should find in a family, by format. */
function expected(family: MetricFamily, format: Case["format"]): unknown[] {
  const { name, type } = family;
  const all = [...family.samples];
  const seriesOf = ({ labels: { le: _, ...labels } }: Sample) => JSON.stringify(comparable(labels));
  const negative = new Set(
    all.filter(({ labels }) => type === "histogram" && Number(labels["le"]) < 0).map(seriesOf),
  );
  return all.filter((sample) => {
    if (format === "text") return !sample.name.endsWith("_created");
    return !(/_(sum|count)$/.test(sample.name) && negative.has(seriesOf(sample)));
  }).map(({ name: sampleName, labels, value, timestamp, exemplar }: Sample) => ({
    // Python renames the samples of counters without the suffix of OpenMetrics.
    name: format === "text" && type === "counter" && !name.endsWith("_total")
      ? `${sampleName}_total`
      : sampleName,
    labels: comparable(labels),
    value: spell(value),
    timestamp: timestamp === undefined
      ? null
      : spell(format === "text" ? Math.round(timestamp * 1000) / 1000 : timestamp),
    exemplar: format === "text" || !refers(exemplar) ? null : {
      labels: exemplar.labels,
      value: spell(exemplar.value),
      timestamp: spell(exemplar.timestamp),
    },
  }));
}

function check(path: string, batches: MetricFamily[][]): void {
  const cases = batches.flatMap((families): Case[] => {
    const registry = new CollectorRegistry();
    registry.register({ collect: () => families });
    return [
      { format: "text", text: generateMetrics(registry) },
      { format: "openmetrics", text: generateOpenMetrics(registry, { created: true }) },
    ];
  });
  const parsed = parseWith(path, cases);
  assert.equal(parsed.length, batches.length * 2);
  for (const [i, samples] of parsed.entries()) {
    const { format, text } = cases[i]!;
    assert.ok(typeof samples !== "string", `${samples} in\n${text}`);
    const families = batches[i >> 1]!;
    assert.deepEqual(
      fromPython(samples),
      families.flatMap((family) => expected(family, format)).sort(bySeries),
      text,
    );
  }
}

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'\\"\n {}=,#\r\0\ufeff\u2028\u{1f525}é'),
    fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
});
const labels = fc.dictionary(fc.constantFrom("a", "b_c", "D9", "_x", "constructor"), text, {
  maxKeys: 3,
  noNullPrototype: true,
});
const anyNumber = fc.oneof(
  fc.integer(),
  fc.double(),
  fc.constantFrom(0, -0, 1e21, 5e-324, 2 ** 53, NaN, Infinity, -Infinity),
);
const amount = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e300, noNaN: true }));
const count = fc.nat({ max: 1e9 });
const bound = fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((value) => value + 0);
// Python loses the sign of a time shortly before 1970.
const time = fc.option(
  fc.integer({ min: 0, max: 4e12 }).map((milliseconds) => milliseconds / 1000),
  { nil: undefined },
);
const withoutBraces = (value: string) => value.replaceAll("}", "");
/** Returns whether an exemplar has labels. Exemplars without labels are not written. */
function refers(exemplar: Exemplar | undefined): exemplar is Exemplar {
  return exemplar !== undefined && Object.keys(exemplar.labels).length > 0;
}

const exemplar = fc.option(
  fc.record({
    // Python reads any closing brace as the end of an exemplar's labels.
    labels: fc.dictionary(fc.constantFrom("trace_id", "span"), text.map(withoutBraces), {
      minKeys: 1,
      noNullPrototype: true,
    }),
    value: fc.double({ noNaN: true }),
  }),
  { nil: undefined },
);

/** Adds one metric with random numbers of its type. */
const FILL: Record<
  MetricType,
  (family: MetricFamily) => fc.Arbitrary<(l: Record<string, string>) => void>
> = {
  counter: (family) =>
    fc.tuple(amount, time, exemplar).map(([value, timestamp, exemplar]) => (l) =>
      family.addSample(family.name, l, value, { timestamp, ...exemplar && { exemplar } })
    ),
  gauge: (family) =>
    fc.tuple(anyNumber, time).map(([value, timestamp]) => (l) =>
      family.addSample(family.name, l, value, { timestamp })
    ),
  unknown: (family) =>
    fc.tuple(anyNumber, time).map(([value, timestamp]) => (l) =>
      family.addSample(family.name, l, value, { timestamp })
    ),
  info: (family) => fc.constant((l) => family.addSample(family.name, l, 1)),
  stateset: (family) =>
    fc.uniqueArray(text, { minLength: 1, maxLength: 3 }).map((states) => (l) => {
      for (const state of states) {
        family.addSample(family.name, { ...l, [family.name]: state }, state === states[0] ? 1 : 0);
      }
    }),
  summary: (family) =>
    fc.tuple(fc.uniqueArray(fc.constantFrom(0, 0.5, 0.9, 0.999, 1)), amount, count, time)
      .map(([quantiles, sum, count, timestamp]) => (l) => {
        for (const quantile of quantiles) {
          family.addSample(family.name, { ...l, quantile }, quantile * 3, { timestamp });
        }
        family.addSample(`${family.name}_sum`, l, sum, { timestamp });
        family.addSample(`${family.name}_count`, l, count, { timestamp });
      }),
  histogram: (family) => histogram(family, "sum", "count"),
  gaugehistogram: (family) => histogram(family, "gsum", "gcount"),
};

function histogram(family: MetricFamily, sumName: string, countName: string) {
  return fc.tuple(fc.uniqueArray(bound, { maxLength: 4 }), count, amount, time, exemplar)
    .map(([bounds, first, sum, timestamp, exemplar]) => (l: Record<string, string>) => {
      let cumulative = first;
      for (const le of [...bounds.sort((a, b) => a - b), Infinity]) {
        family.addSample(`${family.name}_bucket`, { ...l, le }, cumulative++, {
          timestamp,
          ...exemplar && { exemplar },
        });
      }
      family.addSample(`${family.name}_${sumName}`, l, sum, { timestamp });
      family.addSample(`${family.name}_${countName}`, l, cumulative - 1, { timestamp });
    });
}

/** A family of each type, with random help, labels and numbers. */
const families: fc.Arbitrary<MetricFamily[]> = fc.tuple(
  ...(Object.keys(FILL) as MetricType[]).map((type) =>
    fc.tuple(text, fc.boolean()).chain(([help, hasUnit]) => {
      const name = type === "counter" ? `my_${type}_total` : `my_${type}`;
      const unit = hasUnit && type !== "info" && type !== "stateset" ? "seconds" : "";
      const family = new MetricFamily(name, help, type, { unit });
      return fc.uniqueArray(
        fc.tuple(labels, FILL[type](family)),
        {
          maxLength: 4,
          // A label with an empty value equals a missing label.
          selector: ([labels]) =>
            JSON.stringify(Object.entries(labels).filter(([, value]) => value !== "").sort()),
        },
      ).map((metrics) => ({ family, metrics }));
    })
  ),
).map((described) =>
  described.map(({ family, metrics }) => {
    for (const [labels, fill] of metrics) fill(labels);
    return family;
  })
);

testWithPython("Python's prometheus_client reads all types to the same values", (path) => {
  check(path, [allTypes(), []]);
});

testWithPython("Python's prometheus_client reads random families to the same values", (path) => {
  check(path, fc.sample(families, { numRuns: 300, seed: 1 }));
});
