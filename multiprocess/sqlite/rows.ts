import type { DatabaseSync, StatementSync } from "node:sqlite";
import type {
  Batch,
  FamilyEntry,
  InstanceRow,
  OpenOptions,
  Row,
  StoredInstance,
  StoredSlice,
} from "../backend.ts";

/** How many rows are read or deleted at a time. */
const PAGE = 250;

/** Statements of a connection, each prepared at its first use. */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #prepared: Map<string, StatementSync> = new Map();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  of(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) this.#prepared.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }
}

/** A batch, and whose it is. */
interface Sent {
  readonly namespace: number;
  readonly instance: number;
  readonly batch: Batch;
}

/**
 * Applies a batch, within a transaction.
 *
 * @param write The statements.
 * @param families The ids of families by their texts; new ones are added.
 * @param sent The batch, and whose it is.
 */
export function applyBatch(write: Statements, families: Map<string, number>, sent: Sent): void {
  const { namespace, instance, batch } = sent;
  const introduce = write.of(
    "INSERT INTO families (namespace, family, help) VALUES (?, ?, ?) " +
      "ON CONFLICT DO UPDATE SET help = excluded.help",
  );
  // As JSON, since not every runtime brings a NUL back that is in a text.
  for (const { family, help } of batch.families) {
    introduce.run(namespace, family, JSON.stringify(help));
  }
  const find = write.of("SELECT id FROM families WHERE namespace = ? AND family = ?");
  const idOf = (family: string): number => {
    let id = families.get(family);
    if (id !== undefined) return id;
    if (find.get(namespace, family) === undefined) introduce.run(namespace, family, '""');
    families.set(family, id = Number(find.get(namespace, family)!["id"]));
    return id;
  };
  const total = write.of("SELECT numbers FROM totals WHERE family = ? AND series = ?");
  const insert = write.of("INSERT INTO totals (family, series, numbers) VALUES (?, ?, ?)");
  const update = write.of("UPDATE totals SET numbers = ? WHERE family = ? AND series = ?");
  for (const { family, series, numbers } of batch.adds) {
    const id = idOf(family);
    const old = total.get(id, series);
    if (old === undefined) insert.run(id, series, toBytes(numbers));
    else update.run(toBytes(toNumbers(old["numbers"]), numbers), id, series);
  }
  const set = write.of(
    "INSERT INTO own (instance, family, series, numbers) VALUES (?, ?, ?, ?) " +
      "ON CONFLICT DO UPDATE SET numbers = excluded.numbers",
  );
  for (const { family, series, numbers } of batch.sets) {
    set.run(instance, idOf(family), series, toBytes(numbers));
  }
  const remove = write.of("DELETE FROM own WHERE instance = ? AND family = ? AND series = ?");
  for (const { family, series } of batch.deletes) remove.run(instance, idOf(family), series);
}

/** Forgets, a page at a time, instances that have not been heard of for long. */
export function expire(write: Statements, { namespace, retentionMs }: OpenOptions): void {
  write.of(
    "UPDATE instances SET is_expired = 1 WHERE is_expired = 0 AND seen < ? " +
      "AND namespace IN (SELECT id FROM namespaces WHERE name = ?)",
  ).run(Date.now() - retentionMs, JSON.stringify(namespace));
  const expired = write.of("SELECT id FROM instances WHERE is_expired = 1 LIMIT 1").get();
  if (expired === undefined) return;
  const id = Number(expired["id"]);
  const { changes } = write.of(
    "DELETE FROM own WHERE (instance, family, series) IN " +
      `(SELECT instance, family, series FROM own WHERE instance = ? LIMIT ${PAGE})`,
  ).run(id);
  if (Number(changes) < PAGE) write.of("DELETE FROM instances WHERE id = ?").run(id);
}

/** Forgets everything of a namespace, which begins a new epoch. */
export function beginAnew(write: Statements, namespace: number): void {
  const families = "(SELECT id FROM families WHERE namespace = ?)";
  const instances = "(SELECT id FROM instances WHERE namespace = ?)";
  write.of(`DELETE FROM totals WHERE family IN ${families}`).run(namespace);
  write.of(`DELETE FROM own WHERE instance IN ${instances}`).run(namespace);
  write.of("DELETE FROM families WHERE namespace = ?").run(namespace);
  write.of("DELETE FROM instances WHERE namespace = ?").run(namespace);
  write.of("UPDATE namespaces SET epoch = ? WHERE id = ?").run(crypto.randomUUID(), namespace);
}

