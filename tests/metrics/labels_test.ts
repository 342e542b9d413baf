import assert from "node:assert/strict";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  gather,
  Gauge,
  Histogram,
  Info,
  StateSet,
  Summary,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;

/** The calls of a program without type checks. */
interface Unchecked {
  labels(...args: unknown[]): unknown;
  remove(...args: unknown[]): boolean;
  removeMatching(...args: unknown[]): number;
}

function create() {
  return new Counter("hits_total", "Hits.", { labelNames: ["method", "code"], registry });
}

function createDefaulted() {
  return new Counter("hits_total", "Hits.", {
    labelNames: ["method", "code"],
    defaultLabels: { code: 200 },
    registry,
  });
}

test("labels() returns the same series for the same labels, in any order and form", () => {
  const hits = create();
  const child = hits.labels({ method: "GET", code: 200 });
  assert.equal(hits.labels({ code: 200, method: "GET" }), child);
  assert.equal(hits.labels("GET", 200), child);
  assert.equal(hits.labels({ method: "GET" }).labels({ code: 200 }), child);
  assert.equal(hits.labels({ code: 200 }).labels({ method: "GET" }), child);
  assert.notEqual(hits.labels("POST", 200), child);
  assert.deepEqual(child.labelNames, ["method", "code"]);
  assert.deepEqual(child.labelValues, ["GET", "200"]);
});

test("series are in the order of their creation", () => {
  const hits = create();
  for (const code of [3, 1, 2]) hits.labels("GET", code).inc(code);
  hits.labels("GET", 1).inc();
  assert.deepEqual(seriesOf(hits), [
    'hits_total{method="GET",code="3"} 3',
    'hits_total{method="GET",code="1"} 2',
    'hits_total{method="GET",code="2"} 2',
  ]);
});

test("a metric without labels has one series", () => {
  const hits = new Counter("hits_total", "Hits.", { registry });
  assert.equal(hits.labels(), hits.labels({}));
  hits.labels().inc();
  assert.equal(hits.value, 1);
});

/** Values with equal texts. */
const ALIKE: [string, ...(string | number | boolean)[]][] = [
  ["200", 200, "200", 2e2],
  ["0", 0, -0, "0"],
  ["true", true, "true"],
  ["NaN", NaN, "NaN"],
  ["Infinity", Infinity, "Infinity"],
  ["1e+21", 1e21, "1e+21"],
  ["\ufffd", "\ud800", "\udfff", "\udbff", "\ufffd"],
  ["a\ufffdb", "a\ud800b", "a\udc00b"],
];
for (const [text, ...values] of ALIKE) {
  test(`label values with the text ${JSON.stringify(text)} are one series`, () => {
    for (const form of ["name", "position", "partial"]) {
      const hits = new Counter("hits_total", "Hits.", { labelNames: ["a", "b"], registry });
      // Twice, because an existing child is found in another way than a new one.
      for (const value of [...values, ...values]) {
        const child = form === "name"
          ? hits.labels({ a: value, b: value })
          : form === "position"
          ? hits.labels(value, value)
          : hits.labels({ a: value }).labels({ b: value });
        child.inc();
      }
      assert.deepEqual(seriesOf(hits), [
        `hits_total{a=${JSON.stringify(text)},b=${JSON.stringify(text)}} ${values.length * 2}`,
      ]);
    }
  });
}

/** Tuples with equal keys if the key were a joined string. */
const APART: [a: string, b: string][] = [
  ["a|b", "c"],
  ["a", "b|c"],
  ["a,b", "c"],
  ["a", "b,c"],
  ['a","b', "c"],
  ["a\0b", "c"],
  ["a", "b\0c"],
  ["", "abc"],
  ["abc", ""],
  ["", ""],
  [" ", ""],
  ["__proto__", "constructor"],
  ["constructor", "__proto__"],
  ["toString", "valueOf"],
  ["hasOwnProperty", "undefined"],
  ["null", "undefined"],
  ["\ud83d\ude00", "\ufffd"],
];
test("tuples that are equal when joined are different series", () => {
  const hits = new Counter("hits_total", "Hits.", { labelNames: ["a", "b"], registry });
  APART.forEach(([a, b], i) => hits.labels({ a, b }).inc(i));
  APART.forEach(([a, b], i) => {
    assert.equal(hits.labels({ a, b }).value, i);
    assert.equal(hits.labels(a, b).value, i);
    assert.deepEqual(hits.labels(a, b).labelValues, [a, b]);
  });
  assert.equal(new Set(APART.map(([a, b]) => hits.labels(a, b))).size, APART.length);
  assert.equal(seriesOf(hits).length, APART.length);
});

