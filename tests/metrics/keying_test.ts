import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Counter, type LabelValue } from "../../mod.ts";
import { samplesOf } from "../support/series.ts";

const registry = null;

/** Values that break naive keys: separators, property names, lone surrogates and lengths. */
const value: fc.Arbitrary<LabelValue> = fc.oneof(
  fc.constantFrom("", "a", "b", "|", "a|", "|a", ",", '"', "\\", "\0", "\n", "1", "1:", "0:"),
  fc.constantFrom("__proto__", "constructor", "toString", "undefined", "null", "true", "NaN"),
  fc.constantFrom("\ud800", "\udc00", "\ufffd", "\ud83d\ude00", "\ude00\ud83d"),
  fc.constantFrom<LabelValue>(0, -0, 1, NaN, Infinity, true, false),
  fc.string({ unit: "binary", maxLength: 3 }),
  fc.double(),
);

function textOf(tuple: LabelValue[]): string {
  return JSON.stringify(tuple.map((part) => String(part).toWellFormed()));
}

/** Label names in the order of the metric, with any number of value tuples. */
const table = fc.integer({ min: 1, max: 4 }).chain((size) =>
  fc.record({
    labelNames: fc.constant(["a", "b", "constructor", "length"].slice(0, size)),
    tuples: fc.array(fc.array(value, { minLength: size, maxLength: size }), { maxLength: 30 }),
  })
);

test("two tuples are one series if and only if their texts are equal", () => {
  fc.assert(
    fc.property(table, ({ labelNames, tuples }) => {
      const counter = new Counter("c_total", "C.", { labelNames, registry });
      const expected = new Map<string, number>();
      const children = new Map<string, unknown>();
      for (const tuple of tuples) {
        const text = textOf(tuple);
        const labels = Object.fromEntries(labelNames.map((name, i) => [name, tuple[i]!]));
        const reversed = Object.fromEntries(Object.entries(labels).reverse());
        const child = counter.labels(labels);
        child.inc();
        assert.equal(counter.labels(...tuple), child);
        assert.equal(counter.labels(reversed), child);
        assert.equal(children.get(text) ?? child, child);
        children.set(text, child);
        expected.set(text, (expected.get(text) ?? 0) + 1);
      }
      assert.equal(new Set(children.values()).size, expected.size);
      const actual = samplesOf(counter).map(({ labels, value }) => [
        JSON.stringify(labelNames.map((name) => labels[name])),
        value,
      ]);
      assert.deepEqual(actual, [...expected]);
    }),
  );
});

test("partial metrics return the same series in any order of their labels", () => {
  fc.assert(
    fc.property(
      fc.tuple(value, value, value),
      fc.shuffledSubarray(["a", "b", "c"] as const, { minLength: 3 }),
      ([a, b, c], order) => {
        const labelNames = ["a", "b", "c"];
        const counter = new Counter("c_total", "C.", { labelNames, registry });
        const labels: Record<string, LabelValue> = { a, b, c };
        const child = counter.labels(a, b, c);
        let metric: { labels(labels: Record<string, LabelValue>): unknown } = counter;
        for (const name of order) {
          metric = metric.labels({ [name]: labels[name]! }) as typeof metric;
        }
        assert.equal(metric, child);
      },
    ),
  );
});

test("random additions and removals leave exactly the series that were not removed", () => {
  const step = fc.record({
    tuple: fc.tuple(value, fc.constantFrom<LabelValue>("x", "y", 1)),
    how: fc.oneof(
      { weight: 30, arbitrary: fc.constant("add") },
      { weight: 8, arbitrary: fc.constant("remove") },
      { weight: 2, arbitrary: fc.constant("removeMatching") },
      { weight: 1, arbitrary: fc.constant("clear") },
    ),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: "max" }), (steps) => {
      const counter = new Counter("c_total", "C.", { labelNames: ["a", "b"], registry });
      const model = new Map<string, number>();
      for (const { tuple: [a, b], how } of steps) {
        const key = textOf([a, b]);
        if (how === "add") {
          counter.labels({ a, b }).inc();
          model.set(key, (model.get(key) ?? 0) + 1);
        } else if (how === "remove") {
          assert.equal(counter.remove(a, b), model.delete(key));
        } else if (how === "removeMatching") {
          const matching = [...model.keys()].filter((text) => JSON.parse(text)[1] === String(b));
          for (const text of matching) model.delete(text);
          assert.equal(counter.removeMatching({ b }), matching.length);
        } else {
          counter.clear();
          model.clear();
        }
      }
      const actual = samplesOf(counter).map(({ labels, value }) => [
        JSON.stringify([labels.a, labels.b]),
        value,
      ]);
      assert.deepEqual(actual, [...model]);
    }),
  );
});
