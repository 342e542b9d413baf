import assert from "node:assert/strict";
import { test } from "node:test";
import { captureTimers, SYSTEM_CLOCK, type Timers } from "../../time/clock.ts";
import { abortable, limitTime, wait } from "../../time/time_limit.ts";
import { nextTurn, Slices } from "../../time/turn.ts";
import { ManualClock } from "../support/clock.ts";

test("limitTime() aborts with a TimeoutError when the time is up", () => {
  const timers = new ManualClock();
  const limit = limitTime(100, { timers });
  timers.advance(0.099);
  assert.equal(limit.signal.aborted, false);
  assert.equal(limit.isTimeout, false);
  timers.advance(0.001);
  assert.equal(limit.signal.aborted, true);
  assert.equal(limit.isTimeout, true);
  assert.equal(limit.signal.reason.name, "TimeoutError");
  assert.equal(limit.signal.reason.message, "no answer within 100 ms");
});

test("limitTime() keeps the reason of the outer signal, even if it is already aborted", () => {
  const timers = new ManualClock();
  const outer = new AbortController();
  const limits = [limitTime(100, { timers, outer: outer.signal })];
  outer.abort("gone");
  limits.push(limitTime(100, { timers, outer: outer.signal }));
  timers.advance(1);
  for (const limit of limits) {
    assert.equal(limit.signal.reason, "gone");
    assert.equal(limit.isTimeout, false);
  }
});

test("limitTime() leaves no timer after its end and sets none without a limit", () => {
  const timers = new ManualClock();
  const limit = limitTime(100, { timers });
  assert.equal(timers.timers, 1);
  limit.end();
  limitTime(Infinity, { timers });
  assert.equal(timers.timers, 0);
});

test("abortable() settles like the promise or rejects with the reason of the signal", async () => {
  const { signal } = new AbortController();
  assert.equal(await abortable(Promise.resolve(7), signal), 7);
  await assert.rejects(abortable(Promise.reject(new Error("no")), signal), { message: "no" });
  const never = new Promise<void>(() => {});
  const controller = new AbortController();
  const waiting = abortable(never, controller.signal);
  controller.abort(new Error("late"));
  await assert.rejects(waiting, { message: "late" });
  await assert.rejects(abortable(never, controller.signal), { message: "late" });
});

test("abortable() handles a rejection that comes after the signal was aborted", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  await assert.rejects(abortable(promise, AbortSignal.abort(new Error("late"))), {
    message: "late",
  });
  reject(new Error("ignored"));
  await nextTurn();
});

test("wait() ends after its time or when the signal is aborted", async () => {
  const timers = new ManualClock();
  let ended = 0;
  const controller = new AbortController();
  const waits = [
    wait(50, { timers }),
    wait(50_000, { timers, signal: controller.signal }),
    wait(50_000, { timers, signal: AbortSignal.abort() }),
  ].map((waiting) => waiting.then(() => ended++));
  await waits[2];
  timers.advance(0.05);
  await waits[0];
  assert.equal(ended, 2);
  controller.abort();
  await waits[1];
  assert.equal(timers.timers, 0);
});

test("Slices are over when their budget is spent and have a new budget after a pause", async () => {
  const timers = new ManualClock();
  const slices = new Slices(2, timers);
  assert.equal(slices.isOver, false);
  timers.advance(0.003);
  assert.equal(slices.isOver, true);
  await slices.pause();
  assert.equal(slices.isOver, false);
});

test("the platform's timers fire and can be cancelled", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const fired: string[] = [];
  const cancel = SYSTEM_CLOCK.setTimeout(() => fired.push("cancelled"), 0);
  cancel();
  SYSTEM_CLOCK.setTimeout(() => {
    fired.push("fired");
    resolve();
  }, 0);
  await promise;
  assert.deepEqual(fired, ["fired"]);
});

test("a delay beyond the maximum of the platform does not fire at once", async () => {
  const fired: string[] = [];
  const cancel = SYSTEM_CLOCK.setTimeout(() => fired.push("too early"), 2 ** 31 + 5);
  // Timers fire in order. The later timer has fired, so the first one was not due at once.
  await wait(1);
  assert.deepEqual(fired, []);
  cancel();
});

test("captureTimers() keeps the current clock and timers of a platform", () => {
  const set: number[] = [];
  const platform = {
    performance: { now: () => 1500 },
    setTimeout(callback: () => void, milliseconds: number): number {
      assert.equal(this, platform);
      callback();
      return set.push(milliseconds); // A number, as in browsers.
    },
    clearTimeout: (timer: unknown) => set.push(-Number(timer)),
  };
  const timers = captureTimers(platform);
  platform.performance.now = platform.setTimeout = platform.clearTimeout = () =>
    assert.fail("a replaced function is called");
  let calls = 0;
  const cancel = timers.setTimeout(() => calls++, 20, { inBackground: true });
  cancel();
  assert.equal(timers.monotonic(), 1.5);
  assert.deepEqual([set, calls], [[20, -1], 1]);
  for (const part of [{}, { performance }, { setTimeout }]) {
    assert.throws(() => captureTimers(part), /^TypeError: Cannot start timers: the platform has/);
  }
});

test("ManualClock sets the time of day without moving the monotonic clock", () => {
  const clock: ManualClock & Timers = new ManualClock();
  const before = clock.monotonic();
  clock.setTimeOfDay(clock.now() - 3600);
  assert.equal(clock.now(), 1_700_000_000 - 3600);
  assert.equal(clock.monotonic(), before);
});