test("label names such as constructor are allowed", () => {
  const labelNames = ["constructor", "toString", "length", "hasOwnProperty"] as const;
  const hits = new Counter("hits_total", "Hits.", { labelNames, registry });
  const labels = { constructor: "a", toString: "b", length: 1, hasOwnProperty: "d" };
  hits.labels(labels).inc();
  hits.labels(labels).inc();
  hits.labels("a", "b", 1, "d").inc();
  assert.deepEqual(seriesOf(hits), [
    'hits_total{constructor="a",toString="b",length="1",hasOwnProperty="d"} 3',
  ]);
  // An inherited property is not a label.
  const one = new Counter("one_total", "One.", { labelNames: ["toString"], registry });
  assert.throws(() => (one as unknown as Unchecked).labels({ other: "x" }), {
    message:
      'Cannot get series of counter "one_total": its labels are "toString": received "other"',
  });
  const partial = (one as unknown as Unchecked).labels({}) as Unchecked;
  assert.notEqual(partial, one.labels("x"));
  assert.equal(partial.labels({ toString: "x" }), one.labels("x"));
});

test("labels may come from an object without a prototype", () => {
  const hits = create();
  const labels = Object.assign(Object.create(null), { method: "GET", code: 1 });
  for (let i = 0; i < 2; i++) hits.labels(labels as { method: string; code: number }).inc();
  assert.equal(hits.labels("GET", 1).value, 2);
});

const DOING = 'Cannot get series of counter "hits_total"';
const KIND = "must be a string, a number or a boolean";
const REFUSED: [args: unknown[], message: string][] = [
  [[], "it has 2 labels: received no value"],
  [["GET"], 'it has 2 labels: received ["GET"]'],
  [["GET", 200, 1], 'it has 2 labels: received ["GET", 200, 1]'],
  [[null], "it has 2 labels: received [null]"],
  [[undefined], "it has 2 labels: received [undefined]"],
  [["GET", null], `value of label "code" ${KIND}: received null`],
  [["GET", undefined], `value of label "code" ${KIND}: received undefined`],
  [[1n, 200], `value of label "method" ${KIND}: received 1n`],
  [[{}, 200], `value of label "method" ${KIND}: received {}`],
  [[["GET"], 200], `value of label "method" ${KIND}: received ["GET"]`],
  [[Symbol("x"), 200], `value of label "method" ${KIND}: received Symbol(x)`],
  [[["GET", 200]], 'labels must be an object: received ["GET", 200]'],
  [[{ method: "GET", code: 200, x: 1 }], 'its labels are "method", "code": received "x"'],
  [[{ method: "GET", kode: 200 }], 'its labels are "method", "code": received "kode"'],
  [[{ method: "GET", code: null }], `value of label "code" ${KIND}: received null`],
  [[{ method: "GET", code: undefined }], `value of label "code" ${KIND}: received undefined`],
  [[{ method: new Date(0), code: 1 }], `value of label "method" ${KIND}: received Date`],
  [[{ method: "GET", code: new String("x") }], `value of label "code" ${KIND}: received String`],
  [[{ method: "GET", code: () => 1 }], `value of label "code" ${KIND}: received function code`],
  [
    [JSON.parse('{"method":"GET","__proto__":"x"}')],
    'its labels are "method", "code": received "__proto__"',
  ],
];
for (const [args, message] of REFUSED) {
  test(`labels() throws, and creates nothing: ${message}`, () => {
    const hits = create();
    const expected = { name: "TypeError", message: `${DOING}: ${message}` };
    assert.throws(() => (hits as unknown as Unchecked).labels(...args), expected);
    assert.deepEqual(seriesOf(hits), []);
    hits.labels("GET", 200).inc();
    assert.throws(() => (hits as unknown as Unchecked).labels(...args), expected);
    assert.equal(seriesOf(hits).length, 1);
  });
}

