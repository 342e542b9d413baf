/**
 * Measures the allocations of the hot paths for existing series. Prints a table, and writes it into
 * docs/benchmarks.md. The last row allocates on purpose, to show that allocations are detected.
 *
 * @module
 */
import process from "node:process";
import { Counter, Gauge, Histogram, Summary } from "@narthex/prometheus";
import { describeRun, formatTable, writeSection } from "./report.ts";

/** So few that most rounds end before the next garbage collection. */
const CALLS = 2_000;
const ROUNDS = 101;
const WARM_UP_ROUNDS = 500;

/** Makes a call a number of times. */
type Repeat = (times: number) => void;

// The values have different sizes, so that no field remains a small integer.
const values = Float64Array.from({ length: 1024 }, (_, i) => (i * 40_503 % 1024) ** 3 / 7);
const labelNames = ["method", "route", "status"] as const;
const sets = Array.from({ length: 64 }, (_, i) => ({
  method: `method-${i % 4}`,
  route: `route-${(i >> 2) % 4}`,
  status: `status-${i >> 4}`,
}));
const [first] = sets as [typeof sets[number]]; // The list has 64 items.
const options = { labelNames, registry: null };
let kept: unknown;

/** The hot paths, with existing series. */
const HOT_PATHS: Readonly<Record<string, () => Repeat>> = {
  "counter child, inc()": () => {
    const child = new Counter("x_total", "h", options).labels(first);
    return (times) => {
      for (let i = 0; i < times; i++) child.inc();
    };
  },
  "counter child, inc(v)": () => {
    const child = new Counter("x_total", "h", options).labels(first);
    return (times) => {
      for (let i = 0; i < times; i++) child.inc(values[i & 1023]!);
    };
  },
  "gauge child, set(v)": () => {
    const child = new Gauge("x", "h", options).labels(first);
    return (times) => {
      for (let i = 0; i < times; i++) child.set(values[i & 1023]!);
    };
  },
  "counter.labels({ 3 }).inc(v)": () => {
    const counter = new Counter("x_total", "h", options);
    return (times) => {
      for (let i = 0; i < times; i++) counter.labels(sets[i & 63]!).inc(values[i & 1023]!);
    };
  },
  "counter.labels(a, b, c).inc(v)": () => {
    const counter = new Counter("x_total", "h", options);
    return (times) => {
      for (let i = 0; i < times; i++) {
        const { method, route, status } = sets[i & 63]!;
        counter.labels(method, route, status).inc(values[i & 1023]!);
      }
    };
  },
  "histogram child, observe(v)": () => {
    const child = new Histogram("x", "h", options).labels(first);
    return (times) => {
      for (let i = 0; i < times; i++) child.observe(values[i & 1023]!);
    };
  },
  "histogram.labels({ 3 }).observe(v)": () => {
    const histogram = new Histogram("x", "h", options);
    return (times) => {
      for (let i = 0; i < times; i++) histogram.labels(sets[i & 63]!).observe(values[i & 1023]!);
    };
  },
  "native histogram child, observe(v)": () => {
    const child = new Histogram("x", "h", { ...options, nativeHistogram: true }).labels(first);
    return (times) => {
      for (let i = 0; i < times; i++) child.observe(values[i & 1023]!);
    };
  },
  "summary child, observe(v)": () => {
    const child = new Summary("x", "h", options).labels(first);
    return (times) => {
      for (let i = 0; i < times; i++) child.observe(values[i & 1023]!);
    };
  },
  "summary child, observe(v), 3 quantiles": () => {
    const child = new Summary("x", "h", { ...options, quantiles: [0.5, 0.9, 0.99] }).labels(first);
    return (times) => {
      for (let i = 0; i < times; i++) child.observe(values[i & 1023]!);
    };
  },
  "[v]": () => (times) => {
    for (let i = 0; i < times; i++) kept = [values[i & 1023]];
  },
};

/** Returns the number of heap bytes per call after a warm-up. */
function bytesPerCall(repeat: Repeat): number {
  for (let i = 0; i < WARM_UP_ROUNDS; i++) repeat(CALLS);
  const deltas: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const before = process.memoryUsage().heapUsed;
    repeat(CALLS);
    deltas.push(process.memoryUsage().heapUsed - before);
  }
  void kept;
  deltas.sort((a, b) => a - b);
  // A garbage collection distorts single rounds, but not the median.
  return deltas[ROUNDS >> 1]! / CALLS;
}

const table = [["", "bytes per call"]];
for (const [title, path] of Object.entries(HOT_PATHS)) {
  table.push([`\`${title}\``, bytesPerCall(path()).toFixed(2)]);
}
const text = `${describeRun("deno task bench:allocation")}

The size of the heap before and after ${
  CALLS.toLocaleString("en-US")
} calls with changing values, after a warm-up: the
median of ${ROUNDS} rounds. Reading the heap adds some tenths of a byte to each call. The last row
allocates on purpose. A compiler removes an object only if it inlines enough, so figures may differ from
run to run. There is no table for Bun, because Bun reports the size of its heap only at a garbage
collection.

${formatTable(table)}`;
console.log(text);
writeSection("Allocation", text);
