import assert from "node:assert/strict";
import { test } from "node:test";
import { Gauge, type NumberMetric } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";
import { seriesOf } from "../support/series.ts";

const registry = null;

const REFUSED: [value: unknown, spelled: string][] = [
  ["5", '"5"'],
  [null, "null"],
  [1n, "1n"],
  [{}, "{}"],
  [[1], "[1]"],
  [true, "true"],
];
const WRITES = { set: "set", inc: "increment", dec: "decrement" } as const;

for (const [method, verb] of Object.entries(WRITES) as ["set" | "inc" | "dec", string][]) {
  test(`Gauge.${method}() throws on a value that is not a number and keeps its value`, () => {
    const gauge = new Gauge("depth", "Depth.", { registry });
    const labelled = new Gauge("depth", "Depth.", { labelNames: ["queue"], registry });
    for (const target of [gauge, labelled.labels("mail")]) {
      target.set(3);
      for (const [value, spelled] of REFUSED) {
        assert.throws(() => target[method](value as number), {
          name: "TypeError",
          message: `Cannot ${verb} gauge "depth": value must be a number: received ${spelled}`,
        });
      }
      assert.equal(target.value, 3);
    }
  });
}

test("a gauge without labels is exposed from its creation, at 0", () => {
  assert.deepEqual(seriesOf(new Gauge("depth", "Depth.", { registry })), ["depth 0"]);
});

test("Gauge.set(), inc() and dec() accept any number", () => {
  const gauge = new Gauge("depth", "Depth.", { registry });
  gauge.set(-2.5);
  gauge.inc();
  gauge.inc(-3);
  gauge.dec();
  gauge.dec(0.5);
  assert.equal(gauge.value, -6);
  for (const value of [NaN, Infinity, -Infinity, -0]) {
    gauge.set(value);
    assert.equal(gauge.value, value);
  }
});

test("Gauge.set() needs a value", () => {
  const gauge = new Gauge("depth", "Depth.", { registry });
  assert.throws(() => (gauge.set as () => void)(), TypeError);
});

test("Gauge.setToCurrentTime() sets the time of day in seconds", () => {
  const clock = new ManualClock(1_700_000_000.25);
  const gauge = new Gauge("last_success_seconds", "Last success.", { clock, registry });
  gauge.setToCurrentTime();
  assert.equal(gauge.value, 1_700_000_000.25);
  const labelled = new Gauge("last", "Last.", { labelNames: ["job"], clock, registry });
  labelled.labels("mail").setToCurrentTime();
  assert.equal(labelled.labels("mail").value, 1_700_000_000.25);
});

test("Gauge.trackInProgress() counts a function while it runs, even if it fails", async () => {
  const gauge = new Gauge("jobs", "Jobs.", { registry });
  const result = gauge.trackInProgress(() => {
    assert.equal(gauge.value, 1);
    return gauge.trackInProgress(() => gauge.value);
  });
  assert.equal(result, 2);
  assert.equal(gauge.value, 0);

  const error = new Error("no");
  const fail = () => {
    throw error;
  };
  assert.throws(() => gauge.trackInProgress(fail), error);
  assert.equal(gauge.value, 0);

  const { promise, resolve } = Promise.withResolvers<string>();
  const pending = gauge.trackInProgress(() => promise);
  assert.equal(gauge.value, 1);
  resolve("done");
  assert.equal(await pending, "done");
  assert.equal(gauge.value, 0);

  await assert.rejects(gauge.trackInProgress(() => Promise.reject(error)), error);
  await assert.rejects(gauge.trackInProgress(async () => await Promise.resolve(fail())), error);
  assert.equal(gauge.value, 0);
});

test("Gauge.trackInProgress() and time() throw on a value that is not a function, and change nothing", () => {
  const gauge = new Gauge("jobs", "Jobs.", { registry });
  gauge.set(3);
  for (const [method, verb] of [["trackInProgress", "track progress with"], ["time", "time"]]) {
    assert.throws(() => gauge[method as "time"]("f" as unknown as () => void), {
      name: "TypeError",
      message: `Cannot ${verb} gauge "jobs": a function is needed: received "f"`,
    });
  }
  assert.equal(gauge.value, 3);
});

test("Gauge.time() sets the duration of a function, even if it fails", async () => {
  const clock = new ManualClock();
  const gauge = new Gauge("last_duration_seconds", "Duration.", { clock, registry });
  assert.equal(gauge.time(() => (clock.advance(2), "done")), "done");
  assert.equal(gauge.value, 2);
  const fail = () => {
    clock.advance(3);
    throw new Error("no");
  };
  assert.throws(() => gauge.time(fail), /no/);
  assert.equal(gauge.value, 3);
  await assert.rejects(
    gauge.time(async () => {
      await Promise.resolve();
      clock.advance(5);
      throw new Error("late");
    }),
    /late/,
  );
  assert.equal(gauge.value, 5);
});

