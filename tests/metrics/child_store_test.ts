import assert from "node:assert/strict";
import { test } from "node:test";
import { Child, MetricCore } from "../../metrics/child.ts";
import { ChildStore } from "../../metrics/child_store.ts";
import { ManualClock } from "../support/clock.ts";

const core = new MetricCore({
  type: "gauge",
  name: "g",
  labelNames: ["a", "b"],
  clock: new ManualClock(),
  nameValidation: "legacy",
  exemplars: false,
});

class Plain extends Child {}

/** A store of `size` children, and how often it has written where a child stands. */
function createStore(size: number) {
  const counter = { writes: 0 };
  const store = new ChildStore(2, (labelValues) => {
    const child = new Plain(core, labelValues);
    let slot = -1;
    Object.defineProperty(child, "slot", {
      get: () => slot,
      set: (value: number) => {
        counter.writes++;
        slot = value;
      },
    });
    return child;
  });
  const children = Array.from({ length: size }, (_, i) => store.get([String(i % 7), String(i)]));
  counter.writes = 0;
  return { store, children, counter };
}

/** Orders in which all children are removed. */
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
  test(`removing all children ${order} takes a number of steps linear in theirs`, () => {
    for (const size of [100, 1000, 10_000]) {
      const { store, children, counter } = createStore(size);
      for (const child of sort(children)) store.delete(child);
      assert.equal(store.size, 0);
      assert.equal(store.root.size, 0);
      assert.deepEqual([...store], []);
      // One for each removal, and at most as many again for moving others.
      assert(counter.writes <= 2 * size, `${counter.writes} writes for ${size} children`);
    }
  });
}

test("children that come and go one at a time do not make the store grow", () => {
  const { store, counter } = createStore(10);
  for (let i = 0; i < 10_000; i++) {
    const child = store.get(["x", String(i)]);
    assert(child.slot < 100, `place ${child.slot}`);
    store.delete(child);
  }
  assert.equal(store.size, 10);
  assert.equal([...store].length, 10);
  // One when it comes, one when it goes, and seldom one for moving another.
  assert(counter.writes <= 3 * 10_000, `${counter.writes} writes`);
});

test("removing a child forgets the levels that only it had", () => {
  const { store } = createStore(0);
  const a1 = store.get(["a", "1"]);
  store.get(["a", "2"]);
  const b1 = store.get(["b", "1"]);
  store.delete(a1);
  store.delete(b1);
  assert.deepEqual([...store.root.keys()], ["a"]);
  assert.equal(store.find(["a", "1"]), undefined);
  assert.equal(store.find(["b", "1"]), undefined);
  assert.equal(store.find(["b", "9"]), undefined);
  assert.equal(store.find(["a", "2"])?.labelValues[1], "2");
});

test("an iteration goes on over what it began with, whatever happens to the store", () => {
  const { store, children } = createStore(200);
  const seen: Plain[] = [];
  for (const child of store) {
    seen.push(child);
    if (seen.length === 1) {
      // Enough of them that the store gathers the rest into a new array.
      for (let i = 20; i < 180; i++) store.delete(children[i]!);
      for (let i = 0; i < 50; i++) store.get(["new", String(i)]);
    }
    if (seen.length === 25) { for (let i = 190; i < 200; i++) store.delete(children[i]!); }
  }
  assert.deepEqual(seen, [...children.slice(0, 20), ...children.slice(180, 190)]);
  assert.equal(store.size, 80);
});

test("a store without labels has one child at most", () => {
  const store = new ChildStore(0, (labelValues) => new Plain(core, labelValues));
  assert.equal(store.find([]), undefined);
  const child = store.get([]);
  assert.equal(store.get([]), child);
  assert.equal(store.find([]), child);
  assert.deepEqual([...store], [child]);
  assert.equal(store.size, 1);
});

test("clear() takes all children out, also for who is just reading them", () => {
  const { store, children } = createStore(5);
  const iterator = store[Symbol.iterator]();
  assert.equal(iterator.next().value, children[0]);
  store.clear();
  assert.equal(iterator.next().done, true);
  assert.equal(store.size, 0);
  assert.equal(store.root.size, 0);
  assert(children.every(({ slot }) => slot === -1));
});
