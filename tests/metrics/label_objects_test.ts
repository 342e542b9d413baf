import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  Histogram,
  Info,
  StateSet,
  Summary,
} from "../../mod.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;
const labelNames = ["a", "b"] as const;

/** Properties of `Object.prototype` that a test has added. */
const polluted: string[] = [];

/** Adds an enumerable property to every object, as some programs do. */
function pollute(name: string, value: unknown): void {
  Object.defineProperty(Object.prototype, name, { value, enumerable: true, configurable: true });
  polluted.push(name);
}

afterEach(() => {
  for (const name of polluted.splice(0)) delete (Object.prototype as Record<string, unknown>)[name];
});

/** Creates a counter with so many label values that it uses a hash table. */
function createSparse(): Counter<typeof labelNames> {
  const counter = new Counter("sparse_total", "S.", { labelNames, registry });
  for (let i = 0; i < 200; i++) counter.labels(i, (i * 7) % 200);
  return counter;
}

/** The type that label objects pretend to have. */
type Labels = { a: string; b: string };

test("an inherited property is not a label", () => {
  const counter = new Counter("c_total", "C.", { labelNames: ["page"], registry });
  const labels: { page: string } = Object.create({ page: "home" });
  for (let i = 0; i < 2; i++) {
    assert.throws(() => counter.labels(labels).inc(), { name: "UnobservableMetricError" });
    counter.labels("home");
  }
  assert.throws(() => counter.remove(labels), { message: /labels are missing: "page"$/ });
  assert.equal(counter.removeMatching(labels), 1);
});

test("a non-enumerable property is not a label", () => {
  const counter = new Counter("c_total", "C.", { labelNames: ["page"], registry });
  counter.labels("home");
  const labels = Object.defineProperty({} as { page: string }, "page", { value: "home" });
  assert.throws(() => counter.labels(labels).inc(), { name: "UnobservableMetricError" });
});

test("a label object may have any prototype, or none", () => {
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  class Route {
    a = "x";
    b = "y";
    get c() {
      return "z";
    }
  }
  const plain = counter.labels({ a: "x", b: "y" });
  const bare: Labels = Object.assign(Object.create(null), { a: "x", b: "y" });
  const derived: Labels = Object.assign(Object.create({ c: "z", a: "w" }), { a: "x", b: "y" });
  for (const labels of [bare, derived, new Route() as Labels]) {
    assert.equal(counter.labels(labels), plain);
  }
});

test("metrics and labels() work while Object.prototype has an enumerable property", () => {
  pollute("extra", 1);
  const own = new CollectorRegistry();
  const options = { labelNames, registry: own, defaultLabels: { b: "z" } };
  const counter = new Counter("c_total", "C.", options);
  const gauge = new Gauge("g", "G.", options);
  const histogram = new Histogram("h", "H.", { ...options, nativeHistogram: {} });
  const summary = new Summary("s", "S.", options);
  const info = new Info("i", "I.", options);
  const states = new StateSet("t", "T.", { ...options, states: ["x"] });
  for (let i = 0; i < 2; i++) {
    counter.labels({ a: "x", b: "y" }).inc();
    counter.labels({ b: "y", a: "x" }).inc();
    counter.labels({ a: "x" }).inc(10);
    gauge.labels({ a: "x" }).set(1);
    histogram.startTimer().stop({ a: "x" });
    summary.labels({ b: "y" }).labels({ a: "x" }).observe(1);
    info.labels({ a: "x" }).info({ version: "1" });
    states.labels({ a: "x" }).state("x");
  }
  assert.deepEqual(seriesOf(counter), ['c_total{a="x",b="y"} 4', 'c_total{a="x",b="z"} 20']);
  assert.match(generateMetrics(own), /^i_info\{a="x",b="z",version="1"\} 1$/m);
  assert.equal(histogram.labels("x", "z").count, 2);
  assert.equal(summary.labels("x", "y").count, 2);
  assert.equal(counter.removeMatching({ a: "x" }), 2);
  assert.equal(gauge.remove({ a: "x" }), true);
});

