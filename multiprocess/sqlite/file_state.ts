/**
 * Detects whether the content of the file is a copy of a former state. The content has three parts
 * that do not match after a copy or a restore:
 *
 * - The identity of the file that holds it.
 * - A mark that moves with time, and is also the modification time of an empty file beside the
 *   database. A backup has a former mark.
 * - The number of the last checkpoint, twice: in a page that each checkpoint writes to the file, and
 *   in a page that stays in the log as long as processes write.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { closeSync, openSync, realpathSync, type Stats, statSync, utimesSync } from "node:fs";

/** The suffix of the name of the file that has the mark. */
const MARK_SUFFIX = "-mark";

/** The first and the last mark, in seconds since 1970. Every file system has these times. */
const [FIRST_MARK, LAST_MARK] = [1_000_000_000, 2_000_000_000];

/** The mark of a database beside which no file can be created. */
const UNMARKED = 0;

/** The step of a mark. While it moves, the file is one ahead of the content, then one behind. */
const STEP = 2;

/** The files of a database. The last two hold changes that are not yet in the first one. */
const SUFFIXES = ["", "-wal", "-shm"] as const;

/** The tables, with one row each. */
export const FILE_TABLES = `
  CREATE TABLE file (
    id INTEGER PRIMARY KEY, identity TEXT NOT NULL, mark INTEGER NOT NULL, checkpoint INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE checkpoints (id INTEGER PRIMARY KEY, number INTEGER NOT NULL) STRICT;
  INSERT INTO file VALUES (1, '', ${UNMARKED}, 0);
  INSERT INTO checkpoints VALUES (1, 0);
`;

/** The identities of the files at a path. A new file of the same name has a new identity. */
export type FileIdentities = readonly (string | undefined)[];

/** Returns the identities of a database and the files beside it. */
export function identitiesOf(path: string): FileIdentities {
  const target = targetOf(path);
  return SUFFIXES.map((suffix) => {
    const stats = statOf(target + suffix);
    return stats && `${stats.dev}:${stats.ino}`;
  });
}

/** Returns how long the log is, in bytes. */
export function logBytes(path: string): number {
  return statOf(`${targetOf(path)}-wal`)?.size ?? 0;
}

/** Returns whether the files at the path are not the ones that a connection has open. */
export function areReplaced(opened: FileIdentities, path: string): boolean {
  const now = identitiesOf(path);
  return opened.some((identity, i) => identity !== undefined && identity !== now[i]);
}

/**
 * Returns whether the content belongs to another file, or to a former state of this file.
 *
 * @param database A connection.
 * @param path The file.
 */
export function isForeign(database: DatabaseSync, path: string): boolean {
  const { identity, mark, checkpoint, number } = read(database);
  if (!isSame(identity, identityOf(statSync(path))) || checkpoint !== number) return true;
  if (mark === UNMARKED) return false;
  const found = findMark(path);
  // Without permission to look at the file, the mark is not checked.
  return found !== undefined && Math.abs(mark - found) >= STEP;
}

/**
 * Marks the content as the current state of this file. Called within a transaction.
 *
 * @param database A connection.
 * @param path The file.
 */
export function adoptFile(database: DatabaseSync, path: string): void {
  const { number, mark } = read(database);
  const next = markAfter(Math.max(mark, findMark(path) ?? UNMARKED));
  const isSet = setMark(path, next, true);
  database.prepare("UPDATE file SET identity = ?, mark = ?, checkpoint = ? WHERE id = 1")
    .run(identityOf(statSync(path)), isSet ? next : UNMARKED, number);
}

/**
 * Moves the mark, so that former backups no longer match the file. Called within a transaction.
 *
 * @param database A connection.
 * @param path The file.
 * @returns A function to call after the transaction is committed.
 */
export function moveMark(database: DatabaseSync, path: string): () => void {
  const { mark, identity } = read(database);
  const next = markAfter(mark);
  // Only the owner of a file may set its times.
  if (mark === UNMARKED || !setMark(path, next - 1)) return () => {};
  const now = identityOf(statSync(path));
  database.prepare("UPDATE file SET mark = ?, identity = ? WHERE id = 1")
    .run(next, isSame(identity, now) ? now : identity);
  return () => finishMark(database, path, next);
}

