import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Counter, Gauge, Histogram, type LabelValue, Summary, type Timer } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;

/** Returns metrics that observe durations, with functions that read their counts and sums. */
function createAll() {
  const clock = new ManualClock();
  const histogram = new Histogram("d_seconds", "D.", { clock, registry });
  const native = new Histogram("d_seconds", "D.", { nativeHistogram: true, clock, registry });
  const summary = new Summary("d_seconds", "D.", { quantiles: [1], clock, registry });
  const labelled = new Histogram("d_seconds", "D.", { labelNames: ["job"], clock, registry });
  const child = labelled.labels("mail");
  const defaulted = new Summary("d_seconds", "D.", {
    labelNames: ["job"],
    defaultLabels: { job: "mail" },
    clock,
    registry,
  });
  return Object.entries({
    "a histogram": { clock, metric: histogram, read: () => histogram.labels() },
    "a native histogram": { clock, metric: native, read: () => native.labels() },
    "a summary": { clock, metric: summary, read: () => summary.labels() },
    "a child": { clock, metric: child, read: () => child },
    "an all-defaulted summary": { clock, metric: defaulted, read: () => defaulted.labels({}) },
  });
}

for (const [what, { clock, metric, read }] of createAll()) {
  const numbers = () => [read().count, read().sum];

  test(`a timer of ${what} records once, at its first stop`, () => {
    const timer = metric.startTimer();
    clock.advance(2);
    assert.deepEqual(numbers(), [0, 0]);
    assert.equal(timer.stop(), 2);
    clock.advance(5);
    assert.equal(timer.stop(), 2);
    timer[Symbol.dispose]();
    assert.deepEqual(numbers(), [1, 2]);
  });

  test(`a timer of ${what} records when it is disposed of, and a later stop() records nothing`, () => {
    const timer = metric.startTimer();
    clock.advance(3);
    timer[Symbol.dispose]();
    clock.advance(3);
    assert.equal(timer.stop(), 3);
    assert.deepEqual(numbers(), [2, 5]);
  });

  test(`timers of ${what} can overlap, and never record less than 0`, () => {
    const first = metric.startTimer();
    clock.advance(1);
    const second = metric.startTimer();
    clock.advance(-10);
    assert.equal(second.stop(), 0);
    clock.advance(11);
    assert.equal(first.stop(), 2);
    assert.deepEqual(numbers(), [4, 7]);
  });

  test(`time() of ${what} returns the result of the function`, async () => {
    assert.equal(metric.time(() => (clock.advance(1), "now")), "now");
    assert.equal(metric.time(() => undefined), undefined);
    assert.equal(metric.time(() => null), null);
    const promise = metric.time(async () => {
      await Promise.resolve();
      clock.advance(2);
      return "later";
    });
    // The duration is recorded only after the promise has settled.
    assert.deepEqual(numbers(), [7, 8]);
    assert.equal(await promise, "later");
    assert.deepEqual(numbers(), [8, 10]);
  });

  test(`time() of ${what} records failures and rethrows them`, async () => {
    const error = new Error("no");
    const fail = () => {
      clock.advance(1);
      throw error;
    };
    assert.throws(() => metric.time(fail), error);
    await assert.rejects(metric.time(() => Promise.resolve().then(fail)), error);
    await assert.rejects(metric.time(() => Promise.reject(error)), error);
    assert.deepEqual(numbers(), [11, 12]);
  });

  test(`time() of ${what} waits for anything that has then()`, async () => {
    const thenable: PromiseLike<number> = {
      then: (resolve) => {
        clock.advance(4);
        return Promise.resolve(7).then(resolve);
      },
    };
    assert.equal(await metric.time(() => thenable), 7);
    assert.equal(metric.time(() => ({ then: 5 })).then, 5);
    assert.deepEqual(numbers(), [13, 16]);
  });

  test(`time() and wrap() of ${what} throw on a value that is not a function`, () => {
    const { type, name } = {
      type: what.includes("summary") ? "summary" : "histogram",
      name: "d_seconds",
    };
    for (const [verb, use] of [["time", metric.time], ["wrap with", metric.wrap]] as const) {
      assert.throws(() => (use as (fn: unknown) => void).call(metric, { fn: 1 }), {
        name: "TypeError",
        message: `Cannot ${verb} ${type} "${name}": a function is needed: received {fn}`,
      });
    }
    assert.deepEqual(numbers(), [13, 16]);
  });

  test(`wrap() of ${what} keeps this, arguments, name and length`, async () => {
    const { wrap } = metric;
    const add = wrap(function add(this: { base: number }, a: number, b: number): number {
      clock.advance(1);
      return this.base + a + b;
    });
    assert.equal(add.name, "add");
    assert.equal(add.length, 2);
    for (const [key, value] of [["name", "add"], ["length", 2]] as const) {
      const ordinary = { value, writable: false, enumerable: false, configurable: true };
      assert.deepEqual(Object.getOwnPropertyDescriptor(add, key), ordinary);
    }
    assert.equal(add.call({ base: 1 }, 2, 3), 6);
    assert.equal(await wrap((text: string) => Promise.resolve(text))("x"), "x");
    const fail = wrap(() => {
      throw new Error("no");
    });
    assert.throws(fail, /no/);
    assert.deepEqual(numbers(), [16, 17]);
  });
}

