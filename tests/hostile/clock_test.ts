import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  CollectorRegistry,
  Counter,
  gather,
  Gauge,
  generateMetrics,
  generateMetricsAsync,
  generateOpenMetrics,
  Histogram,
  metricsResponse,
  Summary,
} from "../../mod.ts";
import { loadBackend } from "../../multiprocess/mod.ts";
import { sqliteBackend } from "../../multiprocess/sqlite/mod.ts";
import { reportFault } from "../support/fault_report.ts";
import { MachineClocks } from "../support/machine_clocks.ts";

const HOUR = 3600;

/** A fault of a clock: it jumps, and then runs at a given pace. */
interface Fault {
  name: string;
  wall: number;
  monotonic: number;
  /** The seconds that pass on it per second. */
  pace: number;
}

const FAULTS: Fault[] = [
  { name: "nothing happens", wall: 0, monotonic: 0, pace: 1 },
  { name: "the time of day goes back an hour", wall: -HOUR, monotonic: 0, pace: 1 },
  { name: "the time of day goes forward an hour", wall: HOUR, monotonic: 0, pace: 1 },
  // A machine that slept, and a program that was moved to another machine.
  { name: "both clocks go forward an hour", wall: HOUR, monotonic: HOUR, pace: 1 },
  { name: "both clocks go back an hour", wall: -HOUR, monotonic: -HOUR, pace: 1 },
  { name: "the monotonic clock goes back an hour", wall: 0, monotonic: -HOUR, pace: 1 },
  { name: "both clocks are frozen", wall: 0, monotonic: 0, pace: 0 },
  { name: "the clock is set for the first time", wall: -1_699_990_000, monotonic: 0, pace: 1 },
];

/** A program with a metric of each kind that reads a clock. */
class Program {
  readonly clocks: MachineClocks;
  readonly registry = new CollectorRegistry();
  readonly counter;
  readonly gauge;
  readonly histogram;
  readonly native;
  readonly summary;
  readonly recent;

  constructor(clocks: MachineClocks) {
    const { registry } = this;
    this.clocks = clocks;
    this.counter = new Counter("c_total", "C.", { registry, labelNames: ["a"] });
    this.gauge = new Gauge("g_seconds", "G.", { registry });
    this.histogram = new Histogram("h_seconds", "H.", { registry, labelNames: ["a"] });
    this.native = new Histogram("n", "N.", {
      registry,
      nativeHistogram: { maxBuckets: 10, minResetDurationSeconds: 60 },
    });
    this.summary = new Summary("s_seconds", "S.", {
      registry,
      labelNames: ["a"],
      quantiles: [0, 1],
      maxAgeSeconds: 60,
    });
    this.recent = new Gauge("r", "R.", { registry, aggregation: "mostrecent" });
  }

  /** Does a second of work, as measured by the clocks. */
  work(pace: number, value = 1): void {
    const { counter, gauge, histogram, native, summary, recent, clocks } = this;
    const timers = [histogram.startTimer(), summary.startTimer()];
    const own = [gauge.startTimer(), histogram.labels("x").startTimer()];
    counter.labels("x").inc(1, { trace_id: "1" });
    native.observe(value, { trace_id: "2" });
    histogram.labels("x").observe(0, { trace_id: "3" });
    recent.set(value);
    gauge.setToCurrentTime();
    assert.equal(gauge.value, Math.round(clocks.wall * 1000) / 1000);
    clocks.advance(pace);
    for (const timer of timers) assert.ok(timer.stop({ a: "x" }) >= 0);
    for (const timer of own) assert.ok(timer.stop() >= 0);
    assert.equal(histogram.labels("x").time(() => 1), 1);
  }

  /** Returns the created timestamp of each series. */
  created(): Map<string, number> {
    const moments = new Map<string, number>();
    for (const { name, metrics } of gather(this.registry)) {
      for (const { labelValues, created } of metrics) {
        if (created !== undefined) moments.set(`${name} ${labelValues}`, created);
      }
    }
    return moments;
  }
}