test("Gauge.startTimer() sets the duration when it is stopped", () => {
  const clock = new ManualClock();
  const gauge = new Gauge("duration_seconds", "Duration.", { clock, registry });
  const timer = gauge.startTimer();
  clock.advance(1.5);
  assert.equal(timer.stop(), 1.5);
  assert.equal(gauge.value, 1.5);

  const labelled = new Gauge("duration_seconds", "D.", { labelNames: ["job"], clock, registry });
  const open = labelled.startTimer();
  const ready = labelled.labels("backup").startTimer();
  clock.advance(4);
  open.stop({ job: "mail" });
  ready.stop();
  assert.deepEqual(seriesOf(labelled), [
    'duration_seconds{job="backup"} 4',
    'duration_seconds{job="mail"} 4',
  ]);
});

test("Gauge.setFunction() reads the value at each collect, and later writes throw", () => {
  const gauge = new Gauge("depth", "Depth.", { registry });
  const jobs = ["a"];
  gauge.setFunction(() => jobs.length);
  assert.equal(gauge.value, 1);
  jobs.push("b");
  assert.deepEqual(seriesOf(gauge), ["depth 2"]);
  const writes: [verb: string, write: () => void][] = [
    ["set", () => gauge.set(1)],
    ["set", () => gauge.setToCurrentTime()],
    ["set", () => gauge.startTimer().stop()],
    ["increment", () => gauge.inc()],
    ["decrement", () => gauge.dec()],
    ["time", () => gauge.time(() => assert.fail("it was called"))],
    ["increment", () => gauge.trackInProgress(() => assert.fail("it was called"))],
  ];
  for (const [verb, write] of writes) {
    assert.throws(write, (error: Error) => {
      assert.equal(error.name, "TypeError");
      return error.message.startsWith(
        `Cannot ${verb} gauge "depth": its value comes from a function`,
      );
    });
  }
  assert.equal(gauge.value, 2);
  gauge.clear();
  gauge.set(7);
  assert.equal(gauge.value, 7);
});

test("reading a gauge throws if its function does not return a number", () => {
  const gauge = new Gauge("depth", "Depth.", { registry });
  gauge.setFunction(() => "5" as unknown as number);
  assert.throws(() => gauge.value, {
    name: "TypeError",
    message: 'Cannot read gauge "depth": its function must return a number: received "5"',
  });
  gauge.setFunction(() => NaN);
  assert.equal(gauge.value, NaN);
  assert.throws(() => gauge.setFunction(null as unknown as () => number), {
    name: "TypeError",
    message: 'Cannot set function of gauge "depth": a function is needed: received null',
  });
});

test("a gauge with labels throws when it is written or read directly", () => {
  const gauge = new Gauge("depth", "Depth.", { labelNames: ["queue"], registry });
  const loose = gauge as unknown as Gauge;
  const uses: (() => unknown)[] = [
    () => loose.set(1),
    () => loose.inc(),
    () => loose.dec(),
    () => loose.setToCurrentTime(),
    () => loose.time(() => {}),
    () => loose.trackInProgress(() => {}),
    () => loose.setFunction(() => 1),
    () => loose.value,
  ];
  for (const use of uses) {
    assert.throws(use, {
      name: "UnobservableMetricError",
      message: 'Cannot observe gauge "depth": labels are missing: "queue"',
    });
  }
  assert.deepEqual(seriesOf(gauge), []);
});

test("a gauge's family has its aggregation", () => {
  const aggregationOf = (gauge: Gauge) => gauge.collect()[0]?.aggregation;
  assert.equal(aggregationOf(new Gauge("x", "X.", { registry: null })), "all");
  assert.equal(
    aggregationOf(new Gauge("x", "X.", { registry: null, aggregation: "livemin" })),
    "livemin",
  );
  assert.throws(
    // @ts-expect-error There is no such aggregation.
    () => new Gauge("x", "X.", { registry: null, aggregation: "mean" }),
    /^TypeError: Cannot create gauge "x": aggregation must be one of .*: received "mean"$/,
  );
});

test("a gauge keeps the time of the last write only for the aggregation mostrecent", () => {
  const clock = { time: 100, now: () => clock.time, monotonic: () => clock.time };
  const options = { registry: null, clock } as const;
  const changed = (gauge: Gauge) => {
    const [metric] = [...gauge.collect()[0]!.metrics] as NumberMetric[];
    return metric!.changed;
  };
  const plain = new Gauge("x", "X.", options);
  plain.set(1);
  assert.equal(changed(plain), undefined);
  const timed = new Gauge("x", "X.", { ...options, aggregation: "mostrecent" });
  assert.equal(changed(timed), undefined);
  for (
    const change of [
      () => timed.set(1),
      () => timed.inc(),
      () => timed.dec(),
      () => timed.setToCurrentTime(),
    ]
  ) {
    clock.time++;
    change();
    assert.equal(changed(timed), clock.time);
  }
  timed.clear();
  assert.equal(changed(timed), undefined);
  timed.setFunction(() => 5);
  clock.time++;
  assert.equal(changed(timed), clock.time);
});
