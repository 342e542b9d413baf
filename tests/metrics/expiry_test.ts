import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  Gauge,
  generateMetrics,
  Histogram,
  Info,
  setExemplarSource,
  StateSet,
  Summary,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { collectedMemory, collectGarbage, usedMemory } from "../support/garbage.ts";
import { expiryOf, ownCounts, samplesOf, seriesOf } from "../support/series.ts";

const registry = null;
const labelNames = ["a"] as const;

/** Returns options of a metric whose series expire after ten seconds, and its clock. */
function expiring() {
  const clock = new ManualClock();
  return { clock, options: { labelNames, expireAfterSeconds: 10, clock, registry } as const };
}

/** Returns each way to write to a child of each type. */
function createAll(exemplars = false) {
  const { clock, options: given } = expiring();
  const options = { ...given, exemplars };
  const counter = new Counter("c_total", "C.", options);
  const gauge = new Gauge("g", "G.", options);
  const timed = new Gauge("g", "G.", { ...options, aggregation: "mostrecent" });
  const histogram = new Histogram("h", "H.", options);
  const native = new Histogram("n", "N.", { ...options, nativeHistogram: true });
  const summary = new Summary("s", "S.", options);
  const quantiles = new Summary("s", "S.", { ...options, quantiles: [0.5] });
  const info = new Info("i", "I.", options);
  const states = new StateSet("t", "T.", { ...options, states: ["x", "y"] });
  const cases: [string, { collect: Counter["collect"] }, () => () => unknown][] = [
    ["counter.inc()", counter, (child = counter.labels("x")) => () => child.inc()],
    ["counter.inc(0)", counter, (child = counter.labels("x")) => () => child.inc(0)],
    ["gauge.inc()", gauge, (child = gauge.labels("x")) => () => child.inc()],
    ["gauge.dec()", gauge, (child = gauge.labels("x")) => () => child.dec()],
    ["gauge.set()", gauge, (child = gauge.labels("x")) => () => child.set(child.value)],
    ["gauge.time()", gauge, (child = gauge.labels("x")) => () => child.time(() => 1)],
    ["setToCurrentTime()", gauge, (child = gauge.labels("x")) => () => child.setToCurrentTime()],
    ["timed gauge.set()", timed, (child = timed.labels("x")) => () => child.set(1)],
    ["timed gauge.inc()", timed, (child = timed.labels("x")) => () => child.inc()],
    ["timed gauge.dec()", timed, (child = timed.labels("x")) => () => child.dec()],
    ["histogram.observe()", histogram, (child = histogram.labels("x")) => () => child.observe(1)],
    ["native.observe()", native, (child = native.labels("x")) => () => child.observe(1)],
    ["summary.observe()", summary, (child = summary.labels("x")) => () => child.observe(1)],
    ["summary.time()", summary, (child = summary.labels("x")) => () => child.time(() => 1)],
    ["quantiles.observe()", quantiles, (child = quantiles.labels("x")) => () => child.observe(1)],
    ["info.info()", info, (child = info.labels("x")) => () => child.info({ v: "1" })],
    ["states.state()", states, (child = states.labels("x")) => () => child.state("y")],
  ];
  return { clock, cases };
}

for (const exemplars of [false, true]) {
  for (const [i, [name]] of createAll().cases.entries()) {
    const how = exemplars ? " with exemplars" : "";
    test(`an expired series is hidden, and ${name}${how} keeps or restores it`, () => {
      const { clock, cases } = createAll(exemplars);
      const [, metric, hold] = cases[i]!;
      const write = hold();
      write();
      clock.advance(9);
      write();
      clock.advance(9);
      const { length } = samplesOf(metric);
      assert(length > 0);
      clock.advance(1);
      assert.deepEqual(samplesOf(metric), []);
      write();
      assert.equal(samplesOf(metric).length, length);
      clock.advance(9);
      assert.equal(samplesOf(metric).length, length);
      clock.advance(1);
      assert.deepEqual(samplesOf(metric), []);
    });
  }
}

