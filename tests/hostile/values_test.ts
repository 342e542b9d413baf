import assert from "node:assert/strict";
import { test } from "node:test";
import * as api from "../../mod.ts";
import {
  CollectorRegistry,
  CollectorRegistryProxy,
  Counter,
  Gauge,
  generateMetrics,
  generateProtobuf,
  Histogram,
  Info,
  MetricFamily,
  type MetricType,
  setExemplarSource,
  StateSet,
  Summary,
} from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { reportFault } from "../support/fault_report.ts";

/** The values that everything is called with, in the order of {@linkcode Outcomes}. */
const VALUES: readonly [spelled: string, make: () => unknown][] = [
  ["NaN", () => NaN],
  ["Infinity", () => Infinity],
  ["-Infinity", () => -Infinity],
  ["-1", () => -1],
  ['"5"', () => "5"],
  ["null", () => null],
  ["1n", () => 1n],
  ["{}", () => ({})],
];

/**
 * The outcome for each value: accepted (`.`), or rejected with a `TypeError` (`T`) or a
 * `RangeError` (`R`) that has a proper message. A rejected call changes nothing.
 */
type Outcomes = string;
const ANYTHING = "........";
const NOTHING = "TTTTTTTT";
const NUMBER = "....TTTT";
const STRING = "TTTT.TTT";
const OBJECT = "TTTTTTT.";
const OBJECT_OR_NULL = "TTTTT.T.";
/** Numbers that must be finite and have a minimum. */
const AMOUNT = "RRRRTTTT";
const FINITE = "RRR.TTTT";
/** A number that must be finite. Others throw a `TypeError`. */
const MOMENT = "TTT.TTTT";
const LABEL = ".....TTT";

/** A method that is called without type checks. */
type Loose = (...args: unknown[]) => unknown;

/** An object with methods, and the outcomes of each. */
interface Subject {
  /** Creates the object, in a registry if possible. */
  create: (registry: CollectorRegistry) => object;
  /** The outcomes by method, or with a function that passes the value in another way. */
  rows: Record<string, Outcomes | [Outcomes, (method: Loose, value: unknown) => unknown]>;
}

const states = ["on", "off"] as const;
const quiet = () => {};
const clock = new ManualClock();

/** Rows of all metrics without labels. */
const METRIC: Subject["rows"] = {
  labels: OBJECT,
  find: ANYTHING,
  remove: OBJECT,
  removeMatching: OBJECT,
  clear: ANYTHING,
  collect: ANYTHING,
  describe: ANYTHING,
};
/** Rows of metrics and children that observe. */
const OBSERVES: Subject["rows"] = {
  observe: FINITE,
  time: NOTHING,
  startTimer: ANYTHING,
  wrap: NOTHING,
  toJSON: ANYTHING,
};
/** Rows of a histogram's second argument: `observe(1, value)`. */
const EXEMPLAR: Subject["rows"] = {
  "observe with exemplar labels": [OBJECT, (observe, value) => observe(1, value)],
  "observe with an exemplar's label": [LABEL, (observe, value) => observe(1, { a: value })],
};
const COUNTER: Subject["rows"] = {
  toJSON: ANYTHING,
  inc: AMOUNT,
  "inc with exemplar labels": [OBJECT, (inc, value) => inc(1, value)],
  "inc with an exemplar's label": [LABEL, (inc, value) => inc(1, { a: value })],
  countExceptions: NOTHING,
  "countExceptions of a class": [NOTHING, (count, value) => count(quiet, value)],
  setFunction: NOTHING,
};
const GAUGE: Subject["rows"] = {
  toJSON: ANYTHING,
  set: NUMBER,
  inc: NUMBER,
  dec: NUMBER,
  setToCurrentTime: ANYTHING,
  trackInProgress: NOTHING,
  time: NOTHING,
  startTimer: ANYTHING,
  setFunction: NOTHING,
};
/** Methods that only the library calls: encoders, other series, timers. */
const INTERNAL = new Set([
  ...["startLabelTimer", "check", "checkResult", "keep", "keepOf", "reset", "moveTo", "indexOf"],
  ...["keepNative", "toMetric", "enter", "stayIn", "write", "isOpen", "change"],
  ...["recordDuration", "cumulativeCounts", "quantileValues"],
]);
const INTERNAL_CLASSES = new Set(["BaseMetric", "TimedMetric", "MetricFamily"]);

