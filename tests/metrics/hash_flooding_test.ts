import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Counter } from "../../mod.ts";
import { Child } from "../../metrics/child.ts";
import { ChildStore } from "../../metrics/child_store.ts";
import { FREE, MetricCore } from "../../metrics/metric_core.ts";
import { ManualClock } from "../support/clock.ts";
import { Random } from "../support/random.ts";

class Plain extends Child {}

/** The number of values of each of the two labels. */
const VALUES = 300;
/** The number of series that the attacker creates. */
const SERIES = 3000;
/** The number of slots of the resulting table. */
const PLACES = 4096;

/** Creates a store with factors from `random`, which counts reads of table slots. */
function createStore(random: () => number) {
  const reads = { count: 0 };
  const core = new MetricCore({
    type: "counter",
    name: "c_total",
    labelNames: ["a", "b"],
    clock: new ManualClock(),
    nameValidation: "legacy",
    bounds: [],
    width: 1,
    random,
    createTable: (places) =>
      new Proxy(new Int32Array(places).fill(FREE), {
        get(table, key) {
          if (key !== "length") reads.count++;
          return Reflect.get(table, key);
        },
      }),
  });
  return { reads, core, store: new ChildStore(core, (columns) => new Plain(columns)) };
}

/**
 * Returns the label sets of an attacker who knows the factors, in sending order. First, each value
 * comes once, so that its number is its id. Then come pairs whose look-ups begin in the same few
 * slots.
 */
function attack([first, second]: readonly number[]): string[][] {
  const pairs = Array.from({ length: VALUES }, (_, i) => [i, i] as [number, number]);
  for (let range = 1; pairs.length < SERIES; range++) {
    // The slot where a look-up begins, see the documentation of Columns.
    for (let i = 0; i < VALUES; i++) {
      for (let j = 0; j < VALUES; j++) {
        const sum = (Math.imul(i, first!) + Math.imul(j, second!)) | 0;
        if (((sum ^ (sum >>> 15)) & (PLACES - 1)) === range && i !== j) pairs.push([i, j]);
      }
    }
  }
  return pairs.slice(0, SERIES).map((pair) => pair.map(String));
}

/** Returns the average number of slots that a look-up reads. */
function readsPerLookUp(random: () => number, sets: readonly string[][]): number {
  const { store, reads } = createStore(random);
  const children = sets.map((values) => store.get(values));
  reads.count = 0;
  for (const [i, values] of sets.entries()) assert(store.findInOrder(values) === children[i]);
  return reads.count / sets.length;
}

/** A source of factors that the attacker knows. */
const KNOWN = (): () => number => {
  const random = new Random(1);
  return () => random.next();
};

test("look-ups stay short for label sets that collide with other factors", () => {
  const sets = attack(createStore(KNOWN()).core.factors);
  assert.equal(new Set(sets.map(String)).size, SERIES);
  // With the factors that the attacker knows, look-ups are linear.
  assert(readsPerLookUp(KNOWN(), sets) > SERIES / 4);
  for (let seed = 2; seed < 10; seed++) {
    const random = new Random(seed);
    const reads = readsPerLookUp(() => random.next(), sets);
    assert(reads < 10, `${reads} reads for a look-up with seed ${seed}`);
  }
});

test("look-ups are short for random label sets", () => {
  const random = new Random(7);
  const sets = new Map<string, string[]>();
  while (sets.size < SERIES) {
    const values = [0, 0].map(() => String(Math.floor(random.next() * VALUES)));
    sets.set(String(values), values);
  }
  for (let seed = 0; seed < 8; seed++) {
    const random = new Random(seed);
    assert(readsPerLookUp(() => random.next(), [...sets.values()]) < 10);
  }
});

test("a metric draws odd factors once, when it needs its first hash table", () => {
  const draw = mock.method(Math, "random", () => 0.5);
  try {
    const labelNames = ["a", "b"] as const;
    const counter = new Counter("c_total", "C.", { labelNames, registry: null });
    counter.labels("x", "y");
    assert.equal(draw.mock.callCount(), 0);
    for (let i = 0; i < 1000; i++) counter.labels(i, 1000 - i);
    for (let i = 0; i < 900; i++) counter.remove(i, 1000 - i);
    for (let i = 1000; i < 9000; i++) counter.labels(i, i);
    assert.equal(draw.mock.callCount(), labelNames.length);
  } finally {
    draw.mock.restore();
  }
  for (const value of [0, 0.25, 0.999999]) {
    const { factors } = createStore(() => value).core;
    assert(factors.every((factor) => factor === (factor | 0) && factor % 2 !== 0));
  }
});