type Timed = Histogram<["job", "code"]>;

/** The types with timers. Their timers have the same methods, so one type is enough here. */
const TIMED: Record<string, (clock: ManualClock) => Timed> = {
  gauge: (clock) =>
    new Gauge("d", "D.", { labelNames: ["job", "code"], clock, registry }) as unknown as Timed,
  histogram: (clock) =>
    new Histogram("d", "D.", { labelNames: ["job", "code"], buckets: [], clock, registry }),
  summary: (clock) =>
    new Summary("d", "D.", { labelNames: ["job", "code"], clock, registry }) as unknown as Timed,
};
for (const [type, create] of Object.entries(TIMED)) {
  test(`a timer of a labelled ${type} takes the labels when it stops`, () => {
    const clock = new ManualClock();
    const metric = create(clock);
    const timer = metric.startTimer();
    const partial = metric.labels({ job: "mail" }).startTimer();
    assert.deepEqual(seriesOf(metric), []);
    clock.advance(2);
    assert.equal(timer.stop({ job: "mail", code: 1 }), 2);
    assert.equal(partial.stop({ code: 2 }), 2);
    assert.equal(metric.labels({ code: 3 }).startTimer().stop({ job: "mail", code: 4 }), 0);
    const labels = (code: number) => `{job="mail",code="${code}"}`;
    const isTwo = (series: string) => / 2$/.test(series);
    assert.equal(seriesOf(metric).filter((series) => series.includes(labels(1))).some(isTwo), true);
    assert.equal(seriesOf(metric).filter((series) => series.includes(labels(2))).some(isTwo), true);
    assert.equal(seriesOf(metric).some((series) => series.includes(labels(4))), true);
    assert.equal(seriesOf(metric).some((series) => series.includes(labels(3))), false);
  });

  test(`a timer of a labelled ${type} keeps running if its labels are wrong`, () => {
    const clock = new ManualClock();
    const metric = create(clock);
    const timer = metric.startTimer();
    const loose = timer as unknown as { stop(labels?: unknown): number } & Timer;
    clock.advance(1);
    const missing = {
      name: "UnobservableMetricError",
      message: `Cannot observe ${type} "d": labels are missing: "code"`,
    };
    assert.throws(() => loose.stop({ job: "mail" }), missing);
    assert.throws(() => loose.stop(), { name: "UnobservableMetricError" });
    assert.equal(Symbol.dispose in loose, false);
    assert.throws(() => loose.stop({ job: "mail", code: 1, x: 2 }), {
      name: "TypeError",
      message: `Cannot get series of ${type} "d": its labels are "job", "code": received "x"`,
    });
    assert.throws(() => loose.stop("mail"), { name: "TypeError" });
    assert.deepEqual(seriesOf(metric), []);
    clock.advance(1);
    assert.equal(timer.stop({ job: "mail", code: 1 }), 2);
    assert.equal(loose.stop(), 2);
  });

  test(`a timer of a series of a ${type} throws on labels, and keeps running`, () => {
    const clock = new ManualClock();
    const child = create(clock).labels("mail", 1);
    const timer = child.startTimer();
    const loose = timer as { stop(labels: Record<string, LabelValue>): number };
    clock.advance(1);
    assert.throws(() => loose.stop({ code: 2 }), {
      name: "TypeError",
      message: `Cannot stop timer of ${type} "d": its labels are given already: received {code}`,
    });
    assert.equal(loose.stop({}), 1);
  });
}

