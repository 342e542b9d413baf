import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeNumbers, numberColumn } from "../../encoding/number_pages.ts";
import { encodeOpenMetrics } from "../../encoding/open_metrics.ts";
import { SeriesWriter } from "../../encoding/series_writer.ts";
import { encodeText } from "../../encoding/text.ts";
import { Counter, Gauge, type Metric, MetricFamily } from "../../mod.ts";
import type { NumberMetric } from "../../model.ts";

const registry = null;

type Encode = (families: Iterable<MetricFamily>) => Iterable<Uint8Array>;

/** The ways to write the lines of a family. They share cached lines where possible. */
const FORMATS: Record<string, Encode> = {
  text: (families) => encodeText(families, "underscores"),
  "text with UTF-8 names": (families) => encodeText(families, "allow-utf-8"),
  openmetrics: (families) => encodeOpenMetrics(families, "values", false),
  "openmetrics with created": (families) => encodeOpenMetrics(families, "underscores", true),
};

function decode(chunks: Iterable<Uint8Array>): string {
  const decoder = new TextDecoder();
  return [...chunks].map((chunk) => decoder.decode(chunk)).join("");
}

/** Returns the same family with its metrics in an array, whose lines are not cached. */
function withoutColumn(family: MetricFamily): MetricFamily {
  const { name, help, type, unit } = family;
  const metrics: Metric[] = [...family.metrics];
  return new MetricFamily(name, help, type, { unit, nameValidation: "utf8", metrics });
}

function scrape(metric: { collect(): MetricFamily[] }): string {
  return decode(encodeText(metric.collect(), "underscores"));
}

/** Checks that cached lines of a metric equal new ones, in some formats. */
function checkMetric(metric: { collect(): MetricFamily[] }, formats: Encode[]): void {
  for (const encode of formats) {
    const [family] = metric.collect() as [MetricFamily];
    assert.equal(decode(encode([family])), decode(encode([withoutColumn(family)])));
  }
}

const labelArbitrary = fc.oneof(
  fc.constantFrom("", "x", '"', "\\", "\n", "ä", "🔥", "a longer value"),
  fc.integer({ min: 0, max: 40 }).map(String),
);
const valueArbitrary = fc.oneof(
  fc.integer({ min: 0, max: 2000 }),
  fc.double(),
  fc.constantFrom(0, -0, 9, 10, 99, 100, 999_999_999, 1e9, NaN, Infinity, -Infinity),
);
/** A change between two scrapes. The last number is its number of repetitions. */
const stepArbitrary = fc.tuple(
  fc.constantFrom("set", "set", "set", "remove", "removeAll", "clear", "grow", "scrape"),
  labelArbitrary,
  labelArbitrary,
  valueArbitrary,
  fc.integer({ min: 1, max: 700 }),
);

test("cached lines equal newly written lines after any changes", () => {
  fc.assert(
    fc.property(
      fc.array(stepArbitrary, { maxLength: 60 }),
      fc.constantFrom("legacy", "utf8"),
      fc.array(fc.constantFrom(...Object.values(FORMATS)), { minLength: 1, maxLength: 4 }),
      (steps, nameValidation, formats) => {
        const name = nameValidation === "utf8" ? "a.gauge" : "a_gauge";
        const labelNames = ["a", "b"] as const;
        const gauge = new Gauge(name, "A gauge.", { registry, labelNames, nameValidation });
        for (const [step, a, b, value, times] of steps) {
          if (step === "set") gauge.labels(a, b).set(value);
          else if (step === "remove") gauge.remove(a, b);
          else if (step === "removeAll") gauge.removeMatching({ a });
          else if (step === "clear") gauge.clear();
          else if (step === "grow") {
            for (let i = 0; i < times; i++) gauge.labels(a, `${b} ${i}`).set(value + i);
          } else checkMetric(gauge, formats);
        }
        checkMetric(gauge, formats);
      },
    ),
    { numRuns: 150 },
  );
});

test("a counter is written correctly in each of many scrapes", () => {
  const counter = new Counter("c_total", "C.", { registry, labelNames: ["a", "b"] });
  const formats = Object.values(FORMATS);
  for (let i = 0; i < 1500; i++) counter.labels(i, "b").inc(i % 11);
  for (let scrape = 0; scrape < 30; scrape++) {
    for (let i = scrape; i < 1500; i += 1 + scrape) counter.labels(i, "b").inc(10 ** (i % 7));
    checkMetric(counter, [formats[scrape % 2]!, formats[scrape % 4]!]);
  }
});

test("removed lines are removed from the cached text, and new lines are added", () => {
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["a", "b"] });
  for (let i = 0; i < 100; i++) gauge.labels(i, "b").set(i);
  const twice = [FORMATS.text!, FORMATS.text!];
  checkMetric(gauge, twice);
  for (const i of [50, 0, 99]) {
    gauge.remove(i, "b");
    checkMetric(gauge, twice);
  }
  for (const i of [50, 100, 101]) {
    gauge.labels(i, "b").set(i);
    checkMetric(gauge, twice);
  }
  for (const value of [7, 7000, 7]) {
    gauge.labels(70, "b").set(value);
    checkMetric(gauge, twice);
  }
});

test("a growing page keeps its numbers", () => {
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["a", "b"] });
  for (let i = 0; i < 20; i++) gauge.labels(i, "b").set(i + 1);
  checkMetric(gauge, [FORMATS.text!]);
  for (let i = 20; i < 100; i++) gauge.labels(i, "b").set(i + 1);
  // A page consists of zeros before its first write.
  gauge.labels(7, "b").set(0);
  checkMetric(gauge, [FORMATS.text!]);
});