const labelled = { labelNames: ["a"], clock };
const METRICS: Record<string, Subject> = {
  Counter: {
    create: (registry) => new Counter("c_total", "C.", { registry, clock }),
    rows: { ...METRIC, ...COUNTER },
  },
  Gauge: {
    create: (registry) => new Gauge("g", "G.", { registry, clock }),
    rows: { ...METRIC, ...GAUGE },
  },
  Histogram: {
    create: (registry) => new Histogram("h", "H.", { registry, clock }),
    rows: { ...METRIC, ...OBSERVES, ...EXEMPLAR },
  },
  "native Histogram": {
    create: (registry) => new Histogram("n", "N.", { registry, clock, nativeHistogram: true }),
    rows: { ...METRIC, ...OBSERVES, ...EXEMPLAR },
  },
  Summary: {
    create: (registry) => new Summary("s", "S.", { registry, clock, quantiles: [0.5] }),
    rows: { ...METRIC, ...OBSERVES },
  },
  Info: {
    create: (registry) => new Info("i", "I.", { registry, clock }),
    rows: {
      ...METRIC,
      toJSON: ANYTHING,
      info: OBJECT,
      "info with a label": [LABEL, (info, value) => info({ a: value })],
    },
  },
  StateSet: {
    create: (registry) => new StateSet("t", "T.", { registry, clock, states }),
    rows: { ...METRIC, toJSON: ANYTHING, state: NOTHING },
  },
};
const CHILDREN: Record<string, Subject> = {
  CounterChild: {
    create: (registry) => new Counter("c_total", "C.", { registry, clock }).labels(),
    rows: COUNTER,
  },
  "CounterChild that asks the exemplar source": {
    create: (registry) =>
      new Counter("c_total", "C.", { registry, clock, exemplars: true }).labels(),
    rows: COUNTER,
  },
  GaugeChild: {
    create: (registry) => new Gauge("g", "G.", { registry, clock }).labels(),
    rows: GAUGE,
  },
  "GaugeChild with aggregation mostrecent": {
    create: (registry) => {
      return new Gauge("g", "G.", { registry, clock, aggregation: "mostrecent" }).labels();
    },
    rows: GAUGE,
  },
  HistogramChild: {
    create: (registry) => new Histogram("h", "H.", { registry, clock }).labels(),
    rows: { ...OBSERVES, ...EXEMPLAR },
  },
  "HistogramChild that asks the exemplar source": {
    create: (registry) => new Histogram("h", "H.", { registry, clock, exemplars: true }).labels(),
    rows: { ...OBSERVES, ...EXEMPLAR },
  },
  "native HistogramChild": {
    create: (registry) => {
      return new Histogram("n", "N.", { registry, clock, nativeHistogram: true }).labels();
    },
    rows: { ...OBSERVES, ...EXEMPLAR },
  },
  "native HistogramChild that asks the exemplar source": {
    create: (registry) => {
      const options = { nativeHistogram: true, exemplars: true };
      return new Histogram("n", "N.", { registry, clock, ...options }).labels();
    },
    rows: { ...OBSERVES, ...EXEMPLAR },
  },
  SummaryChild: {
    create: (registry) => new Summary("s", "S.", { registry, clock }).labels(),
    rows: OBSERVES,
  },
  "SummaryChild with quantiles": {
    create: (registry) => new Summary("s", "S.", { registry, clock, quantiles: [0.5] }).labels(),
    rows: OBSERVES,
  },
  InfoChild: {
    create: (registry) => new Info("i", "I.", { registry, clock }).labels(),
    rows: { toJSON: ANYTHING, info: OBJECT },
  },
  StateSetChild: {
    create: (registry) => new StateSet("t", "T.", { registry, clock, states }).labels(),
    rows: { toJSON: ANYTHING, state: NOTHING },
  },
};

/**
 * Metrics with a label that has no value yet. A single argument is the label's value, or all
 * labels.
 */
