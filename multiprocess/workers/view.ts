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
import { type Life, Lives, rowsOf, type Snapshot } from "./snapshot.ts";

/** How long the event loop is held at a time, in milliseconds. */
const BUDGET_MS = 2;

/** How many rows are in a slice. */
const SLICE = 500;

/** The content of a memory at one moment. */
interface Seen {
  readonly key: number;
  /** Its owner, unless the owner's own values do not count any more. */
  readonly instance: StoredInstance | undefined;
  readonly snapshot: Snapshot;
}

/** What all memories held. */
export interface View {
  readonly seen: readonly Seen[];
  /** Whether the view lacks memory that an isolate which is alive has shown. */
  readonly isIncomplete: boolean;
  /** Whether the view lacks memory of any isolate. It may be lost for good. */
  readonly hasGaps: boolean;
  /** The keys in the rosters of isolates that are alive. */
  readonly noted: ReadonlySet<number>;
}

/** Reads all memories, each at one moment. */
export async function viewOf(
  memories: readonly KnownMemory[],
  options: OpenOptions,
  timers: Timers,
): Promise<View> {
  const known = new Set(memories.map(({ key }) => key));
  const slices = new Slices(BUDGET_MS, timers);
  const pause = async (): Promise<void> => {
    if (slices.isOver) await slices.pause();
  };
  const seen: Seen[] = [];
  const noted = new Set<number>();
  let [isIncomplete, hasGaps] = [false, false];
  for (const memory of memories) {
    const snapshot = await memory.snapshot(pause);
    const now = timers.monotonic() * 1000;
    const alive = memory.isAlive(now, options);
    let isLacking = memory.isOutdated;
    if (memory.isRoster) {
      for (const { series } of rowsOf(snapshot, "own")) {
        const key = Number(series);
        if (alive) noted.add(key);
        // The rosters of sessions that have ended may have been dropped.
        isLacking ||= !known.has(key) && (alive || key > 0);
      }
    } else {
      const instance = memory.isForgotten(now, options) ? undefined : { ...memory.instance, alive };
      seen.push({ key: memory.key, instance, snapshot });
    }
    hasGaps ||= isLacking;
    isIncomplete ||= isLacking && alive;
  }
  return { seen, isIncomplete, hasGaps, noted };
}

/**
 * Brings a view as a backend does, in slices.
 *
 * @param view The view.
 * @param now The time of day, in milliseconds.
 */
export function* contentOf({ seen }: View, now: number): Generator<StoredSlice> {
  const remembered = seen.flatMap(({ key, instance, snapshot }) => {
    return instance === undefined ? [] : [{ key, instance, snapshot }];
  }).sort((a, b) => a.instance.order - b.instance.order || a.key - b.key);
  const families = familiesOf(seen);
  yield { instances: remembered.map(({ instance }) => instance), families };
  const shown = shownRows(seen, families, now);
  for (const { snapshot } of seen) {
    for (const totals of slicesOf(shown(snapshot))) yield { totals };
  }
  for (const { instance, snapshot } of remembered) {
    for (const rows of slicesOf(rowsOf(snapshot, "own"))) {
      yield {
        values: rows.map(({ family, series, numbers }): InstanceRow => {
          return { instance: instance.id, family, series, numbers };
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
    for (const row of rowsOf(snapshot, "total")) {
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
