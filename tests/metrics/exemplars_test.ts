import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  gather,
  Gauge,
  Histogram,
  setExemplarSource,
  Summary,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { ownCounts, samplesOf, seriesOf } from "../support/series.ts";

const registry = null;
const ERRORS = "narthex_exemplar_errors_total";

afterEach(() => setExemplarSource(null));

/** Creates each metric with exemplars, with functions that observe 1 and that read the result. */
function createAll(exemplars = false) {
  const options = { exemplars, clock: new ManualClock(100), registry } as const;
  const counter = new Counter("m_total", "M.", options);
  const histogram = new Histogram("m", "M.", { ...options, buckets: [1, 2] });
  const native = new Histogram("m", "M.", { ...options, nativeHistogram: true });
  return {
    counter: {
      metric: counter,
      doing: 'Cannot increment counter "m_total"',
      observe: (labels?: Record<string, string>) => counter.inc(1, labels),
      count: () => counter.value,
      exemplar: () => counter.labels().exemplar,
    },
    histogram: {
      metric: histogram,
      doing: 'Cannot observe histogram "m"',
      observe: (labels?: Record<string, string>) => histogram.observe(1, labels),
      count: () => histogram.labels().count,
      exemplar: () => histogram.labels().exemplars?.[0],
    },
    "native histogram": {
      metric: native,
      doing: 'Cannot observe histogram "m"',
      observe: (labels?: Record<string, string>) => native.observe(1, labels),
      count: () => native.labels().native?.count,
      exemplar: () => native.labels().nativeExemplars?.[0],
    },
  };
}
const TYPES = Object.keys(createAll()) as (keyof ReturnType<typeof createAll>)[];