test("a number that recurs is written correctly each time", () => {
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["a", "b"] });
  for (let i = 0; i < 100; i++) gauge.labels(i, "b").set(i);
  for (const value of [1, 2, 1, 20, 1, NaN, 1, 0, -0, 1, 2.5, 2, 2.5]) {
    gauge.labels(50, "b").set(value);
    checkMetric(gauge, [FORMATS.text!]);
  }
});

test("an exemplar of a counter is written in OpenMetrics while it exists", () => {
  const counter = new Counter("c_total", "C.", { registry, labelNames: ["a", "b"] });
  for (let i = 0; i < 100; i++) counter.labels(i, "b").inc(i);
  const encode = FORMATS.openmetrics!;
  checkMetric(counter, [encode]);
  counter.labels(7, "b").inc(1, { trace_id: "x" });
  checkMetric(counter, [encode]);
  assert.match(
    decode(encode(counter.collect())),
    /^c_total\{a="7",b="b"\} 8 # \{trace_id="x"\} 1 /m,
  );
  checkMetric(counter, [FORMATS.text!]);
});

test("a gauge with a new function is written with the function's result", () => {
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["a", "b"] });
  for (let i = 0; i < 100; i++) gauge.labels(i, "b").set(i);
  checkMetric(gauge, Object.values(FORMATS));
  gauge.labels(7, "b").setFunction(() => 12.5);
  assert.match(decode(FORMATS.text!(gauge.collect())), /^g\{a="7",b="b"\} 12\.5$/m);
});

test("lines that are too long or too many to cache are written", () => {
  for (const [count, length] of [[40, 30_000], [600, 2000], [40_000, 440]] as const) {
    const gauge = new Gauge("g", "G.", { registry, labelNames: ["a", "b"] });
    const long = "x".repeat(length);
    for (let i = 0; i < count; i++) gauge.labels(i, long).set(i);
    checkMetric(gauge, [FORMATS.text!, FORMATS.text!]);
    for (let i = 0; i < count; i += 3) gauge.labels(i, long).set(i * 2);
    gauge.remove(1, long);
    checkMetric(gauge, [FORMATS.text!, FORMATS.openmetrics!]);
  }
});

test("chunks of an earlier scrape do not change in the next scrape", () => {
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["a", "b"] });
  for (let i = 0; i < 20_000; i++) gauge.labels(i, "b").set(10_000 + i);
  const chunks = [...FORMATS.text!(gauge.collect())];
  const before = decode(chunks);
  for (let i = 0; i < 20_000; i++) gauge.labels(i, "b").set(50_000 + i);
  assert.notEqual(decode(FORMATS.text!(gauge.collect())), before);
  assert.equal(decode(chunks), before);
});

test("lines are cached separately for each spelling of labels", () => {
  const gauge = new Gauge("g", "G.", {
    registry,
    labelNames: ["a.b", "c"],
    nameValidation: "utf8",
  });
  for (let i = 0; i < 100; i++) gauge.labels(i, "c").set(i);
  for (const name of ["text", "text with UTF-8 names", "openmetrics", "text"]) {
    checkMetric(gauge, [FORMATS[name]!]);
  }
});

/** Returns the size of the cache after a gauge is written, starting from the size `kept`. */
function keep(lines: number, kept: number): number {
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["a"] });
  for (let i = 0; i < lines; i++) gauge.labels(i).set(i);
  const writer = new SeriesWriter({
    escaping: "underscores",
    formatBound: String,
    writeTimestamp: () => assert.fail("no line has a timestamp"),
    exemplars: false,
  });
  writer.kept = kept;
  const [family] = gauge.collect() as [MetricFamily];
  const column = numberColumn(family.metrics as Iterable<NumberMetric>)!; // A gauge has one.
  const text = decode(encodeNumbers(writer, writer.seriesName("g"), column)) +
    decode([writer.take()]);
  assert.equal(text.split("\n").length - 1, lines);
  return writer.kept;
}

test("lines of large families are cached, up to 16 MiB", () => {
  const length = 'g{a="10"} 10\n'.length;
  assert.equal(keep(15, 0), 0);
  assert.ok(keep(16, 0) >= 16 * (length - 2));
  assert.ok(keep(2000, 0) >= 2000 * (length - 2));
  assert.ok(keep(2000, 2 ** 24 - 1) > 2 ** 24);
  assert.ok(keep(2000, 2 ** 24 - 1) < 2 ** 24 + 512 * 2 * length);
  assert.equal(keep(2000, 2 ** 24), 2 ** 24);
});

test("the cached text stays valid during simultaneous scrapes", () => {
  const gauge = new Gauge("g", "G.", { labelNames: ["n"], registry });
  const add = (from: number, to: number): void => {
    // Two pages of these lines fill a chunk.
    for (let i = from; i < to; i++) gauge.labels(`${i}`.padStart(380, "0")).set(1);
  };
  add(0, 1030);
  assert(scrape(gauge).length > 1030 * 380);
  const [family] = gauge.collect();
  const slow = encodeText([family!], "underscores");
  slow.next();
  add(1030, 1040);
  scrape(gauge);
  // This line is in a page that the slow scrape has not yet written, and that now has more lines.
  gauge.labels("1028".padStart(380, "0")).set(1000);
  assert.match(decode(slow), /1028"} 1000\n[^\n]+1029"} 1\n$/);
  checkMetric(gauge, Object.values(FORMATS));
});
