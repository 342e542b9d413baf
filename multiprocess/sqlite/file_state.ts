/**
 * How a session knows that the content of the file is what the processes have left, and no copy of a
 * former state. The content says three things that a copy does not have in common with the file:
 *
 * - which file it is in;
 * - a mark, which is also the file's time of last access, moves with time, and lies so far in the
 *   future that no read changes it;
 * - the number of the last checkpoint, twice: in a page that each checkpoint writes to the file, and
 *   in one that is in the log as long as the processes write.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { type Stats, statSync, utimesSync } from "node:fs";
import process from "node:process";

/** The first mark, in seconds since 1970. */
const FIRST_MARK = 4_000_000_000;

/** The mark of a file whose time of last access cannot be set, or is not kept. */
const UNMARKED = 0;

/** By how much a mark moves. While it does, the file is one ahead of the content, and then behind. */
const STEP = 2;

/** The files of a database. The two others hold what is not in the first one yet. */
const SUFFIXES = ["", "-wal", "-shm"] as const;

/** The tables, with a row each. */
export const FILE_TABLES = `
  CREATE TABLE file (
    id INTEGER PRIMARY KEY, identity TEXT NOT NULL, mark INTEGER NOT NULL, checkpoint INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE checkpoints (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;
  INSERT INTO file VALUES (1, '', ${UNMARKED}, 0);
  INSERT INTO checkpoints VALUES (1, 0);
`;

/** The identities of the files at a path. Another file under the same name has another one. */
export type FileIdentities = readonly (string | undefined)[];

/** Returns the identities of a database and the files beside it. */
export function identitiesOf(path: string): FileIdentities {
  return SUFFIXES.map((suffix) => {
    const stats = statOf(path + suffix);
    return stats && `${stats.dev}:${stats.ino}`;
  });
}

/** Whether files that a connection has open are no longer those at the path. */
export function areReplaced(opened: FileIdentities, path: string): boolean {
  const now = identitiesOf(path);
  return opened.some((identity, i) => identity !== undefined && identity !== now[i]);
}

/**
 * Returns whether the content belongs to another file, or to a former state of this one.
 *
 * @param database A connection.
 * @param path The file.
 */
export function isForeign(database: DatabaseSync, path: string): boolean {
  const { identity, mark, checkpoint, number } = read(database);
  const stats = statSync(path);
  if (!isSame(identity, identityOf(stats)) || checkpoint !== number) return true;
  return mark !== UNMARKED && Math.abs(mark - markOf(stats)) >= STEP;
}

/**
 * Says that the content belongs to this file, as it is now. Within a transaction.
 *
 * @param database A connection.
 * @param path The file.
 * @param isMarked Whether the file keeps a time of last access.
 */
export function adoptFile(database: DatabaseSync, path: string, isMarked: boolean): void {
  const { number, mark } = read(database);
  const next = Math.max(FIRST_MARK, mark, markOf(statSync(path))) + STEP;
  const isSet = isMarked && process.platform !== "win32" && setMark(path, next);
  database.prepare("UPDATE file SET identity = ?, mark = ?, checkpoint = ? WHERE id = 1")
    .run(identityOf(statSync(path)), isSet ? next : UNMARKED, number);
}

/**
 * Moves the mark, so that the content of a backup that was made before does not belong to the file
 * any more. Within a transaction.
 *
 * @param database A connection.
 * @param path The file.
 * @returns What must be called once the transaction is committed.
 */
export function moveMark(database: DatabaseSync, path: string): () => void {
  const { mark, identity } = read(database);
  const next = mark + STEP;
  // Only the owner of a file may set its times.
  if (mark === UNMARKED || !setMark(path, next - 1)) return () => {};
  const now = identityOf(statSync(path));
  database.prepare("UPDATE file SET mark = ?, identity = ? WHERE id = 1")
    .run(next, isSame(identity, now) ? now : identity);
  return () => finishMark(database, path, next);
}

/** Lets the file catch up with the content, unless another process has moved the mark since. */
function finishMark(database: DatabaseSync, path: string, mark: number): void {
  try {
    database.exec("BEGIN IMMEDIATE");
  } catch {
    // Another process writes. One behind is as good.
    return;
  }
  if (read(database).mark === mark) setMark(path, mark);
  rollBack(database);
}

/**
 * Copies the log into the file, as far as nobody reads it.
 *
 * @param database A connection without a transaction. It throws if another one writes.
 */
export function checkpoint(database: DatabaseSync): void {
  database.exec("BEGIN IMMEDIATE");
  try {
    database.exec(
      "UPDATE checkpoints SET number = number + 1; " +
        "UPDATE file SET checkpoint = (SELECT number FROM checkpoints WHERE id = 1)",
    );
    database.exec("COMMIT");
  } catch (error) {
    rollBack(database);
    throw error;
  }
  database.exec("PRAGMA wal_checkpoint(PASSIVE)");
}

/** Takes back what a transaction did, if SQLite has not done so already. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // There is no transaction any more.
  }
}

interface FileState {
  readonly identity: string;
  readonly mark: number;
  /** The number of the last checkpoint, as the log has it, and as the file has it. */
  readonly checkpoint: number;
  readonly number: number;
}

function read(database: DatabaseSync): FileState {
  const row = database.prepare(
    "SELECT identity, mark, checkpoint, number FROM file JOIN checkpoints USING (id) WHERE id = 1",
  ).get();
  if (row === undefined) throw new Error("it is damaged: it does not say which file it is in");
  const { identity, mark, checkpoint, number } = row;
  return {
    identity: String(identity),
    mark: Number(mark),
    checkpoint: Number(checkpoint),
    number: Number(number),
  };
}

/** Sets the time of last access, and keeps that of the last change. Returns whether it was set. */
function setMark(path: string, mark: number): boolean {
  try {
    utimesSync(path, mark, statSync(path).mtimeMs / 1000);
    return markOf(statSync(path)) === mark;
  } catch {
    return false;
  }
}

/** What is known of a file; undefined if there is none, or the program may not ask. */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
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

function markOf({ atimeMs }: Stats): number {
  return Math.round(atimeMs / 1000);
}
