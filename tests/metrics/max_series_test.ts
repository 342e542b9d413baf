import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  gather,
  Gauge,
  generateMetrics,
  Histogram,
  Info,
  REGISTRY,
  type Registry,
  StateSet,
  Summary,
} from "../../mod.ts";
import { collectedMemory } from "../support/garbage.ts";
import { ownCounts, seriesOf } from "../support/series.ts";

const registry = null;
const labelNames = ["a", "b"] as const;
const OVERFLOWS = "narthex_series_overflow_total";

/** Creates every type with labels `a` and `b`, a limit, and a function that writes. */
function createAll(maxSeries: number | undefined) {
  const options = { labelNames, maxSeries, registry };
  const counter = new Counter("c_total", "C.", options);
  const histogram = new Histogram("h", "H.", { ...options, buckets: [1] });
  const native = new Histogram("n", "N.", { ...options, nativeHistogram: true });
  const summary = new Summary("s", "S.", { ...options, quantiles: [0.5] });
  const gauge = new Gauge("g", "G.", options);
  const info = new Info("i", "I.", options);
  const states = new StateSet("t", "T.", { ...options, states: ["x", "y"] });
  return {
    counter: { metric: counter, write: (a: string) => counter.labels(a, "b").inc(2) },
    histogram: { metric: histogram, write: (a: string) => histogram.labels(a, "b").observe(2) },
    native: { metric: native, write: (a: string) => native.labels(a, "b").observe(2) },
    summary: { metric: summary, write: (a: string) => summary.labels(a, "b").observe(2) },
    gauge: { metric: gauge, write: (a: string) => gauge.labels(a, "b").set(2) },
    info: { metric: info, write: (a: string) => info.labels(a, "b").info({ v: "1" }) },
    stateset: { metric: states, write: (a: string) => states.labels(a, "b").state("y") },
  };
}
type Type = keyof ReturnType<typeof createAll>;

/** The overflow series after five writes to five label sets of a metric with room for two. */
const FOLDED: Record<string, string[]> = {
  counter: ['c_total{a="overflow",b="overflow"} 6'],
  histogram: [
    'h_bucket{a="overflow",b="overflow",le="1"} 0',
    'h_bucket{a="overflow",b="overflow",le="+Inf"} 3',
    'h_sum{a="overflow",b="overflow"} 6',
    'h_count{a="overflow",b="overflow"} 3',
  ],
  native: [
    'n_bucket{a="overflow",b="overflow",le="+Inf"} 3',
    'n_sum{a="overflow",b="overflow"} 6',
    'n_count{a="overflow",b="overflow"} 3',
  ],
  summary: [
    's_sum{a="overflow",b="overflow"} 6',
    's_count{a="overflow",b="overflow"} 3',
  ],
  gauge: [],
  info: [],
  stateset: [],
};

for (const type of Object.keys(FOLDED) as Type[]) {
  const what = FOLDED[type]!.length > 0 ? "folds" : "drops";
  test(`a full ${type} ${what} writes to other label sets, and counts the look-ups`, () => {
    const { metric, write } = createAll(2)[type];
    for (const a of ["1", "2"]) write(a);
    const before = seriesOf(metric);
    assert.equal(ownCounts(metric).seriesOverflows, 0);
    for (const a of ["3", "4", "5"]) write(a);
    assert.equal(ownCounts(metric).seriesOverflows, 3);
    const own = seriesOf(metric).filter((line) => !line.includes("overflow"));
    assert.deepEqual(own, before);
    const folded = seriesOf(metric).filter((line) =>
      line.includes("overflow") && !line.includes("quantile")
    );
    assert.deepEqual(folded, FOLDED[type]);
  });
}

test("the overflow series has native buckets and exemplars", () => {
  const histogram = new Histogram("n", "N.", {
    labelNames: ["a"],
    nativeHistogram: true,
    maxSeries: 1,
    registry,
  });
  histogram.labels("1").observe(1);
  for (const a of ["2", "3"]) histogram.labels(a).observe(4, { trace: a });
  const folded = histogram.labels("4");
  assert.equal(folded.native?.count, 2);
  assert.equal(folded.nativeExemplars?.length, 2);
});

