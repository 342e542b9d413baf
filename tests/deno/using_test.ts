/**
 * Tests of timers in `using` declarations, which not every runtime can parse.
 *
 * @module
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Gauge, Histogram, Summary } from "../../mod.ts";
import { ManualClock } from "../support/clock.ts";

const registry = null;

test("using records a timer at the end of its scope", () => {
  const clock = new ManualClock();
  const histogram = new Histogram("h", "H.", { clock, registry });
  {
    using _timer = histogram.startTimer();
    clock.advance(2);
    assert.equal(histogram.labels().count, 0);
  }
  assert.equal(histogram.labels().count, 1);
  assert.equal(histogram.labels().sum, 2);
});

test("using records a timer when a throw or a return ends its scope", () => {
  const clock = new ManualClock();
  const summary = new Summary("s", "S.", { labelNames: ["job"], clock, registry });
  const child = summary.labels({ job: "mail" });
  assert.throws(() => {
    using _timer = child.startTimer();
    clock.advance(1);
    throw new Error("no");
  }, /no/);
  const leave = () => {
    using _timer = child.startTimer();
    clock.advance(1);
    return child.count;
  };
  assert.equal(leave(), 1);
  assert.equal(child.count, 2);
  assert.equal(child.sum, 2);
});

test("using waits for awaited work in its scope", async () => {
  const clock = new ManualClock();
  const gauge = new Gauge("g", "G.", { clock, registry });
  const work = async () => {
    using _timer = gauge.startTimer();
    await Promise.resolve();
    clock.advance(3);
  };
  const pending = work();
  assert.equal(gauge.value, 0);
  await pending;
  assert.equal(gauge.value, 3);
});

test("a timer records at stop() or at the end of its scope, whichever comes first", () => {
  const clock = new ManualClock();
  const histogram = new Histogram("h", "H.", {
    labelNames: ["code"],
    defaultLabels: { code: 200 },
    clock,
    registry,
  });
  {
    using timer = histogram.startTimer();
    clock.advance(1);
    timer.stop({ code: 500 });
    clock.advance(1);
  }
  assert.equal(histogram.labels("500").sum, 1);
  assert.equal(histogram.labels("200").count, 0);
});