/** What is needed to understand the rows. */
export interface Head {
  readonly slice: StoredSlice;
  /** The texts of the families by their ids. */
  readonly families: ReadonlyMap<number, string>;
  /** The names of the instances by their ids. */
  readonly instances: ReadonlyMap<number, string>;
}

/** Reads instances and families. */
export function readHead(read: Statements, options: OpenOptions): Head {
  const now = Date.now();
  const namespace = JSON.stringify(options.namespace);
  const oldest = now - options.retentionMs;
  const names = new Map<number, string>();
  const instances: StoredInstance[] = read.of(
    "SELECT i.id, i.name, process, seen, has_left FROM instances i JOIN namespaces n " +
      "ON n.id = i.namespace WHERE n.name = ? AND is_expired = 0 AND seen >= ? ORDER BY i.id",
  ).all(namespace, oldest).map((row) => {
    const order = Number(row["id"]);
    const id = String(row["name"]);
    names.set(order, id);
    const alive = row["has_left"] === 0 && Number(row["seen"]) >= now - options.deadAfterMs;
    return { id, process: JSON.parse(String(row["process"])), alive, order };
  });
  const texts = new Map<number, string>();
  const families: FamilyEntry[] = read.of(
    "SELECT f.id, family, help FROM families f JOIN namespaces n ON n.id = f.namespace " +
      "WHERE n.name = ? ORDER BY f.id",
  ).all(namespace).map((row) => {
    const family = String(row["family"]);
    texts.set(Number(row["id"]), family);
    return { family, help: JSON.parse(String(row["help"])) };
  });
  return { slice: { instances, families }, families: texts, instances: names };
}

/** Reads all rows, a page at a time. */
export function* readRows(read: Statements, head: Head): Generator<StoredSlice> {
  const totals = read.of(
    "SELECT series, numbers FROM totals WHERE family = ? AND series > ? " +
      `ORDER BY series LIMIT ${PAGE}`,
  );
  for (const [id, family] of head.families) {
    for (let last = "", rows; (rows = totals.all(id, last)).length > 0;) {
      last = String(rows.at(-1)!["series"]);
      yield {
        totals: rows.map((row): Row => {
          return { family, series: String(row["series"]), numbers: toNumbers(row["numbers"]) };
        }),
      };
    }
  }
  const own = read.of(
    "SELECT family, series, numbers FROM own WHERE instance = ? AND (family, series) > (?, ?) " +
      `ORDER BY family, series LIMIT ${PAGE}`,
  );
  for (const [id, instance] of head.instances) {
    for (let family = 0, series = "", rows; (rows = own.all(id, family, series)).length > 0;) {
      family = Number(rows.at(-1)!["family"]);
      series = String(rows.at(-1)!["series"]);
      yield {
        values: rows.flatMap((row): InstanceRow[] => {
          const text = head.families.get(Number(row["family"]));
          if (text === undefined) return [];
          const series = String(row["series"]);
          return [{ instance, family: text, series, numbers: toNumbers(row["numbers"]) }];
        }),
      };
    }
  }
}

/** Where numbers become bytes: a statement has taken them over when it has run. */
let scratch = new DataView(new ArrayBuffer(1024));

/** Numbers as bytes: SQLite itself has no NaN. They are good until the next call. */
function toBytes(numbers: readonly number[], added: readonly number[] = []): Uint8Array {
  const length = Math.max(numbers.length, added.length);
  if (scratch.byteLength < length * 8) scratch = new DataView(new ArrayBuffer(length * 16));
  for (let i = 0; i < length; i++) {
    const number = numbers[i] ?? 0;
    scratch.setFloat64(i * 8, added.length === 0 ? number : number + (added[i] ?? 0), true);
  }
  return new Uint8Array(scratch.buffer, 0, length * 8);
}

function toNumbers(bytes: unknown): number[] {
  if (!(bytes instanceof Uint8Array) || bytes.length % 8 !== 0) {
    throw new Error("it is damaged: a row has no numbers");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const numbers: number[] = [];
  for (let i = 0; i < bytes.length; i += 8) numbers.push(view.getFloat64(i, true));
  return numbers;
}