/** Updates the mark of the file to that of the content, unless another process moved it since. */
function finishMark(database: DatabaseSync, path: string, mark: number): void {
  try {
    database.exec("BEGIN IMMEDIATE");
  } catch {
    // Another process writes. A mark that is one behind is also valid.
    return;
  }
  if (read(database).mark === mark) setMark(path, mark);
  rollBack(database);
}

/**
 * Copies the part of the log that no connection reads into the file. Throws if another connection
 * writes.
 *
 * @param database A connection without a transaction.
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

/** Rolls back a transaction, if SQLite has not already done so. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // SQLite has already rolled back.
  }
}

interface FileState {
  readonly identity: string;
  readonly mark: number;
  /** The number of the last checkpoint, in the log and in the file. */
  readonly checkpoint: number;
  readonly number: number;
}

function read(database: DatabaseSync): FileState {
  const row = database.prepare(
    "SELECT identity, mark, checkpoint, number FROM file JOIN checkpoints USING (id) WHERE id = 1",
  ).get();
  if (row === undefined) throw new Error("it is damaged: the identity of its file is missing");
  const { identity, mark, checkpoint, number } = row;
  return {
    identity: String(identity),
    mark: Number(mark),
    checkpoint: Number(checkpoint),
    number: Number(number),
  };
}

/** Returns a later mark. The first one is random, so that two databases have different marks. */
function markAfter(mark: number): number {
  if (mark >= FIRST_MARK && mark < LAST_MARK) return mark + STEP;
  return FIRST_MARK + STEP * Math.floor(Math.random() * 2 ** 28);
}

/** Sets the mark beside the database. Returns false if the file has another owner. */
function setMark(path: string, mark: number, makes = false): boolean {
  try {
    const file = targetOf(path) + MARK_SUFFIX;
    if (!isAllowed("write", file)) return false;
    if (makes) closeSync(openSync(file, "a"));
    utimesSync(file, mark, mark);
    return findMark(path) === mark;
  } catch {
    return false;
  }
}

/** Returns the mark beside the database: 0 without one, undefined without permission. */
function findMark(path: string): number | undefined {
  const file = targetOf(path) + MARK_SUFFIX;
  if (!isAllowed("read", file)) return undefined;
  const stats = statOf(file);
  return stats === undefined ? UNMARKED : Math.round(stats.mtimeMs / 1000);
}

/** Returns the path of the file that a link leads to. All other files are beside that one. */
function targetOf(path: string): string {
  try {
    return isAllowed("read", path) ? realpathSync(path) : path;
  } catch {
    return path;
  }
}

/** Returns the state of a file, or undefined if it does not exist or without permission. */
function statOf(path: string): Stats | undefined {
  try {
    return isAllowed("read", path) ? statSync(path, { throwIfNoEntry: false }) : undefined;
  } catch {
    return undefined;
  }
}

/** Returns whether the program may use a file. Without this check, Deno would ask the user. */
function isAllowed(name: "read" | "write", path: string): boolean {
  // The used part is the same in all versions.
  const { Deno } = globalThis as {
    Deno?: { permissions?: { querySync(what: object): { state: string } } };
  };
  const found = Deno?.permissions?.querySync({ name, path });
  return found === undefined || found.state === "granted";
}

/**
 * Returns the inode number and the birth time of a file. The number alone may be used again. Not
 * every file system has a birth time. Runtimes then return the time of the last change.
 */
function identityOf({ ino, birthtimeMs, ctimeMs }: Stats): string {
  const made = Math.floor(birthtimeMs);
  return `${ino} ${made > 0 && made !== Math.floor(ctimeMs) ? made : "?"}`;
}

function isSame(one: string, other: string): boolean {
  const [[number, made], [otherNumber, otherMade]] = [one.split(" "), other.split(" ")];
  // Not every runtime rounds the time down. An unknown time is not a number.
  return number === otherNumber && !(Math.abs(Number(made) - Number(otherMade)) > 1);
}
