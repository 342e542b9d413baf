/**
 * Measures works beside each other: each round has a batch of every contestant, so that a busy moment of
 * the machine meets all of them, and the printed figure is the median of the rounds with its quartiles.
 *
 * @module
 */
import { collectGarbage } from "./fresh_process.ts";
import type { Work } from "./work.ts";

/** What was measured of one contestant. */
export interface Measured {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** Rounds that do not count. */
const WARM_UP_ROUNDS = 3;
/** How many of them there are where works are not repeated in a batch. */
const LONG_WARM_UP_ROUNDS = 12;
/** How long a garbage collection has to come to its end, in milliseconds. */
const SETTLE_MS = 20;

/** How thoroughly to measure. */
export interface Effort {
  /** How many rounds count. */
  readonly rounds: number;
  /** How many rounds count where works take milliseconds. */
  readonly scrapes: number;
  /** How long a batch takes, in milliseconds, where works are short. */
  readonly batchMs: number;
}

/** A work, with the number of times that make a batch. */
interface Contestant<Name> {
  readonly name: Name;
  readonly work: Work;
  times: number;
  readonly samples: number[];
}

/** What works return goes here, so that no compiler can drop them. */
export let sink: unknown;

/** The time of one batch, in nanoseconds for each time. */
async function measureBatch({ work, times }: Contestant<unknown>, clean: boolean): Promise<number> {
  work.prepare?.(times);
  if (clean) {
    collectGarbage();
    // The collector goes on in threads of its own, which would take turns with the work.
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
  const start = performance.now();
  const result = work.run(times);
  sink = result instanceof Promise ? await result : result;
  return (performance.now() - start) * 1e6 / times;
}

/** The value at a quantile of sorted numbers, between neighbours where it falls between them. */
function quantile(sorted: readonly number[], q: number): number {
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const [from, to] = [sorted[below]!, sorted[Math.ceil(position)]!];
  return from + (to - from) * (position - below);
}

/** The median of numbers, and their quartiles. */
export function summarise(samples: readonly number[]): Measured {
  const sorted = samples.toSorted((a, b) => a - b);
  const [lower = NaN, median = NaN, upper = NaN] = [0.25, 0.5, 0.75].map((q) =>
    quantile(sorted, q)
  );
  return { median, lower, upper };
}

/** Measures works of a few nanoseconds, in batches. */
export async function measureShort<Name>(
  works: ReadonlyMap<Name, Work>,
  { rounds, batchMs }: Effort,
  maxTimes = 2 ** 26,
): Promise<Map<Name, Measured>> {
  const contestants = enlist(works);
  // Larger and larger batches warm up, and tell how many times make a batch.
  for (let spent = 0; spent < batchMs;) {
    spent = Infinity;
    for (const contestant of contestants) {
      const before = contestant.times;
      const took = await measureBatch(contestant, false) * before / 1e6;
      if (took < batchMs && before < maxTimes) {
        contestant.times = Math.min(before * 2, maxTimes);
        spent = 0;
      }
    }
  }
  return await takeRounds(contestants, rounds, false);
}

/** Measures works that take milliseconds, each after a garbage collection. */
export async function measureLong<Name>(
  works: ReadonlyMap<Name, Work>,
  { scrapes }: Effort,
): Promise<Map<Name, Measured>> {
  return await takeRounds(enlist(works), scrapes, true);
}

function enlist<Name>(works: ReadonlyMap<Name, Work>): Contestant<Name>[] {
  return [...works].map(([name, work]) => ({ name, work, times: 1, samples: [] }));
}

async function takeRounds<Name>(
  contestants: readonly Contestant<Name>[],
  rounds: number,
  clean: boolean,
): Promise<Map<Name, Measured>> {
  const warmUp = clean ? LONG_WARM_UP_ROUNDS : WARM_UP_ROUNDS;
  for (let round = -warmUp; round < rounds; round++) {
    for (const contestant of contestants) {
      const sample = await measureBatch(contestant, clean);
      if (round >= 0) contestant.samples.push(sample);
    }
  }
  return new Map(contestants.map(({ name, samples }) => [name, summarise(samples)]));
}
