import type { DatabaseSync } from "node:sqlite";
import { statSync } from "node:fs";
import { setTimeout } from "node:timers";

/** Marks a database as one of these: "NTHX". */
const APPLICATION_ID = 0x4e544858;

/** The version of the tables. */
const VERSION = 1;

/** Up to this size a database is checked as a whole when it is opened. */
const CHECKED_BYTES = 2 ** 26;

/** SQLite's result codes that mean that somebody else has a lock. */
const BUSY_CODES = [5, 6];

/** How long is waited before a lock is tried again, at most, in milliseconds. */
const RETRY_MS = 20;

const TABLES = `
  CREATE TABLE namespaces (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL
  ) STRICT;
  CREATE TABLE instances (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,
    process TEXT NOT NULL, sequence INTEGER NOT NULL, seen REAL NOT NULL,
    has_left INTEGER NOT NULL DEFAULT 0, is_expired INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE families (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, family TEXT NOT NULL,
    help TEXT NOT NULL, UNIQUE (namespace, family)
  ) STRICT;
  CREATE TABLE totals (
    family INTEGER NOT NULL, series TEXT NOT NULL, numbers BLOB NOT NULL,
    PRIMARY KEY (family, series)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE own (
    instance INTEGER NOT NULL, family INTEGER NOT NULL, series TEXT NOT NULL, numbers BLOB NOT NULL,
    PRIMARY KEY (instance, family, series)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${VERSION};
`;

/** What `node:sqlite` has and is used here. */
export type SqliteModule = Pick<typeof import("node:sqlite"), "DatabaseSync">;

/** A file, as the system knows it: another one under the same path differs. */
export type FileIdentity = string | undefined;

/** The identity of the file at a path. */
export function identityOf(path: string): FileIdentity {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}

/** How a database is opened. */
export interface OpenDatabaseOptions {
  /** Whether it must exist, and is not written to. */
  readonly readOnly: boolean;
  /** Whether its pages are looked through. */
  readonly checks: boolean;
}

/**
 * Opens a database and makes sure that it is one of these, with all its tables.
 *
 * @param sqlite The module.
 * @param path The file.
 * @param options How it is opened.
 * @returns The connection.
 * @throws {Error} If it is damaged, or of another kind, or cannot be read or written.
 */
export function openDatabase(
  sqlite: SqliteModule,
  path: string,
  { readOnly, checks }: OpenDatabaseOptions,
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new sqlite.DatabaseSync(path, { readOnly });
    // Locks are waited for without blocking the program.
    database.exec("PRAGMA busy_timeout = 0");
    if (readOnly) checkKind(database);
    else prepare(database);
    if (checks) checkPages(database);
    return database;
  } catch (error) {
    database?.close();
    throw error;
  }
}

/** An error that says which database it is about. */
export function explain(error: unknown, path: string, doing = "use"): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`Cannot ${doing} SQLite database ${JSON.stringify(path)}: ${reason}`, {
    cause: error,
  });
}

/**
 * Tries until nobody else has the lock.
 *
 * @param signal Aborted when nobody waits any more.
 * @param attempt What is tried; it is synchronous and short.
 * @returns What it returns.
 */
export async function whenUnlocked<T>(signal: AbortSignal, attempt: () => T): Promise<T> {
  signal.throwIfAborted();
  while (true) {
    try {
      return attempt();
    } catch (error) {
      // Who waits no more is told what for.
      if (!isBusy(error) || signal.aborted) throw error;
    }
    // Those who wait for the same lock should not come back at the same time.
    const ms = 1 + Math.random() * RETRY_MS;
    // Whoever is waited for has a time limit, which keeps the program running if need be.
    await new Promise((resolve) => setTimeout(resolve, ms).unref());
  }
}

function isBusy(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { errcode } = error as { errcode?: unknown };
  if (typeof errcode === "number") return BUSY_CODES.includes(errcode & 0xff);
  // Not every runtime hands the code on.
  return /\bis locked\b|\bbusy\b/.test(error.message);
}

function prepare(database: DatabaseSync): void {
  const mode = pragma(database, "journal_mode = WAL");
  if (mode !== "wal") {
    throw new Error(`it must be a file on a local disk, for a write-ahead log: received ${mode}`);
  }
  // The log is copied into the file a small part at a time, which blocks less.
  database.exec("PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 200; BEGIN IMMEDIATE");
  try {
    const { count } = database.prepare("SELECT count(*) AS count FROM sqlite_master").get() ?? {};
    const isNew = count === 0 && pragma(database, "application_id") === 0;
    if (isNew) database.exec(TABLES);
    else checkKind(database);
    // A database that cannot be written says so now.
    database.exec(`PRAGMA user_version = ${VERSION}`);
    database.exec("COMMIT");
  } catch (error) {
    rollBack(database);
    throw error;
  }
}

/** Takes back what a transaction did, if SQLite has not done so already. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // There is no transaction any more.
  }
}

function checkKind(database: DatabaseSync): void {
  const id = pragma(database, "application_id");
  if (id !== APPLICATION_ID) {
    throw new Error(`it must be a database of this library: received application id ${id}`);
  }
  const version = pragma(database, "user_version");
  if (version !== VERSION) {
    throw new Error(`its version must be ${VERSION}: received ${version}`);
  }
}

/** Looks for damage, unless the database is too large for that to be quick. */
function checkPages(database: DatabaseSync): void {
  const bytes = Number(pragma(database, "page_count")) * Number(pragma(database, "page_size"));
  if (bytes > CHECKED_BYTES) return;
  const result = pragma(database, "quick_check(1)");
  if (result !== "ok") throw new Error(`it is damaged: ${result}`);
}

function pragma(database: DatabaseSync, text: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0];
}