test("all look-ups without room return the overflow series, in every form", () => {
  const counter = new Counter("c_total", "C.", { labelNames, maxSeries: 1, registry });
  const first = counter.labels({ a: 1, b: true });
  const folded = counter.labels({ a: "1", b: "x" });
  assert.notEqual(folded, first);
  assert.deepEqual(folded.labelValues, ["overflow", "overflow"]);
  assert.equal(counter.labels({ b: "x", a: "1" }), folded);
  assert.equal(counter.labels("1", "x"), folded);
  assert.equal(counter.labels({ a: "1" }).labels({ b: "x" }), folded);
  assert.equal(counter.labels({ a: 2, b: 3 }), folded);
  assert.equal(counter.labels("\ud800", "x"), folded);
  assert.equal(ownCounts(counter).seriesOverflows, 6);
  // The same labels in another form find the existing series.
  assert.equal(counter.labels("1", "true"), first);
  assert.equal(counter.labels({ b: "true", a: "1" }), first);
  assert.equal(counter.labels({ a: 1 }).labels({ b: true }), first);
  assert.equal(ownCounts(counter).seriesOverflows, 6);
});

test("a full metric finds a series by numbers and booleans at the first call", () => {
  const counter = new Counter("c_total", "C.", { labelNames, maxSeries: 2, registry });
  const first = counter.labels("200", "true");
  const second = counter.labels("\ufffd", "x");
  assert.equal(counter.labels(200, true), first);
  assert.equal(counter.labels({ a: "\ud800", b: "x" }), second);
  assert.equal(ownCounts(counter).seriesOverflows, 0);
});

test("a full metric finds a series by labels in another order at the first call", () => {
  const counter = new Counter("c_total", "C.", { labelNames, maxSeries: 1, registry });
  const child = counter.labels("x", "5");
  const overflow = counter.labels("y", "6");
  assert.equal(counter.labels({ b: 5, a: "x" }), child);
  assert.equal(counter.labels({ b: 7, a: "x" }), overflow);
  assert.equal(counter.labels({ b: 5, a: "y" }), overflow);
});

for (const folded of [0, 1]) {
  const when = folded === 0 ? "it has not folded yet" : "it has folded";
  test(`a full metric throws on wrong labels when ${when}`, () => {
    for (const { metric, write } of Object.values(createAll(0))) {
      for (let i = 0; i < folded; i++) write(String(i));
      // Any metric type works, because they share their look-ups.
      const { labels } = metric as unknown as { labels: (...args: unknown[]) => unknown };
      const wrong: unknown[][] = [
        ["1"],
        ["1", "2", "3"],
        ["1", null],
        [{ a: "1", c: "2" }],
        [{ a: "1", b: undefined }],
        [{ a: "1", b: {} }],
        [{ a: "1", b: "2", c: "3" }],
      ];
      for (const args of wrong) assert.throws(() => labels.apply(metric, args), TypeError);
      assert.equal(ownCounts(metric).seriesOverflows, folded);
    }
  });
}

test("the overflow series takes no room, and can be looked up by its labels", () => {
  const counter = new Counter("c_total", "C.", { labelNames, maxSeries: 1, registry });
  const literal = counter.labels("overflow", "overflow");
  const first = counter.labels("1", "1");
  assert.deepEqual(first.labelValues, ["1", "1"]);
  assert.equal(counter.labels("2", "2"), literal);
  assert.equal(counter.labels("overflow", "overflow"), literal);
  assert.deepEqual(counter.labels("overflow", "x").labelValues, ["overflow", "overflow"]);
  assert.equal(ownCounts(counter).seriesOverflows, 2);
  const full = new Counter("c_total", "C.", { labelNames, maxSeries: 1, registry });
  full.labels("1", "1");
  assert.equal(full.labels("overflow", "overflow"), full.labels("2", "2"));
  assert.equal(ownCounts(full).seriesOverflows, 1);
});

test("the label value overflow is not special for a gauge", () => {
  const gauge = new Gauge("g", "G.", { labelNames: ["a"], maxSeries: 1, registry });
  gauge.labels("overflow").set(1);
  gauge.labels("2").set(2);
  assert.deepEqual(seriesOf(gauge), ['g{a="overflow"} 1']);
  assert.equal(ownCounts(gauge).seriesOverflows, 1);
});

