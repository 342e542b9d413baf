import type { DatabaseSync } from "node:sqlite";
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
  type FileIdentity,
  identityOf,
  openDatabase,
  rollBack,
  type SqliteModule,
  whenUnlocked,
} from "./database.ts";
import { applyBatch, beginAnew, expire, readHead, readRows, Statements } from "./rows.ts";

/** How often is looked whether the file is still the same, and for what has expired. */
const UPKEEP_MS = 1000;

/** What a session works with, until the file is another one. */
interface Connections {
  readonly writer: DatabaseSync;
  readonly reader: DatabaseSync;
  readonly write: Statements;
  readonly read: Statements;
  readonly file: FileIdentity;
  /** The ids of families, for those that are in the database for good. */
  readonly families: Map<string, number>;
}

/** A store in an SQLite database: short transactions on one connection, reads on another. */
export class SqliteSession implements Session {
  // A row takes some microseconds, and a batch is one transaction.
  readonly maxNumbers = 200;
  readonly #sqlite: SqliteModule;
  readonly #path: string;
  readonly #options: OpenOptions;
  #connections: Connections;
  #upkeep = 0;
  /** The end of the line of those who want to read: a connection has one transaction. */
  #reading: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(sqlite: SqliteModule, path: string, options: OpenOptions) {
    this.#sqlite = sqlite;
    this.#path = path;
    this.#options = options;
    this.#connections = this.#connect();
  }

  join({ id, process }: Instance, { signal }: CallOptions): Promise<string> {
    return this.#transaction(signal, ({ write }) => {
      const { key, epoch } = this.#namespace(write);
      write.of(
        "INSERT INTO instances (namespace, name, process, sequence, seen) VALUES (?, ?, ?, 0, ?) " +
          "ON CONFLICT DO NOTHING",
      ).run(key, id, JSON.stringify(process), Date.now());
      return epoch;
    });
  }

  push(id: string, batch: Batch, { signal }: CallOptions): Promise<PushResult> {
    return this.#transaction(signal, (connections) => {
      const { write } = connections;
      const instance = write.of(
        "SELECT id, namespace, sequence FROM instances WHERE name = ? AND is_expired = 0",
      ).get(id);
      if (instance === undefined) return "unknown";
      const key = Number(instance["id"]);
      const sequence = Number(instance["sequence"]);
      if (batch.sequence <= sequence) return "applied";
      const namespace = Number(instance["namespace"]);
      if (batch.sequence > sequence + 1) {
        beginAnew(write, namespace);
        connections.families.clear();
        return "unknown";
      }
      write.of("UPDATE instances SET sequence = ?, seen = ? WHERE id = ?")
        .run(batch.sequence, Date.now(), key);
      applyBatch(write, connections.families, { namespace, instance: key, batch });
      return "applied";
    });
  }

  leave(id: string, { signal }: CallOptions): Promise<void> {
    return this.#transaction(signal, ({ write }) => {
      write.of("UPDATE instances SET has_left = 1, seen = ? WHERE name = ?").run(Date.now(), id);
    });
  }

  async *read({ signal }: CallOptions): AsyncGenerator<StoredSlice> {
    const before = this.#reading;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reading = before.then(() => promise);
    await before;
    try {
      if (this.#isClosed) throw new Error("it is closed");
      this.#followFile();
      const { reader, read } = this.#connections;
      // One transaction sees one moment, whatever is written meanwhile.
      reader.exec("BEGIN");
      try {
        const head = await whenUnlocked(signal, () => readHead(read, this.#options));
        yield head.slice;
        yield* readRows(read, head);
      } finally {
        rollBack(reader);
      }
    } catch (error) {
      throw explain(error, this.#path, "read");
    } finally {
      resolve();
    }
  }

  async close(): Promise<void> {
    await this.#reading;
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#disconnect();
  }

  #connect(): Connections {
    const { readOnly } = this.#options;
    const writer = openDatabase(this.#sqlite, this.#path, { readOnly, checks: true });
    try {
      const reader = readOnly
        ? writer
        : openDatabase(this.#sqlite, this.#path, { readOnly: true, checks: false });
      const [write, read] = [new Statements(writer), new Statements(reader)];
      const file = identityOf(this.#path);
      return { writer, reader, write, read, file, families: new Map() };
    } catch (error) {
      writer.close();
      throw error;
    }
  }

  #disconnect(): void {
    const { writer, reader } = this.#connections;
    if (reader !== writer) reader.close();
    writer.close();
  }

  /** Opens the file that others see by now, when ours was deleted or replaced. */
  #followFile(): void {
    const old = this.#connections;
    if (identityOf(this.#path) === old.file) return;
    this.#connections = this.#connect();
    // Who reads the former file goes on reading it.
    if (old.reader !== old.writer) old.writer.close();
    this.#reading = this.#reading.then(() => old.reader.close());
  }

  async #transaction<T>(
    signal: AbortSignal,
    work: (connections: Connections) => T,
  ): Promise<T> {
    try {
      return await whenUnlocked(signal, () => {
        if (this.#isClosed) throw new Error("it is closed");
        const isDue = Date.now() - this.#upkeep >= UPKEEP_MS;
        if (isDue) this.#followFile();
        const connections = this.#connections;
        connections.writer.exec("BEGIN IMMEDIATE");
        try {
          if (isDue) expire(connections.write, this.#options);
          const result = work(connections);
          connections.writer.exec("COMMIT");
          if (isDue) this.#upkeep = Date.now();
          return result;
        } catch (error) {
          connections.families.clear();
          rollBack(connections.writer);
          throw error;
        }
      });
    } catch (error) {
      throw error === signal.reason ? error : explain(error, this.#path, "write to");
    }
  }

  /** A namespace and its epoch, made if there is none. */
  #namespace(write: Statements): { key: number; epoch: string } {
    const namespace = JSON.stringify(this.#options.namespace);
    write.of("INSERT INTO namespaces (name, epoch) VALUES (?, ?) ON CONFLICT DO NOTHING")
      .run(namespace, crypto.randomUUID());
    const row = write.of("SELECT id, epoch FROM namespaces WHERE name = ?").get(namespace);
    return { key: Number(row!["id"]), epoch: String(row!["epoch"]) };
  }
}