test("a held series keeps its value, exemplars, native buckets and created timestamp", () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", options);
  const histogram = new Histogram("h", "H.", { ...options, buckets: [1], nativeHistogram: true });
  const summary = new Summary("s", "S.", { ...options, quantiles: [0.5] });
  const children = [counter.labels("x"), histogram.labels("x"), summary.labels("x")] as const;
  children[0].inc(3, { trace: "c" });
  children[1].observe(2, { trace: "h" });
  children[2].observe(2);
  const read = () => [counter, histogram, summary].flatMap(samplesOf);
  const before = read();
  const created = children.map((child) => child.created);
  clock.advance(10);
  assert.deepEqual(read(), []);
  assert.equal(children[0].value, 3);
  assert.equal(children[1].sum, 2);
  counter.labels("x");
  histogram.labels({ a: "x" });
  children[2].observe(2);
  assert.deepEqual(read().slice(0, -3), before.slice(0, -3));
  assert.deepEqual(seriesOf(summary).slice(1), ['s_sum{a="x"} 4', 's_count{a="x"} 2']);
  assert.equal(children[1].native?.count, 1);
  assert.deepEqual(children[1].nativeExemplars?.map(({ labels }) => labels), [{ trace: "h" }]);
  assert.deepEqual(children.map((child) => child.created), created);
});

test("a write restores a hidden series, and a refused write does not", () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", options);
  const child = counter.labels("x");
  child.inc(3);
  clock.advance(10);
  assert.deepEqual(seriesOf(counter), []);
  assert.throws(() => child.inc(-1), RangeError);
  assert.deepEqual(seriesOf(counter), []);
  child.inc(2);
  assert.deepEqual(seriesOf(counter), ['c_total{a="x"} 5']);
});

test("labels() in each form keeps a series from expiring, and restores the same one", () => {
  const options = expiring().options;
  const counter = new Counter("c_total", "C.", { ...options, labelNames: ["a", "b"] });
  const child = counter.labels({ a: 1, b: "y" });
  const looks = [
    () => counter.labels({ a: 1, b: "y" }),
    () => counter.labels({ b: "y", a: "1" }),
    () => counter.labels("1", "y"),
    () => counter.labels(1, "y"),
    () => counter.labels({ a: "1" }).labels({ b: "y" }),
  ];
  for (const look of looks) {
    for (const seconds of [9, 9, 10]) {
      options.clock.advance(seconds);
      if (seconds === 10) assert.deepEqual(samplesOf(counter), []);
      assert.equal(look(), child);
      assert.equal(samplesOf(counter).length, 1);
    }
  }
});

test("reading does not keep a series from expiring", () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", options);
  const child = counter.labels("x");
  for (let i = 0; i < 9; i++) {
    clock.advance(1);
    assert.equal(samplesOf(counter).length, 1);
    assert.equal(child.value, 0);
  }
  clock.advance(1);
  assert.deepEqual(samplesOf(counter), []);
});

test("a restored series is the last one of a scrape", () => {
  const clock = new ManualClock();
  const own = new CollectorRegistry();
  const options = { labelNames, expireAfterSeconds: 10, clock, registry: own } as const;
  const counter = new Counter("c_total", "C.", options);
  // Enough series that their lines are cached between scrapes, and that series move.
  const children = Array.from({ length: 300 }, (_, i) => counter.labels(i));
  const lines = () => generateMetrics(own).split("\n").slice(2, -1);
  const line = (i: number): string => `c_total{a="${i}"} ${children[i]!.value}`;
  const all = children.map((_, i) => i);
  assert.deepEqual(lines(), all.map(line));
  clock.advance(5);
  const even = all.filter((i) => i % 2 === 0);
  for (const i of even) children[i]!.inc(1000 * i);
  clock.advance(5);
  assert.deepEqual(lines(), even.map(line));
  children[1]!.inc(7);
  children[0]!.inc();
  assert.deepEqual(lines(), [...even, 1].map(line));
  clock.advance(5);
  assert.deepEqual(lines(), [0, 1].map(line));
  for (const i of all) children[i]!.inc();
  assert.deepEqual(lines(), [0, 1, ...all.slice(2)].map(line));
  clock.advance(10);
  assert.deepEqual(lines(), []);
  for (const i of all.toReversed()) children[i]!.inc();
  assert.deepEqual(lines(), all.toReversed().map(line));
});

