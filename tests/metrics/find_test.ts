import assert from "node:assert/strict";
import { test } from "node:test";
import { Counter, Gauge, Histogram, Info, StateSet, Summary } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { ownCounts, seriesOf } from "../support/series.ts";

const registry = null;
const labelNames = ["a", "b"] as const;

/** The calls of a program without type checks. */
interface Unchecked {
  find(...args: unknown[]): unknown;
}

test("find() returns the series that labels() created, in each form", () => {
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  const series = counter.labels("x", 1);
  assert.equal(counter.find("x", 1), series);
  assert.equal(counter.find("x", "1"), series);
  assert.equal(counter.find({ a: "x", b: 1 }), series);
  assert.equal(counter.find({ b: "1", a: "x" }), series);
});

test("find() works for every type", () => {
  const options = { labelNames: ["a"], registry } as const;
  const metrics = [
    new Counter("c_total", "C.", options),
    new Gauge("g", "G.", options),
    new Histogram("h", "H.", { ...options, nativeHistogram: true }),
    new Summary("s", "S.", { ...options, quantiles: [0.5] }),
    new Info("i", "I.", options),
    new StateSet("t", "T.", { ...options, states: ["x"] }),
  ];
  for (const metric of metrics) {
    const { find, labels } = metric as unknown as Unchecked & {
      labels(...args: unknown[]): unknown;
    };
    assert.equal(find.call(metric, "x"), undefined);
    const series = labels.call(metric, "x");
    assert.equal(find.call(metric, { a: "x" }), series);
  }
});

test("find() returns undefined for a label set without a series, and creates nothing", () => {
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  counter.labels("x", "y");
  assert.equal(counter.find("x", "z"), undefined);
  assert.equal(counter.find({ a: "y", b: "x" }), undefined);
  assert.deepEqual(seriesOf(counter), ['c_total{a="x",b="y"} 0']);
});

test("find() returns undefined for labels that the metric does not have, and never throws", () => {
  const counter = new Counter("c_total", "C.", { labelNames, registry });
  counter.labels("x", "y");
  const throwing = {
    a: "x",
    get b(): string {
      throw new Error("no");
    },
  };
  const { proxy: revoked, revoke } = Proxy.revocable({}, {});
  revoke();
  const wrong: unknown[][] = [
    [],
    ["x"],
    ["x", "y", "z"],
    [["x", "y"]],
    [null],
    [undefined],
    ["x", null],
    ["x", Symbol("y")],
    ["x", 1n],
    [{}],
    [{ a: "x" }],
    [{ a: "x", c: "y" }],
    [{ a: "x", b: "y", c: "z" }],
    [{ a: "x", b: null }],
    [{ a: "x", b: {} }],
    [throwing],
    [revoked],
    [Object.create({ a: "x", b: "y" })],
  ];
  for (const args of wrong) assert.equal((counter as Unchecked).find(...args), undefined);
  assert.deepEqual(seriesOf(counter), ['c_total{a="x",b="y"} 0']);
});

test("find() completes labels with their defaults", () => {
  const counter = new Counter("c_total", "C.", {
    labelNames,
    defaultLabels: { b: "y" },
    registry,
  });
  const series = counter.labels({ a: "x" });
  assert.equal(counter.find({ a: "x" }), series);
  assert.equal(counter.find({ a: "x", b: "z" }), undefined);
  assert.equal((counter as Unchecked).find({ b: "y" }), undefined);
});

test("find() returns the series of a metric that is written directly", () => {
  const plain = new Counter("c_total", "C.", { registry });
  assert.equal(plain.find(), plain.labels());
  assert.equal(plain.find({}), plain.labels());
  const defaulted = new Gauge("g", "G.", { labelNames, defaultLabels: { a: 1, b: 2 }, registry });
  defaulted.set(5);
  assert.equal(defaulted.find({})?.value, 5);
  assert.equal((defaulted as Unchecked).find(), undefined);
});

test("find() returns undefined for a series that was removed or cleared", () => {
  const counter = new Counter("c_total", "C.", { labelNames: ["a"], registry });
  counter.labels("x");
  counter.labels("y");
  counter.remove("x");
  assert.equal(counter.find("x"), undefined);
  counter.clear();
  assert.equal(counter.find({ a: "y" }), undefined);
  assert.equal(counter.find("y"), undefined);
});

test("find() returns undefined for an expired series, and does not keep one from expiring", () => {
  const clock = new ManualClock();
  const options = { labelNames: ["a"], expireAfterSeconds: 10, clock, registry } as const;
  const counter = new Counter("c_total", "C.", options);
  const held = counter.labels("x");
  clock.advance(9);
  assert.equal(counter.find("x"), held);
  assert.equal(counter.find({ a: "x" }), held);
  clock.advance(1);
  assert.equal(counter.find("x"), undefined);
  assert.equal(counter.find({ a: "x" }), undefined);
  assert.deepEqual(seriesOf(counter), []);
  // The series is hidden, but still usable.
  assert.equal(counter.labels("x"), held);
  assert.equal(counter.find("x"), held);
});

test("find() in a full metric counts no overflow and does not return the overflow series", () => {
  const counter = new Counter("c_total", "C.", { labelNames: ["a"], maxSeries: 1, registry });
  const gauge = new Gauge("g", "G.", { labelNames: ["a"], maxSeries: 1, registry });
  for (const metric of [counter, gauge]) {
    const first = metric.labels("1");
    metric.labels("2").inc();
    const { seriesOverflows } = ownCounts(metric);
    for (let i = 0; i < 3; i++) {
      assert.equal(metric.find("1"), first);
      assert.equal(metric.find("2"), undefined);
      assert.equal(metric.find("3"), undefined);
    }
    assert.equal(ownCounts(metric).seriesOverflows, seriesOverflows);
  }
  assert.equal(counter.find("overflow"), counter.labels("4"));
});
