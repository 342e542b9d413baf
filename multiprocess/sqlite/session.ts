import type { DatabaseSync } from "node:sqlite";
import { SYSTEM_CLOCK, type Timers } from "../../time/clock.ts";
import { wait } from "../../time/time_limit.ts";
import type {
  Batch,
  CallOptions,
  Instance,
  OpenOptions,
  PushResult,
  Session,
  StoredSlice,
} from "../backend.ts";
import {
  explain,
  MAX_LOG_BYTES,
  openDatabase,
  type SqliteModule,
  whenUnlocked,
} from "./database.ts";
import {
  adoptFile,
  areReplaced,
  checkpoint,
  type FileIdentities,
  identitiesOf,
  isForeign,
  logBytes,
  moveMark,
  rollBack,
} from "./file_state.ts";
import {
  applyBatch,
  beginAgain,
  cleanUp,
  expireInstances,
  type Head,
  readHead,
  readRows,
  Statements,
} from "./rows.ts";

/** How often the session looks for expired instances, in milliseconds. */
const UPKEEP_MS = 1000;

/** How many rows a transaction cleans up for each row that it writes, and at least. */
const [CLEANED_PER_ROW, MIN_CLEANED] = [2, 250];

/** The longest time that a transaction cleans up, in milliseconds. */
const CLEANING_MS = 2;

/** After how many rows there is a checkpoint at any time. Fewer on a fast disk. */
const [MIN_LOG_ROWS, MAX_LOG_ROWS] = [2000, 64_000];

/** After which share of these rows there is a checkpoint at an idle time. */
const IDLE_SHARE = 0.5;

/** The longest time of a checkpoint on a fast disk, in milliseconds. */
const FAST_MS = 20;

/** After how long without a transaction the session is idle, in milliseconds. */
const IDLE_MS = 100;

/** About how many rows cost as much as an empty transaction. */
const TRANSACTION_ROWS = 4;

/** The reason of an error. A reader must wait for a process that writes. */
const RESTORED = "it was restored from a copy or a backup, and no process has written to it since";

/** The clock of a new epoch starts at the time of day, in these units per millisecond. */
const CLOCKS_PER_MS = 1024;

/** How often a reader retries while a process may be making a checkpoint, and how soon. */
const [LOOKS, LOOK_AGAIN_MS] = [5, 20];

/** The connections of a session, until the file is replaced. */
interface Connections {
  readonly writer: DatabaseSync;
  readonly reader: DatabaseSync;
  readonly write: Statements;
  readonly read: Statements;
  files: FileIdentities;
  /** The ids of families of one epoch. Only committed ones. */
  readonly families: Map<string, number>;
  epoch: string;
}

/** A namespace, within a transaction. */
interface Namespace {
  readonly key: number;
  readonly epoch: string;
}

