/**
 * How a session knows that the content of the file is what the processes have left, and no copy of a
 * former state. The content says three things that a copy does not have in common with the file:
 *
 * - which file it is in;
 * - a mark that moves with time, and is also the time of the last change of an empty file beside the
 *   database: a backup has a former one;
 * - the number of the last checkpoint, twice: in a page that each checkpoint writes to the file, and
 *   in one that is in the log as long as the processes write.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { closeSync, openSync, type Stats, statSync, utimesSync } from "node:fs";

/** How the name of the file ends that has the mark. */
const MARK_SUFFIX = "-mark";

/** The first mark, in seconds since 1970. */
const FIRST_MARK = 1_000_000_000;

/** The mark of a database beside which no file can be made. */
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
  if (!isSame(identity, identityOf(statSync(path))) || checkpoint !== number) return true;
  if (mark === UNMARKED) return false;
  const found = findMark(path);
  // A program that may not look at the file cannot judge.
  return found !== undefined && Math.abs(mark - found) >= STEP;
}

/**
 * Says that the content belongs to this file, as it is now. Within a transaction.
 *
 * @param database A connection.
 * @param path The file.
 */
export function adoptFile(database: DatabaseSync, path: string): void {
  const { number, mark } = read(database);
  const next = Math.max(FIRST_MARK, mark, findMark(path) ?? 0) + STEP;
  const isSet = setMark(path, next, true);
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
 * Copies the part of the log that no connection reads into the file.
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

/** Sets the mark beside the database. Returns whether that worked: only the owner of a file may. */
function setMark(path: string, mark: number, makes = false): boolean {
  try {
    if (!isAllowed("write", path + MARK_SUFFIX)) return false;
    if (makes) closeSync(openSync(path + MARK_SUFFIX, "a"));
    utimesSync(path + MARK_SUFFIX, mark, mark);
    return findMark(path) === mark;
  } catch {
    return false;
  }
}

/** The mark beside the database: 0 without one, undefined if the program has no permission. */
function findMark(path: string): number | undefined {
  if (!isAllowed("read", path + MARK_SUFFIX)) return undefined;
  const stats = statOf(path + MARK_SUFFIX);
  return stats === undefined ? UNMARKED : Math.round(stats.mtimeMs / 1000);
}

/** Returns the state of a file; undefined if it does not exist, or without permission. */
function statOf(path: string): Stats | undefined {
  try {
    return isAllowed("read", path) ? statSync(path, { throwIfNoEntry: false }) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether the program may use a file. Deno would ask the user. */
function isAllowed(name: "read" | "write", path: string): boolean {
  // What is used of it is the same in all versions.
  const { Deno } = globalThis as {
    Deno?: { permissions?: { querySync(what: object): { state: string } } };
  };
  const found = Deno?.permissions?.querySync({ name, path });
  return found === undefined || found.state === "granted";
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