/** Runs a test with fake clocks. */
function withClocks(run: (clocks: MachineClocks) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const clocks = new MachineClocks();
    try {
      await run(clocks);
    } finally {
      clocks.restore();
    }
  };
}

function apply(clocks: MachineClocks, { wall, monotonic }: Fault): void {
  clocks.wall += wall;
  clocks.monotonic += monotonic;
}

let shortest = Infinity;
for (const fault of FAULTS) {
  const { name, pace } = fault;

  test(
    `durations are never negative and counters continue when ${name}`,
    withClocks((clocks) => {
      const program = new Program(clocks);
      const { counter, histogram, summary, gauge } = program;
      for (let i = 0; i < 3; i++) program.work(1);
      const running = [histogram, summary].map((metric) => metric.startTimer());
      const child = gauge.startTimer();
      apply(clocks, fault);
      for (const timer of running) {
        const seconds = timer.stop({ a: "x" });
        shortest = Math.min(shortest, seconds);
        assert.ok(seconds >= 0 && seconds <= HOUR, `${seconds}`);
        // Only the first call of stop() has an effect.
        assert.equal(timer.stop({ a: "x" }), seconds);
      }
      assert.ok(child.stop() >= 0 && gauge.value >= 0);
      for (let i = 0; i < 4; i++) program.work(pace);
      assert.equal(counter.labels("x").value, 7);
      const { sum, count } = histogram.labels("x");
      // Each round has three durations and an observation. One more timer was running.
      assert.equal(count, 7 * 4 + 1);
      const jump = Math.max(0, fault.monotonic);
      assert.ok(Math.abs(sum - (2 * (3 + 4 * pace) + jump)) < 1e-6, `${sum}`);
      assert.equal(summary.labels("x").count, 8);
    }),
  );

  test(
    `created timestamps do not change when ${name}`,
    withClocks((clocks) => {
      const program = new Program(clocks);
      program.work(1);
      const before = program.created();
      assert.ok(before.size > 5);
      apply(clocks, fault);
      for (let i = 0; i < 3; i++) program.work(pace);
      const after = program.created();
      for (const [series, created] of before) assert.equal(after.get(series), created, series);
      // A new series has the current time of the clock.
      const now = clocks.wall;
      program.counter.labels("new").inc();
      assert.equal(program.created().get("c_total new"), Math.round(now * 1000) / 1000);
      const text = generateOpenMetrics(program.registry, { created: true });
      assert.match(text, /^c_created\{a="x"\} 1700000000$/m);
    }),
  );

  test(
    `quantiles only cover recent observations when ${name}`,
    withClocks((clocks) => {
      const { summary } = new Program(clocks);
      const child = summary.labels("x");
      for (let i = 1; i <= 30; i++) {
        child.observe(i);
        clocks.advance(1);
      }
      apply(clocks, fault);
      for (const value of child.quantileValues()) {
        assert.ok(Number.isNaN(value) || (value >= 1 && value <= 30), `${value}`);
      }
      child.observe(1000);
      assert.equal(child.quantileValues()[1], 1000);
      assert.equal(child.count, 31);
      if (pace === 0) return;
      // Values from before the window are forgotten.
      for (let i = 0; i <= 61; i++) {
        clocks.advance(1);
        child.observe(500);
      }
      const [lowest, highest] = child.quantileValues();
      assert.deepEqual([lowest, highest], [500, 500]);
    }),
  );

  test(
    `native histograms keep their bucket limit and consistent counts when ${name}`,
    withClocks((clocks) => {
      const { native } = new Program(clocks);
      const child = native.labels();
      let largest = 0;
      const observe = (i: number) => {
        native.observe(1.5 ** (i % 40), { trace_id: `${i}` });
        const { positive, zeroCount, count } = child.native!;
        largest = Math.max(largest, positive.size);
        const inBuckets = [...positive.values()].reduce((sum, n) => sum + n, zeroCount);
        // A histogram that was reset was reset completely, including its classic side.
        assert.equal(inBuckets, count);
        assert.equal(child.count, count);
        const exemplars = child.nativeExemplars ?? [];
        assert.ok(exemplars.length <= 10);
        assert.ok(exemplars.some(({ labels }) => labels["trace_id"] === `${i}`), "the last one");
        for (const { timestamp } of exemplars) assert.ok(clocks.wall - timestamp! <= 300);
      };
      for (let i = 0; i < 50; i++, clocks.advance(1)) observe(i);
      apply(clocks, fault);
      for (let i = 50; i < 200; i++, clocks.advance(pace)) observe(i);
      // Each observation makes one step, so that there is at most one bucket too many for a moment.
      assert.ok(largest <= 20, `${largest} buckets`);
    }),
  );

  test(
    `a scrape is complete when ${name} before or during it`,
    withClocks(async (clocks) => {
      const program = new Program(clocks);
      for (let i = 0; i < 2000; i++) program.counter.labels(`${i}`).inc();
      const { registry } = program;
      const sameWall = () => generateMetrics(registry);
      const before = sameWall();
      apply(clocks, fault);
      assert.equal(sameWall(), before);
      assert.equal(await generateMetricsAsync(registry), before);
      let isBroken = false;
      registry.register({
        collect: async () => {
          await Promise.resolve();
          // The clocks jump back in the middle of a scrape.
          apply(clocks, { ...fault, wall: -fault.wall, monotonic: -fault.monotonic });
          isBroken = true;
          return [];
        },
      });
      const response = await metricsResponse(undefined, { registry, timeoutMs: 5000 });
      assert.equal(await response.text(), before);
      assert.ok(isBroken);
    }),
  );

  test(
    `processes that share a registry lose no counts and stay alive when ${name}`,
    withClocks(async (clocks) => {
      const folder = await mkdtemp(join(tmpdir(), "narthex-clock-"));
      const open = async () => {
        const registry = new CollectorRegistry();
        const jobs = new Counter("jobs_total", "Jobs.", { registry });
        const alive = new Gauge("alive", "Processes.", { registry, aggregation: "livesum" });
        const backend = sqliteBackend(join(folder, "metrics.db"));
        const shared = await loadBackend(backend, { registry, intervalMs: 1e9, deadAfterMs: 5000 });
        return { jobs, alive, shared };
      };
      const processes = await Promise.all([open(), open()]);
      try {
        let total = 0;
        const round = async () => {
          for (const { jobs, alive, shared } of processes) {
            jobs.inc();
            alive.set(1);
            await shared.flush();
            total++;
          }
          for (const { shared } of processes) {
            assert.equal(await shared.getSampleValueAsync("jobs_total"), total);
            assert.equal(await shared.getSampleValueAsync("alive"), 2);
          }
        };
        await round();
        apply(clocks, fault);
        for (let i = 0; i < 3; i++, clocks.advance(pace)) await round();
      } finally {
        for (const { shared } of processes) await shared.close();
        await rm(folder, { recursive: true, force: true });
      }
    }),
  );
}

