import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Collector,
  CollectorRegistry,
  Counter,
  gather,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  generateProtobuf,
  Histogram,
  Info,
  type Metric,
  MetricFamily,
  type MetricType,
  Summary,
} from "../../mod.ts";

const ERRORS = "narthex_collector_errors_total";

/** Returns a registry with metrics of several types, and with a collector among them. */
function withCollector(collector?: Collector): CollectorRegistry {
  const registry = new CollectorRegistry();
  new Counter("a_total", "A.", { registry, labelNames: ["l"] }).labels("x").inc(1);
  if (collector !== undefined) registry.register(collector);
  new Histogram("b", "B.", { registry, buckets: [1] }).observe(0.5);
  new Info("c", "C.", { registry }).info({ version: "1" });
  return registry;
}

function withoutErrors(text: string): string {
  return text.split("\n").filter((line) => !line.includes("narthex_")).join("\n");
}

/** Returns a collector that yields the given values, which may not be families. */
function yielding(...things: unknown[]): Collector {
  return { collect: () => things as MetricFamily[] };
}

/** Returns a family with the given metrics, which may be invalid. */
function familyOf(metrics: unknown, type: MetricType = "gauge", name = "bad"): MetricFamily {
  return new MetricFamily(name, "Bad.", type, { metrics: metrics as Iterable<Metric> });
}

const thrower = (): never => {
  throw new Error("broken");
};
const NO_LABELS = { labelNames: [], labelValues: [] };

class Unreadable implements Collector {
  collect(): never {
    return thrower();
  }
}

