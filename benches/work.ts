/**
 * What is compared: rows of a table, and how each library does the work of a row.
 *
 * @module
 */
import { COUNTERS, HISTOGRAMS } from "./data.ts";

/** One library doing one thing over and over. */
export interface Work {
  /** Comes before each `run`, and is not timed. */
  prepare?(times: number): void;
  /** Does it `times` times; what it returns depends on all of them, so that none can be dropped. */
  run(times: number): unknown;
}

/** The works of a library by row; one that a library cannot do is missing. */
export type Works = { readonly [Id in RowId]?: () => Work };

/** The libraries that are compared, each a file in `libraries/`, with what the table calls them. */
export const LIBRARIES = {
  floor: "floor",
  narthex: "Narthex",
  prometheus_io: "@prometheus-io/client",
  prom_client: "prom-client",
  open_telemetry: "OpenTelemetry",
} as const;
export type Library = keyof typeof LIBRARIES;
export const ALL_LIBRARIES = Object.keys(LIBRARIES) as Library[]; // The keys of a literal.
/** The one that ratios are against. */
export const REFERENCE: Library = "prometheus_io";

/** What a row is to reach. */
export interface Target {
  /** How many times faster, or smaller, than the reference. */
  readonly ratio?: number;
  /** Nanoseconds at most. */
  readonly nanoseconds?: number;
}

/** A row of the table. */
export interface Row {
  readonly title: string;
  readonly target?: Target;
  /** A scrape: it is timed one by one, each after a garbage collection. */
  readonly scrape?: boolean;
  /** How often it is done at most between two calls of `prepare`. */
  readonly maxTimes?: number;
}

/** The rows, in the order of the table. */
export const ROWS = {
  counterInc: { title: "counter child, `inc()`", target: { ratio: 50 } },
  counterAdd: { title: "counter child, `inc(v)`" },
  labelsInc: { title: "`labels({ 3 }).inc()`, 1,024 series", target: { ratio: 6 } },
  positionalInc: { title: "`labels(a, b, c).inc()`, 1,024 series", target: { ratio: 8 } },
  freshInc: { title: "`labels({ 3 }).inc()`, strings just decoded", maxTimes: 16_384 },
  labels8Inc: { title: "`labels({ 8 }).inc()`, 1,024 series" },
  labels16Inc: { title: "`labels({ 16 }).inc()`, 1,024 series" },
  histogramObserve: { title: "histogram child, `observe(v)`, 11 buckets", target: { ratio: 20 } },
  labelsObserve: { title: "`labels({ 3 }).observe(v)`, 1,024 series", target: { ratio: 8 } },
  nativeObserve: { title: "native histogram child, `observe(v)`", target: { nanoseconds: 25 } },
  summaryObserve: { title: "summary child, `observe(v)`, 3 quantiles" },
  scrapeCounters: {
    title: "scrape of 100,000 counters, all changed",
    target: { ratio: 12 },
    scrape: true,
  },
  scrapeHistograms: {
    title: "scrape of 10,000 histograms, all changed",
    target: { ratio: 15 },
    scrape: true,
  },
  scrapeChanged: {
    title: "scrape of 100,000 counters, 1 % changed",
    target: { ratio: 40 },
    scrape: true,
  },
  scrapeFirst: { title: "first scrape of 100,000 counters", scrape: true },
} as const satisfies Record<string, Row>;

export type RowId = keyof typeof ROWS;
export const ROW_IDS = Object.keys(ROWS) as RowId[]; // The keys of a literal.

/** A row about memory: what one series adds to the heap and to what is outside of it. */
export interface MemoryRow extends Row {
  /** The work that holds the series, and how many it has. */
  readonly id: RowId;
  readonly items: number;
}

export const MEMORY_ROWS: readonly MemoryRow[] = [
  {
    title: "memory of a counter child, 3 labels",
    target: { ratio: 1 },
    id: "scrapeCounters",
    items: COUNTERS,
  },
  {
    title: "memory of a histogram child, 11 buckets",
    target: { ratio: 1 / 0.6 },
    id: "scrapeHistograms",
    items: HISTOGRAMS,
  },
];

/** The works of a library. */
export async function loadWorks(library: Library): Promise<Works> {
  return (await import(`./libraries/${library}.ts`)).works;
}