test("a property of Object.prototype is not a label, even if it has a label's name", () => {
  pollute("b", "y");
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  for (let i = 0; i < 2; i++) {
    const partial = counter.labels({ a: "x" });
    assert.throws(() => (partial as unknown as { inc(): void }).inc(), {
      name: "UnobservableMetricError",
    });
    partial.labels({ b: "z" }).inc();
    counter.labels("x", "y");
  }
  assert.deepEqual(seriesOf(counter), ['c_total{a="x",b="z"} 2', 'c_total{a="x",b="y"} 0']);
});

test("a full metric does not take an inherited property for a label", () => {
  pollute("b", "y");
  const counter = new Counter("c_total", "C.", { labelNames, maxSeries: 1, registry });
  counter.labels("x", "x");
  counter.labels("y", "y");
  const partial = counter.labels({ a: "new" });
  assert.throws(() => (partial as unknown as { inc(): void }).inc(), {
    name: "UnobservableMetricError",
  });
});

test("a property of Object.prototype is not an option", () => {
  for (
    const [name, value] of [["unit", "bytes"], ["labelNames", ["a"]], ["maxSeries", 0]] as const
  ) {
    pollute(name, value);
    const counter = new Counter("c_total", "C.", { registry });
    assert.equal(counter.name, "c_total");
    assert.deepEqual(counter.labelNames, []);
  }
  pollute("buckets", [7]);
  pollute("maxBuckets", 0.5);
  const histogram = new Histogram("h", "H.", { nativeHistogram: {}, registry });
  assert.deepEqual(histogram.labels().bounds, []);
});

test("finds the right series if a getter looks up another one", () => {
  for (const counter of [new Counter("c_total", "C.", { labelNames, registry }), createSparse()]) {
    const other = counter.labels("7", "49");
    const wanted = counter.labels("3", "21");
    const labels = {
      a: "3",
      get b() {
        counter.labels("7", "49").inc();
        counter.labels({ a: "7", b: "49" }).inc();
        return "21";
      },
    };
    const inOrder = {
      get a() {
        counter.labels({ b: "49", a: "7" }).inc();
        return "3";
      },
      b: "21",
    };
    for (let i = 0; i < 3; i++) {
      assert.equal(counter.labels(labels), wanted);
      assert.equal(counter.labels(inOrder), wanted);
    }
    assert.deepEqual(wanted.labelValues, ["3", "21"]);
    assert(other.value > 0);
    assert.equal(wanted.value, 0);
  }
});

test("finds the right series if a getter looks up series of other metrics or creates metrics", () => {
  const counter = createSparse();
  const other = createSparse();
  const wanted = counter.labels("3", "21");
  let made = 0;
  const labels = {
    a: "3",
    get b() {
      other.labels("9", "63").inc();
      const names = Array.from({ length: 20 + made++ }, (_, i) => `l${i}`);
      new Counter("wide_total", "W.", { labelNames: names, registry }).labels(...names);
      return "21";
    },
  };
  for (let i = 0; i < 3; i++) assert.equal(counter.labels(labels), wanted);
});

test("finds the right series if a getter adds and removes series", () => {
  for (const counter of [new Counter("c_total", "C.", { labelNames, registry }), createSparse()]) {
    let step = 0;
    const labels = {
      a: "x",
      get b() {
        for (let i = 0; i < 40; i++) counter.labels(`new-${step}-${i}`, i).inc();
        if (step % 3 === 1) counter.removeMatching({ b: 3 });
        if (step % 3 === 2) counter.clear();
        step++;
        return "y";
      },
    };
    for (let i = 0; i < 9; i++) {
      const child = counter.labels(labels);
      assert.deepEqual(child.labelValues, ["x", "y"]);
      child.inc();
      assert.equal(counter.labels("x", "y"), child);
    }
  }
});