const GARBAGE: [what: string, collector: Collector, name: string, cause: string][] = [
  ["throws", { collect: thrower }, "anonymous", "error"],
  ["throws, and has a class", new Unreadable(), "Unreadable", "error"],
  [
    "throws, and names a family",
    { collect: thrower, describe: () => [new MetricFamily("bad", "", "gauge")] },
    "bad",
    "error",
  ],
  [
    "throws after a family",
    {
      *collect() {
        yield new MetricFamily("bad", "Lost.", "gauge").addSample("bad", {}, 1);
        thrower();
      },
    },
    "anonymous",
    "error",
  ],
  ["returns undefined", { collect: () => undefined as never }, "anonymous", "error"],
  ["returns null", { collect: () => null as never }, "anonymous", "error"],
  ["returns a number", { collect: () => 7 as never }, "anonymous", "error"],
  ["yields null", yielding(null), "anonymous", "invalid"],
  ["yields undefined", yielding(undefined), "anonymous", "invalid"],
  ["yields a number", yielding(7), "anonymous", "invalid"],
  ["yields a text", yielding("bad 1"), "anonymous", "invalid"],
  ["yields a function", yielding(thrower), "thrower", "invalid"],
  ["yields a promise", yielding(Promise.resolve()), "anonymous", "invalid"],
  [
    "yields a promise that rejects",
    { collect: () => [Promise.reject(new Error("lost")) as unknown as MetricFamily] },
    "anonymous",
    "invalid",
  ],
  ["yields a promise that never settles", yielding(new Promise(() => {})), "anonymous", "invalid"],
  ["yields an object without a name", yielding({}), "anonymous", "invalid"],
  [
    "yields an object whose then throws",
    yielding({
      get then() {
        return thrower();
      },
    }),
    "anonymous",
    "invalid",
  ],
  [
    "yields an object whose name throws",
    yielding({
      get name() {
        return thrower();
      },
    }),
    "anonymous",
    "invalid",
  ],
  [
    "yields a family with an empty name",
    yielding({ name: "", help: "", type: "gauge", metrics: [] }),
    "anonymous",
    "invalid",
  ],
  [
    "yields a family without a type",
    yielding({ name: "bad", help: "", metrics: [] }),
    "bad",
    "invalid",
  ],
  [
    "yields a family of an unknown type",
    yielding({ name: "bad", help: "", type: "timer", metrics: [] }),
    "bad",
    "invalid",
  ],
  [
    "yields a family without help",
    yielding({ name: "bad", type: "gauge", metrics: [] }),
    "bad",
    "invalid",
  ],
  [
    "yields a family without metrics",
    yielding({ name: "bad", help: "", type: "gauge" }),
    "bad",
    "invalid",
  ],
  [
    "yields a family whose unit is a number",
    yielding({ name: "bad", help: "", type: "gauge", unit: 7, metrics: [] }),
    "bad",
    "invalid",
  ],
  [
    "yields a family whose name lacks its unit",
    yielding({ name: "bad", help: "", type: "gauge", unit: "seconds", metrics: [] }),
    "bad",
    "invalid",
  ],
  [
    "yields a family whose metrics throw",
    yielding(familyOf({ [Symbol.iterator]: thrower })),
    "bad",
    "invalid",
  ],
  ["yields a metric that is null", yielding(familyOf([null])), "bad", "error"],
  ["yields a metric without labels", yielding(familyOf([{ value: 1 }])), "bad", "error"],
  ["yields a metric without a value", yielding(familyOf([NO_LABELS])), "bad", "error"],
  [
    "yields a value that is a text",
    yielding(familyOf([{ ...NO_LABELS, value: "1" }])),
    "bad",
    "error",
  ],
  [
    "yields a value that is a bigint",
    yielding(familyOf([{ ...NO_LABELS, value: 1n }])),
    "bad",
    "error",
  ],
  [
    "yields a value that throws",
    yielding(familyOf([{
      ...NO_LABELS,
      get value() {
        return thrower();
      },
    }])),
    "bad",
    "error",
  ],
  [
    "yields fewer label values than names",
    yielding(familyOf([{ labelNames: ["a"], labelValues: [], value: 1 }])),
    "bad",
    "error",
  ],
  [
    "yields a label name twice",
    yielding(familyOf([{ labelNames: ["a", "a"], labelValues: ["1", "2"], value: 1 }])),
    "bad",
    "error",
  ],
  [
    "yields an empty label name",
    yielding(familyOf([{ labelNames: [""], labelValues: ["1"], value: 1 }])),
    "bad",
    "error",
  ],
  [
    "yields a reserved label name",
    yielding(familyOf([{ labelNames: ["__name__"], labelValues: ["x"], value: 1 }])),
    "bad",
    "error",
  ],
  [
    "yields a label value that is a number",
    yielding(familyOf([{ labelNames: ["a"], labelValues: [1], value: 1 }])),
    "bad",
    "error",
  ],
  [
    "yields a timestamp that is a text",
    yielding(familyOf([{ ...NO_LABELS, value: 1, timestamp: "now" }])),
    "bad",
    "error",
  ],
  [
    "yields a timestamp that is NaN",
    yielding(familyOf([{ ...NO_LABELS, value: 1, timestamp: NaN }])),
    "bad",
    "error",
  ],
  [
    "yields a timestamp that is out of range",
    yielding(familyOf([{ ...NO_LABELS, value: 1, timestamp: 1e19 }])),
    "bad",
    "error",
  ],
  [
    "yields a created time that is a date",
    yielding(familyOf([{ ...NO_LABELS, value: 1, created: new Date() }], "counter")),
    "bad",
    "error",
  ],
  [
    "yields an exemplar without labels",
    yielding(
      familyOf([{ ...NO_LABELS, value: 1, exemplar: { value: 1 } }], "counter", "bad_total"),
    ),
    "bad_total",
    "error",
  ],
  [
    "yields an exemplar whose label value is a number",
    yielding(
      familyOf(
        [{ ...NO_LABELS, value: 1, exemplar: { labels: { a: 1 }, value: 1 } }],
        "counter",
        "bad_total",
      ),
    ),
    "bad_total",
    "error",
  ],
  [
    "yields a histogram that is a number",
    yielding(familyOf([{ ...NO_LABELS, value: 1 }], "histogram")),
    "bad",
    "error",
  ],
  [
    "yields a histogram with an additional label le",
    yielding(
      familyOf([{
        labelNames: ["le"],
        labelValues: ["1"],
        bounds: [],
        sum: 1,
        count: 1,
        cumulativeCounts: () => [1],
      }], "histogram"),
    ),
    "bad",
    "error",
  ],
  [
    "yields a histogram with too many counts",
    yielding(
      familyOf(
        [{ ...NO_LABELS, bounds: [], sum: 1, count: 1, cumulativeCounts: () => [1, 2] }],
        "histogram",
      ),
    ),
    "bad",
    "error",
  ],
  [
    "yields a histogram whose counts throw",
    yielding(
      familyOf(
        [{ ...NO_LABELS, bounds: [], sum: 1, count: 1, cumulativeCounts: thrower }],
        "histogram",
      ),
    ),
    "bad",
    "error",
  ],
  [
    "yields a histogram whose exemplar is a text",
    yielding(
      familyOf([{
        ...NO_LABELS,
        bounds: [],
        sum: 1,
        count: 1,
        cumulativeCounts: () => [1],
        exemplars: ["x"],
      }], "histogram"),
    ),
    "bad",
    "error",
  ],
  [
    "yields a native histogram whose buckets hold more than its count, which Prometheus refuses",
    yielding(
      new MetricFamily("bad", "Bad.", "histogram").addSample("bad", {}, 0, {
        nativeHistogram: {
          schema: 0,
          zeroThreshold: 0,
          zeroCount: 1,
          positive: new Map([[0, 2]]),
          negative: new Map([[0, 1]]),
          sum: 1,
          count: 3,
        },
      }),
    ),
    "bad",
    "error",
  ],
  [
    "yields an incomplete native histogram",
    yielding(
      familyOf([{
        ...NO_LABELS,
        bounds: [],
        sum: 1,
        count: 1,
        cumulativeCounts: () => [1],
        native: { schema: 3 },
      }], "histogram"),
    ),
    "bad",
    "error",
  ],
  [
    "yields a summary that is a number",
    yielding(familyOf([{ ...NO_LABELS, value: 1 }], "summary")),
    "bad",
    "error",
  ],
  [
    "yields a summary with too few values",
    yielding(
      familyOf(
        [{ ...NO_LABELS, quantiles: [0.5], sum: 1, count: 1, quantileValues: () => [] }],
        "summary",
      ),
    ),
    "bad",
    "error",
  ],
  [
    "yields a stateset that is a number",
    yielding(familyOf([{ ...NO_LABELS, value: 1 }], "stateset")),
    "bad",
    "error",
  ],
  [
    "yields a stateset with too few values",
    yielding(familyOf([{ ...NO_LABELS, states: ["a", "b"], stateValues: [1] }], "stateset")),
    "bad",
    "error",
  ],
  [
    "yields a family whose type differs from a metric of its name",
    yielding(new MetricFamily("b", "B.", "gauge")),
    "b",
    "conflict",
  ],
  [
    "yields a family whose unit differs from another of its name",
    yielding(
      new MetricFamily("a_total", "", "counter"),
      new MetricFamily("x_s", "", "gauge"),
      new MetricFamily("x_s", "", "gauge", { unit: "s" }),
    ),
    "x_s",
    "conflict",
  ],
  [
    "yields a gauge with the name of a counter",
    yielding(new MetricFamily("a_total", "", "gauge")),
    "a_total",
    "conflict",
  ],
  [
    "yields a series that a metric already has",
    yielding(new MetricFamily("a_total", "", "counter").addSample("a_total", { l: "x" }, 9)),
    "a_total",
    "duplicate",
  ],
];

