/**
 * Measures works side by side. Each round has a batch of every contestant, so that a busy moment of
 * the machine affects all of them. The result is the median of the rounds with its quartiles.
 *
 * @module
 */
import { collectGarbage } from "./fresh_process.ts";
import type { Work } from "./work.ts";

/** The measurements of one contestant. */
export interface Measured {
  readonly median: number;
  readonly lower: number;
  readonly upper: number;
}

/** The number of rounds that are discarded. */
const WARM_UP_ROUNDS = 3;
/** The number of discarded rounds for works that are not repeated in a batch. */
const LONG_WARM_UP_ROUNDS = 12;
/** The time for a garbage collection to finish, in milliseconds. */
const SETTLE_MS = 20;

/** How thoroughly to measure. */
export interface Effort {
  /** The number of rounds that count. */
  readonly rounds: number;
  /** The number of rounds that count for works that take milliseconds. */
  readonly scrapes: number;
  /** The duration of a batch of short works, in milliseconds. */
  readonly batchMs: number;
}

/** A work, with its number of repetitions in a batch. */
interface Contestant<Name> {
  readonly name: Name;
  readonly work: Work;
  times: number;
  readonly samples: number[];
}

/** Receives the results of works, so that no compiler can remove the works. */
export let sink: unknown;

/** Returns the time of one batch, in nanoseconds per repetition. */
async function measureBatch({ work, times }: Contestant<unknown>, clean: boolean): Promise<number> {
  work.prepare?.(times);
  if (clean) {
    collectGarbage();
    // The collector continues in its own threads, which would compete with the work.
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  }
  const start = performance.now();
  const result = work.run(times);
  sink = result instanceof Promise ? await result : result;
  return (performance.now() - start) * 1e6 / times;
}

/** Returns a quantile of sorted numbers, interpolated between neighbours. */
function quantile(sorted: readonly number[], q: number): number {
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const [from, to] = [sorted[below]!, sorted[Math.ceil(position)]!];
  return from + (to - from) * (position - below);
}

/** Returns the median of numbers and their quartiles. */
export function summarise(samples: readonly number[]): Measured {
  const sorted = samples.toSorted((a, b) => a - b);
  const [lower = NaN, median = NaN, upper = NaN] = [0.25, 0.5, 0.75].map((q) =>
    quantile(sorted, q)
  );
  return { median, lower, upper };
}

/** Measures works that take nanoseconds, in batches. */
export async function measureShort<Name>(
  works: ReadonlyMap<Name, Work>,
  { rounds, batchMs }: Effort,
  maxTimes = 2 ** 26,
): Promise<Map<Name, Measured>> {
  const contestants = enlist(works);
  // Growing batches warm up the code, and determine the number of repetitions.
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