test("creates a series once if a getter creates it during the look-up", () => {
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  const labels = {
    a: "x",
    get b() {
      counter.labels("x", "y").inc();
      return "y";
    },
  };
  counter.labels(labels).inc();
  const { length } = seriesOf(counter);
  assert.equal(length, 1);
});

test("a getter with another value at each read returns a series of one of its values", () => {
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  let reads = 0;
  const given = new Set<string>();
  const labels = {
    a: "x",
    get b() {
      const value = `v${reads++ % 5}`;
      given.add(value);
      return value;
    },
  };
  for (let i = 0; i < 20; i++) {
    const child = counter.labels(labels);
    assert(given.has(child.labelValues[1]!));
    assert.equal(counter.labels("x", child.labelValues[1]!), child);
  }
  const types: unknown[] = [1, "1", true, "true", 2];
  const mixed = {
    a: "x",
    get b() {
      return types[reads++ % types.length] as string;
    },
  };
  for (let i = 0; i < 20; i++) counter.labels(mixed);
  for (const value of [1, "1", true, "true", 2]) {
    assert.deepEqual(counter.labels("x", value).labelValues, ["x", String(value)]);
  }
});

test("throws if the second read of a getter returns an illegal value", () => {
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  let reads = 0;
  let conversions = 0;
  const object = { toString: () => `${conversions++}` };
  const labels = {
    a: "x",
    get b() {
      return reads++ === 0 ? "y" : object as unknown as string;
    },
  };
  counter.labels("x", "z");
  assert.throws(() => counter.labels(labels), TypeError);
  assert.deepEqual(seriesOf(counter), ['c_total{a="x",b="z"} 0']);
  assert.equal(conversions, 0);
});

test("changes nothing if a getter throws", () => {
  for (const maxSeries of [Infinity, 1]) {
    const counter = new Counter("c_total", "C.", { labelNames, maxSeries, registry });
    counter.labels("1", "1");
    counter.labels("2", "2");
    const before = seriesOf(counter);
    const labels = {
      a: "x",
      get b(): string {
        throw new RangeError("no");
      },
    };
    assert.throws(() => counter.labels(labels), { name: "RangeError", message: "no" });
    assert.deepEqual(seriesOf(counter), before);
  }
});

test("finds the right series for a proxy", () => {
  const counter = createSparse();
  const wanted = counter.labels("3", "21");
  const traps: string[] = [];
  const labels = new Proxy({ a: "3", b: "21" }, {
    get(target, key, receiver) {
      traps.push(String(key));
      counter.labels("7", "49").inc();
      return Reflect.get(target, key, receiver);
    },
    getOwnPropertyDescriptor(target, key) {
      counter.labels("9", "63").inc();
      return Reflect.getOwnPropertyDescriptor(target, key);
    },
  });
  for (let i = 0; i < 3; i++) assert.equal(counter.labels(labels), wanted);
  assert(traps.includes("b"));
});

test("a full metric returns the overflow series for a label object with a getter", () => {
  const counter = new Counter("c_total", "C.", { labelNames, maxSeries: 1, registry });
  const first = counter.labels("1", "1");
  const overflow = counter.labels("2", "2");
  const labels = (b: string) => ({
    a: "1",
    get b() {
      counter.labels("1", "1").inc();
      return b;
    },
  });
  assert.equal(counter.labels(labels("1")), first);
  assert.equal(counter.labels(labels("3")), overflow);
});

test("never calls toString() or valueOf() of a label value", () => {
  const counter = new Counter("c_total", "C.", { labelNames: ["a"], registry });
  let calls = 0;
  const value = {
    toString: () => `${calls++}`,
    valueOf: () => calls++,
    [Symbol.toPrimitive]: () => `${calls++}`,
  } as unknown as string;
  assert.throws(() => counter.labels(value), TypeError);
  assert.throws(() => counter.labels({ a: value }), TypeError);
  assert.throws(() => counter.remove({ a: value }), TypeError);
  assert.equal(calls, 0);
});