test("an error message can show an array within itself", () => {
  const loop: unknown[] = [];
  loop.push(loop);
  assert.throws(() => (create() as unknown as Unchecked).labels(loop, 1), {
    message: `${DOING}: value of label "method" ${KIND}: received [[…]]`,
  });
});

test("labels() of a metric without labels throws on any label", () => {
  const hits = new Counter("hits_total", "Hits.", { registry }) as unknown as Unchecked;
  assert.throws(() => hits.labels("a"), { message: `${DOING}: it has 0 labels: received ["a"]` });
  assert.throws(() => hits.labels({ a: "b" }), {
    message: `${DOING}: its labels are none: received "a"`,
  });
});

test("defaults replace omitted labels, and can be overridden", () => {
  const hits = createDefaulted();
  hits.labels({ method: "GET" }).inc();
  hits.labels({ method: "GET", code: 200 }).inc();
  hits.labels({ method: "GET", code: 500 }).inc();
  hits.labels("GET", 404).inc();
  assert.deepEqual(seriesOf(hits), [
    'hits_total{method="GET",code="200"} 2',
    'hits_total{method="GET",code="500"} 1',
    'hits_total{method="GET",code="404"} 1',
  ]);
});

test("defaults do not shorten the positional form", () => {
  assert.throws(() => (createDefaulted() as unknown as Unchecked).labels("GET"), {
    message: `${DOING}: it has 2 labels: received ["GET"]`,
  });
});

test("a metric with defaults for only some of its labels throws when it is written directly", () => {
  assert.throws(() => (createDefaulted() as unknown as Counter).inc(), {
    name: "UnobservableMetricError",
    message: 'Cannot observe counter "hits_total": labels are missing: "method"',
  });
});

test("a metric with defaults for all labels has a series from its creation, and writes to it", () => {
  const hits = new Counter("hits_total", "Hits.", {
    labelNames: ["method", "code"],
    defaultLabels: { method: "GET", code: 200 },
    registry,
  });
  assert.deepEqual(seriesOf(hits), ['hits_total{method="GET",code="200"} 0']);
  hits.inc();
  hits.labels({}).inc();
  hits.labels({ code: 200 }).inc();
  hits.labels("GET", 200).inc();
  hits.labels({ code: 500 }).inc(7);
  assert.deepEqual(seriesOf(hits), [
    'hits_total{method="GET",code="200"} 4',
    'hits_total{method="GET",code="500"} 7',
  ]);
  assert.equal(hits.value, 4);
});

test("defaults are copied and made well-formed", () => {
  const defaultLabels = { a: "\ud800" };
  const hits = new Counter("hits_total", "Hits.", { labelNames: ["a"], defaultLabels, registry });
  defaultLabels.a = "changed";
  hits.inc();
  hits.labels("\ufffd").inc();
  assert.deepEqual(seriesOf(hits), ['hits_total{a="\ufffd"} 2']);
});

test("a partial can be kept and completed more than once", () => {
  const hits = new Counter("hits_total", "Hits.", { labelNames: ["a", "b", "c"], registry });
  const partial = hits.labels({ a: 1 });
  const further = partial.labels({ c: 3 });
  partial.labels({ b: 2, c: 3 }).inc();
  further.labels({ b: 2 }).inc();
  further.labels({ b: 4 }).inc();
  further.labels({ a: 9, b: 4 }).inc();
  assert.deepEqual(seriesOf(hits), [
    'hits_total{a="1",b="2",c="3"} 2',
    'hits_total{a="1",b="4",c="3"} 1',
    'hits_total{a="9",b="4",c="3"} 1',
  ]);
});

test("labels({}) of a labelled metric is a partial that creates nothing", () => {
  const hits = create();
  hits.labels({}).labels({ method: "GET" });
  assert.deepEqual(seriesOf(hits), []);
});

test("a partial creates a new series after its metric was cleared", () => {
  const hits = create();
  const partial = hits.labels({ method: "GET" });
  partial.labels({ code: 1 }).inc(5);
  hits.clear();
  partial.labels({ code: 1 }).inc();
  assert.deepEqual(seriesOf(hits), ['hits_total{method="GET",code="1"} 1']);
});

