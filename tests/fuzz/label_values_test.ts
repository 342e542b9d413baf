import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  Histogram,
  Info,
  type MetricFamily,
  metricsResponse,
  StateSet,
  Summary,
} from "../../mod.ts";
import { load, reportFault } from "../support/fault_report.ts";
import { decodeFamilies } from "../support/protobuf.ts";
import { testWithPython } from "../support/python.ts";

/** The number of pairs of label values. */
const CASES = load(10_000, 500);
/** The number of pairs in one exposition, where they can interfere with each other. */
const BATCH = 25;
/** The number of expositions that are passed to Python at once. */
const PYTHON_BATCH = 20;
const SEED = 1;

/** Texts that have broken an exposition before, or try to. */
const HOSTILE = [
  ...["\n", "\r", "\r\n", "\0", "\t", "\v", "\f", " ", "\x7f", "\x85", "\xa0", "\x1b[31m"],
  ...['"', "\\", '\\"', "\\n", "\\\\", "'", "`", "{", "}", "=", ",", "#", ":", "|", ";"],
  ...["\ufeff", "\u2028", "\u2029", "\u202e", "\u200b", "\ufffd", "\uffff", "\u{10ffff}", "é"],
  ...["\ud800", "\udbff", "\udc00", "\udfff", "\u{1f525}", "e\u0301", "\u{e0001}"],
  ...['"} 1\ninjected 1\n', '"} 1 # {a="b"} 1', '",b="c', "# EOF\n", "# TYPE c_total gauge\n"],
  ...["__proto__", "constructor", "NaN", "+Inf", "null", "undefined", "0", "-1", "{}", "[]"],
];

const value = fc.string({
  unit: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...HOSTILE) },
    {
      weight: 1,
      arbitrary: fc.integer({ min: 0, max: 0xffff }).map((c) => String.fromCharCode(c)),
    },
    { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 1 }) },
    { weight: 2, arbitrary: fc.constantFrom("a", "b", " ") },
  ),
  maxLength: 6,
});
type Pair = [a: string, b: string];
const batch: fc.Arbitrary<Pair[]> = fc.array(fc.tuple(value, value), {
  minLength: BATCH,
  maxLength: BATCH,
});

/** Returns a key that is equal for two samples exactly if they belong to one series. */
function seriesOf(name: string, labels: Record<string, string>): string {
  return JSON.stringify([name, Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1)]);
}

/** A registry, and the expected series. */
interface Exposed {
  registry: CollectorRegistry;
  /** The expected values by series. A parser must return exactly these. */
  expected: Map<string, number>;
}

/**
 * Puts values into every place that accepts them.
 *
 * @param pairs The values.
 * @param hasExemplar Whether the series of a pair has an exemplar.
 */
function expose(
  pairs: readonly Pair[],
  hasExemplar: (pair: Pair) => boolean = () => true,
): Exposed {
  const [zone, target] = pairs[0]!;
  const registry = new CollectorRegistry({ constLabels: { zone }, targetInfo: { target } });
  const labelNames = ["a", "b"] as const;
  const options = { labelNames, registry };
  // Help text can come from outside too.
  const counter = new Counter("c_total", zone, options);
  const gauge = new Gauge("g", target, options);
  const histogram = new Histogram("h", "H.", { ...options, buckets: [1] });
  const summary = new Summary("s", "S.", { ...options, quantiles: [0.5] });
  const states = [...new Set(pairs.map(([a]) => a.toWellFormed()))];
  const stateSet = new StateSet("t", "T.", { registry, states });
  const info = new Info("i", "I.", { registry, labelNames: ["a"] });
  const expected = new Map<string, number>();
  const expect = (name: string, labels: Record<string, string>, add: number) => {
    const series = seriesOf(name, { zone: zone.toWellFormed(), ...labels });
    expected.set(series, (expected.get(series) ?? 0) + add);
  };
  // Target info describes the program, and has no other labels.
  expected.set(seriesOf("target_info", { target: target.toWellFormed() }), 1);
  const told = new Map<string, string>();
  for (const [a, b] of pairs) {
    const isReferring = [...b].length < 100 && hasExemplar([a, b]);
    counter.labels({ a, b }).inc(1, isReferring ? { trace_id: b } : {});
    gauge.labels(a, b).inc();
    histogram.labels({ a }).labels({ b }).observe(0.5);
    summary.labels({ b, a }).observe(3);
    info.labels(a).info({ v: b });
    told.set(a.toWellFormed(), b.toWellFormed());
    const labels = { a: a.toWellFormed(), b: b.toWellFormed() };
    expect("c_total", labels, 1);
    expect("g", labels, 1);
    for (const le of ["1", "+Inf"]) expect("h_bucket", { ...labels, le }, 1);
    expect("h_sum", labels, 0.5);
    expect("h_count", labels, 1);
    const quantile = seriesOf("s", { zone: zone.toWellFormed(), ...labels, quantile: "0.5" });
    expected.set(quantile, 3);
    expect("s_sum", labels, 3);
    expect("s_count", labels, 1);
  }
  for (const [a, v] of told) expect("i_info", { a, v }, 1);
  stateSet.state(states[0]!);
  for (const state of states) expect("t", { t: state }, state === states[0] ? 1 : 0);
  return { registry, expected };
}

