import { createHash } from "node:crypto";
import type {
  Batch,
  FamilyEntry,
  InstanceRow,
  OpenOptions,
  Row,
  RowName,
  StoredInstance,
  StoredSlice,
} from "../backend.ts";
import type { Reply, ScriptInput } from "./calls.ts";

/** How many characters of a hash name a family: 128 bits, so that names are unique. */
const NAME_LENGTH = 22;

/** Returns the text of a number. */
const toText = (number: number): string => Object.is(number, -0) ? "-0" : String(number);

/** The keys of one namespace in Redis. */
export class Keys {
  readonly head: string;
  readonly #base: string;
  readonly #names: Map<string, string> = new Map();

  /**
   * @param prefix The prefix of all keys.
   * @param namespace The namespace.
   */
  constructor(prefix: string, namespace: string) {
    // With the braces, a cluster keeps all keys of a namespace together. The tag contains no brace.
    const tag = encodeURIComponent(JSON.stringify(namespace).slice(1, -1));
    this.#base = `${prefix}:{${tag}}:`;
    this.head = `${this.#base}head`;
  }

  /** Returns the key of the rows of an instance. */
  own(id: string): string {
    return `${this.#base}own:${id}`;
  }

  /** Returns the key of the totals of a family. */
  totals(family: string): string {
    return `${this.#base}totals:${this.nameOf(family)}`;
  }

  /** Returns the keys of the expiry times and of the parts of a family's series. */
  expiry(family: string): readonly [idle: string, parts: string] {
    const name = this.nameOf(family);
    return [`${this.#base}idle:${name}`, `${this.#base}parts:${name}`];
  }

  /** Returns the short name of a family. */
  nameOf(family: string): string {
    let name = this.#names.get(family);
    if (name === undefined) {
      name = createHash("sha256").update(family).digest("base64url").slice(0, NAME_LENGTH);
      this.#names.set(family, name);
    }
    return name;
  }
}

/** The changes of a batch in one family. */
interface FamilyPart {
  entry: FamilyEntry | undefined;
  readonly adds: Row[];
  readonly sets: Row[];
  readonly deletes: RowName[];
}

/** Returns a batch as input of the script: the keys of its totals, and its families. */
export function encodeBatch(keys: Keys, batch: Batch): ScriptInput {
  const parts = new Map<string, FamilyPart>();
  const partOf = (family: string): FamilyPart => {
    let part = parts.get(family);
    if (part === undefined) {
      parts.set(family, part = { entry: undefined, adds: [], sets: [], deletes: [] });
    }
    return part;
  };
  for (const entry of batch.families) partOf(entry.family).entry = entry;
  for (const row of batch.adds) partOf(row.family).adds.push(row);
  for (const row of batch.sets) partOf(row.family).sets.push(row);
  for (const name of batch.deletes) partOf(name.family).deletes.push(name);
  const totals: string[] = [];
  const args: string[] = [];
  for (const [family, { entry, adds, sets, deletes }] of parts) {
    const { help, maxSeries, expireAfterMs } = entry ?? {};
    if (adds.length > 0) totals.push(keys.totals(family), ...keys.expiry(family));
    args.push(keys.nameOf(family), JSON.stringify(family));
    args.push(help === undefined ? "" : JSON.stringify(help));
    args.push(`${maxSeries ?? ""}`, `${expireAfterMs ?? ""}`);
    for (const list of [adds, sets, deletes]) args.push(`${list.length}`);
    const isWide = adds.some(({ overflow, partOf }) => (overflow ?? partOf) !== undefined);
    args.push(isWide ? "4" : "2");
    for (const { series, numbers, overflow = "", partOf = "" } of adds) {
      args.push(series, numbers.map(toText).join(" "));
      if (isWide) args.push(overflow, partOf);
    }
    for (const { series, numbers } of sets) args.push(series, numbers.map(toText).join(" "));
    for (const { series } of deletes) args.push(series);
  }
  return { keys: totals, args };
}

/** The instances and families of the rows. */
export interface Head {
  readonly instances: readonly StoredInstance[];
  readonly families: readonly FamilyEntry[];
  /** The families whose series expire. */
  readonly expiring: ReadonlySet<string>;
  /** The texts of the families by their places. */
  readonly places: ReadonlyMap<string, string>;
}

/** Decodes the fields of the head. */
export function decodeHead(
  fields: ReadonlyMap<string, string>,
  now: number,
  { deadAfterMs }: OpenOptions,
): Head {
  const instances: StoredInstance[] = [];
  const placed: [place: number, entry: FamilyEntry][] = [];
  const expiring = new Set<string>();
  for (const [field, value] of fields) {
    if (field.startsWith("i:")) {
      const [, order, seen, expires, left] = value.split(" ", 5);
      if (Number(expires) <= now) continue;
      // A time far in the future is from before the clock was set back.
      const alive = left === "0" && Math.abs(now - Number(seen)) <= deadAfterMs;
      const process = JSON.parse(value.slice(value.indexOf('"')));
      instances.push({ id: field.slice(2), process, alive, order: Number(order) });
    } else if (field.startsWith("f:")) {
      const [place, , limit, , expires] = value.split(" ", 5);
      const [family, help] = JSON.parse(value.slice(value.indexOf("[")));
      const maxSeries = limit === "-" ? undefined : Number(limit);
      placed.push([Number(place), { family, help, maxSeries }]);
      if (expires === "1") expiring.add(family);
    }
  }
  instances.sort((a, b) => a.order - b.order);
  placed.sort(([a], [b]) => a - b);
  return {
    instances,
    families: placed.map(([, entry]) => entry),
    expiring,
    places: new Map(placed.map(([place, { family }]) => [`${place}`, family])),
  };
}

/** Some rows of a hash: each field is followed by its value. */
export type Fields = readonly string[];

/** Returns the totals in some fields. */
export function totalsOf(family: string, fields: Fields): StoredSlice {
  const totals: Row[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const series = fields[i]!;
    // The empty field holds the epoch of the others.
    if (series !== "") totals.push({ family, series, numbers: toNumbers(fields[i + 1]!) });
  }
  return { totals };
}

/** Returns the rows of an instance in some fields. */
export function valuesOf(instance: string, fields: Fields, head: Head): StoredSlice {
  const values: InstanceRow[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const field = fields[i]!;
    const space = field.indexOf(" ");
    const family = head.places.get(field.slice(0, space));
    // A family that is newer than the head comes with the next read.
    if (family === undefined) continue;
    const series = field.slice(space + 1);
    values.push({ instance, family, series, numbers: toNumbers(fields[i + 1]!) });
  }
  return { values };
}

/** Returns the fields at an index of a reply. */
export function fieldsOf(reply: Reply, at: number): Fields {
  const fields = reply[at];
  if (!Array.isArray(fields)) throw new TypeError("the reply of Redis has no fields");
  return fields;
}

function toNumbers(text: string): number[] {
  const numbers: number[] = [];
  for (const part of text.split(" ")) numbers.push(Number(part));
  return numbers;
}