test("a timer of a metric with defaults takes labels to override, or none", () => {
  const clock = new ManualClock();
  const metric = new Histogram("d", "D.", {
    labelNames: ["job", "code"],
    defaultLabels: { job: "mail", code: 200 },
    buckets: [],
    clock,
    registry,
  });
  metric.startTimer().stop();
  metric.startTimer().stop({ code: 500 });
  metric.startTimer()[Symbol.dispose]();
  assert.equal(metric.labels("mail", 200).count, 2);
  assert.equal(metric.labels("mail", 500).count, 1);
});

test("a timer of a metric without labels throws on labels", () => {
  const timer = new Summary("d", "D.", { registry }).startTimer();
  assert.throws(() => timer.stop({ code: 1 } as Record<never, number>), {
    name: "TypeError",
    message: 'Cannot get series of summary "d": its labels are none: received "code"',
  });
  assert.equal(typeof timer.stop(), "number");
});

test("a histogram's timer takes exemplar labels when it stops", () => {
  const clock = new ManualClock(100);
  const options = { buckets: [1], clock, registry };
  const plain = new Histogram("d", "D.", options);
  const labelled = new Histogram("d", "D.", { ...options, labelNames: ["job"] });
  const native = new Histogram("d", "D.", { ...options, nativeHistogram: true });
  const timers = [plain, native, labelled.labels("x")].map((metric) => metric.startTimer());
  const open = labelled.startTimer();
  const partial = labelled.labels({}).startTimer();
  clock.advance(0.5);
  for (const timer of timers) timer.stop(undefined, { trace: "a" });
  open.stop({ job: "y" }, { trace: "b" });
  partial.stop({ job: "z" }, { trace: "c" });
  const kept = [
    plain.labels(),
    native.labels(),
    ...["x", "y", "z"].map((job) => labelled.labels(job)),
  ]
    .map(({ exemplars }) => exemplars?.[0]);
  const exemplar = (trace: string) => ({ labels: { trace }, value: 0.5, timestamp: 100.5 });
  assert.deepEqual(kept, ["a", "a", "a", "b", "c"].map(exemplar));
  assert.deepEqual(native.labels().nativeExemplars, [exemplar("a")]);
});

test("a timer records nothing and keeps running if its exemplar is refused", () => {
  const clock = new ManualClock();
  const histogram = new Histogram("d", "D.", { labelNames: ["job"], clock, registry });
  const timer = histogram.startTimer();
  const child = histogram.labels("mail");
  const childTimer = child.startTimer();
  clock.advance(1);
  const tooLong = { trace: "x".repeat(128) };
  for (
    const stop of [
      () => timer.stop({ job: "new" }, tooLong),
      () => childTimer.stop({}, tooLong),
    ]
  ) assert.throws(stop, { name: "RangeError", message: /exemplar labels must have at most 128/ });
  assert.equal(child.count, 0);
  assert.equal(histogram.find("new"), undefined);
  clock.advance(1);
  assert.equal(timer.stop({ job: "new" }, { trace: "x" }), 2);
  assert.equal(childTimer.stop(), 2);
});