const LABELLED: Record<string, Subject> = {
  "labelled Counter": {
    create: (registry) => new Counter("c_total", "C.", { registry, ...labelled }),
    rows: {
      labels: ".....TT.",
      "labels by name": [LABEL, (labels, value) => labels({ a: value })],
      "labels of too many values": [NOTHING, (labels, value) => labels("x", value)],
      "labels of a partial": [OBJECT, (labels, value) => (labels({}) as Labels).labels(value)],
      "labels of a partial by name": [
        LABEL,
        (labels, value) => (labels({}) as Labels).labels({ a: value }),
      ],
      remove: ".....TTT",
      "remove by name": [LABEL, (remove, value) => remove({ a: value })],
      removeMatching: OBJECT,
      "removeMatching by name": [LABEL, (remove, value) => remove({ a: value })],
      // No value helps, because there is no series without labels.
      inc: NOTHING,
      countExceptions: NOTHING,
      setFunction: NOTHING,
    },
  },
  "labelled Histogram": {
    create: (registry) => new Histogram("h", "H.", { registry, ...labelled }),
    rows: {
      observe: NOTHING,
      time: NOTHING,
      "startTimer, stopped with": [OBJECT.replace(".", "T"), stopWith((value) => value)],
      "startTimer, stopped with a label": [LABEL, stopWith((value) => ({ a: value }))],
    },
  },
  "timed Summary": {
    create: (registry) => new Summary("s", "S.", { registry, clock }),
    rows: {
      "startTimer, stopped with": [OBJECT, stopWith((value) => value)],
      "startTimer, stopped with a label": [NOTHING, stopWith((value) => ({ a: value }))],
    },
  },
  "timed SummaryChild": {
    create: (registry) => new Summary("s", "S.", { registry, ...labelled }).labels("x"),
    rows: {
      "startTimer, stopped with": [OBJECT, stopWith((value) => value)],
      "startTimer, stopped with a label": [NOTHING, stopWith((value) => ({ a: value }))],
    },
  },
};

interface Labels {
  labels: Loose;
}

function stopWith(labels: (value: unknown) => unknown) {
  return (startTimer: Loose, value: unknown) =>
    (startTimer() as { stop: Loose }).stop(labels(value));
}

/** Metrics whose values come from a function of the program. */
const FUNCTIONS: Record<string, Subject> = {
  "Counter whose function returns": {
    create: (registry) => new Counter("c_total", "C.", { registry, clock }),
    rows: { value: ["RRRRRRRR", readFrom] },
  },
  "Gauge whose function returns": {
    create: (registry) => new Gauge("g", "G.", { registry, clock }),
    rows: { value: [NUMBER, readFrom] },
  },
};

function readFrom(this: unknown, _: Loose, value: unknown): unknown {
  const metric = this as { setFunction: Loose; value: unknown; clear(): void };
  metric.setFunction(() => value);
  try {
    return metric.value;
  } finally {
    metric.clear();
  }
}

/** Creates a family for `addSample()`, with rows that pass the value as each of its arguments. */
function family(type: MetricType, rows: Subject["rows"]): Subject {
  return {
    create: (registry) => {
      const brought = new MetricFamily("m", "M.", type);
      registry.register({ collect: () => [brought] });
      return brought;
    },
    rows: { addSample: [NOTHING, (add, value) => add(value, {}, 1)], ...rows },
  };
}
const native = {
  ...{ schema: 0, zeroThreshold: 0, zeroCount: 0, sum: 0, count: 0 },
  ...{ positive: new Map(), negative: new Map() },
};
const withNative = (change: (value: unknown) => object) => (add: Loose, value: unknown) =>
  add("m", {}, 0, { nativeHistogram: { ...native, ...change(value) } });
const withExemplar = (change: (value: unknown) => object) => (add: Loose, value: unknown) =>
  add("m", {}, 0, { exemplar: { labels: {}, value: 1, ...change(value) } });