test("a partial can be awaited and printed like any object", async () => {
  const partial = create().labels({ method: "GET" });
  assert.equal(await partial, partial);
  assert.equal(String(partial), "[object Object]");
});

const states = ["on", "off"] as const;
const labelNames = ["a", "b"] as const;
/** Every observing method, by type. */
const OBSERVERS: [partial: unknown, type: string, methods: string[]][] = [
  [
    new Counter("m", "M.", { labelNames, registry }).labels({ a: 1 }),
    "counter",
    ["inc", "countExceptions", "setFunction", "value"],
  ],
  [
    new Gauge("m", "M.", { labelNames, registry }).labels({ a: 1 }),
    "gauge",
    [
      "set",
      "inc",
      "dec",
      "setToCurrentTime",
      "trackInProgress",
      "time",
      "setFunction",
      "value",
    ],
  ],
  [
    new Histogram("m", "M.", { labelNames, registry }).labels({ a: 1 }),
    "histogram",
    ["observe", "time", "wrap"],
  ],
  [
    new Summary("m", "M.", { labelNames, registry }).labels({ a: 1 }),
    "summary",
    ["observe", "time", "wrap"],
  ],
  [new Info("m_info", "M.", { labelNames, registry }).labels({ a: 1 }), "info", ["info"]],
  [new StateSet("m", "M.", { states, labelNames, registry }).labels({ a: 1 }), "stateset", [
    "state",
  ]],
];
for (const [partial, type, methods] of OBSERVERS) {
  for (const method of methods) {
    test(`${method} of a partial ${type} throws`, () => {
      const name = type === "info" ? "m_info" : "m";
      assert.throws(() => (partial as Record<string, (argument: unknown) => void>)[method]!(1), {
        name: "UnobservableMetricError",
        message: `Cannot observe ${type} "${name}": labels are missing: "b"`,
      });
    });
  }

  test(`a partial ${type} takes only labels by name, and throws on wrong ones`, () => {
    const { labels } = partial as Unchecked;
    const name = type === "info" ? "m_info" : "m";
    const doing = `Cannot get series of ${type} "${name}"`;
    assert.throws(() => labels("x"), {
      name: "TypeError",
      message: `${doing}: a partial metric takes labels by name: received ["x"]`,
    });
    assert.throws(() => labels(), { name: "TypeError" });
    assert.throws(() => labels({ c: 1 }), {
      name: "TypeError",
      message: `${doing}: its labels are "a", "b": received "c"`,
    });
    assert.throws(() => labels({ b: null }), {
      name: "TypeError",
      message: `${doing}: value of label "b" ${KIND}: received null`,
    });
  });
}

test("only partials of types with timers have startTimer()", () => {
  const has = OBSERVERS.filter(([partial]) => "startTimer" in (partial as object));
  assert.deepEqual(has.map(([, type]) => type), ["gauge", "histogram", "summary"]);
});

test("remove() removes a series and returns whether it existed", () => {
  const hits = create();
  hits.labels("GET", 200).inc();
  hits.labels("GET", 500).inc();
  assert.equal(hits.remove("GET", 404), false);
  assert.equal(hits.remove({ method: "PUT", code: 404 }), false);
  assert.equal(hits.remove({ code: 200, method: "GET" }), true);
  assert.equal(hits.remove({ code: 200, method: "GET" }), false);
  assert.deepEqual(seriesOf(hits), ['hits_total{method="GET",code="500"} 1']);
  assert.equal(hits.remove("GET", 500), true);
  assert.equal(hits.remove("GET", 500), false);
  assert.deepEqual(seriesOf(hits), []);
});

test("remove() completes its labels with the defaults", () => {
  const hits = createDefaulted();
  hits.labels({ method: "GET" }).inc();
  assert.equal(hits.remove({ method: "GET" }), true);
  assert.deepEqual(seriesOf(hits), []);
});