/** For each type, a complete metric and invalid values of its parts. */
const SHAPES: [type: MetricType, whole: Record<string, unknown>, broken: [string, unknown][]][] = [
  ["gauge", { value: 1 }, [
    ["value", "1"],
    ["value", undefined],
    ["timestamp", "1"],
    ["timestamp", -1e19],
    ["created", "1"],
  ]],
  ["counter", { value: 1 }, [
    ["exemplar", { labels: { a: "b" }, value: "1" }],
    ["exemplar", { labels: { a: "b" }, value: 1, timestamp: NaN }],
  ]],
  [
    "histogram",
    { bounds: [1], sum: 1, count: 2, cumulativeCounts: () => [1, 2] },
    [
      ["bounds", ["1"]],
      ["sum", "1"],
      ["count", "2"],
      ["cumulativeCounts", () => ["1", "2"]],
      ["cumulativeCounts", () => [1]],
      ["exemplars", [{ labels: {}, value: "1" }]],
      ["nativeExemplars", [{ labels: {}, value: "1" }]],
    ],
  ],
  ["summary", { quantiles: [0.5], sum: 1, count: 1, quantileValues: () => [1] }, [
    ["quantiles", ["0.5"]],
    ["sum", "1"],
    ["count", "1"],
    ["quantileValues", () => ["1"]],
    ["quantileValues", () => [1, 2]],
  ]],
  ["stateset", { states: ["a"], stateValues: [1] }, [
    ["states", [1]],
    ["stateValues", ["1"]],
    ["stateValues", [1, 0]],
  ]],
];
for (const [type, whole, broken] of SHAPES) {
  const name = type === "counter" ? "bad_total" : "bad";
  const metric = { ...NO_LABELS, ...whole };
  test(`a collector that yields a ${type} as plain objects counts no error`, () => {
    const registry = withCollector(yielding(familyOf([metric], type, name)));
    assert.match(generateMetrics(registry), /^bad/m);
    assert.equal(registry.getSampleValue(ERRORS, { collector: name, cause: "error" }), undefined);
  });
  for (const [key, value] of broken) {
    const text = typeof value === "function" ? `() => ${JSON.stringify(value())}` : value;
    const what = `yields a ${type} whose ${key} is ${
      typeof text === "string" ? text : JSON.stringify(text)
    }`;
    GARBAGE.push([
      what,
      yielding(familyOf([{ ...metric, [key]: value }], type, name)),
      name,
      "error",
    ]);
  }
}

