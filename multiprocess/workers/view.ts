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
import { type FamilyRecord, laterHelp } from "./memory.ts";
import { type KeptRow, Lives, type Snapshot } from "./snapshot.ts";

/** How long the event loop is held at a time, in milliseconds. */
const BUDGET_MS = 2;

/** How many rows are in a slice. */
const SLICE = 500;

/** The rows that are added up. */
const TOTALS = ["total", "folded", "lost"] as const;

/** A memory, and what it held. */
interface Seen {
  readonly memory: KnownMemory;
  readonly snapshot: Snapshot;
  /** Whether another memory that is in the view has its totals. */
  readonly isFolded: boolean;
}

/** What all memories held. */
export interface View {
  readonly seen: readonly Seen[];
  /** Whether an isolate that is alive may have shown what is not in the view. */
  readonly isIncomplete: boolean;
  /** Whether something else is missing. It may be lost for good. */
  readonly hasGaps: boolean;
  /** The keys of the memories that other isolates know, or that others were folded into. */
  readonly noted: ReadonlySet<number>;
}

/** What is needed to judge a view. */
export interface ViewOptions {
  readonly isAlive: (memory: KnownMemory) => boolean;
  readonly isKnown: (key: number) => boolean;
  readonly timers: Timers;
}

/**
 * Reads all memories. Each is of one moment; the totals of an instance that is folded meanwhile
 * are counted once.
 */
export async function viewOf(
  memories: readonly KnownMemory[],
  { isAlive, isKnown, timers }: ViewOptions,
): Promise<View> {
  const slices = new Slices(BUDGET_MS, timers);
  const pause = async (): Promise<void> => {
    if (slices.isOver) await slices.pause();
  };
  while (true) {
    // The totals of memories that were folded before are in what is read afterwards.
    const folders = memories.map(({ folder }) => folder);
    const snapshots: Snapshot[] = [];
    for (const memory of memories) snapshots.push(await memory.snapshot(pause));
    const included = new Set<number>();
    const noted = new Set<number>();
    let [isIncomplete, hasGaps] = [false, false];
    for (const [i, memory] of memories.entries()) {
      const keys = snapshots[i]!.keys();
      for (const key of keys) (memory.isRoster ? noted : included).add(key);
      const isLacking = memory.isOutdated || (memory.isRoster && !keys.every(isKnown));
      if (isAlive(memory)) isIncomplete ||= isLacking;
      hasGaps ||= isLacking;
      const folder = folders[i];
      if (folder === undefined) continue;
      noted.add(folder);
      hasGaps ||= !isKnown(folder);
    }
    const isTorn = memories.some((memory, i) =>
      folders[i] === undefined && memory.folder !== undefined && !included.has(memory.key)
    );
    if (isTorn) continue;
    const seen = memories.flatMap((memory, i): Seen[] => {
      if (memory.isRoster) return [];
      const isFolded = folders[i] !== undefined || included.has(memory.key);
      return [{ memory, snapshot: snapshots[i]!, isFolded }];
    });
    return { seen, isIncomplete, hasGaps, noted };
  }
}

/** Two clocks, in milliseconds. */
interface Now {
  readonly monotonic: number;
  readonly ofDay: number;
}

/** Brings a view as a backend does, in slices. */
export function* contentOf({ seen }: View, now: Now, options: OpenOptions): Generator<StoredSlice> {
  const remembered = seen.filter(({ memory }) => !memory.isForgotten(now.monotonic, options))
    .sort(({ memory: a }, { memory: b }) => a.order - b.order || a.key - b.key);
  const instances = remembered.map(({ memory }): StoredInstance => {
    const { id, process, order } = memory;
    return { id, process, order, alive: memory.isAlive(now.monotonic, options) };
  });
  const families = familiesOf(seen);
  yield { instances, families };
  const counted = seen.filter(({ isFolded }) => !isFolded);
  const shown = shownRows(counted, families, now.ofDay);
  for (const { snapshot } of counted) {
    for (const totals of slicesOf(shown(snapshot))) yield { totals };
  }
  for (const { memory, snapshot } of remembered) {
    for (const rows of slicesOf(snapshot.rowsOf(["own"]))) {
      yield {
        values: rows.map(({ family, series, numbers }): InstanceRow => {
          return { instance: memory.id, family, series, numbers };
        }),
      };
    }
  }
}

/** Returns a function that leaves out of a memory what has expired, or is of a former life. */
function shownRows(
  counted: readonly Seen[],
  families: readonly FamilyEntry[],
  now: number,
): (snapshot: Snapshot) => Iterable<Row> {
  const limits = new Map(families.map(({ family, expireAfterMs }) => [family, expireAfterMs]));
  const lives = new Lives();
  for (const { snapshot } of counted) lives.add(snapshot);
  const isShown = ({ family, series, life }: KeptRow): boolean => {
    const limit = now - (limits.get(family) ?? Infinity);
    const all = lives.find(family, series)!;
    if (all.changed < limit) return false;
    // Two isolates may bring a series back at the same time, one of them just before it has expired.
    return life!.life === all.life || life!.changed >= limit;
  };
  return function* (snapshot) {
    const mains = new Set<string>();
    for (const row of snapshot.rowsOf(TOTALS)) {
      const { kind, family, series, expires, partOf, life } = row;
      if (!expires) {
        yield row;
        continue;
      }
      const name = (series: string): string =>
        `${kind === "lost" ? "folded" : kind} ${family} ${series}`;
      if (life !== undefined) {
        if (!isShown(row)) continue;
        mains.add(name(series));
      } else if (!mains.has(name(partOf ?? series))) continue;
      yield row;
    }
  };
}

/** The families in the order in which an instance first named them. */
function familiesOf(seen: readonly Seen[]): FamilyEntry[] {
  const records = new Map<string, FamilyRecord>();
  for (const { snapshot } of seen) {
    for (const record of snapshot.families) {
      if (record.family === "") continue;
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