const REMOVING = 'Cannot remove series of counter "hits_total"';
const NOT_REMOVED: [args: unknown[], message: string][] = [
  [[{ method: "GET" }], `${REMOVING}: labels are missing: "code"`],
  [[{}], `${REMOVING}: labels are missing: "method", "code"`],
  [[{ method: "GET", x: 1 }], `${REMOVING}: its labels are "method", "code": received "x"`],
  [[{ method: "GET", code: 1n }], `${REMOVING}: value of label "code" ${KIND}: received 1n`],
  [["GET"], `${REMOVING}: it has 2 labels: received ["GET"]`],
  [["GET", null], `${REMOVING}: value of label "code" ${KIND}: received null`],
];
for (const [args, message] of NOT_REMOVED) {
  test(`remove() throws: ${message}`, () => {
    const hits = create();
    hits.labels("GET", 200);
    assert.throws(() => (hits as unknown as Unchecked).remove(...args), {
      name: "TypeError",
      message,
    });
    assert.equal(seriesOf(hits).length, 1);
  });
}

test("removeMatching() removes the series with the given label values, and returns their number", () => {
  const hits = create();
  const fill = () => {
    for (const method of ["GET", "PUT"]) {
      for (const code of [200, 404, 500]) hits.labels(method, code);
    }
  };
  fill();
  assert.equal(hits.removeMatching({ method: "HEAD" }), 0);
  assert.equal(hits.removeMatching({ code: "404" }), 2);
  assert.equal(hits.removeMatching({ method: "GET", code: 500 }), 1);
  assert.deepEqual(seriesOf(hits), [
    'hits_total{method="GET",code="200"} 0',
    'hits_total{method="PUT",code="200"} 0',
    'hits_total{method="PUT",code="500"} 0',
  ]);
  assert.equal(hits.removeMatching({}), 3);
  assert.deepEqual(seriesOf(hits), []);
  fill();
  assert.equal(seriesOf(hits).length, 6);
});

test("removeMatching() ignores defaults", () => {
  const hits = createDefaulted();
  hits.labels("GET", 200);
  hits.labels("GET", 500);
  assert.equal(hits.removeMatching({ method: "GET" }), 2);
});

test("removeMatching() throws on wrong labels, and removes nothing", () => {
  const hits = create();
  hits.labels("GET", 200);
  const doing = 'Cannot remove series of counter "hits_total"';
  const refused: [labels: unknown, message: string][] = [
    [{ x: 1 }, `${doing}: its labels are "method", "code": received "x"`],
    [{ code: null }, `${doing}: value of label "code" ${KIND}: received null`],
    ["GET", `${doing}: labels must be an object: received "GET"`],
    [undefined, `${doing}: labels must be an object: received undefined`],
  ];
  for (const [labels, message] of refused) {
    assert.throws(() => (hits as unknown as Unchecked).removeMatching(labels), {
      name: "TypeError",
      message,
    });
  }
  assert.equal(seriesOf(hits).length, 1);
});

/** All ways to remove a child. */
const REMOVALS: Record<string, (hits: ReturnType<typeof create>) => void> = {
  "remove() by name": (hits) => hits.remove({ method: "GET", code: 200 }),
  "remove() by position": (hits) => hits.remove("GET", 200),
  "removeMatching()": (hits) => hits.removeMatching({ method: "GET" }),
  "clear()": (hits) => hits.clear(),
};
for (const [how, take] of Object.entries(REMOVALS)) {
  test(`a series is a dead handle after ${how}`, () => {
    const hits = create();
    const dead = hits.labels("GET", 200);
    dead.inc(5);
    take(hits);
    dead.inc();
    assert.deepEqual(seriesOf(hits), []);
    const child = hits.labels("GET", 200);
    assert.notEqual(child, dead);
    dead.inc();
    dead.setFunction(() => 9);
    assert.deepEqual(seriesOf(hits), ['hits_total{method="GET",code="200"} 0']);
    child.inc();
    assert.deepEqual(seriesOf(hits), ['hits_total{method="GET",code="200"} 1']);
  });
}

