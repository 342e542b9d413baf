/**
 * The rows of the table, and the works of each library.
 *
 * @module
 */
import { COUNTERS, HISTOGRAMS } from "./data.ts";

/** A library doing one thing repeatedly. */
export interface Work {
  /** Called before each `run`. It is not timed. */
  prepare?(times: number): void;
  /**
   * Does it `times` times. The result depends on all repetitions, so that none can be optimized
   * away.
   */
  run(times: number): unknown;
}

/** The works of a library by row. Rows that a library does not support are missing. */
export type Works = { readonly [Id in RowId]?: () => Work };

/** The compared libraries, each a file in `libraries/`, with their names in the table. */
export const LIBRARIES = {
  floor: "floor",
  narthex: "Narthex",
  prometheus_io: "@prometheus-io/client",
  prom_client: "prom-client",
  open_telemetry: "OpenTelemetry",
} as const;
export type Library = keyof typeof LIBRARIES;
export const ALL_LIBRARIES = Object.keys(LIBRARIES) as Library[]; // The keys of a literal.
/** The library that ratios compare with. */
export const REFERENCE: Library = "prometheus_io";

/** The target of a row. */
export interface Target {
  /** The minimum factor by which it must be faster or smaller than the reference. */
  readonly ratio?: number;
  /** The maximum time in nanoseconds. */
  readonly nanoseconds?: number;
}

/** A row of the table. */
export interface Row {
  readonly title: string;
  readonly target?: Target;
  /** Whether it is a scrape. Scrapes are timed one by one, each after a garbage collection. */
  readonly scrape?: boolean;
  /** The maximum number of repetitions between two calls of `prepare`. */
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

/** A row about memory: the bytes that one series adds, on the heap and outside. */
export interface MemoryRow extends Row {
  /** The row of the work that holds the series, and the number of series. */
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

/** Loads the works of a library. */
export async function loadWorks(library: Library): Promise<Works> {
  return (await import(`./libraries/${library}.ts`)).works;
}
