/**
 * Measures the cost of the guards against too many series: look-ups in a full metric compared with
 * one without a limit, writes to expiring series compared with permanent ones, and the memory of a
 * flood of label sets. Prints a table. The ratios come from one process, and compare with the row
 * that each names.
 *
 * @module
 */
import { Counter, Gauge } from "@narthex/prometheus";
import { usedMemory } from "./fresh_process.ts";
import { type Effort, type Measured, measureShort } from "./harness.ts";
import { describeRun, formatMeasured, formatNumber, formatTable, TIME } from "./report.ts";
import type { Work } from "./work.ts";

const EFFORT: Effort = { rounds: 25, scrapes: 0, batchMs: 10 };
const SERIES = 1024;
const MASK = SERIES - 1;
const FLOOD = 1_000_000;

const labelNames = ["method", "route", "status"] as const;
const options = { labelNames, registry: null };
const full = { ...options, maxSeries: SERIES };

/** Creates label sets that all have different routes. */
const setsOf = (route: string) =>
  Array.from({ length: SERIES }, (_, i) => ({
    method: `method-${i % 4}`,
    route: `${route}-${i}`,
    status: `status-${i % 16}`,
  }));
const known = setsOf("route");
const unknown = setsOf("other");
const crossed = known.map((labels, i) => ({ ...labels, status: `status-${(i + 1) % 16}` }));

type Sets = typeof known;

/** The parts of a counter or a gauge that the works need. */
interface Countable {
  labels(labels: Sets[number]): { inc(): void };
  collect(): unknown;
}

function filled<M extends Countable>(metric: M): M {
  for (const labels of known) metric.labels(labels).inc();
  return metric;
}

function byName(metric: Countable, sets: Sets): Work {
  return {
    run(times) {
      for (let i = 0; i < times; i++) metric.labels(sets[i & MASK]!).inc();
      return metric.collect();
    },
  };
}

function byPosition(metric: Counter<typeof labelNames>, sets: Sets): Work {
  return {
    run(times) {
      for (let i = 0; i < times; i++) {
        const { method, route, status } = sets[i & MASK]!;
        metric.labels(method, route, status).inc();
      }
      return metric.collect();
    },
  };
}

function held(metric: Counter<typeof labelNames>): Work {
  const child = metric.labels(known[0]!);
  return {
    run(times) {
      for (let i = 0; i < times; i++) child.inc();
      return child.value;
    },
  };
}

/** Creates new series in a metric without a limit. */
function creating(): Work {
  let counter = new Counter("x_total", "h", options);
  let sets: Sets = [];
  return {
    prepare(times) {
      counter = new Counter("x_total", "h", options);
      sets = Array.from({ length: times }, (_, i) => ({ ...known[i & MASK]!, route: `r-${i}` }));
    },
    run(times) {
      for (let i = 0; i < times; i++) counter.labels(sets[i]!).inc();
      return counter;
    },
  };
}

interface OverflowRow {
  readonly title: string;
  readonly work: () => Work;
  /** The row that the ratio compares with. */
  readonly against?: string;
}

const plain = filled(new Counter("x_total", "h", options));
const expiring = filled(new Counter("x_total", "h", { ...options, expireAfterSeconds: 3600 }));
const limited = filled(new Counter("x_total", "h", full));
const gauge = filled(new Gauge("x", "h", full));

const ROWS: Readonly<Record<string, OverflowRow>> = {
  hit: { title: "`labels({ 3 })`, there is one", work: () => byName(plain, known) },
  hitFull: {
    title: "the same, the metric is full",
    work: () => byName(limited, known),
    against: "hit",
  },
  miss: {
    title: "there is none, the metric is full",
    work: () => byName(limited, unknown),
    against: "hit",
  },
  missCrossed: {
    title: "the same, of values that others have",
    work: () => byName(limited, crossed),
    against: "hit",
  },
  missGauge: { title: "the same, of a gauge", work: () => byName(gauge, unknown), against: "hit" },
  create: { title: "there is none, and one is made", work: creating, against: "hit" },
  position: { title: "`labels(a, b, c)`, there is one", work: () => byPosition(plain, known) },
  positionMiss: {
    title: "there is none, the metric is full",
    work: () => byPosition(limited, unknown),
    against: "position",
  },
  inc: { title: "child, `inc()`", work: () => held(plain) },
  incExpiring: {
    title: "the same, series expire",
    work: () => held(expiring),
    against: "inc",
  },
  hitExpiring: {
    title: "`labels({ 3 })`, series expire",
    work: () => byName(expiring, known),
    against: "hit",
  },
};

/** Returns the memory that a flood of label sets leaves behind. */
async function floodOf(metric: Counter<typeof labelNames>): Promise<number> {
  const before = await usedMemory();
  for (let i = 0; i < FLOOD; i++) metric.labels("GET", `/${i}`, "404").inc();
  return await usedMemory() - before;
}

const works = new Map(Object.entries(ROWS).map(([id, { work }]) => [id, work()]));
// The limit of repetitions keeps the metric small that creates new series.
const results: Map<string, Measured> = await measureShort(works, EFFORT, 2 ** 15);
const table = [["", "", "ratio"]];
for (const [id, { title, against }] of Object.entries(ROWS)) {
  const { median } = results.get(id)!;
  const reference = against === undefined ? undefined : results.get(against)!.median;
  const ratio = reference === undefined ? "–" : `${formatNumber(median / reference)} ×`;
  table.push([title, formatMeasured(results.get(id)!, TIME), ratio]);
}
console.log(`${describeRun("deno task bench:overflow")}\n\n${formatTable(table)}\n`);
const flooded = await floodOf(new Counter("x_total", "h", { ...options, maxSeries: 1000 }));
const free = await floodOf(new Counter("x_total", "h", options));
console.log(
  `A flood of ${FLOOD.toLocaleString("en-US")} label sets leaves ${
    (flooded / 1e6).toFixed(1)
  } MB ` +
    `with a limit of 1,000, and ${(free / 1e6).toFixed(0)} MB without one.`,
);