test(
  "a clock that is set for the first time does not slow down new series",
  withClocks((clocks) => {
    const counter = new Counter("c_total", "C.", { registry: null, labelNames: ["a"] });
    // The jump exceeds a small integer of milliseconds. A machine without a battery starts in 1970.
    clocks.wall += 1e9;
    counter.labels("first").inc();
    const from = Float64Array.from;
    let copies = 0;
    Object.defineProperty(Float64Array, "from", {
      value: (numbers: Iterable<number>) => {
        copies++;
        return from.call(Float64Array, numbers);
      },
      configurable: true,
      writable: true,
    });
    try {
      for (let i = 0; i < 1000; i++) counter.labels(`${i}`).inc();
    } finally {
      delete (Float64Array as { from?: unknown }).from;
    }
    assert.equal(copies, 0);
    assert.equal(counter.labels("999").created, 2_700_000_000);
  }),
);

test("reports the figure of this file", () => {
  reportFault({
    fault: `clocks: ${FAULTS.map(({ name }) => name).slice(1).join("; ")}`,
    bar: "no negative duration; counters unaffected; created timestamps stable",
    figure: `shortest duration ${shortest} s; counters and created timestamps unchanged; ` +
      "so are quantiles, native resets, exemplars, scrapes and shared totals",
  });
});