test("removed series make room, and a handle to the overflow series stays valid", () => {
  const counter = new Counter("c_total", "C.", { labelNames: ["a"], maxSeries: 2, registry });
  for (const a of ["1", "2"]) counter.labels(a).inc();
  const folded = counter.labels("3");
  folded.inc(5);
  assert.equal(counter.remove({ a: "3" }), false);
  assert.equal(counter.remove({ a: "1" }), true);
  counter.labels("3").inc();
  folded.inc();
  const series = ['c_total{a="2"} 1', 'c_total{a="overflow"} 6', 'c_total{a="3"} 1'];
  assert.deepEqual(seriesOf(counter), series);
  counter.labels("4").inc();
  assert.deepEqual(seriesOf(counter)[1], 'c_total{a="overflow"} 7');
});

test("a removed overflow series is created again when it is needed", () => {
  for (const clear of [false, true]) {
    const counter = new Counter("c_total", "C.", { labelNames: ["a"], maxSeries: 1, registry });
    counter.labels("1").inc();
    const folded = counter.labels("2");
    folded.inc(5);
    if (clear) counter.clear();
    else assert.equal(counter.removeMatching({ a: "overflow" }), 1);
    folded.inc();
    counter.labels("1").inc();
    assert.deepEqual(seriesOf(counter), [`c_total{a="1"} ${clear ? 1 : 2}`]);
    counter.labels("3").inc();
    assert.notEqual(counter.labels("3"), folded);
    assert.deepEqual(seriesOf(counter)[1], 'c_total{a="overflow"} 1');
  }
});

test("a metric keeps its limit and its overflow series after many removals", () => {
  const counter = new Counter("c_total", "C.", { labelNames: ["a"], maxSeries: 100, registry });
  for (let i = 0; i < 101; i++) counter.labels(i).inc();
  const folded = counter.labels("x");
  for (let i = 0; i < 80; i++) counter.remove(i);
  for (let i = 200; i < 281; i++) counter.labels(i).inc();
  assert.equal(counter.labels("x"), folded);
  assert.equal(folded.value, 2);
  assert.equal(seriesOf(counter).length, 101);
});

test("a dropped gauge ignores every write", async () => {
  const gauge = new Gauge("g", "G.", { labelNames: ["a"], maxSeries: 0, registry });
  const dropped = gauge.labels("1");
  dropped.set(5);
  dropped.inc();
  dropped.dec(2);
  dropped.setToCurrentTime();
  dropped.startTimer().stop();
  gauge.startTimer().stop({ a: "1" });
  assert.equal(dropped.time(() => "done"), "done");
  assert.equal(await dropped.trackInProgress(() => Promise.resolve("done")), "done");
  dropped.setFunction(() => 7);
  assert.equal(dropped.value, 0);
  // A dropped function of one caller does not block the writes of another.
  gauge.labels("2").set(1);
  assert.deepEqual(dropped.labelValues, ["overflow"]);
  assert.deepEqual(seriesOf(gauge), []);
});

test("a dropped series still throws on illegal values", () => {
  const { gauge, info, stateset } = createAll(0);
  const five = "5" as unknown as number;
  assert.throws(() => gauge.metric.labels("1", "2").set(five), TypeError);
  assert.throws(() => gauge.metric.labels("1", "2").inc(five), TypeError);
  assert.throws(() => gauge.metric.labels("1", "2").dec(five), TypeError);
  const noFunction = 5 as unknown as () => number;
  assert.throws(() => gauge.metric.labels("1", "2").setFunction(noFunction), TypeError);
  assert.throws(() => info.metric.labels("1", "2").info({ a: "1" }), TypeError);
  assert.throws(() => stateset.metric.labels("1", "2").state("z" as "x"), TypeError);
});

test("a dropped label set of a gauge gets a series when there is room", () => {
  const gauge = new Gauge("g", "G.", { labelNames: ["a"], maxSeries: 1, registry });
  gauge.labels("1").set(1);
  const dropped = gauge.labels("2");
  gauge.clear();
  dropped.set(2);
  gauge.labels("2").set(3);
  assert.deepEqual(seriesOf(gauge), ['g{a="2"} 3']);
});