const FAMILIES: Record<string, Subject> = {
  "MetricFamily of a gauge": family("gauge", {
    "addSample with labels": [OBJECT, (add, value) => add("m", value, 1)],
    "addSample with a label": [LABEL, (add, value) => add("m", { a: value }, 1)],
    "addSample with a value": [NUMBER, (add, value) => add("m", {}, value)],
    "addSample with options": [OBJECT, (add, value) => add("m", {}, 1, value)],
    "addSample with a timestamp": [MOMENT, (add, timestamp) => add("m", {}, 1, { timestamp })],
    "addSample with an exemplar": [NOTHING, withExemplar((value) => ({ value }))],
    "addSample with a native histogram": [NOTHING, withNative((sum) => ({ sum }))],
  }),
  "MetricFamily of a counter": family("counter", {
    "addSample with an exemplar": [
      NOTHING,
      (add, exemplar) => add("m", {}, 0, { exemplar }),
    ],
    "addSample with an exemplar's labels": [OBJECT, withExemplar((labels) => ({ labels }))],
    "addSample with an exemplar's label": [LABEL, withExemplar((a) => ({ labels: { a } }))],
    "addSample with an exemplar's value": [NUMBER, withExemplar((value) => ({ value }))],
    "addSample with an exemplar's timestamp": [
      MOMENT,
      withExemplar((timestamp) => ({ timestamp })),
    ],
  }),
  "MetricFamily of a histogram": family("histogram", {
    "addSample with a bound": ["T....TTT", (add, le) => add("m_bucket", { le }, 1)],
    "addSample with a native histogram": [
      NOTHING,
      (add, nativeHistogram) => add("m", {}, 0, { nativeHistogram }),
    ],
    "addSample with a native schema": [FINITE, withNative((schema) => ({ schema }))],
    "addSample with a zero threshold": [AMOUNT, withNative((zeroThreshold) => ({ zeroThreshold }))],
    "addSample with a zero count": ["R.RRTTTT", withNative((zeroCount) => ({ zeroCount }))],
    "addSample with native buckets": [NOTHING, withNative((positive) => ({ positive }))],
    "addSample with negative native buckets": [NOTHING, withNative((negative) => ({ negative }))],
    "addSample with a native bucket's index": [
      MOMENT,
      withNative((value) => ({ positive: new Map([[value, 1]]) })),
    ],
    "addSample with a native bucket's count": [
      "T.TTTTTT",
      withNative((value) => ({ negative: new Map([[1, value]]) })),
    ],
    "addSample with a native sum": [NUMBER, withNative((sum) => ({ sum }))],
    "addSample with a native count": [NUMBER, withNative((count) => ({ count }))],
  }),
  "MetricFamily of a summary": family("summary", {
    "addSample with a quantile": ["T....TTT", (add, quantile) => add("m", { quantile }, 1)],
  }),
  "MetricFamily of a stateset": family("stateset", {
    "addSample with a state": [LABEL, (add, m) => add("m", { m }, 1)],
  }),
};

/** Creates a subject from a constructor, with one row for each option. */
function options(
  create: (options: Record<string, unknown>) => unknown,
  rows: Record<string, Outcomes>,
): Subject {
  const entries = Object.entries(rows).map(([key, outcomes]) => [
    key,
    [outcomes, (_: Loose, value: unknown) => create({ [key]: value })],
  ]);
  return { create: () => ({}), rows: Object.fromEntries(entries) };
}
const OPTIONS: Record<string, Subject> = {
  "options of Counter": options((o) => new Counter("c_total", "C.", { registry: null, ...o }), {
    labelNames: "TTTTT.TT",
    defaultLabels: OBJECT_OR_NULL,
    unit: STRING,
    namespace: NOTHING,
    subsystem: NOTHING,
    registry: "TTTTT.TT",
    exemplars: NOTHING,
    nameValidation: NOTHING,
    clock: NOTHING,
    maxSeries: "R.RRTTTT",
    expireAfterSeconds: "R.RRTTTT",
  }),
  "options of metricsHandler": options((o) => api.metricsHandler(o), {
    authorize: NOTHING,
    live: NOTHING,
    maxConcurrentScrapes: "R.RRTTTT",
    coalesce: NOTHING,
  }),
  "options of Gauge": options((o) => new Gauge("g", "G.", { registry: null, ...o }), {
    aggregation: NOTHING,
  }),
  "options of Histogram": options((o) => new Histogram("h", "H.", { registry: null, ...o }), {
    buckets: "TTTTT.TT",
    nativeHistogram: OBJECT,
  }),
  "buckets of Histogram": options(
    ({ bound }) => new Histogram("h", "H.", { registry: null, buckets: [bound as number] }),
    { bound: "R.R.TTTT" },
  ),
  "native options of Histogram": options(
    (nativeHistogram) => new Histogram("h", "H.", { registry: null, nativeHistogram }),
    {
      bucketFactor: "R.RRTTTT",
      maxBuckets: AMOUNT,
      zeroThreshold: AMOUNT,
      maxZeroThreshold: AMOUNT,
      minResetDurationSeconds: AMOUNT,
    },
  ),
  "options of Summary": options(
    (o) => new Summary("s", "S.", { registry: null, quantiles: [0.5], ...o }),
    { quantiles: NOTHING, maxAgeSeconds: AMOUNT, ageBuckets: AMOUNT },
  ),
  "quantiles of Summary": options(
    ({ quantile }) => new Summary("s", "S.", { registry: null, quantiles: [quantile as number] }),
    { quantile: AMOUNT },
  ),
  "options of StateSet": options(
    // An option that is not passed is absent.
    (o) => new StateSet("t", "T.", { registry: null, states, ...o }),
    { states: NOTHING },
  ),
  "states of StateSet": options(
    ({ state }) => new StateSet("t", "T.", { registry: null, states: [state as string] }),
    { state: STRING },
  ),
  "options of MetricFamily": options((o) => new MetricFamily("m", "M.", "gauge", o), {
    unit: STRING,
    nameValidation: NOTHING,
  }),
  "options of CollectorRegistry": options((o) => new CollectorRegistry(o), {
    prefix: "TTTTT.TT",
    constLabels: OBJECT,
    targetInfo: OBJECT_OR_NULL,
    onDuplicate: NOTHING,
    maxSeries: "R.RRTTTT",
  }),
};
for (const Metric of [Counter, Gauge, Histogram, Summary, Info, StateSet, MetricFamily]) {
  const create = Metric as new (...args: unknown[]) => object;
  const needed = Metric as unknown === StateSet ? { registry: null, states } : { registry: null };
  const rest = Metric === MetricFamily ? ["gauge"] : [needed];
  OPTIONS[`arguments of ${Metric.name}`] = options(
    ({ name = "m", help = "M." }) => new create(name, help, ...rest),
    { name: NOTHING, help: STRING },
  );
}