test("a running read continues without the series that expire", () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", options);
  const children = Array.from({ length: 100 }, (_, i) => counter.labels(i));
  const [family] = counter.collect();
  const seen: string[] = [];
  for (const metric of family!.metrics) {
    seen.push(metric.labelValues[0]!);
    if (seen.length > 1) continue;
    clock.advance(10);
    for (const i of [0, 1, 98]) children[i]!.inc();
    assert.equal(samplesOf(counter).length, 3);
  }
  assert.deepEqual(seen, ["0", "1", "98"]);
  assert.deepEqual(seriesOf(counter), [0, 1, 98].map((i) => `c_total{a="${i}"} 1`));
});

test("remove(), removeMatching() and clear() remove hidden series without counting them", () => {
  const kill = {
    remove: (counter: Counter<readonly ["a"]>) => counter.remove("x"),
    removeByName: (counter: Counter<readonly ["a"]>) => counter.remove({ a: "x" }),
    removeMatching: (counter: Counter<readonly ["a"]>) => counter.removeMatching({ a: "x" }) > 0,
    clear: (counter: Counter<readonly ["a"]>) => counter.clear(),
  };
  for (const isRead of [false, true]) {
    for (const [name, removed] of Object.entries(kill)) {
      const { clock, options } = expiring();
      const counter = new Counter("c_total", "C.", options);
      const child = counter.labels("x");
      child.inc(3);
      clock.advance(10);
      if (isRead) samplesOf(counter);
      assert.equal(removed(counter), name === "clear" ? undefined : false);
      child.inc();
      assert.deepEqual(samplesOf(counter), []);
      assert.notEqual(counter.labels("x"), child);
      assert.deepEqual(seriesOf(counter), ['c_total{a="x"} 0']);
      child.inc();
      assert.deepEqual(seriesOf(counter), ['c_total{a="x"} 0']);
      assert.equal(removed(counter), name === "clear" ? undefined : true);
    }
  }
});

test("removed series stay dead after writes", () => {
  const { clock, options } = expiring();
  const gauge = new Gauge("g", "G.", options);
  const removed = gauge.labels("x");
  gauge.remove("x");
  const cleared = gauge.labels("x");
  gauge.clear();
  for (const child of [removed, cleared]) {
    child.set(1);
    child.setFunction(() => 2);
  }
  clock.advance(10);
  for (const child of [removed, cleared]) assert.equal(child.value, 2);
  assert.deepEqual(samplesOf(gauge), []);
});

test("the series of a metric that is written directly never expires", () => {
  const { clock, options } = expiring();
  const plain = new Counter("c_total", "C.", { ...options, labelNames: [] });
  const defaulted = new Gauge("g", "G.", { ...options, defaultLabels: { a: "x" } });
  for (let i = 0; i < 2; i++) {
    clock.advance(100);
    assert.deepEqual(seriesOf(plain), [`c_total ${i}`]);
    assert.deepEqual(seriesOf(defaulted), [`g{a="x"} ${i}`]);
    plain.inc();
    defaulted.inc();
    defaulted.labels({ a: "y" }).inc();
  }
  clock.advance(100);
  plain.clear();
  defaulted.clear();
  clock.advance(100);
  assert.deepEqual(seriesOf(plain), ["c_total 0"]);
  assert.deepEqual(seriesOf(defaulted), ['g{a="x"} 0']);
});