const TOO_LONG = "exemplar labels must have at most 128 characters in names and values together";
const REFUSED: [labels: unknown, name: string, message: string][] = [
  [{ a: "x".repeat(128) }, "RangeError", `${TOO_LONG}: received 129`],
  [{ ["a".repeat(65)]: "x".repeat(64) }, "RangeError", `${TOO_LONG}: received 129`],
  [{ a: "x".repeat(64), b: "x".repeat(63) }, "RangeError", `${TOO_LONG}: received 129`],
  [{ a: "\u{1f600}".repeat(128) }, "RangeError", `${TOO_LONG}: received 129`],
  [null, "TypeError", "exemplar labels must be an object: received null"],
  ["abc", "TypeError", 'exemplar labels must be an object: received "abc"'],
  [["a"], "TypeError", 'exemplar labels must be an object: received ["a"]'],
  [
    { "a-b": "x" },
    "TypeError",
    'exemplar: label name must match [a-zA-Z_][a-zA-Z0-9_]*: received "a-b"',
  ],
  [
    { a: null },
    "TypeError",
    'exemplar: value of label "a" must be a string, a number or a boolean: received null',
  ],
];
for (const type of TYPES) {
  for (const [labels, name, message] of REFUSED) {
    test(`a ${type} refuses an exemplar before anything is changed: ${message}`, () => {
      const { metric, observe, count, exemplar, doing } = createAll()[type];
      observe({ a: "first" });
      const before = seriesOf(metric);
      assert.throws(() => observe(labels as Record<string, string>), {
        name,
        message: `${doing}: ${message}`,
      });
      assert.deepEqual(seriesOf(metric), before);
      assert.equal(count(), 1);
      assert.deepEqual(exemplar(), { labels: { a: "first" }, value: 1, timestamp: 100 });
    });
  }

  test(`a ${type} accepts an exemplar of 128 characters, whatever their number of code units`, () => {
    for (const labels of [{ a: "x".repeat(127) }, { a: "\u{1f600}".repeat(127) }]) {
      const { observe, exemplar } = createAll()[type];
      observe(labels);
      assert.deepEqual(exemplar()?.labels, labels);
    }
  });

  test(`a ${type} copies the exemplar's labels`, () => {
    const { observe, exemplar } = createAll()[type];
    const labels = { a: "x" };
    observe(labels);
    labels.a = "y";
    assert.deepEqual(exemplar()?.labels, { a: "x" });
  });

  test(`a ${type} keeps the last exemplar when an observation has none`, () => {
    const { observe, exemplar } = createAll()[type];
    observe({ a: "x" });
    observe();
    assert.deepEqual(exemplar(), { labels: { a: "x" }, value: 1, timestamp: 100 });
  });

  test(`a ${type} calls the exemplar source only with exemplars: true`, () => {
    let asked = 0;
    setExemplarSource(() => {
      asked++;
      return { trace: "t" };
    });
    const silent = createAll(false)[type];
    silent.observe();
    assert.equal(silent.exemplar(), undefined);
    assert.equal(asked, 0);
    const asking = createAll(true)[type];
    asking.observe();
    assert.deepEqual(asking.exemplar(), { labels: { trace: "t" }, value: 1, timestamp: 100 });
    assert.equal(asked, 1);
    asking.observe({ trace: "mine" });
    assert.equal(asked, 1);
    assert.equal(asking.count(), 2);
    setExemplarSource(null);
    asking.observe();
    assert.equal(asked, 1);
    assert.equal(asking.count(), 3);
  });

  for (const nothing of [undefined, {}]) {
    const spelled = nothing === undefined ? "undefined" : "{}";
    test(`a ${type} counts without an exemplar if the source returns ${spelled}`, () => {
      setExemplarSource(() => nothing);
      const { observe, count, exemplar, metric } = createAll(true)[type];
      observe();
      assert.equal(count(), 1);
      assert.equal(exemplar(), undefined);
      observe({ trace: "kept" });
      observe();
      assert.deepEqual(exemplar()?.labels, { trace: "kept" });
      assert.equal(ownCounts(metric).exemplarErrors, 0);
    });
  }

  test(`a ${type} does not call the exemplar source again when the source observes it`, () => {
    const { observe, count, exemplar, metric } = createAll(true)[type];
    const seen: unknown[] = [];
    setExemplarSource(() => {
      observe();
      seen.push(exemplar());
      return { trace: "t" };
    });
    observe();
    assert.deepEqual(seen, [undefined]);
    assert.equal(count(), 2);
    assert.deepEqual(exemplar()?.labels, { trace: "t" });
    assert.equal(ownCounts(metric).exemplarErrors, 0);
  });

  test(`a ${type} reads the labels of an exemplar once`, () => {
    const { observe, exemplar } = createAll()[type];
    let reads = 0;
    observe({
      get trace() {
        reads++;
        return `t${reads}`;
      },
    });
    assert.equal(reads, 1);
    assert.deepEqual(exemplar()?.labels, { trace: "t1" });
  });

  const FAILING: Record<string, Parameters<typeof setExemplarSource>[0]> = {
    "throws": () => {
      throw new Error("no");
    },
    "is too long": () => ({ trace: "x".repeat(128) }),
    "returns null": () => null as unknown as undefined,
    "returns a string": () => "trace" as unknown as undefined,
    "returns a bad name": () => ({ "a-b": "x" }),
    "returns a value that is not a string": () => ({ trace: {} as string }),
    "returns a promise": () => Promise.resolve({ trace: "t" }) as unknown as undefined,
    "returns a promise that rejects": () => Promise.reject(new Error("no")) as unknown as undefined,
    "returns a thenable": () => ({ then: () => {} }) as unknown as undefined,
  };
  for (const [how, source] of Object.entries(FAILING)) {
    test(`a ${type} counts without an exemplar if the source ${how}, and counts the error`, () => {
      const { observe, count, exemplar, metric } = createAll(true)[type];
      observe({ trace: "kept" });
      setExemplarSource(source);
      observe();
      observe();
      assert.equal(count(), 3);
      assert.deepEqual(exemplar()?.labels, { trace: "kept" });
      const name = type === "counter" ? "m_total" : "m";
      const own = new CollectorRegistry();
      own.register(metric);
      assert.equal(own.getSampleValue(ERRORS, { metric: name }), 2);
    });
  }
}