test("writes to dead handles of every type have no effect", () => {
  const gauge = new Gauge("m", "M.", { labelNames, registry });
  const histogram = new Histogram("m", "M.", { labelNames, registry });
  const summary = new Summary("m", "M.", { labelNames, registry });
  const info = new Info("m", "M.", { labelNames, registry });
  const state = new StateSet("m", "M.", { states, labelNames, registry });
  const writes = [
    gauge.labels(1, 2).set.bind(gauge.labels(1, 2), 5),
    histogram.labels(1, 2).observe.bind(histogram.labels(1, 2), 5),
    summary.labels(1, 2).observe.bind(summary.labels(1, 2), 5),
    info.labels(1, 2).info.bind(info.labels(1, 2), { version: "1" }),
    state.labels(1, 2).state.bind(state.labels(1, 2), "off"),
  ];
  const timer = histogram.labels(1, 2).startTimer();
  const metrics = [gauge, histogram, summary, info, state];
  for (const metric of metrics) metric.clear();
  for (const write of writes) write();
  timer.stop();
  for (const metric of metrics) assert.deepEqual(seriesOf(metric), []);
});

test("removing the series of a metric without labels sets it to 0", () => {
  for (const how of ["clear", "remove", "removeMatching"] as const) {
    const hits = new Counter("hits_total", "Hits.", { registry });
    const child = hits.labels();
    hits.inc(5);
    if (how === "clear") hits.clear();
    else if (how === "remove") assert.equal(hits.remove(), true);
    else assert.equal(hits.removeMatching({}), 1);
    assert.deepEqual(seriesOf(hits), ["hits_total 0"]);
    hits.inc();
    child.inc();
    assert.deepEqual(seriesOf(hits), ["hits_total 2"]);
  }
});

test("clear() sets the series of an all-defaulted metric to 0, and removes the others", () => {
  const hits = new Counter("hits_total", "Hits.", {
    labelNames: ["code"],
    defaultLabels: { code: 200 },
    registry,
  });
  const other = hits.labels({ code: 500 });
  hits.inc(5);
  other.inc(5);
  hits.clear();
  hits.inc();
  other.inc();
  assert.deepEqual(seriesOf(hits), ['hits_total{code="200"} 1']);
  assert.equal(hits.remove({}), true);
  assert.equal(hits.remove("200"), true);
  assert.deepEqual(seriesOf(hits), ['hits_total{code="200"} 0']);
});

test("created is the time of creation or of the last reset", () => {
  const clock = new ManualClock(1000);
  const hits = new Counter("hits_total", "Hits.", { clock, registry });
  const labelled = new Counter("hits_total", "Hits.", { labelNames: ["a"], clock, registry });
  clock.advance(1.5);
  assert.equal(hits.labels().created, 1000);
  assert.equal(labelled.labels(1).created, 1001.5);
  clock.advance(0.25);
  hits.clear();
  labelled.clear();
  assert.equal(hits.labels().created, 1001.75);
  assert.equal(labelled.labels(1).created, 1001.75);
});

/** Creates a registry with a labelled counter of some children. */
function createRegistered(codes: number[]) {
  const own = new CollectorRegistry();
  const hits = new Counter("hits_total", "Hits.", { labelNames: ["code"], registry: own });
  for (const code of codes) hits.labels(code).inc();
  return { own, hits };
}

test("a read visits only the series that existed when it reached their family", () => {
  const { own, hits } = createRegistered([1, 2, 3]);
  const seen: string[] = [];
  for (const family of gather(own)) {
    for (const { labelValues } of family.metrics) {
      seen.push(labelValues[0]!);
      hits.labels(seen.length + 100).inc();
    }
  }
  assert.deepEqual(seen, ["1", "2", "3"]);
  assert.equal(seriesOf(hits).length, 6);
});

test("a read does not visit series that are removed before it reaches them", () => {
  const { own, hits } = createRegistered([1, 2, 3, 4]);
  const seen: string[] = [];
  for (const family of gather(own)) {
    for (const { labelValues } of family.metrics) {
      seen.push(labelValues[0]!);
      if (seen.length > 1) continue;
      hits.remove("1");
      hits.remove("3");
      // The same labels create a new child, which comes later.
      hits.labels(3).inc(50);
    }
  }
  assert.deepEqual(seen, ["1", "2", "4"]);
});

test("clear() during a read ends the family", () => {
  const { own, hits } = createRegistered([1, 2, 3]);
  const seen: string[] = [];
  for (const family of gather(own)) {
    for (const { labelValues } of family.metrics) {
      seen.push(labelValues[0]!);
      hits.clear();
      hits.labels(9);
    }
  }
  assert.deepEqual(seen, ["1"]);
  assert.deepEqual(seriesOf(hits), ['hits_total{code="9"} 0']);
});