/** Registries and exported functions. */
const registryRows: Subject["rows"] = {
  register: NOTHING,
  unregister: ANYTHING,
  collect: ANYTHING,
  restrictedRegistry: "TTTTTTTT",
  setTargetInfo: OBJECT_OR_NULL,
  getTargetInfo: ANYTHING,
  getSampleValue: "TTTT.TTT",
  "getSampleValue with labels": [OBJECT, (get, value) => get("x", value)],
  "getSampleValue with a label": [LABEL, (get, value) => get("x", { a: value })],
};
const EXPORTS: Record<string, Subject> = {
  "mod.ts": {
    create: () => api,
    rows: {
      linearBuckets: [FINITE, (make, value) => make(value, 1, 3)],
      "linearBuckets of a width": [AMOUNT, (make, value) => make(1, value, 3)],
      "linearBuckets of a count": [AMOUNT, (make, value) => make(1, 1, value)],
      exponentialBuckets: [AMOUNT, (make, value) => make(value, 2, 3)],
      "exponentialBuckets of a factor": [AMOUNT, (make, value) => make(1, value, 3)],
      "exponentialBuckets of a count": [AMOUNT, (make, value) => make(1, 2, value)],
      exponentialBucketsRange: [AMOUNT, (make, value) => make(value, 2, 3)],
      "exponentialBucketsRange to": [AMOUNT, (make, value) => make(1, value, 3)],
      "exponentialBucketsRange of a count": [AMOUNT, (make, value) => make(1, 2, value)],
      setExemplarSource: [
        "TTTTT.TT",
        (set, value) => {
          set(value);
          setExemplarSource(null);
        },
      ],
      gather: NOTHING,
      generateMetrics: NOTHING,
      generateOpenMetrics: NOTHING,
      generateOpenMetricsAsync: NOTHING,
      generateProtobuf: NOTHING,
      generateProtobufAsync: NOTHING,
      gatherAsync: [NOTHING, (gather, value) => (gather(value) as AsyncGenerator).next()],
      generateMetricsAsync: NOTHING,
      "metricsResponse of a registry": [
        NOTHING,
        (respond, registry) => respond(undefined, { registry }),
      ],
      bearerAuth: "TTTT.TTT",
      basicAuth: ["TTTT.TTT", (make, value) => make(value, "p")],
      "basicAuth with a password": ["TTTT.TTT", (make, value) => make("u", value)],
      "metricsHandler of a registry": [
        NOTHING,
        (handle, registry) => (handle({ registry }) as Loose)(new Request("http://localhost/")),
      ],
    },
  },
  CollectorRegistry: {
    create: (registry) => registry,
    rows: { ...registryRows, clear: ANYTHING },
  },
  CollectorRegistryProxy: {
    create: (registry) => new CollectorRegistryProxy(registry),
    rows: { ...registryRows, clear: ANYTHING, setRegistry: NOTHING },
  },
};

