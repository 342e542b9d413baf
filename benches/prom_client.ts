/**
 * Compares the drop-in for prom-client with the official client: counting, observing and scraping,
 * in turn in one process. Prints both times and their ratio.
 *
 * @module
 */
import official from "@prometheus-io/client";
import process from "node:process";
import client from "../prom_client/mod.ts";
import { formatTable } from "./report.ts";

/** Both libraries have the members that are used here. */
const LIBRARIES = [official as unknown as typeof client, client];

const METHODS = ["GET", "POST", "PUT"];
const ROUTES = Array.from({ length: 20 }, (_, i) => `/route-${i}`);
const CODES = ["200", "404", "500"];
const SETS = METHODS.flatMap((method) =>
  ROUTES.flatMap((route) => CODES.map((status) => ({ method, route, status })))
);

/** Rounds are short, so that the best one was not interrupted by another program. */
const TIMES = 5000;
const ROUNDS = 300;
const SCRAPES = 40;

/** Does something a number of times. */
type Work = (times: number) => void;

function worksOf(library: typeof client): Record<string, Work> {
  const registers = [new library.Registry()];
  const options = { help: "H.", registers, labelNames: ["method", "route", "status"] };
  const counter = new library.Counter({ name: "c_total", ...options });
  const partial = new library.Counter({ name: "p_total", ...options });
  const histogram = new library.Histogram({ name: "h", ...options });
  const held = counter.labels("GET", "/route-1", "200");
  return {
    "`inc({3})`": (times) => {
      for (let i = 0; i < times; i++) counter.inc(SETS[i % SETS.length]!);
    },
    "`observe({3}, v)`": (times) => {
      for (let i = 0; i < times; i++) histogram.observe(SETS[i % SETS.length]!, i % 10);
    },
    "`labels(a, b, c).inc()`": (times) => {
      for (let i = 0; i < times; i++) {
        const { method, route, status } = SETS[i % SETS.length]!;
        counter.labels(method, route, status).inc();
      }
    },
    "a held series": (times) => {
      for (let i = 0; i < times; i++) held.inc();
    },
    "with some labels missing": (times) => {
      for (let i = 0; i < times; i++) {
        partial.inc({ method: METHODS[i % 3]!, route: ROUTES[i % 20]! });
      }
    },
  };
}

/**
 * Returns the best time of one execution of each work, in nanoseconds. The works run in turn, under
 * the same conditions.
 */
function measure(works: readonly Work[]): number[] {
  const best = works.map(() => Infinity);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, work] of works.entries()) {
      const start = performance.now();
      work(TIMES);
      best[i] = Math.min(best[i]!, (performance.now() - start) / TIMES * 1e6);
    }
  }
  return best;
}

type Fill = (library: typeof client, registry: InstanceType<typeof client.Registry>) => (
  i: number,
) => void;

const SCRAPED: Record<string, { series: number; fill: Fill }> = {
  "a scrape of 30,000 counters": {
    series: 30_000,
    fill: (library, registry) => {
      const options = { help: "H.", registers: [registry], labelNames: ["a", "b"] };
      const counter = new library.Counter({ name: "c_total", ...options });
      return (i) => counter.inc({ a: `a-${i}`, b: `b-${i % 100}` }, i);
    },
  },
  "a scrape of 3,000 histograms": {
    series: 3000,
    fill: (library, registry) => {
      const options = { help: "H.", registers: [registry], labelNames: ["a", "b"] };
      const histogram = new library.Histogram({ name: "h", ...options });
      return (i) => histogram.observe({ a: `a-${i}`, b: `b-${i % 100}` }, i % 10);
    },
  },
  "the same counters, labels in another order": {
    series: 30_000,
    fill: (library, registry) => {
      const options = { help: "H.", registers: [registry], labelNames: ["a", "b"] };
      const counter = new library.Counter({ name: "c_total", ...options });
      return (i) => counter.inc({ b: `b-${i % 100}`, a: `a-${i}` }, i);
    },
  },
};

/**
 * Returns the best time of a scrape of each library, in milliseconds. Some series change in
 * between.
 */
async function measureScrapes({ series, fill }: { series: number; fill: Fill }): Promise<number[]> {
  const both = LIBRARIES.map((library) => {
    const registry = new library.Registry();
    const write = fill(library, registry);
    for (let i = 0; i < series; i++) write(i);
    return { registry, write };
  });
  const best = both.map(() => Infinity);
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    for (const [i, { registry, write }] of both.entries()) {
      for (let j = scrape % 17; j < series; j += 17) write(j);
      const start = performance.now();
      await registry.metrics();
      best[i] = Math.min(best[i]!, performance.now() - start);
    }
  }
  return best;
}

const rows: string[][] = [];
const [theirs, ours] = LIBRARIES.map(worksOf) as [Record<string, Work>, Record<string, Work>];
for (const what of Object.keys(ours)) {
  const [a, b] = measure([theirs[what]!, ours[what]!]) as [number, number];
  rows.push([what, `${a.toFixed(0)} ns`, `${b.toFixed(0)} ns`, `${(a / b).toFixed(1)} ×`]);
}
for (const [what, scraped] of Object.entries(SCRAPED)) {
  const [a, b] = await measureScrapes(scraped) as [number, number];
  rows.push([what, `${a.toFixed(1)} ms`, `${b.toFixed(1)} ms`, `${(a / b).toFixed(1)} ×`]);
}
console.log(formatTable([["", "official client", "this library", "ratio"], ...rows]));
process.exit(0);