test("a timer of a gauge or a summary throws on an exemplar, and keeps running", () => {
  const clock = new ManualClock();
  const options = { labelNames: ["job"], clock, registry } as const;
  for (const metric of [new Gauge("d", "D.", options), new Summary("d", "D.", options)]) {
    const timer = metric.startTimer();
    const childTimer = metric.labels("mail").startTimer();
    const before = seriesOf(metric);
    clock.advance(1);
    for (
      const stop of [
        () => timer.stop({ job: "new" }, { trace: "a" }),
        () => childTimer.stop({}, { trace: "a" }),
      ]
    ) {
      assert.throws(stop, {
        name: "TypeError",
        message: new RegExp(
          `^Cannot (set|observe) ${metric.type} "d": ` +
            `a ${metric.type} has no exemplars: received {trace}$`,
        ),
      });
    }
    assert.deepEqual(seriesOf(metric), before);
    assert.equal(childTimer.stop(), 1);
  }
});

test("a timer records once if a getter among its labels stops it", () => {
  const clock = new ManualClock();
  const histogram = new Histogram("d", "D.", { labelNames: ["job"], clock, registry });
  const timer = histogram.startTimer();
  clock.advance(1);
  const labels = {
    get job() {
      clock.advance(1);
      assert.equal(timer.stop({ job: "inner" }), 1);
      return "outer";
    },
  };
  assert.equal(timer.stop(labels), 1);
  assert.equal(histogram.find("inner"), undefined);
  assert.equal(histogram.labels("outer").sum, 1);
});

test("a counter has no timer", () => {
  assert.equal("startTimer" in new Counter("c_total", "C.", { registry }), false);
});

test("durations and times come from the platform's clocks by default", () => {
  const histogram = new Histogram("d_seconds", "D.", { registry });
  const gauge = new Gauge("now_seconds", "Now.", { registry });
  const times = [5000, 7250];
  const mocks = [
    mock.method(performance, "now", () => times.shift()),
    mock.method(Date, "now", () => 1_700_000_000_500),
  ];
  try {
    assert.equal(histogram.startTimer().stop(), 2.25);
    gauge.setToCurrentTime();
  } finally {
    for (const method of mocks) method.mock.restore();
  }
  assert.equal(histogram.labels().sum, 2.25);
  assert.equal(gauge.value, 1_700_000_000.5);
});

test("a broken clock hides neither a result nor an error", () => {
  for (const broken of [NaN, Infinity, -Infinity]) {
    const clock = new ManualClock();
    for (
      const metric of [
        new Histogram("d", "D.", { clock, registry }),
        new Summary("d", "D.", { quantiles: [0.5], clock, registry }),
      ]
    ) {
      const time = (end: () => unknown): unknown =>
        metric.time(() => {
          clock.seconds = broken;
          return end();
        });
      assert.equal(time(() => "done"), "done");
      clock.seconds = 0;
      assert.throws(() => time(() => assert.fail("no")), { message: "no" });
      clock.seconds = 0;
      assert.deepEqual([metric.labels().count, metric.labels().sum], [2, 0]);
    }
  }
});

test("trackInProgress() and time() end when a thenable throws", () => {
  const gauge = new Gauge("g", "G.", { registry });
  const histogram = new Histogram("h", "H.", { registry });
  const thenables = [
    {
      get then(): never {
        throw new Error("no");
      },
    },
    {
      then: (): never => {
        throw new Error("no");
      },
    },
  ];
  for (const [i, thenable] of thenables.entries()) {
    assert.throws(() => gauge.trackInProgress(() => thenable), { message: "no" });
    assert.equal(gauge.value, 0);
    assert.throws(() => histogram.time(() => thenable), { message: "no" });
    assert.equal(histogram.labels().count, i + 1);
  }
});
