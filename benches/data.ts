/**
 * The label sets and values of the benchmarks. They are generated with a fixed seed, so that every
 * run, library and runtime does the same work.
 *
 * @module
 */

/**
 * The number of different inputs that the hot paths cycle through. A power of two allows a mask.
 */
export const INPUTS = 1024;
/** Picks an input: `values[i & MASK]`. */
export const MASK = INPUTS - 1;
/** The number of series of the big counter. */
export const COUNTERS = 100_000;
/** The number of children of the big histogram, with 14 lines each. */
export const HISTOGRAMS = 10_000;
/**
 * The number of series that change between scrapes that are mostly unchanged: 1 % of the big
 * counter.
 */
export const CHANGES = COUNTERS / 100;
/** Ten bounds, which make eleven buckets including +Inf. */
export const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];
export const QUANTILES = [0.5, 0.9, 0.99];
/** The time window of the quantiles. */
export const MAX_AGE_SECONDS = 600;
export const AGE_BUCKETS = 5;
/** The default label names. */
export const LABEL_NAMES = ["method", "route", "status"] as const;

const SEED = 20;

/**
 * Returns a generator of random numbers: Mulberry32, which is small, fast and the same on all
 * runtimes.
 */
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

function generate<T>(length: number, make: (index: number) => T): T[] {
  return Array.from({ length }, (_, index) => make(index));
}

function shuffle<T>(values: T[]): T[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [values[i], values[j]] = [values[j]!, values[i]!];
  }
  return values;
}

/** Label sets by column. Three values with the same index are one set. */
export interface Columns {
  readonly method: readonly string[];
  readonly route: readonly string[];
  readonly status: readonly string[];
}

const METHODS = ["GET", "POST", "PUT", "DELETE"];
const ROUTES = generate(250, (index) => `/api/v1/things/${index}`);
const STATUSES = generate(100, (index) => String(200 + index));

/** Returns the label values of a series of the big metrics. The first 100,000 are all different. */
export function seriesLabels(index: number): [method: string, route: string, status: string] {
  return [
    METHODS[index & 3]!,
    ROUTES[(index >> 2) % ROUTES.length]!,
    STATUSES[Math.floor(index / (METHODS.length * ROUTES.length)) % STATUSES.length]!,
  ];
}

/** 1,024 different label sets of 4 × 16 × 16 values, in random order. */
export const VISITS: Columns = (() => {
  const order = shuffle(generate(INPUTS, (index) => index));
  return {
    method: order.map((index) => METHODS[index & 3]!),
    route: order.map((index) => ROUTES[(index >> 2) & 15]!),
    status: order.map((index) => STATUSES[index >> 6]!),
  };
})();

/** Durations in seconds, most of them short. */
export const DURATIONS: readonly number[] = generate(INPUTS, () => random() ** 4 * 10);
/** Increments of counters: sizes in bytes. */
export const SIZES: readonly number[] = generate(INPUTS, () => 1 + Math.floor(random() * 65_536));

/** Label names, and 1,024 sets of many labels. */
export interface Wide {
  readonly labelNames: readonly string[];
  readonly sets: readonly Readonly<Record<string, string>>[];
}

/**
 * Creates label sets of `width` labels. Three labels distinguish the series, and the others depend
 * on them.
 */
export function makeWide(width: number, length = INPUTS): Wide {
  const labelNames = generate(width, (index) => LABEL_NAMES[index] ?? `label_${index}`);
  const values = generate(10, (index) => `value-${index}`);
  const sets = generate(length, (index) => {
    const distinct = [VISITS.method[index]!, VISITS.route[index]!, VISITS.status[index]!];
    return Object.fromEntries(
      labelNames.map((name, i) => [name, distinct[i] ?? values[(index * (2 * i + 1) + i) % 10]!]),
    );
  });
  return { labelNames, sets };
}

export const WIDE_8: Wide = makeWide(8);
export const WIDE_16: Wide = makeWide(16);

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const encoded = generate(
  INPUTS,
  (index) =>
    [VISITS.method, VISITS.route, VISITS.status].map((column) => encoder.encode(column[index])),
);

/** Decodes the label sets from bytes, so that a program has never seen these strings. */
export function decodeVisits(length: number): Columns {
  const column = (label: number): string[] =>
    generate(length, (index) => decoder.decode(encoded[index & MASK]![label]));
  return { method: column(0), route: column(1), status: column(2) };
}

/** Returns random indices of series of the big counter, different ones at each call. */
export function drawChanges(): number[] {
  return generate(CHANGES, () => Math.floor(random() * COUNTERS));
}

/** The measurements of a counter of some size, in nanoseconds and bytes. */
export interface Growth {
  /** The number of labels. */
  readonly width: number;
  readonly series: number;
  /** The time of `labels({ … }).inc()`. */
  readonly inc: number;
  readonly scrape: number;
  readonly memory: number;
}

/** Label names, and a function that returns the labels of up to a million series. */
export interface GrowthLabels {
  readonly labelNames: readonly string[];
  readonly labelsOf: (index: number) => Record<string, string>;
}

/**
 * Creates label names and labels. Three labels of 100 values each distinguish the series, and the
 * others depend on them.
 */
export function growthLabels(width: number): GrowthLabels {
  const labelNames = generate(width, (index) => LABEL_NAMES[index] ?? `label_${index}`);
  const values = generate(100, (index) => `value-${index}`);
  const labelsOf = (index: number): Record<string, string> => {
    const labels: Record<string, string> = {};
    for (let i = 0; i < width; i++) {
      const value = i < 3 ? Math.floor(index / 100 ** i) % 100 : (index * (2 * i + 1) + i) % 10;
      labels[labelNames[i]!] = values[value]!;
    }
    return labels;
  };
  return { labelNames, labelsOf };
}
