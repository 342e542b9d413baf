import assert from "node:assert/strict";
import { test } from "node:test";
import { backOff, Poller, type PollState, ScrapeError } from "../../live/client/poller.ts";

/** A poller with a manual timer, and with scrapes that the test ends. */
class Rig {
  readonly states: string[] = [];
  readonly interruptions: boolean[] = [];
  timer: { callback: () => void; ms: number } | undefined;
  #end: ((error?: unknown) => void) | undefined;
  readonly poller: Poller = new Poller({
    intervalMs: 3000,
    scrape: (signal, interrupted) => {
      this.interruptions.push(interrupted);
      return new Promise((resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
        this.#end = (error) => error === undefined ? resolve() : reject(error);
      });
    },
    onState: (state) => this.states.push(describe(state)),
    setTimer: (callback, ms) => {
      this.timer = { callback, ms };
      return () => {
        this.timer = undefined;
      };
    },
  });

  /** Ends the running scrape, and returns the time until the next one. */
  async end(error?: unknown): Promise<number | undefined> {
    this.#end?.(error);
    await settle();
    return this.timer?.ms;
  }

  /** Ends the time until the next scrape. */
  ring(): void {
    const timer = this.timer;
    assert.ok(timer);
    this.timer = undefined;
    timer.callback();
  }
}

function describe(state: PollState): string {
  return state.kind === "failed" ? `${state.message}, ${state.retryMs}` : state.kind;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}

test("a poller starts its second scrape soon, and then one per interval", async () => {
  const rig = new Rig();
  rig.poller.wake();
  assert.equal(await rig.end(), 1000);
  rig.ring();
  assert.equal(await rig.end(), 3000);
  rig.ring();
  assert.equal(await rig.end(), 3000);
  assert.deepEqual(rig.states, ["loading", "live"]);
  assert.deepEqual(rig.interruptions, [false, false, false]);
});

test("a poller waits longer after each failure, and continues", async () => {
  const rig = new Rig();
  rig.poller.wake();
  await rig.end();
  rig.ring();
  assert.equal(await rig.end(new Error("Gone")), 3000);
  rig.ring();
  assert.equal(await rig.end(new Error("Gone")), 6000);
  rig.ring();
  assert.equal(await rig.end(new ScrapeError("Busy", 20_000)), 20_000);
  rig.ring();
  assert.equal(await rig.end(), 3000);
  rig.ring();
  assert.deepEqual(rig.states, [
    "loading",
    "live",
    "Gone, 3000",
    "Gone, 6000",
    "Busy, 20000",
    "live",
  ]);
  assert.deepEqual(rig.interruptions, [false, false, true, true, true, false]);
});

test("a poller does nothing while it is paused or hidden", async () => {
  for (const rest of ["paused", "hidden"] as const) {
    const rig = new Rig();
    const set = (resting: boolean) =>
      rest === "paused" ? rig.poller.setPaused(resting) : rig.poller.setVisible(!resting);
    rig.poller.wake();
    await rig.end();
    set(true);
    assert.equal(rig.timer, undefined);
    set(false);
    assert.deepEqual(rig.interruptions, [false, true]);
    assert.equal(await rig.end(), 3000);
    const resumed = rest === "paused" ? ["loading", "live"] : ["live"];
    assert.deepEqual(rig.states, ["loading", "live", rest, ...resumed]);
  }
});

test("pausing a poller aborts its scrape, which is not a failure", async () => {
  const rig = new Rig();
  rig.poller.wake();
  rig.poller.setPaused(true);
  await settle();
  assert.equal(rig.timer, undefined);
  rig.poller.setPaused(false);
  assert.equal(await rig.end(), 1000);
  assert.deepEqual(rig.states, ["loading", "paused", "loading", "live"]);
});

test("a poller never runs two scrapes at the same time", async () => {
  const rig = new Rig();
  rig.poller.wake();
  rig.poller.setPaused(true);
  rig.poller.setPaused(false);
  rig.poller.wake();
  assert.equal(rig.interruptions.length, 1);
  await settle();
  assert.equal(rig.timer?.ms, 0);
  rig.ring();
  assert.deepEqual(rig.interruptions, [false, true]);
});

test("a page that is hidden at first starts when it becomes visible", () => {
  const rig = new Rig();
  rig.poller.setVisible(false);
  assert.deepEqual(rig.interruptions, []);
  rig.poller.setVisible(true);
  assert.equal(rig.interruptions.length, 1);
});

test("backOff() doubles up to a minute, or up to the interval", () => {
  const waits = [1, 2, 3, 4, 5, 6, 100].map((failures) => backOff(failures, 3000, 0));
  assert.deepEqual(waits, [3000, 6000, 12_000, 24_000, 48_000, 60_000, 60_000]);
  assert.equal(backOff(1, 3000, 10_000), 10_000);
  assert.equal(backOff(1, 3000, 1e9), 60_000);
  assert.equal(backOff(3, 120_000, 0), 120_000);
});