test("a series with a function never expires, and setFunction() restores a hidden series", () => {
  const { clock, options } = expiring();
  const gauge = new Gauge("g", "G.", options);
  const counter = new Counter("c_total", "C.", options);
  const hidden = gauge.labels("hidden");
  counter.labels("x").setFunction(() => 5);
  counter.labels("y").inc();
  gauge.labels("x").setFunction(() => 5);
  clock.advance(100);
  assert.deepEqual(seriesOf(gauge), ['g{a="x"} 5']);
  hidden.setFunction(() => 6);
  clock.advance(100);
  gauge.labels("x");
  clock.advance(100);
  assert.deepEqual(seriesOf(gauge), ['g{a="x"} 5', 'g{a="hidden"} 6']);
  assert.deepEqual(seriesOf(counter), ['c_total{a="x"} 5']);
});

test("a new series in the slot of a cleared one with a function expires", () => {
  const { clock, options } = expiring();
  const gauge = new Gauge("g", "G.", options);
  gauge.labels("x").setFunction(() => 1);
  gauge.clear();
  gauge.labels("y").set(2);
  clock.advance(10);
  assert.deepEqual(seriesOf(gauge), []);
});

test("a timer that outlives its series writes to the same series", async () => {
  const { clock, options } = expiring();
  const gauge = new Gauge("g", "G.", options);
  const histogram = new Histogram("h", "H.", { ...options, buckets: [] });
  const { promise, resolve } = Promise.withResolvers<void>();
  const running = gauge.labels("x").trackInProgress(() => promise);
  const timer = histogram.labels("x").startTimer();
  const later = histogram.startTimer();
  histogram.labels("x").observe(1);
  clock.advance(20);
  assert.deepEqual([...samplesOf(gauge), ...samplesOf(histogram)], []);
  timer.stop();
  later.stop({ a: "x" });
  resolve();
  await running;
  assert.deepEqual(seriesOf(gauge), ['g{a="x"} 0']);
  assert.deepEqual(seriesOf(histogram).slice(1), ['h_sum{a="x"} 41', 'h_count{a="x"} 3']);
});

test("hidden series make room, and need none when they are restored", () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", { ...options, maxSeries: 2 });
  const held = counter.labels("1");
  held.inc();
  counter.labels("2").inc();
  counter.labels("3").inc();
  assert.equal(ownCounts(counter).seriesOverflows, 1);
  clock.advance(10);
  // There was no read in between.
  counter.labels("4").inc();
  counter.labels({ a: "5" }).inc();
  assert.equal(ownCounts(counter).seriesOverflows, 1);
  held.inc();
  assert.equal(counter.labels("1"), held);
  counter.labels({ a: "6" }).inc();
  assert.deepEqual(seriesOf(counter), [
    'c_total{a="4"} 1',
    'c_total{a="5"} 1',
    'c_total{a="1"} 2',
    'c_total{a="overflow"} 2',
  ]);
  assert.equal(ownCounts(counter).seriesOverflows, 2);
});

test("a full metric finds its hidden series by numbers", () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", { ...options, maxSeries: 1 });
  const held = counter.labels("200");
  clock.advance(10);
  counter.labels("1").inc();
  counter.labels("2").inc();
  assert.equal(counter.labels(200), held);
  clock.advance(10);
  counter.labels("3").inc();
  counter.labels("4").inc();
  assert.equal(counter.labels({ a: 200 }), held);
});

test("the overflow series expires, and is restored with its value", async () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", { ...options, maxSeries: 1 });
  const gauge = new Gauge("g", "G.", { ...options, maxSeries: 0 });
  counter.labels("1").inc();
  counter.labels("2").inc(5);
  gauge.labels("1").inc();
  clock.advance(10);
  assert.deepEqual([...samplesOf(counter), ...samplesOf(gauge)], []);
  await collectedMemory();
  counter.labels("1").inc();
  counter.labels("2").inc();
  assert.deepEqual(seriesOf(counter).at(-1), 'c_total{a="overflow"} 6');
});

for (const expireAfterSeconds of [0, -1, NaN, -Infinity]) {
  test(`expireAfterSeconds ${expireAfterSeconds} is refused`, () => {
    assert.throws(() => new Counter("c_total", "C.", { expireAfterSeconds, registry }), {
      name: "RangeError",
      message: 'Cannot create counter "c_total": expireAfterSeconds must be > 0: ' +
        `received ${expireAfterSeconds}`,
    });
  });
}