/** Families with one sample per metric, in text and in protobuf. */
const SINGLE = ["c_total", "g", "i_info", "target_info", "t"];

const ACCEPT = {
  text: "text/plain; version=0.0.4",
  openmetrics: "application/openmetrics-text; version=1.0.0",
  protobuf: "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; " +
    "encoding=delimited",
};

/** Returns an exposition, as a scraper receives it. */
async function scrape(registry: CollectorRegistry, format: keyof typeof ACCEPT) {
  const headers = { accept: ACCEPT[format], "accept-encoding": "identity" };
  const request = new Request("http://localhost/metrics", { headers });
  const response = await metricsResponse(request, { registry });
  assert.ok(response.headers.get("content-type")?.startsWith(ACCEPT[format].split(";")[0]!));
  return new Uint8Array(await response.arrayBuffer());
}

/** Decodes UTF-8. Throws if it is invalid. */
function decode(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

type Read = readonly [series: string, value: number];

/** Asserts that exactly the expected series were read, once each. */
function checkRead(read: readonly Read[], expected: Map<string, number>): void {
  const seen = new Map(read);
  assert.equal(seen.size, read.length, "a series occurs twice");
  const sorted = (map: Map<string, number>) => [...map].sort(([a], [b]) => a < b ? -1 : 1);
  assert.deepEqual(sorted(seen), sorted(expected));
}

function readFamilies(families: MetricFamily[]): Read[] {
  return families.flatMap(({ samples }) =>
    [...samples].map(({ name, labels, value }) => [seriesOf(name, labels), value] as const)
  );
}

/** Returns the label sets of a family. Protobuf has one metric for each. */
function labelSets(expected: Map<string, number>, name: string): string[] {
  return [...expected.keys()].filter((series) => JSON.parse(series)[0] === name).sort();
}

async function check(pairs: readonly Pair[]): Promise<void> {
  const { registry, expected } = expose(pairs);
  const text = decode(await scrape(registry, "text"));
  checkRead(readFamilies(parsePrometheusText(text)), expected);
  const openMetrics = decode(await scrape(registry, "openmetrics"));
  const families = parseOpenMetrics(openMetrics);
  checkRead(readFamilies(families), expected);
  const exemplars = families.flatMap(({ samples }) => [...samples])
    .flatMap(({ exemplar }) => exemplar === undefined ? [] : [exemplar.labels["trace_id"]!]);
  const given = new Set(pairs.map(([, b]) => b.toWellFormed()));
  assert.ok(exemplars.every((label) => given.has(label)), "an exemplar that was not passed");
  // Each series and each piece of metadata is one line, whatever the values.
  const lines = [...expected.keys()].length + families.length * 2 + 1;
  assert.equal(openMetrics.split("\n").length - 1, lines);
  // A large family is split into several messages.
  const read = new Map<string, string[]>();
  for (const { name, metric } of decodeFamilies(await scrape(registry, "protobuf"))) {
    const series = (metric ?? []).map(({ label }) => {
      const labels = (label ?? []).map(({ name, value }) => [name, value] as const);
      return seriesOf(name, Object.fromEntries(labels));
    });
    read.set(name, [...read.get(name) ?? [], ...series]);
  }
  for (const [name, series] of read) {
    if (SINGLE.includes(name)) assert.deepEqual(series.sort(), labelSets(expected, name));
    else assert.equal(series.length, labelSets(expected, `${name}_count`).length);
    assert.equal(series.length, new Set(series).size, "a series occurs twice");
  }
}

test(`${CASES} random label values survive a round trip in all formats`, async () => {
  await fc.assert(fc.asyncProperty(batch, check), { seed: SEED, numRuns: CASES / BATCH });
  reportFault({
    fault: `${CASES} pairs of hostile label values (LF, CR, NUL, quotes, backslashes, BOM, ` +
      "U+2028, lone surrogates, injections), also as help, states, infos, exemplars, constant " +
      "labels and target info",
    bar: "all three formats parse, round-trip, no duplicate series, valid UTF-8",
    figure: `0 failures, seed ${SEED}`,
  });
});

/**
 * Reads expositions and prints their samples, with numbers as text. For protobuf, prints metrics
 * and labels.
 */
const PYTHON = `
import base64, json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_open_metrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at

def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        kind = key & 7
        if kind == 0:
            value, at = varint(data, at)
        else:
            length, at = (8, at) if kind == 1 else varint(data, at)
            value = data[at:at + length]
            assert len(value) == length
            at += length
        yield key >> 3, value

def parse_protobuf(data):
    result = []
    at = 0
    while at < len(data):
        length, at = varint(data, at)
        family = list(fields(data[at:at + length]))
        at += length
        name = dict(family)[1].decode("utf-8")
        for metric in [value for number, value in family if number == 4]:
            labels = {}
            for number, label in fields(metric):
                if number == 1:
                    pair = dict(fields(label))
                    labels[pair.get(1, b"").decode("utf-8")] = pair.get(2, b"").decode("utf-8")
            result.append([name, labels, "0"])
    return result

def read(format, data):
    if format == "protobuf":
        return parse_protobuf(data)
    parse = parse_open_metrics if format == "openmetrics" else parse_text
    families = parse(data.decode("utf-8"))
    return [[s.name, s.labels, repr(float(s.value))] for family in families for s in family.samples]

def attempt(case):
    try:
        return read(case["format"], base64.b64decode(case["data"]))
    except Exception as error:
        return repr(error)

print(json.dumps([attempt(case) for case in json.load(sys.stdin)]))
`;

type PythonSample = [name: string, labels: Record<string, string>, value: string];

/**
 * Returns whether Python can parse the pair with an exemplar. It mistakes braces in labels for an
 * exemplar's.
 */
function isClearToPython(pair: Pair): boolean {
  return !/[{}]/.test(pair.join(""));
}

/** Compares the samples that Python reads with the expected ones. Returns their number. */
async function checkWithPython(path: string, batches: readonly Pair[][]): Promise<number> {
  const exposed = batches.map((pairs) => {
    return expose(pairs, (pair) => isClearToPython(pair) && isClearToPython(pairs[0]!));
  });
  const formats = ["text", "openmetrics", "protobuf"] as const;
  const cases: { format: string; data: string }[] = [];
  for (const { registry } of exposed) {
    for (const format of formats) {
      const data = Buffer.from(await scrape(registry, format)).toString("base64");
      cases.push({ format, data });
    }
  }
  const options = { input: JSON.stringify(cases), maxBuffer: 2 ** 30 };
  const output: (PythonSample[] | string)[] = JSON.parse(
    execFileSync(path, ["-c", PYTHON], options).toString(),
  );
  let samples = 0;
  for (const [i, read] of output.entries()) {
    const { expected } = exposed[Math.floor(i / formats.length)]!;
    const format = formats[i % formats.length]!;
    assert.ok(typeof read !== "string", `${read} in ${format}: ${cases[i]!.data}`);
    samples += read.length;
    if (format === "protobuf") {
      for (const name of SINGLE) {
        const metrics: PythonSample[] = read.filter(([family]) => family === name);
        const series = metrics.map(([, labels]) => seriesOf(name, labels));
        assert.deepEqual(series.sort(), labelSets(expected, name));
      }
      continue;
    }
    checkRead(
      read.map(([name, labels, value]) => {
        // OpenMetrics spells bounds differently.
        const { le, ...rest } = labels;
        const bound = le === undefined || le === "+Inf" ? le : String(Number(le));
        const spelled = bound === undefined ? rest : { ...rest, le: bound };
        return [seriesOf(name, spelled), Number(value)];
      }),
      expected,
    );
  }
  return samples;
}

testWithPython(`${CASES} random label values reach Python unchanged`, async (path) => {
  const batches = fc.sample(batch, { seed: SEED, numRuns: CASES / BATCH });
  let samples = 0;
  for (let i = 0; i < batches.length; i += PYTHON_BATCH) {
    samples += await checkWithPython(path, batches.slice(i, i + PYTHON_BATCH));
  }
  reportFault({
    fault: "the same number of pairs, read by Python (prometheus_client and a decoder of protobuf)",
    bar: "all three formats parse, round-trip, no duplicate series, valid UTF-8",
    figure: `0 failures in ${samples} samples, seed ${SEED}`,
  });
});

/** Values of 200 kB, each of one kind. */
const LARGE: [name: string, value: string][] = [
  ...["\n", '"', "\\", "\0", "\r", "\ufeff", "\u2028", "\ud800", "é", "a", "}"].map(
    (unit): [string, string] => [JSON.stringify(unit), unit.repeat(200_000)],
  ),
  ["all of them", HOSTILE.join("").repeat(Math.ceil(200_000 / HOSTILE.join("").length))],
];

/** The number of values that survived. */
let returned = 0;
for (const [name, large] of LARGE.slice(-load(LARGE.length, 1))) {
  test(`a label value of 200 kB of ${name} survives a round trip`, async () => {
    await check([[large, "x"], ["x", large], [large, large]]);
    returned++;
  });
}

testWithPython("label values of 200 kB reach Python unchanged", async (path) => {
  const chosen = LARGE.slice(-load(LARGE.length, 1));
  for (const [, large] of chosen) await checkWithPython(path, [[[large, "x"]]]);
  reportFault({
    fault: `label values of 200 kB, ${chosen.length} kinds`,
    bar: "all three formats parse, round-trip, no duplicate series, valid UTF-8",
    figure: `${returned} round-tripped, and ${chosen.length} through Python`,
  });
});
