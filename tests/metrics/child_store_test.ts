import assert from "node:assert/strict";
import { test } from "node:test";
import { Child } from "../../metrics/child.ts";
import { ChildStore } from "../../metrics/child_store.ts";
import type { Columns } from "../../metrics/columns.ts";
import { MetricCore } from "../../metrics/metric_core.ts";
import { ManualClock } from "../support/clock.ts";
import { Random } from "../support/random.ts";

const core = new MetricCore({
  type: "gauge",
  name: "g",
  labelNames: ["a", "b"],
  clock: new ManualClock(),
  nameValidation: "legacy",
  bounds: [],
  width: 1,
});

/** A child that counts the moves of all children. */
class Plain extends Child {
  static moves = 0;
  override moveTo(target: Columns<unknown>): void {
    Plain.moves++;
    super.moveTo(target);
  }
}

const createPlain = (columns: Columns<unknown>): Plain => new Plain(columns);

/** Creates a store with `size` children. */
function createStore(size: number) {
  const store = new ChildStore(core, createPlain);
  const children = Array.from({ length: size }, (_, i) => store.get([String(i % 7), String(i)]));
  Plain.moves = 0;
  return { store, children };
}

/** Orders in which to remove all children. */
const ORDERS: Record<string, (children: Plain[]) => Plain[]> = {
  "from first to last": (children) => children,
  "from last to first": (children) => [...children].reverse(),
  "from both ends": (children) =>
    children.map((_, i) => (i % 2 === 0 ? children[i / 2] : children.at(-(i + 1) / 2))!),
  "in no order": (children) => {
    const step = 7919; // A prime that does not divide the number of children.
    return children.map((_, i) => children[(i * step) % children.length]!);
  },
};
for (const [order, sort] of Object.entries(ORDERS)) {
  test(`removing all children ${order} takes linear time`, () => {
    for (const size of [100, 1000, 10_000]) {
      const { store, children } = createStore(size);
      for (const child of sort(children)) store.delete(child);
      assert.equal(store.size, 0);
      assert.deepEqual([...store], []);
      // One move per removal, and at most as many moves of other children.
      assert(Plain.moves <= 2 * size, `${Plain.moves} moves for ${size} children`);
    }
  });
}

test("the store does not grow when children are added and removed one at a time", () => {
  const { store } = createStore(10);
  for (let i = 0; i < 10_000; i++) {
    const child = store.get(["x", String(i)]);
    assert(child.slot < 100, `place ${child.slot}`);
    store.delete(child);
  }
  assert.equal(store.size, 10);
  assert.equal([...store].length, 10);
  // One move per removal, and rarely one for another child.
  assert(Plain.moves <= 2 * 10_000, `${Plain.moves} moves`);
});

test("removed children are not found, and new ones with the same labels are", () => {
  const { store } = createStore(0);
  const a1 = store.get(["a", "1"]);
  store.get(["a", "2"]);
  const b1 = store.get(["b", "1"]);
  store.delete(a1);
  store.delete(b1);
  assert.equal(store.findInOrder(["a", "1"]), undefined);
  assert.equal(store.findInOrder(["b", "1"]), undefined);
  assert.equal(store.findByName({ a: "b", b: "1" }), undefined);
  assert.equal(store.findInOrder(["b", "9"]), undefined);
  assert.deepEqual(store.findInOrder(["a", "2"])?.labelValues, ["a", "2"]);
  const again = store.get(["a", "1"]);
  assert.notEqual(again, a1);
  assert.equal(store.findByName({ b: "1", a: "a" }), again);
  assert.deepEqual(a1.labelValues, ["a", "1"]);
});

test("an iterator stays valid while children are added and removed", () => {
  const { store, children } = createStore(200);
  const seen: Plain[] = [];
  for (const child of store) {
    seen.push(child);
    if (seen.length === 1) {
      // Removes enough children that the store copies the rest into a new array.
      for (let i = 20; i < 180; i++) store.delete(children[i]!);
      for (let i = 0; i < 50; i++) store.get(["new", String(i)]);
    }
    if (seen.length === 25) { for (let i = 190; i < 200; i++) store.delete(children[i]!); }
  }
  assert.deepEqual(seen, [...children.slice(0, 20), ...children.slice(180, 190)]);
  assert.equal(store.size, 80);
});

test("a store without label names has at most one child", () => {
  const unlabelled = new MetricCore({ ...core, labelNames: [] });
  const store = new ChildStore(unlabelled, createPlain);
  assert.equal(store.findInOrder([]), undefined);
  const child = store.get([]);
  assert.equal(store.get([]), child);
  assert.equal(store.findInOrder([]), child);
  assert.deepEqual([...store], [child]);
  assert.equal(store.size, 1);
});