test("expireAfterSeconds that is not a number is refused", () => {
  for (const given of ["5", null, {}, 5n]) {
    const expireAfterSeconds = given as unknown as number;
    assert.throws(() => new Gauge("g", "G.", { expireAfterSeconds, registry }), TypeError);
  }
});

test("expireAfterSeconds may be Infinity, so that series never expire", () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", { ...options, expireAfterSeconds: Infinity });
  counter.labels("x").inc();
  clock.advance(1e9);
  assert.deepEqual(seriesOf(counter), ['c_total{a="x"} 1']);
});

test("onDuplicate reuse returns only a metric with the same expireAfterSeconds", () => {
  const own = new CollectorRegistry({ onDuplicate: "reuse" });
  const make = (expireAfterSeconds?: number) =>
    new Counter("c_total", "C.", { expireAfterSeconds, registry: own });
  const first = make(5);
  assert.equal(make(5), first);
  assert.throws(() => make(6), { name: "DuplicateMetricError" });
  assert.throws(() => make(), { name: "DuplicateMetricError" });
});

test("exemplars of the source are recorded in series that expire", () => {
  setExemplarSource(() => ({ trace: "t" }));
  const { options } = expiring();
  const counter = new Counter("c_total", "C.", { ...options, exemplars: true });
  counter.labels("x").inc();
  setExemplarSource(null);
  assert.deepEqual(counter.labels("x").exemplar?.labels, { trace: "t" });
});

test("random writes, look-ups, reads and removals leave exactly the recently used series", () => {
  let seed = 1;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", options);
  // Held children include removed ones, whose writes must have no effect.
  const held = new Map<number, ReturnType<typeof counter.labels>>();
  const dead: ReturnType<typeof counter.labels>[] = [];
  const model = new Map<number, { value: number; touched: number }>();
  const kill = (i: number): void => {
    model.delete(i);
    dead.push(held.get(i)!);
    held.delete(i);
  };
  for (let step = 0; step < 20_000; step++) {
    const i = random(200);
    const known = model.get(i);
    const action = random(100);
    if (action < 30) {
      const child = random(2) === 0 ? counter.labels(i) : counter.labels({ a: String(i) });
      if (known !== undefined) assert.equal(child, held.get(i));
      held.set(i, child);
      model.set(i, { value: known?.value ?? 0, touched: clock.seconds });
    } else if (action < 60 && known !== undefined) {
      held.get(i)!.inc(i);
      known.value += i;
      known.touched = clock.seconds;
    } else if (action < 70) {
      clock.advance(random(100) / 50);
    } else if (action < 75 && known !== undefined) {
      const isSeen = clock.seconds - known.touched < 10;
      assert.equal(counter.remove(i), isSeen);
      kill(i);
    } else if (action < 78 && dead.length > 0) {
      dead[random(dead.length)]!.inc();
    } else if (action === 78 && random(20) === 0) {
      for (const key of [...held.keys()]) kill(key);
      counter.clear();
    } else if (action === 79 && random(5) === 0) {
      // Long enough that all series expire, and their slots are freed.
      clock.advance(11);
    } else if (action > 90) {
      const expected = [...model].filter(([, { touched }]) => clock.seconds - touched < 10)
        .map(([key, { value }]) => `c_total{a="${key}"} ${value}`);
      assert.deepEqual(seriesOf(counter).toSorted(), expected.toSorted());
    }
  }
  for (const [i, child] of held) assert.equal(child.value, model.get(i)!.value);
});

