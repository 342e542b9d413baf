import type { Timers } from "../../time/clock.ts";
import { Slices } from "../../time/turn.ts";
import type {
  FamilyEntry,
  InstanceRow,
  OpenOptions,
  Row,
  StoredInstance,
  StoredSlice,
} from "../backend.ts";
import type { KnownMemory } from "./known_memory.ts";
import type { FamilyRecord } from "./memory.ts";
import { type Life, Lives, type Snapshot } from "./snapshot.ts";

/** How long the event loop is held at a time, in milliseconds. */
const BUDGET_MS = 2;

/** How many rows are in a slice. */
const SLICE = 500;

/** A memory, and what it held. */
interface Seen {
  readonly memory: KnownMemory;
  readonly snapshot: Snapshot;
}

/** What all memories held. */
export interface View {
  readonly seen: readonly Seen[];
  /** Whether the view lacks memory that an isolate which is alive has shown. */
  readonly isIncomplete: boolean;
  /** Whether the view lacks memory of any isolate. It may be lost for good. */
  readonly hasGaps: boolean;
  /** The keys of the memories that other isolates know. */
  readonly noted: ReadonlySet<number>;
}

/** What is needed to judge a view. */
export interface ViewOptions {
  readonly isAlive: (memory: KnownMemory) => boolean;
  readonly isKnown: (key: number) => boolean;
  readonly timers: Timers;
}

/** Reads all memories, each at one moment. */
export async function viewOf(
  memories: readonly KnownMemory[],
  { isAlive, isKnown, timers }: ViewOptions,
): Promise<View> {
  const slices = new Slices(BUDGET_MS, timers);
  const pause = async (): Promise<void> => {
    if (slices.isOver) await slices.pause();
  };
  const seen: Seen[] = [];
  const noted = new Set<number>();
  let [isIncomplete, hasGaps] = [false, false];
  for (const memory of memories) {
    const snapshot = await memory.snapshot(pause);
    let isLacking = memory.isOutdated;
    if (memory.isRoster) {
      for (const { series } of snapshot.rowsOf("own")) {
        noted.add(Number(series));
        isLacking ||= !isKnown(Number(series));
      }
    } else seen.push({ memory, snapshot });
    hasGaps ||= isLacking;
    isIncomplete ||= isLacking && isAlive(memory);
  }
  return { seen, isIncomplete, hasGaps, noted };
}

/** Two clocks, in milliseconds. */
interface Now {
  readonly monotonic: number;
  readonly ofDay: number;
}

/** Brings a view as a backend does, in slices. */
export function* contentOf({ seen }: View, now: Now, options: OpenOptions): Generator<StoredSlice> {
  const remembered = seen.filter(({ memory }) => !memory.isForgotten(now.monotonic, options))
    .sort(({ memory: a }, { memory: b }) => {
      return a.instance.order - b.instance.order || a.key - b.key;
    });
  const instances = remembered.map(({ memory }): StoredInstance => {
    return { ...memory.instance, alive: memory.isAlive(now.monotonic, options) };
  });
  const families = familiesOf(seen);
  yield { instances, families };
  const shown = shownRows(seen, families, now.ofDay);
  for (const { snapshot } of seen) {
    for (const totals of slicesOf(shown(snapshot))) yield { totals };
  }
  for (const { memory, snapshot } of remembered) {
    for (const rows of slicesOf(snapshot.rowsOf("own"))) {
      yield {
        values: rows.map(({ family, series, numbers }): InstanceRow => {
          return { instance: memory.instance.id, family, series, numbers };
        }),
      };
    }
  }
}

/** Returns a function that leaves out of a memory what has expired, or is of a former life. */
function shownRows(
  seen: readonly Seen[],
  families: readonly FamilyEntry[],
  now: number,
): (snapshot: Snapshot) => Iterable<Row> {
  const limits = new Map(families.map(({ family, expireAfterMs }) => [family, expireAfterMs]));
  const lives = new Lives();
  for (const { snapshot } of seen) lives.add(snapshot);
  const isShown = (family: string, series: string, { changed, life }: Life): boolean => {
    const limit = now - (limits.get(family) ?? Infinity);
    const all = lives.find(family, series)!;
    if (all.changed < limit) return false;
    // Two isolates may bring a series back at the same time, one of them just before it has expired.
    return life === all.life || changed >= limit;
  };
  return function* (snapshot) {
    const hidden = new Set<string>();
    for (const row of snapshot.rowsOf("total")) {
      const { family, series, partOf, life } = row;
      if (life !== undefined && !isShown(family, series, life)) hidden.add(`${family} ${series}`);
      else if (partOf === undefined || !hidden.has(`${family} ${partOf}`)) yield row;
    }
  };
}

/** The families in the order in which an instance first named them. */
function familiesOf(seen: readonly Seen[]): FamilyEntry[] {
  const records = new Map<string, FamilyRecord>();
  for (const { snapshot } of seen) {
    for (const record of snapshot.families) {
      records.set(record.family, laterHelp(records.get(record.family), record));
    }
  }
  return [...records.values()]
    .sort((a, b) => a.first - b.first || (a.family < b.family ? -1 : 1))
    .map(({ family, help, maxSeries, expireAfterMs }) => {
      return { family, help, maxSeries, expireAfterMs };
    });
}

function* slicesOf(rows: Iterable<Row>): Generator<Row[]> {
  let slice: Row[] = [];
  for (const row of rows) {
    slice.push(row);
    if (slice.length < SLICE) continue;
    yield slice;
    slice = [];
  }
  if (slice.length > 0) yield slice;
}

/** Returns one record of two: in the earlier place, with the help text that came last. */
function laterHelp(a: FamilyRecord | undefined, b: FamilyRecord): FamilyRecord {
  if (a === undefined) return b;
  const first = Math.min(a.first, b.first);
  // All isolates come to the same result, also for two that spoke at the same time.
  const isLater = b.changed > a.changed || (b.changed === a.changed && b.help > a.help);
  const { expireAfterMs = 0 } = a;
  const longest = Math.max(expireAfterMs, b.expireAfterMs ?? 0);
  return { ...(isLater ? b : a), first, expireAfterMs: longest > 0 ? longest : undefined };
}