const SUBJECTS: Record<string, Subject> = {
  ...METRICS,
  ...CHILDREN,
  ...LABELLED,
  ...FUNCTIONS,
  ...FAMILIES,
  ...OPTIONS,
  ...EXPORTS,
};

function stateOf(registry: CollectorRegistry): unknown {
  return [generateMetrics(registry), generateProtobuf(registry)];
}

/** Messages of the engine, which do not help a caller. */
const ENGINE_REGEXP =
  /is not a function|not iterable|cannot (?:convert|mix|destr)|properties of|undefined is/i;

let count = 0;
for (const [subject, { create, rows }] of Object.entries(SUBJECTS)) {
  for (const [row, given] of Object.entries(rows)) {
    const [outcomes, call] = typeof given === "string"
      ? [given, (method: Loose, value: unknown) => method(value)]
      : given;
    test(`${subject}: ${row}`, async () => {
      assert.equal(outcomes.length, VALUES.length);
      for (const [i, [spelled, make]] of VALUES.entries()) {
        const registry = new CollectorRegistry();
        const target = create(registry) as Record<string, Loose>;
        const before = stateOf(registry);
        const name = row.split(/[ ,]/)[0]!;
        const method: Loose = (...args) => target[name]!(...args);
        let outcome = ".";
        try {
          await call.call(target, method, make());
        } catch (error) {
          assert.ok(error instanceof TypeError || error instanceof RangeError, String(error));
          outcome = error instanceof TypeError ? "T" : "R";
          assert.match(error.message, /^Cannot [^:]+: ./, spelled);
          assert.doesNotMatch(error.message, ENGINE_REGEXP, spelled);
          assert.deepEqual(stateOf(registry), before, `${spelled} changed the state`);
        }
        assert.equal(outcome, outcomes[i], spelled);
        count++;
      }
    });
  }
}

test("the table covers every method of every metric and every exported function", () => {
  for (const [name, { create, rows }] of Object.entries({ ...METRICS, ...CHILDREN })) {
    const listed = new Set(Object.keys(rows).map((row) => row.split(/[ ,]/)[0]!));
    assert.deepEqual(methodsOf(create(new CollectorRegistry())), listed, name);
  }
  const listed = new Set(Object.keys(EXPORTS["mod.ts"]!.rows).map((row) => row.split(" ")[0]!));
  const exported = Object.entries(api)
    .filter(([name, value]) => typeof value === "function" && /^[a-z]/.test(name))
    .map(([name]) => name);
  assert.deepEqual(listed, new Set(exported));
  for (const [name, value] of Object.entries(api)) {
    if (typeof value !== "function" || /^[a-z]/.test(name) || name.endsWith("Error")) continue;
    const known = name in METRICS || name in CHILDREN || name in EXPORTS;
    assert.ok(known || INTERNAL_CLASSES.has(name), name);
  }
});

/** Returns the public methods of an object. */
function methodsOf(target: object): Set<string> {
  const names = new Set<string>();
  for (let own = target; own !== Object.prototype; own = Object.getPrototypeOf(own)) {
    for (const [name, { value, get }] of Object.entries(Object.getOwnPropertyDescriptors(own))) {
      const isMethod = typeof value === "function" || (get !== undefined && name === "wrap");
      if (isMethod && name !== "constructor" && !INTERNAL.has(name)) names.add(name);
    }
  }
  return names;
}

test("reports the figure of this file", () => {
  assert.ok(count > 1000);
  reportFault({
    fault: 'NaN, Infinity, -Infinity, -1, "5", null, 1n and {} to every method of every metric, ' +
      "family, timer and registry, every option, and every exported function",
    bar: "the documented error, value unchanged",
    figure: `${count} calls, each as documented; no refused call changed anything`,
  });
});