test("clear() ends running iterators", () => {
  const { store, children } = createStore(5);
  assert.equal(store.get(children[3]!.labelValues), children[3]);
  const iterator = store[Symbol.iterator]();
  assert.equal(iterator.next().value, children[0]);
  store.clear();
  assert.equal(iterator.next().done, true);
  assert.equal(store.size, 0);
  assert.deepEqual([...store], []);
  assert.notEqual(store.get(children[3]!.labelValues), children[3]);
});

test("cleared children keep their numbers, and readers do not see them", () => {
  const { store, children } = createStore(3);
  for (const [i, { columns, slot }] of children.entries()) columns.numbers[slot] = i + 1;
  const { children: seen, numbers } = children[0]!.columns;
  store.clear();
  const again = store.get(children[1]!.labelValues);
  for (const [i, { columns, slot, labelValues }] of children.entries()) {
    assert.deepEqual(labelValues, [String(i), String(i)]);
    assert.equal(columns.numbers[slot]!, i + 1);
    columns.add(slot, 1);
  }
  assert.deepEqual(seen, [undefined, undefined, undefined]);
  assert.deepEqual([...numbers.subarray(0, 3)], [2, 3, 4]);
  assert.equal(again.columns.numbers[again.slot], 0);
});

test("children keep their labels, numbers and created timestamps when they move", () => {
  const clock = new ManualClock();
  const store = new ChildStore(new MetricCore({ ...core, clock, width: 2 }), createPlain);
  const children = Array.from({ length: 100 }, (_, i) => {
    clock.seconds += i === 50 ? 40 * 86_400 : 0.125;
    const child = store.get([String(i % 3), String(i)]);
    child.columns.numbers.set([i, -i], child.slot * 2);
    return child;
  });
  const describe = (child: Plain): unknown => [
    child.labelValues,
    child.created,
    [...child.columns.numbers.subarray(child.slot * 2, child.slot * 2 + 2)],
  ];
  const before = children.map(describe);
  // Forty days in milliseconds need wider numbers than the earlier timestamps.
  assert.equal(children[99]!.created - children[0]!.created, 40 * 86_400 + 98 * 0.125);
  for (let i = 0; i < 100; i += 3) store.delete(children[i]!);
  for (let i = 1; i < 70; i += 3) store.delete(children[i]!);
  assert.deepEqual(children.map(describe), before);
  for (const child of store) assert.equal(store.findInOrder(child.labelValues), child);
});

test("finds each of many children by many labels", () => {
  for (const width of [1, 2, 5, 16, 40]) {
    const labelNames = Array.from({ length: width }, (_, i) => `l${i}`);
    const store = new ChildStore(new MetricCore({ ...core, labelNames }), createPlain);
    const sets = Array.from(
      { length: 3000 },
      (_, n) =>
        labelNames.map((_, i) => String(i < 2 ? Math.floor(n / 55 ** i) % 55 : (n * i) % 7)),
    );
    const children = sets.map((values) => store.get(values));
    const texts = sets.map((values) => values.join());
    assert.equal(store.size, new Set(texts).size);
    for (const [n, values] of sets.entries()) {
      const first = children[texts.indexOf(texts[n]!)];
      assert.equal(store.findInOrder(values), first);
      const entries = labelNames.map((name, i) => [name, values[i]] as const);
      assert.equal(store.findByName(Object.fromEntries(entries)), first);
      assert.equal(store.findByName(Object.fromEntries(entries.toReversed())), first);
      assert.deepEqual(children[n]!.labelValues, values);
    }
  }
});

test("finds children in direct tables and in hash tables, and while the kind of table changes", () => {
  // From all combinations to very few. In between, a store changes its kind of table.
  for (const sizes of [[1], [300], [3, 5, 7], [40, 40, 40], [2, 2, 2, 2, 2, 2, 2, 2], [9, 1000]]) {
    const labelNames = sizes.map((_, i) => `l${i}`);
    const store = new ChildStore(new MetricCore({ ...core, labelNames }), createPlain);
    const model = new Map<string, Plain>();
    const random = new Random(sizes.length);
    for (let step = 0; step < 6000; step++) {
      // New values appear one after the other, as in a real program.
      const reach = step / 6000;
      const values = sizes.map((size) => String(Math.floor(random.next() * reach * size)));
      const key = values.join();
      const expected = model.get(key);
      assert.equal(store.findInOrder(values), expected);
      const entries = values.map((value, i) => [labelNames[i]!, value]);
      assert.equal(store.findByName(Object.fromEntries(entries)), expected);
      if (expected === undefined) {
        model.set(key, store.get(values));
      } else if (random.next() < 0.4) {
        store.delete(expected);
        model.delete(key);
      }
    }
    assert.equal(store.size, model.size);
    assert.deepEqual(new Set(store), new Set(model.values()));
    for (const [key, child] of model) assert.equal(child.labelValues.join(), key);
  }
});
