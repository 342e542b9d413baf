import type { DatabaseSync, StatementSync } from "node:sqlite";
import { sumOf } from "../rounding.ts";
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

/** A batch, and the instance that sent it. */
interface Sent {
  readonly namespace: number;
  readonly instance: number;
  readonly batch: Batch;
  /** When it is applied, in milliseconds since 1970. */
  readonly now: number;
  readonly deadAfterMs: number;
}

/** A family, within a transaction. */
interface StoredFamily {
  readonly id: number;
  /** How many series it has, with the overflow series, and without parts of series. */
  series: number;
  readonly entry: FamilyEntry | undefined;
}

/**
 * Applies a batch, within a transaction.
 *
 * @param write The statements.
 * @param families The ids of families by their texts. New ones are added.
 * @param sent The batch, and the instance that sent it.
 */
export function applyBatch(write: Statements, families: Map<string, number>, sent: Sent): void {
  const { namespace, instance, batch, now } = sent;
  const introduce = write.of(
    "INSERT INTO families (namespace, family, help) VALUES (?, ?, ?) " +
      "ON CONFLICT DO UPDATE SET help = excluded.help",
  );
  // A smaller limit replaces a larger one only after the larger one was not sent for a while.
  const limit = write.of(
    "UPDATE families SET max_series = ?1, limited_at = ?2 WHERE namespace = ?3 AND family = ?4 " +
      "AND (limited_at IS NULL OR limited_at < ?5 OR ifnull(max_series, 9e999) <= ifnull(?1, 9e999))",
  );
  const entries = new Map<string, FamilyEntry>();
  for (const entry of batch.families) {
    const { family, help, maxSeries = null } = entry;
    // As JSON, because not every runtime reads a NUL in a text.
    introduce.run(namespace, family, JSON.stringify(help));
    limit.run(maxSeries, now, namespace, family, now - sent.deadAfterMs);
    entries.set(family, entry);
  }
  const find = write.of("SELECT id FROM families WHERE namespace = ? AND family = ?");
  const idOf = (family: string): number => {
    let id = families.get(family);
    if (id !== undefined) return id;
    if (find.get(namespace, family) === undefined) introduce.run(namespace, family, '""');
    families.set(family, id = Number(find.get(namespace, family)!["id"]));
    return id;
  };
  addTotals(write, idOf, entries, sent);
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

/** The rows of parts. Without the index, the planner would scan all rows of the family. */
const PARTS = "totals INDEXED BY totals_parts";

const DROP_PARTS = `DELETE FROM ${PARTS} WHERE family = ? AND part_of = ?`;

/** Adds to totals, and to the overflow series if a family has no room. */
function addTotals(
  write: Statements,
  idOf: (family: string) => number,
  entries: ReadonlyMap<string, FamilyEntry>,
  { batch, now }: Sent,
): void {
  const find = write.of("SELECT numbers, expires FROM totals WHERE family = ? AND series = ?");
  const insert = write.of(
    "INSERT OR REPLACE INTO totals (family, series, numbers, part_of, expires) VALUES (?, ?, ?, ?, ?)",
  );
  const update = write.of("UPDATE totals SET numbers = ? WHERE family = ? AND series = ?");
  const later = "SET expires = max(expires, ?) WHERE family = ?";
  const extend = write.of(`UPDATE totals ${later} AND series = ?`);
  const extendParts = write.of(`UPDATE ${PARTS} ${later} AND part_of = ?`);
  const dropParts = write.of(DROP_PARTS);
  const size = write.of("SELECT series FROM families WHERE id = ?");
  const resize = write.of("UPDATE families SET series = ? WHERE id = ?");
  const found = new Map<string, StoredFamily>();
  const familyOf = (text: string): StoredFamily => {
    let family = found.get(text);
    if (family === undefined) {
      const id = idOf(text);
      const series = Number(size.get(id)?.["series"]);
      found.set(text, family = { id, series, entry: entries.get(text) });
    }
    return family;
  };
  /** The overflow series of each series of the batch for which there is no room. */
  const folded = new Map<string, string>();
  for (const row of batch.adds) {
    const family = familyOf(row.family);
    const { id } = family;
    const { maxSeries = Infinity, expireAfterMs } = family.entry ?? {};
    let { series, partOf } = row;
    let old = find.get(id, series);
    if (row.overflow !== undefined) {
      const isNew = partOf === undefined && old === undefined && series !== row.overflow;
      if (isNew && family.series >= maxSeries) {
        const hasOverflow = find.get(id, row.overflow) !== undefined;
        const isFull = family.series >= maxSeries + Number(hasOverflow);
        if (isFull) folded.set(`${id} ${series}`, row.overflow);
      }
      const place = folded.get(`${id} ${partOf ?? series}`);
      if (place !== undefined) {
        if (partOf !== undefined) partOf = place;
        series = row.overflow;
        old = find.get(id, series);
      }
    }
    const expires = expireAfterMs === undefined ? null : now + expireAfterMs;
    const isExpired = typeof old?.["expires"] === "number" && old["expires"] < now;
    if (old === undefined || isExpired) {
      if (isExpired && partOf === undefined) dropParts.run(id, series);
      // A part expires with its series, which another process may keep for longer.
      const until = partOf === undefined ? expires : find.get(id, partOf)?.["expires"] ?? null;
      insert.run(id, series, toBytes(row.numbers), partOf ?? null, until);
      if (old === undefined && partOf === undefined) family.series++;
    } else {
      update.run(toBytes(toNumbers(old["numbers"]), row.numbers), id, series);
    }
    const canExpire = expires !== null || typeof old?.["expires"] === "number";
    if (!canExpire || partOf !== undefined) continue;
    // Without an expiry in this process, the series does not expire any more.
    extend.run(expires, id, series);
    extendParts.run(expires, id, series);
  }
  for (const { id, series } of found.values()) resize.run(series, id);
}

/** Options of {@linkcode cleanUp}. */
export interface CleanUpOptions {
  readonly now: number;
  /** About how many rows are deleted. */
  readonly rows: number;
  /** Whether there is time for more. */
  readonly hasTime: () => boolean;
}

/** When an instance must have sent something at least: if it has left, and if not. */
const OLDEST = "CASE has_left WHEN 1 THEN ? ELSE ? END";

function oldest({ retentionMs, deadAfterMs }: OpenOptions, now: number): [number, number] {
  return [now - retentionMs, now - Math.max(retentionMs, deadAfterMs)];
}

/** Marks instances as expired that have ended and sent nothing for `retentionMs`. */
export function expireInstances(write: Statements, options: OpenOptions, now: number): void {
  // If the clock went back, an instance that has ended would otherwise be alive until it catches up.
  write.of("UPDATE instances SET seen = ?1 WHERE seen > ?1").run(now);
  write.of(
    `UPDATE instances SET is_expired = 1 WHERE is_expired = 0 AND seen < ${OLDEST} ` +
      "AND namespace IN (SELECT id FROM namespaces WHERE name = ?)",
  ).run(...oldest(options, now), JSON.stringify(options.namespace));
}

/** Deletes the rows of expired instances and series, a page at a time. */
export function cleanUp(write: Statements, { now, rows, hasTime }: CleanUpOptions): void {
  const find = write.of("SELECT id FROM instances WHERE is_expired = 1 LIMIT 1");
  const drop = write.of(
    "DELETE FROM own WHERE (instance, family, series) IN " +
      "(SELECT instance, family, series FROM own WHERE instance = ? LIMIT ?)",
  );
  const forget = write.of("DELETE FROM instances WHERE id = ?");
  let left = rows;
  for (let expired; left > 0 && hasTime() && (expired = find.get()) !== undefined;) {
    const id = Number(expired["id"]);
    const changes = Number(drop.run(id, PAGE).changes);
    if (changes < PAGE) forget.run(id);
    left -= changes + 1;
  }
  const findTotals = write.of(
    "SELECT family, series, part_of FROM totals WHERE expires < ? LIMIT ?",
  );
  const dropTotal = write.of("DELETE FROM totals WHERE family = ? AND series = ?");
  // Otherwise a series that comes back would have its former parts.
  const dropParts = write.of(DROP_PARTS);
  const resize = write.of("UPDATE families SET series = max(0, series - ?) WHERE id = ?");
  while (left > 0 && hasTime()) {
    const page = findTotals.all(now, PAGE);
    const gone = new Map<number, number>();
    for (const row of page) {
      const family = Number(row["family"]);
      const series = String(row["series"]);
      dropTotal.run(family, series);
      if (row["part_of"] !== null) continue;
      dropParts.run(family, series);
      gone.set(family, (gone.get(family) ?? 0) + 1);
    }
    for (const [family, count] of gone) resize.run(count, family);
    if (page.length < PAGE) break;
    left -= page.length;
  }
}

/**
 * Deletes everything of a namespace, and begins a new epoch.
 *
 * @param write The statements.
 * @param namespace The id of the namespace.
 * @param clock A number that is greater than all former clocks.
 */
export function beginAgain(write: Statements, namespace: number, clock: number): void {
  const families = "(SELECT id FROM families WHERE namespace = ?)";
  const instances = "(SELECT id FROM instances WHERE namespace = ?)";
  write.of(`DELETE FROM totals WHERE family IN ${families}`).run(namespace);
  write.of(`DELETE FROM own WHERE instance IN ${instances}`).run(namespace);
  write.of("DELETE FROM families WHERE namespace = ?").run(namespace);
  write.of("DELETE FROM instances WHERE namespace = ?").run(namespace);
  write.of("UPDATE namespaces SET epoch = ?, clock = max(clock + 1, ?) WHERE id = ?")
    .run(crypto.randomUUID(), clock, namespace);
}

/** The instances and families of the rows. */
export interface Head {
  readonly slice: StoredSlice;
  /** The clock of the store, which counts batches. */
  readonly clock: number;
  readonly now: number;
  /** The texts of the families by their ids. */
  readonly families: ReadonlyMap<number, string>;
  /** The names of the instances by their ids. */
  readonly instances: ReadonlyMap<number, string>;
}

/** Reads instances and families. */
export function readHead(read: Statements, options: OpenOptions, now: number): Head {
  const namespace = JSON.stringify(options.namespace);
  const names = new Map<number, string>();
  const instances: StoredInstance[] = read.of(
    "SELECT i.id, i.name, process, seen, has_left FROM instances i JOIN namespaces n " +
      `ON n.id = i.namespace WHERE n.name = ? AND is_expired = 0 AND seen >= ${OLDEST} ORDER BY i.id`,
  ).all(namespace, ...oldest(options, now)).map((row) => {
    const order = Number(row["id"]);
    const id = String(row["name"]);
    names.set(order, id);
    const alive = row["has_left"] === 0 && Number(row["seen"]) >= now - options.deadAfterMs;
    return { id, process: JSON.parse(String(row["process"])), alive, order };
  });
  const texts = new Map<number, string>();
  const clock = read.of("SELECT clock FROM namespaces WHERE name = ?").get(namespace)?.["clock"];
  const families: FamilyEntry[] = read.of(
    "SELECT f.id, family, help, max_series FROM families f JOIN namespaces n ON n.id = f.namespace " +
      "WHERE n.name = ? ORDER BY f.id",
  ).all(namespace).map((row) => {
    const family = String(row["family"]);
    texts.set(Number(row["id"]), family);
    const maxSeries = row["max_series"] === null ? undefined : Number(row["max_series"]);
    return { family, help: JSON.parse(String(row["help"])), maxSeries };
  });
  return {
    slice: { instances, families },
    clock: Number(clock ?? 0),
    now,
    families: texts,
    instances: names,
  };
}

/** Reads all rows, a page at a time. */
export function* readRows(read: Statements, head: Head): Generator<StoredSlice> {
  const totals = read.of(
    "SELECT series, numbers FROM totals WHERE family = ? AND series > ? " +
      `AND (expires IS NULL OR expires >= ?) ORDER BY series LIMIT ${PAGE}`,
  );
  for (const [id, family] of head.families) {
    for (let last = "", rows; (rows = totals.all(id, last, head.now)).length > 0;) {
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

/** The buffer in which numbers become bytes. A statement copies them when it runs. */
let scratch = new DataView(new ArrayBuffer(1024));

/** Returns numbers as bytes, because SQLite has no NaN. Valid until the next call. */
function toBytes(numbers: readonly number[], added: readonly number[] = []): Uint8Array {
  const length = Math.max(numbers.length, added.length);
  if (scratch.byteLength < length * 8) scratch = new DataView(new ArrayBuffer(length * 16));
  for (let i = 0; i < length; i++) {
    const number = numbers[i] ?? 0;
    scratch.setFloat64(i * 8, added.length === 0 ? number : sumOf(number, added[i] ?? 0), true);
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