/** A store in an SQLite database. It writes on one connection and reads on another. */
export class SqliteSession implements Session {
  // A batch is one transaction, and a row takes a few microseconds.
  readonly maxNumbers = 200;
  readonly #sqlite: SqliteModule;
  readonly #path: string;
  readonly #options: OpenOptions;
  readonly #timers: Timers;
  #connections: Connections | undefined = undefined;
  /** The greatest clock of the store so far. It never goes back, not even in a new epoch. */
  #seen = 0;
  #upkeep = -Infinity;
  /** About how many rows were written since the last checkpoint. */
  #written = 0;
  #logRows = MIN_LOG_ROWS;
  /** How often this session has started the store again. */
  #beginnings = 0;
  #cancelCheckpoint: () => void = () => {};
  /** The end of the queue of reads, because a connection has one transaction. */
  #reading: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(sqlite: SqliteModule, path: string, options: OpenOptions) {
    this.#sqlite = sqlite;
    this.#path = path;
    this.#options = options;
    this.#timers = options.timers ?? SYSTEM_CLOCK;
  }

  /** Opens the database now. Throws if that cannot work. */
  connect(): void {
    this.#use();
  }

  async join({ id, process }: Instance, { signal }: CallOptions): Promise<string> {
    // Moves the mark: a former backup does not have this instance, and its mark must not match.
    this.#upkeep = -Infinity;
    return await this.#transaction(signal, 1, ({ write }, { key, epoch }) => {
      write.of(
        "INSERT INTO instances (namespace, name, process, sequence, seen) VALUES (?, ?, ?, 0, ?) " +
          "ON CONFLICT DO NOTHING",
      ).run(key, id, JSON.stringify(process), this.#now());
      return epoch;
    });
  }

  push(id: string, batch: Batch, { signal }: CallOptions): Promise<PushResult> {
    const { adds, sets, deletes } = batch;
    const rows = adds.length + sets.length + deletes.length;
    return this.#transaction(signal, rows, (connections, namespace) => {
      const { write, families } = connections;
      const instance = write.of(
        "SELECT id, sequence FROM instances WHERE name = ? AND namespace = ? AND is_expired = 0",
      ).get(id, namespace.key);
      if (instance === undefined) return "unknown";
      const key = Number(instance["id"]);
      const sequence = Number(instance["sequence"]);
      if (batch.sequence <= sequence) return "applied";
      if (batch.sequence > sequence + 1) {
        this.#beginAgain(connections, namespace.key);
        return "unknown";
      }
      const now = this.#now();
      write.of("UPDATE instances SET sequence = ?, seen = ? WHERE id = ?")
        .run(batch.sequence, now, key);
      write.of("UPDATE namespaces SET clock = clock + 1 WHERE id = ?").run(namespace.key);
      const { deadAfterMs } = this.#options;
      const sent = { namespace: namespace.key, instance: key, batch, now, deadAfterMs };
      applyBatch(write, families, sent);
      return "applied";
    });
  }

  leave(id: string, { signal }: CallOptions): Promise<void> {
    return this.#transaction(signal, 1, ({ write }) => {
      write.of("UPDATE instances SET has_left = 1, seen = ? WHERE name = ?").run(this.#now(), id);
    });
  }

  async *read({ signal }: CallOptions): AsyncGenerator<StoredSlice> {
    const before = this.#reading;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = before.then(() => promise);
    await before;
    try {
      if (this.#isClosed) throw new Error("it is closed");
      for (let look = 1; !(yield* this.#readOnce(signal)); look++) {
        // Another process may have moved the mark between two reads.
        if (look === LOOKS) throw new Error(RESTORED);
        await wait(LOOK_AGAIN_MS, { signal, timers: this.#timers, inBackground: true });
        signal.throwIfAborted();
      }
    } catch (error) {
      throw error === signal.reason ? error : explain(error, this.#path, "read");
    } finally {
      resolve();
    }
  }

  async close(): Promise<void> {
    await this.#reading;
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelCheckpoint();
    const { reader, writer } = this.#connections ?? {};
    if (reader !== writer) reader?.close();
    writer?.close();
  }

  #now(): number {
    return this.#timers.now() * 1000;
  }

  /** Returns connections to the files that are at the path now. */
  #use(): Connections {
    const old = this.#connections;
    if (old !== undefined) {
      if (!areReplaced(old.files, this.#path)) {
        // The log of a read-only database may appear later.
        if (old.files.includes(undefined)) old.files = identitiesOf(this.#path);
        return old;
      }
      // All connections share SQLite's state of the files. A pending read fails.
      this.#connections = undefined;
      if (old.reader !== old.writer) old.reader.close();
      old.writer.close();
    }
    return this.#connections = this.#connect();
  }

  #connect(): Connections {
    const { readOnly } = this.#options;
    const writer = openDatabase(this.#sqlite, this.#path, { readOnly, checks: true });
    try {
      const reader = readOnly
        ? writer
        : openDatabase(this.#sqlite, this.#path, { readOnly: true, checks: false });
      const [write, read] = [new Statements(writer), new Statements(reader)];
      const files = identitiesOf(this.#path);
      // Processes that end soon write few rows each, and make no checkpoint.
      if (logBytes(this.#path) > MAX_LOG_BYTES) this.#written = MAX_LOG_ROWS;
      return { writer, reader, write, read, files, families: new Map(), epoch: "" };
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  /** Reads everything. Returns false, and yields nothing, if it may be a former state. */
  async *#readOnce(signal: AbortSignal): AsyncGenerator<StoredSlice, boolean> {
    const { reader, read } = this.#use();
    // Cached pages would hide that the file was overwritten.
    reader.exec("PRAGMA shrink_memory");
    // A transaction sees one moment, even if other processes write.
    reader.exec("BEGIN");
    try {
      const now = this.#now();
      const load = (): Head => readHead(read, this.#options, now);
      const head = await whenUnlocked(signal, this.#timers, load);
      if (head.clock < this.#seen || isForeign(reader, this.#path)) {
        await this.#repair(signal);
        return false;
      }
      this.#seen = Math.max(this.#seen, head.clock);
      yield head.slice;
      yield* readRows(read, head);
    } finally {
      rollBack(reader);
    }
    // If the file was overwritten during the read, the result may contain parts of it.
    if (isForeign(reader, this.#path)) await this.#repair(signal);
    return true;
  }

  /** Starts the store again if needed. Throws if it did, because the read is then invalid. */
  async #repair(signal: AbortSignal): Promise<void> {
    if (this.#options.readOnly) return;
    const before = this.#beginnings;
    this.#upkeep = -Infinity;
    await this.#transaction(signal, 0, () => {});
    if (this.#beginnings > before) throw new Error(`${RESTORED}: it begins at zero`);
  }

  async #transaction<T>(
    signal: AbortSignal,
    rows: number,
    work: (connections: Connections, namespace: Namespace) => T,
  ): Promise<T> {
    this.#cancelCheckpoint();
    try {
      const isDue = this.#monotonicMs() - this.#upkeep >= UPKEEP_MS;
      return await whenUnlocked(signal, this.#timers, () => {
        if (this.#isClosed) throw new Error("it is closed");
        const connections = this.#use();
        const { writer, write } = connections;
        // Cached pages would hide that the file was overwritten.
        if (isDue) writer.exec("PRAGMA shrink_memory");
        writer.exec("BEGIN IMMEDIATE");
        try {
          if (isForeign(writer, this.#path)) this.#adopt(connections);
          const namespace = this.#namespace(connections);
          if (isDue) expireInstances(write, this.#options, this.#now());
          const result = work(connections, namespace);
          this.#cleanUp(write, rows);
          const row = write.of("SELECT clock FROM namespaces WHERE id = ?").get(namespace.key);
          const finish = isDue ? moveMark(writer, this.#path) : () => {};
          writer.exec("COMMIT");
          finish();
          this.#seen = Number(row?.["clock"]);
          if (isDue) this.#upkeep = this.#monotonicMs();
          this.#written += rows + TRANSACTION_ROWS;
          return result;
        } catch (error) {
          connections.families.clear();
          rollBack(writer);
          throw error;
        }
      });
    } catch (error) {
      throw error === signal.reason ? error : explain(error, this.#path, "write to");
    } finally {
      this.#scheduleCheckpoint();
    }
  }

  /** Starts the store again in a file that holds a former state or a copy. */
  #adopt({ writer, write }: Connections): void {
    this.#beginnings++;
    for (const { id } of write.of("SELECT id FROM namespaces").all()) {
      beginAgain(write, Number(id), this.#nextClock());
    }
    adoptFile(writer, this.#path);
  }

  #nextClock(): number {
    return Math.max(Math.floor(this.#now()) * CLOCKS_PER_MS, this.#seen + 1);
  }

  /** Finds or creates the namespace. Starts it again if its clock has gone back. */
  #namespace(connections: Connections): Namespace {
    const { write } = connections;
    const name = JSON.stringify(this.#options.namespace);
    const find = write.of("SELECT id, epoch, clock FROM namespaces WHERE name = ?");
    if (find.get(name) === undefined) {
      write.of("INSERT INTO namespaces (name, epoch, clock) VALUES (?, ?, ?)")
        .run(name, crypto.randomUUID(), this.#nextClock());
    }
    const isBehind = Number(find.get(name)!["clock"]) < this.#seen;
    if (isBehind) this.#beginAgain(connections, Number(find.get(name)!["id"]));
    const { id, epoch } = find.get(name)!;
    // Another process may have started it again, with new ids of families.
    if (connections.epoch !== epoch) connections.families.clear();
    connections.epoch = String(epoch);
    return { key: Number(id), epoch: connections.epoch };
  }

  #beginAgain({ write, families }: Connections, namespace: number): void {
    this.#beginnings++;
    beginAgain(write, namespace, this.#nextClock());
    families.clear();
  }

  #cleanUp(write: Statements, rows: number): void {
    const end = this.#monotonicMs() + CLEANING_MS;
    cleanUp(write, {
      now: this.#now(),
      rows: Math.max(MIN_CLEANED, CLEANED_PER_ROW * rows),
      hasTime: () => this.#monotonicMs() < end,
    });
  }

  #monotonicMs(): number {
    return this.#timers.monotonic() * 1000;
  }

  /** Makes a checkpoint at an idle time, or at once if the log is too long. */
  #scheduleCheckpoint(): void {
    this.#cancelCheckpoint();
    if (this.#isClosed || this.#written < this.#logRows * IDLE_SHARE) return;
    const run = (): void => {
      const connections = this.#connections;
      if (connections === undefined || areReplaced(connections.files, this.#path)) return;
      this.#checkpoint(connections.writer);
    };
    if (this.#written >= this.#logRows) run();
    else this.#cancelCheckpoint = this.#timers.setTimeout(run, IDLE_MS, { inBackground: true });
  }

  #checkpoint(writer: DatabaseSync): void {
    const began = this.#monotonicMs();
    try {
      checkpoint(writer);
    } catch {
      // Another process writes. The log stays longer.
      return;
    }
    this.#written = 0;
    const isSlow = this.#monotonicMs() - began > FAST_MS;
    const logRows = isSlow ? 2 * this.#logRows : this.#logRows / 2;
    this.#logRows = Math.min(MAX_LOG_ROWS, Math.max(MIN_LOG_ROWS, logRows));
  }
}
