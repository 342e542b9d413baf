import type { DatabaseSync } from "node:sqlite";
import { accessSync, constants, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Timers } from "../../time/clock.ts";
import { wait } from "../../time/time_limit.ts";
import { adoptFile, FILE_TABLES, rollBack } from "./file_state.ts";

/** The application id of a database of this library: "NTHX". */
const APPLICATION_ID = 0x4e544858;

/** From this size on, a log is too long. A longer one is cut off when it begins again. */
export const MAX_LOG_BYTES = 2 ** 22;

/** The version of the tables. */
const VERSION = 2;

/** Up to this size, a whole database is checked when it is opened. */
const CHECKED_BYTES = 2 ** 26;

/** The result codes and messages of SQLite if another connection has a lock. */
const BUSY = { codes: [5, 6], regexp: /\bis locked\b|\bbusy\b/ };

/** The result codes and messages if the disk is full or fails. */
const SHORTAGE = { codes: [10, 13], regexp: /\bis full\b|\bdisk I\/O error\b/ };

/** The result codes and messages if the file cannot be opened, for any reason. */
const UNOPENED = { codes: [14], regexp: /\bunable to open\b/ };

/** The longest wait before a lock is tried again, in milliseconds. */
const RETRY_MS = 20;

const TABLES = `${FILE_TABLES}
  CREATE TABLE namespaces (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, epoch TEXT NOT NULL, clock INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE instances (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, name TEXT NOT NULL UNIQUE,
    process TEXT NOT NULL, sequence INTEGER NOT NULL, seen REAL NOT NULL,
    has_left INTEGER NOT NULL DEFAULT 0, is_expired INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE families (
    id INTEGER PRIMARY KEY AUTOINCREMENT, namespace INTEGER NOT NULL, family TEXT NOT NULL,
    help TEXT NOT NULL, series INTEGER NOT NULL DEFAULT 0, max_series REAL, limited_at REAL,
    UNIQUE (namespace, family)
  ) STRICT;
  CREATE TABLE totals (
    family INTEGER NOT NULL, series TEXT NOT NULL, numbers BLOB NOT NULL, part_of TEXT,
    expires REAL, PRIMARY KEY (family, series)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX totals_expires ON totals (expires) WHERE expires IS NOT NULL;
  CREATE INDEX totals_parts ON totals (family, part_of) WHERE part_of IS NOT NULL;
  CREATE TABLE own (
    instance INTEGER NOT NULL, family INTEGER NOT NULL, series TEXT NOT NULL, numbers BLOB NOT NULL,
    PRIMARY KEY (instance, family, series)
  ) STRICT, WITHOUT ROWID;
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${VERSION};
`;

/** The part of `node:sqlite` that is used here. */
export type SqliteModule = Pick<typeof import("node:sqlite"), "DatabaseSync">;

/** Options of {@linkcode openDatabase}. */
export interface OpenDatabaseOptions {
  /** Whether the database must exist and is not written to. */
  readonly readOnly: boolean;
  /** Whether to look for damaged pages. */
  readonly checks: boolean;
}

/**
 * Opens a database of this library, and creates it with all its tables if needed.
 *
 * @param sqlite The module.
 * @param path The file.
 * @param options Options.
 * @returns The connection.
 * @throws {Error} If it is damaged, of another kind, or cannot be read or written.
 */
export function openDatabase(
  sqlite: SqliteModule,
  path: string,
  { readOnly, checks }: OpenDatabaseOptions,
): DatabaseSync {
  let database: DatabaseSync | undefined;
  try {
    database = new sqlite.DatabaseSync(path, { readOnly });
    // SQLite itself would block the event loop while it waits for a lock.
    database.exec("PRAGMA busy_timeout = 0");
    if (readOnly) checkKind(database);
    else prepare(database, path);
    // Throws now if the program has no permission to look at the file, not in each flush.
    statSync(path, { throwIfNoEntry: false });
    if (checks) checkPages(database);
    return database;
  } catch (error) {
    database?.close();
    throw error;
  }
}

/** Returns an error that names the database. */
export function explain(error: unknown, path: string, doing = "use"): Error {
  const reason = error instanceof Error ? error.message : String(error);
  return new Error(`Cannot ${doing} SQLite database ${JSON.stringify(path)}: ${reason}`, {
    cause: error,
  });
}

/**
 * Retries until no other connection has the lock.
 *
 * @param signal Aborted when the caller gives up.
 * @param timers The clock and timers.
 * @param attempt The function to call. It is synchronous and short.
 * @returns The result of the function.
 */
export async function whenUnlocked<T>(
  signal: AbortSignal,
  timers: Timers,
  attempt: () => T,
): Promise<T> {
  signal.throwIfAborted();
  while (true) {
    try {
      return attempt();
    } catch (error) {
      // The error tells the caller what it waited for.
      if (!isOf(BUSY, error) || signal.aborted) throw error;
    }
    // The random part keeps processes from retrying at the same time. If the program must stay
    // alive, the time limit of the caller keeps it so.
    await wait(1 + Math.random() * RETRY_MS, { timers, signal, inBackground: true });
  }
}

/** Returns whether a retry may help, once the lock is free or the disk has room. */
export function isTransient(error: unknown, path: string, readOnly: boolean): boolean {
  if (isOf(BUSY, error) || isOf(SHORTAGE, error)) return true;
  // A full disk also has no room for the files beside the database.
  return isOf(UNOPENED, error) && canBeOpened(path, readOnly);
}

/** Returns whether an error is of a kind. Not every runtime passes the code on. */
function isOf({ codes, regexp }: typeof BUSY, error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { errcode } = error as { errcode?: unknown };
  if (typeof errcode === "number") return codes.includes(errcode & 0xff);
  return regexp.test(error.message);
}

function canBeOpened(path: string, readOnly: boolean): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined ? readOnly : stats.isDirectory()) return false;
    const needed = readOnly ? constants.R_OK : constants.R_OK | constants.W_OK;
    for (const file of [dirname(path), ...stats === undefined ? [] : [path]]) {
      accessSync(file, needed);
    }
    return true;
  } catch {
    return false;
  }
}

function prepare(database: DatabaseSync, path: string): void {
  const mode = pragma(database, "journal_mode = WAL");
  if (mode !== "wal") {
    throw new Error(`it must be a file on a local disk, for a write-ahead log: received ${mode}`);
  }
  // The session makes checkpoints at idle times, not in the middle of a flush.
  database.exec(
    "PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; " +
      `PRAGMA journal_size_limit = ${MAX_LOG_BYTES}; BEGIN IMMEDIATE`,
  );
  try {
    const { count } = database.prepare("SELECT count(*) AS count FROM sqlite_master").get() ?? {};
    const isNew = count === 0 && pragma(database, "application_id") === 0;
    if (isNew) {
      database.exec(TABLES);
      adoptFile(database, path);
    } else {
      checkKind(database);
    }
    // Throws now if the database cannot be written.
    database.exec(`PRAGMA user_version = ${VERSION}`);
    database.exec("COMMIT");
  } catch (error) {
    rollBack(database);
    throw error;
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

/** Throws if the database is damaged. Skips large databases, because the check would be slow. */
function checkPages(database: DatabaseSync): void {
  const bytes = Number(pragma(database, "page_count")) * Number(pragma(database, "page_size"));
  if (bytes > CHECKED_BYTES) return;
  const result = pragma(database, "quick_check(1)");
  if (result !== "ok") throw new Error(`it is damaged: ${result}`);
}

function pragma(database: DatabaseSync, text: string): unknown {
  return Object.values(database.prepare(`PRAGMA ${text}`).get() ?? {})[0];
}
