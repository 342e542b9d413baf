/**
 * The hot paths beside `@prometheus-io/client`, the client that Node.js programs use.
 *
 * Each case alternates between the two in rounds and compares their medians, so that a busy moment of
 * the machine meets both. The label values are drawn with a fixed seed: every run does the same work.
 *
 * @module
 */
import process from "node:process";
import other from "@prometheus-io/client";
import { CollectorRegistry, Counter, generateMetrics, Histogram } from "@narthex/prometheus";

const ROUNDS = 15;
const SEED = 20;

/** One thing that both libraries can do. */
interface Case {
  readonly title: string;
  /** How often it is done in a round. */
  readonly repeat: number;
  readonly ours: (repeat: number) => unknown;
  readonly theirs: (repeat: number) => unknown;
}

/** Mulberry32: small, fast, and the same everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = seededRandom(SEED);
const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T; // In range: random() < 1.

const labelNames = ["method", "route", "status"] as const;
const methods = ["GET", "POST", "PUT", "DELETE"];
const routes = Array.from({ length: 25 }, (_, index) => `/api/v1/things/${index}`);
const statuses = ["200", "201", "404", "500"];
const visits = Array.from({ length: 1024 }, () => ({
  method: pick(methods),
  route: pick(routes),
  status: pick(statuses),
}));
const durations = Array.from({ length: 1024 }, () => random() ** 4 * 10);

const options = { registry: null };
const theirOptions = { help: "h", registers: [] };
const ourCounter = new Counter("plain_total", "h", options);
const theirCounter = new other.Counter({ name: "plain_total", ...theirOptions });
const ourLabelled = new Counter("labelled_total", "h", { ...options, labelNames });
const theirLabelled = new other.Counter({ name: "labelled_total", ...theirOptions, labelNames });
const ourHistogram = new Histogram("seconds", "h", options);
const theirHistogram = new other.Histogram({ name: "seconds", ...theirOptions });

const ourRegistry = new CollectorRegistry();
const theirRegistry = new other.Registry();
const ourSeries = new Counter("series_total", "h", {
  labelNames: ["shard", "user"],
  registry: ourRegistry,
});
const theirSeries = new other.Counter({
  name: "series_total",
  help: "h",
  labelNames: ["shard", "user"],
  registers: [theirRegistry],
});
for (let index = 0; index < 10_000; index++) {
  const labels = { shard: String(index % 16), user: `user-${index}` };
  const value = Math.floor(random() * 1e6);
  ourSeries.labels(labels).inc(value);
  theirSeries.inc(labels, value);
}

const CASES: readonly Case[] = [
  {
    title: "counter.inc()",
    repeat: 1_000_000,
    ours: (repeat) => {
      for (let i = 0; i < repeat; i++) ourCounter.inc();
    },
    theirs: (repeat) => {
      for (let i = 0; i < repeat; i++) theirCounter.inc();
    },
  },
  {
    title: "counter.labels({ 3 }).inc()",
    repeat: 200_000,
    ours: (repeat) => {
      for (let i = 0; i < repeat; i++) ourLabelled.labels(visits[i % 1024]!).inc();
    },
    theirs: (repeat) => {
      for (let i = 0; i < repeat; i++) theirLabelled.labels(visits[i % 1024]!).inc();
    },
  },
  {
    title: "histogram.observe(v)",
    repeat: 500_000,
    ours: (repeat) => {
      for (let i = 0; i < repeat; i++) ourHistogram.observe(durations[i % 1024]!);
    },
    theirs: (repeat) => {
      for (let i = 0; i < repeat; i++) theirHistogram.observe(durations[i % 1024]!);
    },
  },
  {
    title: "a scrape of 10,000 series",
    repeat: 1,
    ours: () => new TextEncoder().encode(generateMetrics(ourRegistry)),
    theirs: async () => new TextEncoder().encode(await theirRegistry.metrics()),
  },
];

async function measure(run: (repeat: number) => unknown, repeat: number): Promise<number> {
  const start = performance.now();
  await run(repeat);
  return (performance.now() - start) * 1e6 / repeat;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function formatTime(nanoseconds: number): string {
  return nanoseconds < 1e5
    ? `${nanoseconds.toPrecision(3)} ns`
    : `${(nanoseconds / 1e6).toPrecision(3)} ms`;
}

const { deno, bun, node } = process.versions;
console.log(deno ? `Deno ${deno}` : bun ? `Bun ${bun}` : `Node.js ${node}`);
console.log(`${"".padEnd(30)}${"Narthex".padStart(10)}${"client_js".padStart(12)}   ratio`);
for (const { title, repeat, ours, theirs } of CASES) {
  const times: { ours: number[]; theirs: number[] } = { ours: [], theirs: [] };
  for (let round = -2; round < ROUNDS; round++) {
    const [first, second] = [await measure(ours, repeat), await measure(theirs, repeat)];
    if (round < 0) continue; // The first rounds warm up.
    times.ours.push(first);
    times.theirs.push(second);
  }
  const [mine, others] = [median(times.ours), median(times.theirs)];
  console.log(
    `${title.padEnd(30)}${formatTime(mine).padStart(10)}${formatTime(others).padStart(12)}` +
      `${(others / mine).toFixed(1).padStart(7)}×`,
  );
}