test("a series does not expire before a reader has read it", () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", options);
  const expiry = expiryOf(counter);
  assert.equal(expiryOf(new Counter("c_total", "C.", { registry })), undefined);
  const reader = {};
  expiry?.beginRead(reader);
  counter.labels("x").inc();
  clock.advance(100);
  assert.equal(samplesOf(counter).length, 1);
  const end = expiry?.beginRead(reader);
  clock.advance(1);
  counter.labels("y").inc();
  end?.();
  assert.deepEqual(seriesOf(counter), ['c_total{a="y"} 1']);
  clock.advance(100);
  assert.deepEqual(seriesOf(counter), ['c_total{a="y"} 1']);
  expiry?.release(reader);
  end?.();
  assert.deepEqual(seriesOf(counter), []);
});

test("series that waited for a reader make room after the read or the release", () => {
  for (const isRead of [true, false]) {
    const { clock, options } = expiring();
    const counter = new Counter("c_total", "C.", { ...options, maxSeries: 1 });
    const reader = {};
    expiryOf(counter)?.beginRead(reader);
    counter.labels("x").inc();
    clock.advance(100);
    counter.labels("y").inc();
    assert.deepEqual(seriesOf(counter), ['c_total{a="x"} 1', 'c_total{a="overflow"} 1']);
    const end = expiryOf(counter)?.beginRead(reader);
    if (isRead) end?.();
    else expiryOf(counter)?.release(reader);
    clock.advance(1);
    counter.labels("y").inc();
    assert(seriesOf(counter).includes('c_total{a="y"} 1'));
    assert.equal(counter.remove("x"), false);
  }
});

test("a hidden series without references is garbage-collected, and starts at zero again", async () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", options);
  const held = counter.labels("held");
  held.inc();
  const ref = (() => {
    const child = counter.labels("x");
    child.inc(3);
    return new WeakRef(child);
  })();
  const first = ref.deref()?.created;
  clock.advance(10);
  assert.deepEqual(samplesOf(counter), []);
  assert(await collectGarbage(() => ref.deref() === undefined));
  counter.labels("x").inc();
  held.inc();
  assert.deepEqual(seriesOf(counter), ['c_total{a="x"} 1', 'c_total{a="held"} 2']);
  assert.equal(counter.labels("x").created, first! + 10);
});

test("a label set can be hidden, collected and created again", async () => {
  const { clock, options } = expiring();
  const counter = new Counter("c_total", "C.", options);
  for (let i = 0; i < 3; i++) {
    const ref = (() => new WeakRef(counter.labels("x")))();
    clock.advance(10);
    assert.deepEqual(samplesOf(counter), []);
    assert(await collectGarbage(() => ref.deref() === undefined));
  }
  const child = counter.labels("x");
  child.inc();
  clock.advance(10);
  assert.deepEqual(samplesOf(counter), []);
  assert.equal(counter.labels("x"), child);
  assert.deepEqual(seriesOf(counter), ['c_total{a="x"} 1']);
});

/** Creates ever new label sets, of which few are in use at a time. */
for (const isRead of [false, true]) {
  test(`expired series leave no memory behind, ${isRead ? "with" : "without"} reads`, async () => {
    const { clock, options } = expiring();
    const counter = new Counter("c_total", "C.", options);
    const held = counter.labels("held");
    const churn = async (from: number, to: number): Promise<void> => {
      for (let i = from; i < to; i++) {
        counter.labels(`/a/path/${i}`).inc();
        if (i % 100 > 0) continue;
        clock.advance(1);
        if (isRead && i % 1000 === 0) samplesOf(counter);
        // The engine clears weak references between two jobs.
        if (i % 10_000 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
      }
    };
    await churn(0, 10_000);
    const before = await collectedMemory();
    // A leak would keep at least twice as much. Conservative engines may take an old number on the
    // stack for a reference, so the loop does more work before it checks again.
    const isFree = () => usedMemory() - before < 8e6;
    for (let from = 10_000, to = 100_000; to < 150_000; from = to, to += 10_000) {
      await churn(from, to);
      if (await collectGarbage(isFree)) break;
    }
    assert(isFree(), `${usedMemory() - before} bytes`);
    held.inc();
    assert.equal(samplesOf(counter).some(({ labels }) => labels.a === "held"), true);
  });
}