test("the series of a metric that is written directly exists whatever the limit is", () => {
  const counter = new Counter("c_total", "C.", { maxSeries: 0, registry });
  counter.inc();
  assert.deepEqual(seriesOf(counter), ["c_total 1"]);
  const defaultLabels = { a: "x" };
  const options = { labelNames: ["a"], defaultLabels, maxSeries: 0, registry } as const;
  const gauge = new Gauge("g", "G.", options);
  const defaulted = new Counter("d_total", "D.", options);
  gauge.set(1);
  gauge.labels({ a: "y" }).set(2);
  defaulted.inc();
  defaulted.labels({ a: "y" }).inc(2);
  assert.deepEqual(seriesOf(gauge), ['g{a="x"} 1']);
  assert.deepEqual(seriesOf(defaulted), ['d_total{a="x"} 1', 'd_total{a="overflow"} 2']);
  assert.equal(gauge.labels({}).value, 1);
});

test("default labels are filled in before the limit is checked", () => {
  const counter = new Counter("c_total", "C.", {
    labelNames,
    defaultLabels: { b: "x" },
    maxSeries: 1,
    registry,
  });
  const first = counter.labels({ a: "1" });
  assert.deepEqual(first.labelValues, ["1", "x"]);
  assert.equal(counter.labels({ a: "1", b: "x" }), first);
  assert.deepEqual(counter.labels({ a: "2" }).labelValues, ["overflow", "overflow"]);
  assert.equal(ownCounts(counter).seriesOverflows, 1);
});

for (const maxSeries of [-1, 1.5, NaN, -Infinity]) {
  test(`maxSeries ${maxSeries} is refused`, () => {
    const message = `maxSeries must be an integer >= 0, or Infinity: received ${maxSeries}`;
    assert.throws(() => new Counter("c_total", "C.", { maxSeries, registry }), {
      name: "RangeError",
      message: `Cannot create counter "c_total": ${message}`,
    });
    assert.throws(() => new CollectorRegistry({ maxSeries }), {
      name: "RangeError",
      message: `Cannot create registry: ${message}`,
    });
  });
}

test("maxSeries that is not a number is refused", () => {
  for (const given of ["5", null, {}, 5n]) {
    const maxSeries = given as unknown as number;
    assert.throws(() => new Gauge("g", "G.", { maxSeries, registry }), TypeError);
    assert.throws(() => new CollectorRegistry({ maxSeries }), TypeError);
  }
});

test("a registry's maxSeries is the default of its metrics", () => {
  const own = new CollectorRegistry({ maxSeries: 1 });
  assert.equal(own.maxSeries, 1);
  assert.equal(new CollectorRegistry().maxSeries, Infinity);
  const options = { labelNames: ["a"], registry: own } as const;
  const byRegistry = new Counter("a_total", "A.", options);
  const byItself = new Counter("b_total", "B.", { ...options, maxSeries: 2 });
  const unlimited = new Counter("c_total", "C.", { ...options, maxSeries: Infinity });
  const nowhere = new Counter("d_total", "D.", { ...options, registry });
  const counts: number[] = [];
  for (const counter of [byRegistry, byItself, unlimited, nowhere]) {
    for (let i = 0; i < 5; i++) counter.labels(i).inc();
    counts.push(seriesOf(counter).length);
  }
  // The overflow series is not part of the limit.
  assert.deepEqual(counts, [2, 3, 5, 5]);
});

test("a registry's maxSeries is read through the proxy when a metric is created", () => {
  const proxy = new CollectorRegistryProxy(new CollectorRegistry({ maxSeries: 1 }));
  const options = { labelNames: ["a"], registry: proxy } as const;
  const limited = new Counter("a_total", "A.", options);
  proxy.setRegistry(new CollectorRegistry(), { collectors: "leave" });
  assert.equal(proxy.maxSeries, Infinity);
  const unlimited = new Counter("a_total", "A.", options);
  for (const counter of [limited, unlimited]) for (const a of [1, 2, 3]) counter.labels(a).inc();
  assert.equal(seriesOf(limited).length, 2);
  assert.equal(seriesOf(unlimited).length, 3);
});