test("the exemplar source is called again after it has failed", () => {
  let asked = 0;
  setExemplarSource(() => {
    if (asked++ === 0) throw new Error("no");
    return { trace: "t" };
  });
  const counter = new Counter("c_total", "C.", { exemplars: true, registry });
  counter.inc();
  counter.inc();
  assert.equal(asked, 2);
  assert.deepEqual(counter.labels().exemplar?.labels, { trace: "t" });
});

test("an exemplar source may return a label named then", () => {
  setExemplarSource(() => ({ then: "t" }));
  const counter = new Counter("c_total", "C.", { exemplars: true, registry });
  counter.inc();
  assert.deepEqual(counter.labels().exemplar?.labels, { then: "t" });
});

test("series of a labelled metric call the exemplar source", () => {
  setExemplarSource(() => ({ trace: "t" }));
  const counter = new Counter("c_total", "C.", { labelNames: ["a"], exemplars: true, registry });
  counter.labels("x").inc();
  assert.deepEqual(counter.labels("x").exemplar?.labels, { trace: "t" });
});

test("time() and timers call the exemplar source", () => {
  setExemplarSource(() => ({ trace: "t" }));
  const clock = new ManualClock(100);
  const histogram = new Histogram("h", "H.", { buckets: [1], exemplars: true, clock, registry });
  histogram.time(() => clock.advance(2));
  assert.deepEqual(histogram.labels().exemplars, [
    undefined,
    { labels: { trace: "t" }, value: 2, timestamp: 102 },
  ]);
});

test("a refused value does not become an exemplar", () => {
  setExemplarSource(() => ({ trace: "t" }));
  const counter = new Counter("c_total", "C.", { exemplars: true, registry });
  assert.throws(() => counter.inc(-1), RangeError);
  assert.equal(counter.labels().exemplar, undefined);
  const histogram = new Histogram("h", "H.", { nativeHistogram: true, exemplars: true, registry });
  assert.throws(() => histogram.observe("1" as unknown as number), TypeError);
  assert.equal(histogram.labels().exemplars, undefined);
  assert.equal(histogram.labels().nativeExemplars, undefined);
});

test("samples carry the exemplars", () => {
  const clock = new ManualClock(100);
  const counter = new Counter("c_total", "C.", { clock, registry });
  counter.inc(2, { trace: "t" });
  const exemplar = { labels: { trace: "t" }, value: 2, timestamp: 100 };
  assert.deepEqual(samplesOf(counter), [{ name: "c_total", labels: {}, value: 2, exemplar }]);
  const histogram = new Histogram("h", "H.", { buckets: [1, 3], clock, registry });
  histogram.observe(2, { trace: "t" });
  assert.deepEqual(samplesOf(histogram).map((sample) => sample.exemplar), [
    undefined,
    exemplar,
    undefined,
    undefined,
    undefined,
  ]);
});

test("errors of the exemplar source are one family of a scrape with a series for each metric", () => {
  const own = new CollectorRegistry();
  const options = { exemplars: true, registry: own };
  const a = new Counter("a_total", "A.", options);
  const b = new Histogram("b", "B.", options);
  new Gauge("g", "G.", options).inc();
  new Summary("s", "S.", options).observe(1);
  setExemplarSource(() => {
    throw new Error("no");
  });
  assert.equal([...gather(own)].some(({ name }) => name === ERRORS), false);
  a.inc();
  b.observe(1);
  b.observe(1);
  assert.equal(own.getSampleValue(ERRORS, { metric: "a_total" }), 1);
  assert.equal(own.getSampleValue(ERRORS, { metric: "b" }), 2);
  assert.equal([...gather(own)].filter(({ name }) => name === ERRORS).length, 1);
});

test("setExemplarSource() throws on a value that is neither a function nor null", () => {
  for (const [source, spelled] of [[undefined, "undefined"], [5, "5"], [{}, "{}"]]) {
    assert.throws(() => setExemplarSource(source as unknown as null), {
      name: "TypeError",
      message: "Cannot set exemplar source: it must be a function or null: " +
        `received ${spelled}`,
    });
  }
});
