/**
 * How a session knows that the file is what the processes have left, and no copy of a former state.
 *
 * Between two checkpoints nothing writes to the database file itself: changes are in the log. So the
 * content says which file it is in, and when that was last changed. A file that was restored from a
 * backup, copied, or put in the place of another one says something else.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { type Stats, statSync, utimesSync } from "node:fs";
import type { Timers } from "../../time/clock.ts";

/** What the content says: `open`, or a checkpoint changes the file, or all was written to it. */
type State = "open" | "checkpointing" | "closed";

/** After how long another process may take over a checkpoint that has no end, in milliseconds. */
const TAKEOVER_MS = 10_000;

/** The files of a database. The two others hold what is not in the first one yet. */
const SUFFIXES = ["", "-wal", "-shm"] as const;

/** The identities of the files at a path. Another file under the same name has another one. */
export type FileIdentities = readonly (string | undefined)[];

/** Returns the identities of a database and the files beside it. */
export function identitiesOf(path: string): FileIdentities {
  return SUFFIXES.map((suffix) => {
    const stats = statSync(path + suffix, { throwIfNoEntry: false });
    return stats && `${stats.dev}:${stats.ino}`;
  });
}

/** Whether files that a connection has open are no longer those at the path. */
export function areReplaced(opened: FileIdentities, path: string): boolean {
  const now = identitiesOf(path);
  return opened.some((identity, i) => identity !== undefined && identity !== now[i]);
}

/** Whether a database has no log beside it: all was written to the file, or the log is lost. */
export function hasNoLog(path: string): boolean {
  const [file, log] = SUFFIXES.map((suffix) => statSync(path + suffix, { throwIfNoEntry: false }));
  return file !== undefined && file.size > 0 && log === undefined;
}

/** Whether processes have left the database without writing all of its log to it. */
export function needsLog(database: DatabaseSync): boolean {
  return read(database).state === "open";
}

/** Notes in a new database which file it is in. */
export function createFileState(database: DatabaseSync, path: string, timers: Timers): void {
  const stats = statSync(path);
  database.prepare(
    "INSERT INTO file (id, identity, mark, state, began) VALUES (1, ?, ?, 'open', ?)",
  )
    .run(identityOf(stats), markOf(stats), timers.now() * 1000);
}

/**
 * Returns whether the content belongs to another file, or to a former state of this one.
 *
 * @param database A connection without a transaction.
 * @param path The file.
 */
export function isForeign(database: DatabaseSync, path: string): boolean {
  const { identity, mark, state } = read(database);
  const stats = statSync(path);
  if (!isSame(identity, identityOf(stats))) return true;
  return state !== "checkpointing" && mark !== markOf(stats);
}

/** Says that the content belongs to this file, as it is now. Within a transaction. */
export function adoptFile(database: DatabaseSync, path: string): void {
  const stats = statSync(path);
  database.prepare("UPDATE file SET identity = ?, mark = ?, state = 'open' WHERE id = 1")
    .run(identityOf(stats), markOf(stats));
}

/** Options of {@linkcode moveMark}. */
export interface MoveMarkOptions {
  readonly path: string;
  readonly timers: Timers;
  /**
   * What is copied from the log into the file: nothing; what nobody reads; or, when this process
   * ends and may be the last one, everything.
   */
  readonly copies: "nothing" | "some" | "all";
  /** How old the present mark must be, in milliseconds. @default {0} */
  readonly minAgeMs?: number | undefined;
}

/**
 * Gives the file another time of its last change, and notes it in the content. So the content of a
 * backup that was made before does not belong to the file any more. Copies the log into the file.
 *
 * @param database A connection without a transaction. It throws if another one writes.
 * @param options What is copied.
 */
export function moveMark(database: DatabaseSync, options: MoveMarkOptions): void {
  const { path, timers, copies, minAgeMs = 0 } = options;
  const now = Math.floor(timers.now() * 1000);
  const isLast = copies === "all";
  let mark: number;
  database.exec("BEGIN IMMEDIATE");
  try {
    const before = read(database);
    const age = Math.abs(now - before.began);
    const isTaken = before.state === "checkpointing" && age < TAKEOVER_MS;
    if ((isTaken && !isLast) || age < minAgeMs) return rollBack(database);
    // Whole seconds, which every file system keeps, unless marks move more often.
    mark = Math.max(before.mark + 1, now - now % 1000);
    const identity = identityOf(statSync(path));
    const state: State = isLast ? "closed" : "checkpointing";
    database.prepare("UPDATE file SET identity = ?, mark = ?, state = ?, began = ? WHERE id = 1")
      // A file that was replaced meanwhile is for the next look at it.
      .run(isSame(before.identity, identity) ? identity : before.identity, mark, state, now);
    database.exec("COMMIT");
  } catch (error) {
    rollBack(database);
    throw error;
  }
  const mode = isLast ? "TRUNCATE" : "PASSIVE";
  const isWhole = copies !== "nothing" &&
    database.prepare(`PRAGMA wal_checkpoint(${mode})`).get()?.["busy"] === 0;
  // Another process may have taken over while this one was stopped.
  if (read(database).mark !== mark) return;
  const isMarked = setMark(path, mark);
  if (isLast && isWhole && isMarked) return;
  // What follows is written to the file when it is closed, and nobody could note the time of that.
  const state: State = isLast && !isMarked ? "checkpointing" : "open";
  // A single statement is a transaction.
  database.prepare("UPDATE file SET mark = ?, state = ? WHERE id = 1 AND mark = ?")
    .run(isMarked ? mark : markOf(statSync(path)), state, mark);
}

/** Takes back what a transaction did, if SQLite has not done so already. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // There is no transaction any more.
  }
}

/** Sets the time of the last change. Returns whether that worked: only the file's owner may. */
function setMark(path: string, mark: number): boolean {
  try {
    utimesSync(path, mark / 1000, mark / 1000);
    return markOf(statSync(path)) === mark;
  } catch {
    return false;
  }
}

function read(database: DatabaseSync): {
  identity: string;
  mark: number;
  state: string;
  began: number;
} {
  const row = database.prepare("SELECT identity, mark, state, began FROM file WHERE id = 1").get();
  if (row === undefined) throw new Error("it is damaged: it does not say which file it is in");
  const { identity, mark, state, began } = row;
  return {
    identity: String(identity),
    mark: Number(mark),
    state: String(state),
    began: Number(began),
  };
}

/**
 * A file's number and when it was made. The number alone may come again; not every file system
 * knows the time, and then runtimes give the time of the last change.
 */
function identityOf({ ino, birthtimeMs, ctimeMs }: Stats): string {
  const made = Math.floor(birthtimeMs);
  return `${ino} ${made > 0 && made !== Math.floor(ctimeMs) ? made : "?"}`;
}

function isSame(one: string, other: string): boolean {
  const [[number, made], [otherNumber, otherMade]] = [one.split(" "), other.split(" ")];
  return number === otherNumber && (made === otherMade || made === "?" || otherMade === "?");
}

function markOf({ mtimeMs }: Stats): number {
  return Math.floor(mtimeMs);
}