test("the default registry's maxSeries is the default of metrics without the option registry", () => {
  const former = REGISTRY.getRegistry();
  REGISTRY.setRegistry(new CollectorRegistry({ maxSeries: 1 }), { collectors: "leave" });
  try {
    const counter = new Counter("c_total", "C.", { labelNames: ["a"] });
    for (const a of [1, 2, 3]) counter.labels(a).inc();
    assert.equal(REGISTRY.getSampleValue("c_total", { a: "overflow" }), 2);
  } finally {
    REGISTRY.setRegistry(former, { collectors: "leave" });
  }
});

test("maxSeries is optional in a custom registry, and checked", () => {
  const own = (maxSeries?: number): Registry => ({
    prefix: null,
    register: () => {},
    unregister: () => {},
    collect: () => [],
    ...(maxSeries === undefined ? {} : { maxSeries }),
  });
  const count = (registry: Registry): number => {
    const counter = new Counter("c_total", "C.", { labelNames: ["a"], registry });
    for (const a of [1, 2, 3]) counter.labels(a).inc();
    return seriesOf(counter).length;
  };
  assert.equal(count(own()), 3);
  assert.equal(count(own(1)), 2);
  assert.throws(() => count(own(-1)), RangeError);
});

test("onDuplicate reuse returns only a metric with the same limit", () => {
  const own = new CollectorRegistry({ onDuplicate: "reuse" });
  const options = { labelNames: ["a"], registry: own } as const;
  const first = new Counter("c_total", "C.", { ...options, maxSeries: 5 });
  assert.equal(new Counter("c_total", "C.", { ...options, maxSeries: 5 }), first);
  for (const maxSeries of [6, undefined]) {
    assert.throws(() => new Counter("c_total", "C.", { ...options, maxSeries }), {
      name: "DuplicateMetricError",
    });
  }
});

test("overflows are one family of a scrape, absent until the first one", () => {
  const own = new CollectorRegistry({ prefix: "app", constLabels: { zone: "z" }, maxSeries: 1 });
  const options = { labelNames: ["a"], registry: own } as const;
  const counter = new Counter("c_total", "C.", options);
  const gauge = new Gauge("g", "G.", options);
  new Summary("s", "S.", options).labels("1").observe(1);
  for (const metric of [counter, gauge]) metric.labels("1").inc();
  assert.equal(generateMetrics(own).includes(OVERFLOWS), false);
  for (const a of ["2", "3"]) counter.labels(a).inc();
  gauge.labels("2").inc();
  const [family] = [...gather(own)].filter(({ name }) => name.includes("narthex"));
  assert.equal(family?.name, `app_${OVERFLOWS}`);
  assert.deepEqual([...family!.samples].map(({ labels, value }) => [labels, value]), [
    [{ zone: "z", metric: "app_c_total" }, 2],
    [{ zone: "z", metric: "app_g" }, 1],
  ]);
  own.unregister(counter);
  own.unregister(gauge);
  assert.equal(generateMetrics(own).includes(OVERFLOWS), false);
});

test("a million label sets beyond the limit need no memory, and all their writes are counted", async () => {
  const own = new CollectorRegistry({ maxSeries: 1000 });
  const options = { labelNames: ["path", "status"], registry: own } as const;
  const counter = new Counter("c_total", "C.", options);
  const gauge = new Gauge("g", "G.", options);
  const histogram = new Histogram("h", "H.", options);
  const flood = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      counter.labels({ path: `/${i}`, status: i % 7 }).inc();
      if (i % 10 > 0) continue;
      gauge.labels(`/${i}`, i % 3).set(i);
      histogram.labels({ status: i % 3, path: `/${i}` }).observe(1);
    }
  };
  flood(0, 20_000);
  const before = await collectedMemory();
  const size = 1_000_000;
  flood(20_000, size);
  const grown = await collectedMemory() - before;
  // A million series would need several hundred megabytes.
  assert(grown < 4e6, `${grown} bytes`);
  for (const name of ["c_total", "h_count"]) {
    let series = 0;
    let total = 0;
    for (const family of own.restrictedRegistry([name]).collect()) {
      for (const { value } of family.samples) {
        series++;
        total += value;
      }
    }
    assert.equal(series, 1001);
    assert.equal(total, name === "c_total" ? size : size / 10);
  }
  assert.equal(seriesOf(gauge).length, 1000);
  assert.equal(ownCounts(counter).seriesOverflows, size - 1000);
  assert.equal(ownCounts(gauge).seriesOverflows, size / 10 - 1000);
});