for (const [what, collector, name, cause] of GARBAGE) {
  test(`a collector that ${what} does not affect other metrics`, async () => {
    const registry = withCollector(collector);
    const text = withoutErrors(generateMetrics(registry));
    const lines = new Set(text.split("\n"));
    // The output may have a family of this collector, which replaces a later family of that name.
    const taken = name === "b" ? /^(# \w+ )?(b|b_\w+)\b/ : /^(# \w+ )?(bad|bad_total|x_s)\b/;
    assert.equal(
      withoutLines(text, taken),
      withoutLines(generateMetrics(withCollector()), taken),
    );
    assert.ok(lines.has('a_total{l="x"} 1'));
    assert.ok(lines.has('c_info{version="1"} 1'));
    assert.equal(registry.getSampleValue(ERRORS, { collector: name, cause }), 2, "read twice");
    assert.equal(withoutErrors(await generateMetricsAsync(registry)), text);
    const openMetrics = generateOpenMetrics(registry);
    assert.match(openMetrics, /^a_total\{l="x"\} 1$/m);
    assert.match(openMetrics, /# EOF\n$/);
    assert.ok(generateProtobuf(registry).length > 0);
  });
}

function withoutLines(text: string, pattern: RegExp): string {
  return text.split("\n").filter((line) => !pattern.test(line)).join("\n");
}

test("an error is counted under a well-formed name", () => {
  const registry = new CollectorRegistry();
  registry.countError("\ud800", "error");
  registry.countError("\udfff", "error");
  assert.equal(registry.getSampleValue(ERRORS, { collector: "\ufffd", cause: "error" }), 2);
});

test("the error counter is absent until there is an error, and is written last", () => {
  const registry = withCollector();
  assert.equal(registry.getSampleValue(ERRORS), undefined);
  assert.ok(!generateMetrics(registry).includes("narthex"));
  registry.register({ collect: thrower });
  assert.ok(
    generateMetrics(registry).endsWith(
      `# HELP ${ERRORS} Collectors, families and series that were left out of a scrape.
# TYPE ${ERRORS} counter
${ERRORS}{collector="anonymous",cause="error"} 1
`,
    ),
  );
});

test("an error is counted in the same scrape, with prefix and constant labels", () => {
  const registry = new CollectorRegistry({
    prefix: "app",
    constLabels: { region: "eu", cause: "not this one" },
  });
  registry.register(yielding(null, null));
  assert.match(
    generateMetrics(registry),
    /^app_narthex_collector_errors_total\{region="eu",collector="anonymous",cause="invalid"\} 2$/m,
  );
});

test("a collector is named after its first described family, or its class", () => {
  class Pool {
    collect = thrower;
  }
  class Odd {
    collect = thrower;
    described = 0;
    describe() {
      return this.described++ > 0 ? thrower() : [];
    }
  }
  const registry = new CollectorRegistry();
  registry.register(new Pool());
  registry.register(new Odd());
  registry.register({
    collect: thrower,
    describe: () => ["x", "y"].map((name) => new MetricFamily(name, "", "gauge")),
  });
  generateMetrics(registry);
  const value = (collector: string) =>
    registry.getSampleValue(ERRORS, { collector, cause: "error" });
  assert.deepEqual(["Pool", "Odd", "x"].map(value), [2, 3, 4]);
});

test("a family whose metrics throw is discarded, and a later family of its name is complete", () => {
  const breaking = familyOf(
    {
      *[Symbol.iterator]() {
        yield { ...NO_LABELS, value: 1 };
        thrower();
      },
    },
    "gauge",
    "x",
  );
  const registry = new CollectorRegistry();
  registry.register(yielding(breaking));
  registry.register(yielding(new MetricFamily("x", "X.", "gauge").addSample("x", {}, 2)));
  assert.equal(registry.getSampleValue("x"), 2);
  assert.equal(registry.getSampleValue(ERRORS, { collector: "x", cause: "invalid" }), 2);

  const merged = new CollectorRegistry();
  merged.register(yielding(breaking));
  merged.register({ collect: () => [new Gauge("x", "X.", { registry: null }).collect()[0]!] });
  merged.register(yielding(new MetricFamily("x", "X.", "gauge").addSample("x", {}, 3)));
  assert.equal(merged.getSampleValue("x"), 0);
  assert.equal(merged.getSampleValue(ERRORS, { collector: "x", cause: "duplicate" }), 2);
});

test("a family that throws while it is merged does not reserve its series", () => {
  const registry = new CollectorRegistry();
  const series = (n: number) => ({ labelNames: ["n"], labelValues: [String(n)], value: n });
  const breaking = {
    *[Symbol.iterator]() {
      yield series(2);
      thrower();
    },
  };
  for (const metrics of [[series(1)], breaking, [series(2)]]) {
    registry.register(yielding(familyOf(metrics, "gauge", "x")));
  }
  assert.match(generateMetrics(registry), /^x\{n="1"\} 1\nx\{n="2"\} 2$/m);
});

test("families of one name are merged at the position of the first, with its help", () => {
  const registry = new CollectorRegistry();
  const family = (n: number, help: string) =>
    new MetricFamily("m", help, "gauge").addSample("m", { n }, n);
  registry.register(yielding(family(1, "First."), new MetricFamily("x", "X.", "gauge")));
  registry.register(yielding(family(2, "Second."), family(3, "Third.")));
  assert.equal(
    generateMetrics(registry),
    `# HELP m First.
# TYPE m gauge
m{n="1"} 1
m{n="2"} 2
m{n="3"} 3
# HELP x X.
# TYPE x gauge
`,
  );
});

test("a collector's samples join those of a metric of the same name", () => {
  const registry = new CollectorRegistry();
  const gauge = new Gauge("m", "M.", { registry, labelNames: ["l"] });
  gauge.labels("own").set(1);
  registry.register(
    yielding(
      new MetricFamily("m", "", "gauge").addSample("m", { l: "own" }, 7).addSample("m", {}, 2),
    ),
  );
  assert.match(generateMetrics(registry), /^m\{l="own"\} 1\nm 2$/m);
  assert.equal(registry.getSampleValue(ERRORS, { collector: "m", cause: "duplicate" }), 2);
});

test("the first of two equal series is kept, whatever the order of its labels", () => {
  const registry = new CollectorRegistry();
  registry.register(yielding(
    new MetricFamily("m", "M.", "gauge")
      .addSample("m", { a: "1", b: "2" }, 1)
      .addSample("m", { b: "2", a: "1" }, 2)
      .addSample("m", { a: "1", b: "2" }, 3, { timestamp: 5 })
      .addSample("m", { a: "12", b: "" }, 4)
      .addSample("m", { a: "1" }, 5),
  ));
  assert.equal(
    generateMetrics(registry),
    `# HELP m M.
# TYPE m gauge
m{a="1",b="2"} 1
m{a="12",b=""} 4
m{a="1"} 5
# HELP ${ERRORS} Collectors, families and series that were left out of a scrape.
# TYPE ${ERRORS} counter
${ERRORS}{collector="m",cause="duplicate"} 2
`,
  );
});

test("two handles of an Info with equal labels are one series", () => {
  const registry = new CollectorRegistry();
  const info = new Info("i", "I.", { registry, labelNames: ["a"] });
  info.labels("1").info({ b: "2" });
  info.labels("1").info({ b: "3" });
  assert.match(generateMetrics(registry), /^i_info\{a="1",b="3"\} 1\n$/m);
});

test("repeated histograms and summaries are left out as a whole", () => {
  const histogram = new MetricFamily("h", "H.", "histogram");
  const summary = new MetricFamily("s", "S.", "summary");
  for (const value of [1, 2]) {
    histogram.addSample("h_bucket", { le: "+Inf" }, value).addSample("h_count", {}, value);
    summary.addSample("s", { quantile: 0.5 }, value).addSample("s_count", {}, value);
  }
  const registry = new CollectorRegistry();
  registry.register(yielding(histogram, summary));
  assert.equal(
    withoutErrors(generateMetrics(registry)),
    `# HELP h H.
# TYPE h histogram
h_bucket{le="+Inf"} 1
h_count 1
# HELP s S.
# TYPE s summary
s{quantile="0.5"} 1
s_count 1
`,
  );
});

test("a prefix is also added to families of custom collectors, but not to target_info", () => {
  const registry = new CollectorRegistry({ prefix: "app", targetInfo: { version: "1" } });
  registry.register(yielding(
    new MetricFamily("m", "", "gauge").addSample("m", {}, 1),
    new MetricFamily("h", "", "histogram").addSample("h_count", {}, 2),
  ));
  assert.deepEqual([...gather(registry)].map(({ name }) => name), [
    "target_info",
    "app_m",
    "app_h",
  ]);
  assert.equal(registry.getSampleValue("app_h_count"), 2);
});

test("the state label of a stateset is named like its exposed family", () => {
  const registry = new CollectorRegistry({ prefix: "app" });
  registry.register(yielding(
    new MetricFamily("mode", "", "stateset")
      .addSample("mode", { mode: "on" }, 1)
      .addSample("mode", { mode: "on", app_mode: "x" }, 1),
  ));
  assert.match(generateMetrics(registry), /^app_mode\{app_mode="on"\} 1\n# HELP app_narthex/m);
  const labelled = new CollectorRegistry({ prefix: "app" });
  labelled.register(yielding(
    new MetricFamily("mode", "", "stateset", { metrics: [], labelNames: ["app_mode"] }),
  ));
  generateMetrics(labelled);
  assert.equal(
    labelled.getSampleValue(`app_${ERRORS}`, { collector: "mode", cause: "conflict" }),
    2,
  );
});

test("constant labels come first, and are overridden by labels of a sample and of its type", () => {
  const registry = new CollectorRegistry({ constLabels: { region: "eu", le: "x", zone: 1 } });
  new Counter("c_total", "C.", { registry, labelNames: ["l"] }).labels("v").inc();
  registry.register(yielding(
    new MetricFamily("g", "G.", "gauge")
      .addSample("g", { region: "us" }, 1)
      .addSample("g", { n: 1 }, 2, { timestamp: 3 }),
    new MetricFamily("h", "H.", "histogram")
      .addSample("h_bucket", { le: 1 }, 1)
      .addSample("h_bucket", { le: "+Inf" }, 2)
      .addSample("h_sum", {}, 2)
      .addSample("h_count", {}, 2),
    new MetricFamily("s", "S.", "summary").addSample("s", { quantile: 0.5 }, 1),
    new MetricFamily("mode", "M.", "stateset").addSample("mode", { mode: "on" }, 1),
  ));
  assert.equal(
    generateMetrics(registry),
    `# HELP c_total C.
# TYPE c_total counter
c_total{region="eu",le="x",zone="1",l="v"} 1
# HELP g G.
# TYPE g gauge
g{le="x",zone="1",region="us"} 1
g{region="eu",le="x",zone="1",n="1"} 2 3000
# HELP h H.
# TYPE h histogram
h_bucket{region="eu",zone="1",le="1"} 1
h_bucket{region="eu",zone="1",le="+Inf"} 2
h_sum{region="eu",zone="1"} 2
h_count{region="eu",zone="1"} 2
# HELP s S.
# TYPE s summary
s{region="eu",le="x",zone="1",quantile="0.5"} 1
# HELP mode M.
# TYPE mode gauge
mode{region="eu",le="x",zone="1",mode="on"} 1
`,
  );
  assert.equal(registry.getSampleValue("c_total", { region: "eu", le: "x", zone: 1, l: "v" }), 1);
});

test("metrics with constant labels are complete in every format", () => {
  const registry = new CollectorRegistry({ constLabels: { region: "eu" } });
  const clock = { now: () => 1000, monotonic: () => 0 };
  new Counter("c_total", "C.", { registry, clock }).inc(1, { trace_id: "t" });
  const options = { registry, buckets: [1], nativeHistogram: true, clock };
  new Histogram("h", "H.", options).observe(0.5, { trace_id: "t" });
  new Summary("s", "S.", { registry, quantiles: [0.5], clock }).observe(2);
  assert.equal(
    generateOpenMetrics(registry, { created: true }),
    `# HELP c C.
# TYPE c counter
c_total{region="eu"} 1 # {trace_id="t"} 1 1000
c_created{region="eu"} 1000
# HELP h H.
# TYPE h histogram
h_bucket{region="eu",le="1.0"} 1 # {trace_id="t"} 0.5 1000
h_bucket{region="eu",le="+Inf"} 1
h_sum{region="eu"} 0.5
h_count{region="eu"} 1
h_created{region="eu"} 1000
# HELP s S.
# TYPE s summary
s{region="eu",quantile="0.5"} 2
s_sum{region="eu"} 2
s_count{region="eu"} 1
s_created{region="eu"} 1000
# EOF
`,
  );
  const [, histogram] = [...gather(registry)];
  const [metric] = [...histogram!.metrics] as { native?: unknown; nativeExemplars?: unknown[] }[];
  assert.ok(metric?.native !== undefined);
  assert.equal(metric.nativeExemplars?.length, 1);
});

test("invalid families are left out and counted with constant labels", () => {
  const registry = new CollectorRegistry({ constLabels: { region: "eu" } });
  registry.register(yielding(null, familyOf(7), { name: 7, type: "gauge", help: "" }));
  new Gauge("g", "G.", { registry }).set(1);
  const value = (collector: string) =>
    registry.getSampleValue(ERRORS, { region: "eu", collector, cause: "invalid" });
  assert.equal(value("bad"), 3, "null and the invalid name count for the collector bad");
  assert.equal(registry.getSampleValue("g", { region: "eu" }), 1);
});

test("a collector can merge two other registries by yielding their families", async () => {
  const [left, right] = [new CollectorRegistry(), new CollectorRegistry({ prefix: "right" })];
  for (const [part, registry] of Object.entries({ left, right })) {
    new Counter("jobs_total", "Jobs.", { registry, labelNames: ["part"] }).labels(part).inc();
    new Histogram("h", "H.", { registry, buckets: [1] }).observe(0.5);
  }
  const registry = new CollectorRegistry({ prefix: "all" });
  registry.register({
    *collect() {
      yield* left.collect();
      yield* right.collect();
    },
  });
  const expected = `# HELP all_jobs_total Jobs.
# TYPE all_jobs_total counter
all_jobs_total{part="left"} 1
all_jobs_total{part="right"} 1
# HELP all_h H.
# TYPE all_h histogram
all_h_bucket{le="1"} 1
all_h_bucket{le="+Inf"} 1
all_h_sum 0.5
all_h_count 1
`;
  assert.ok(generateMetrics(registry).startsWith(expected));
  assert.equal(
    registry.getSampleValue(`all_${ERRORS}`, { collector: "h", cause: "duplicate" }),
    2,
  );
  const gathered = new CollectorRegistry();
  gathered.register({
    *collect() {
      yield* gather(left);
      yield* gather(right);
    },
  });
  assert.equal(gathered.getSampleValue("right_jobs_total", { part: "right" }), 1);
  assert.match(await generateMetricsAsync(gathered), /^right_h_count 1$/m);
});

test("setFunction() functions are called once per scrape, and only failing ones are left out", () => {
  const registry = new CollectorRegistry();
  let calls = 0;
  const gauge = new Gauge("g", "G.", { registry, labelNames: ["l"] });
  gauge.labels("a").set(1);
  gauge.labels("b").setFunction(thrower);
  gauge.labels("c").setFunction(() => ++calls);
  gauge.labels("d").setFunction(() => "7" as unknown as number);
  const counter = new Counter("c_total", "C.", { registry, labelNames: ["l"] });
  counter.labels("a").setFunction(() => -1);
  counter.labels("b").setFunction(() => NaN);
  counter.labels("c").setFunction(() => 3);
  assert.equal(
    generateMetrics(registry),
    `# HELP g G.
# TYPE g gauge
g{l="a"} 1
g{l="c"} 1
# HELP c_total C.
# TYPE c_total counter
c_total{l="c"} 3
# HELP ${ERRORS} Collectors, families and series that were left out of a scrape.
# TYPE ${ERRORS} counter
${ERRORS}{collector="g",cause="error"} 2
${ERRORS}{collector="c_total",cause="error"} 2
`,
  );
  assert.equal(calls, 1);
});

test("20,000 families of one name are merged", () => {
  const registry = new CollectorRegistry();
  registry.register({
    *collect() {
      for (let n = 0; n < 20_000; n++) {
        yield new MetricFamily("m", "M.", "gauge").addSample("m", { n }, n);
      }
    },
  });
  assert.equal([...gather(registry)][0]?.name, "m");
  assert.equal(registry.getSampleValue("m", { n: 19_999 }), 19_999);
});

test("a family may be a plain object", () => {
  const registry = new CollectorRegistry();
  const metric = { labelNames: ["l"], labelValues: ["v"], value: 4 };
  registry.register(yielding({ name: "m", help: "M.", type: "gauge", metrics: [metric] }));
  registry.register(yielding({ name: "m", help: "M.", type: "gauge", unit: "", metrics: [] }));
  assert.equal(registry.getSampleValue("m", { l: "v" }), 4);
  assert.equal(generateOpenMetrics(registry), '# HELP m M.\n# TYPE m gauge\nm{l="v"} 4\n# EOF\n');
});

test("a gathered family is live: it has the values at the time of reading", () => {
  const registry = new CollectorRegistry({ prefix: "app" });
  const gauge = new Gauge("g", "G.", { registry });
  const [family] = [...gather(registry)];
  gauge.set(7);
  assert.deepEqual([...family!.samples], [{ name: "app_g", labels: {}, value: 7 }]);
});
