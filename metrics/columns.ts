import { FREE, type MetricCore } from "./metric_core.ts";

/** Instead of which label was not known: the labels are not those of the metric. */
const NOT_OURS = -1;

/** How many places for combinations of label values a table may have in any case: 16 kB. */
const MIN_PLACES = 4096;

/** How many of them it may have for each child beyond that: 16 bytes. */
const PLACES_PER_CHILD = 4;

/** Where a look-up notes the ids of its label values. */
let query = new Int32Array(16);

/**
 * How many look-ups there were. A label object may have getters, which may look up others: a look-up
 * that was not the last one at its end finds nothing, because it cannot rely on its notes.
 */
let lookUps = 0;

const { hasOwnProperty } = Object.prototype;

/** The values that one label takes, each known by a number. */
class LabelColumn {
  /** The label name. */
  readonly name: string;
  /** The place among the label names. */
  readonly position: number;
  /** How much an id of this label counts in the sum that tells where to look in the table. */
  factor = 0;
  /** The number of each value, by its text and by the number or boolean that was given for it. */
  readonly ids: Map<unknown, number> = new Map();
  /** The text of each value, by its number. */
  readonly texts: string[] = [];

  constructor(name: string, position: number) {
    // Property keys are unique in memory, so that comparing one with another is one step.
    this.name = Object.keys({ [name]: 0 })[0]!;
    this.position = position;
  }
}

/**
 * The children of a metric side by side: what all of them have lies in columns, and
 * a child is its place in them, its slot. Slots are given out in the order of
 * creation, and none twice.
 *
 * Three structures work together. Each label has a dictionary, which gives each of
 * its values a number (its id). A column has the ids of each child. And a table finds
 * a slot by its ids: it holds slots, at a place that the ids add up to, each times the
 * factor of its label.
 *
 * Where label values combine freely, as methods, routes and status codes do, the table
 * has a place for every combination: the factors are those of a number whose digits
 * are the ids, and what stands at its place is what is looked for. Where most of such
 * places would stay empty it is a hash table with open addressing: the factors are odd
 * random numbers, at most 4/5 of the places are taken, and what stands there is
 * compared with the column of ids, so that no two label sets can collide whatever their
 * values are. As label values come, the table is arranged anew whenever a dictionary or
 * the table itself has doubled.
 *
 * | operation | cost |
 * | --- | --- |
 * | `find…`, `append` | the number of labels |
 *
 * @typeParam C The type of the children.
 */
export class Columns<C> {
  /** What all children share. */
  readonly core: MetricCore;
  /** The children by slot; a hole where one was removed. */
  readonly children: (C | undefined)[] = [];
  /** The numbers of the children, `core.width` for each. */
  numbers: Float64Array;
  /** When each child was last touched, on the monotonic clock, if series expire. */
  touched: Float64Array;
  /** When each child began to count, in whole milliseconds after the metric was made. */
  #since: Int32Array | Float64Array;
  /** For each child the ids of its label values. */
  #ids: Int32Array;
  #labels: readonly LabelColumn[];
  readonly #byName: ReadonlyMap<string, LabelColumn>;
  /** Slots, each at its place or, in a hash table, the first free one behind. Its length is a power of two. */
  #table: Int32Array;
  /** Whether the table has a place for each combination of label values. */
  #isDirect = true;
  /** Of the last look-up without success: which label had a new value, or, if none had, their number. */
  #missed = NOT_OURS;

  /**
   * Makes columns without children.
   *
   * @param core What all children share.
   * @param capacity For how many children there is room at first.
   */
  constructor(core: MetricCore, capacity: number) {
    this.core = core;
    const { labelNames, width } = core;
    this.#labels = labelNames.map((name, i) => new LabelColumn(name, i));
    this.#byName = new Map(this.#labels.map((label) => [label.name, label]));
    if (query.length < labelNames.length) {
      query = new Int32Array(labelNames.length);
      lookUps = (lookUps + 1) | 0;
    }
    this.#table = core.createTable(1);
    this.numbers = new Float64Array(capacity * width);
    this.touched = new Float64Array(core.expires ? capacity : 0);
    this.#since = new Int32Array(capacity);
    this.#ids = new Int32Array(capacity * labelNames.length);
  }

  /**
   * Adds to a number. All metrics add here, see the end of this file.
   *
   * @param index Which number.
   * @param value What to add.
   */
  add(index: number, value: number): void {
    this.numbers[index]! += value;
  }

  /**
   * Finds a child by the names of its labels, in whatever order. Only own properties are labels.
   *
   * @param labels The labels.
   * @returns The child; undefined if there is none, if the labels are not those of the metric, or
   * if reading them looked something up.
   */
  findByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    const own = this.#labels;
    const lookUp = lookUps = (lookUps + 1) | 0;
    let given = 0;
    let place = 0;
    // A `for in` that asks for and reads the property it stands at needs no look-up for it.
    for (const name in labels) {
      if (!hasOwnProperty.call(labels, name)) continue;
      // Most callers give labels in the order of the label names.
      let label: LabelColumn | undefined = own[given];
      if (label?.name !== name) label = this.#byName.get(name);
      const id = label?.ids.get(labels[name]);
      if (label === undefined || id === undefined) {
        this.#missed = label !== undefined && lookUp === lookUps ? given : NOT_OURS;
        return undefined;
      }
      query[label.position] = id | 0;
      place = (place + Math.imul(id | 0, label.factor)) | 0;
      given++;
    }
    if (given === own.length && lookUp === lookUps) return this.#find(place);
    this.#missed = NOT_OURS;
    return undefined;
  }

  /**
   * Finds a child by its label values in their order.
   *
   * @param values A value for each label.
   * @returns The child, if there is one.
   */
  findInOrder(values: ArrayLike<unknown>): C | undefined {
    const own = this.#labels;
    lookUps = (lookUps + 1) | 0;
    this.#missed = NOT_OURS;
    if (values.length !== own.length) return undefined;
    let place = 0;
    for (let i = 0; i < own.length; i++) {
      const label = own[i]!;
      const id = label.ids.get(values[i]);
      if (id === undefined) {
        this.#missed = i;
        return undefined;
      }
      query[i] = id | 0;
      place = (place + Math.imul(id | 0, label.factor)) | 0;
    }
    return this.#find(place);
  }

  /**
   * Tells, right after {@linkcode findByName} has found nothing, whether that is because
   * there is no child of these labels, which then are legal and complete. Nothing is kept
   * of them. What would need a closer look is not told to be so.
   *
   * @param labels The same labels.
   * @returns Whether it is certain that a child of these labels could be added.
   */
  lacksByName(labels: Readonly<Record<string, unknown>>): boolean {
    const own = this.#labels;
    const missed = this.#missed;
    // All values are known, and so they are legal.
    if (missed === own.length) return true;
    let given = 0;
    for (const name in labels) {
      if (!hasOwnProperty.call(labels, name)) continue;
      if (given === own.length) return false;
      let label = own[given]!;
      if (label.name !== name) {
        const other = this.#byName.get(name);
        if (other === undefined) return false;
        label = other;
      }
      // What has one new value is new, whatever the others are.
      const value = labels[name];
      if (given === missed ? !isNew(label, value) : !isLegal(value)) return false;
      given++;
    }
    return missed !== NOT_OURS && given === own.length;
  }

  /**
   * The same as {@linkcode lacksByName}, right after {@linkcode findInOrder}.
   *
   * @param values The same values.
   * @returns Whether it is certain that a child of these labels could be added.
   */
  lacksInOrder(values: ArrayLike<unknown>): boolean {
    const own = this.#labels;
    const missed = this.#missed;
    if (missed === own.length) return true;
    if (missed === NOT_OURS) return false;
    for (let i = 0; i < own.length; i++) {
      if (i === missed ? !isNew(own[i]!, values[i]) : !isLegal(values[i])) return false;
    }
    return true;
  }

  /**
   * Lets a number or a boolean be found as what it is, when its text is a value of
   * the label already.
   *
   * @param name The name of the label.
   * @param value The number or boolean.
   */
  alias(name: string, value: number | boolean): void {
    const { ids } = this.#byName.get(name)!;
    const id = ids.get(String(value));
    if (id !== undefined) ids.set(value, id);
  }

  /**
   * Adds a child that is not there yet, at zero.
   *
   * @param values The texts of its label values.
   * @param since When it began to count, see {@linkcode since}.
   * @param child The child.
   * @returns Its slot.
   */
  append(values: readonly string[], since: number, child: C): number {
    const slot = this.children.length;
    this.#reserve(slot + 1);
    const at = slot * values.length;
    let outgrown = false;
    for (const [i, { ids, texts }] of this.#labels.entries()) {
      const text = values[i]!;
      let id = ids.get(text);
      if (id === undefined) {
        outgrown ||= isPowerOfTwo(texts.length);
        id = texts.push(text) - 1;
        ids.set(text, id);
      }
      this.#ids[at + i] = id;
    }
    this.#setSince(slot, since);
    this.children.push(child);
    const isFull = this.children.length > this.#table.length * 4 / 5;
    if (this.#isDirect ? outgrown : isFull) this.#arrange();
    else this.#insert(slot);
    return slot;
  }

  /** Copies the numbers of a child from other columns. */
  copyNumbers(slot: number, from: Columns<unknown>, fromSlot: number): void {
    const { width } = this.core;
    const at = fromSlot * width;
    this.numbers.set(from.numbers.subarray(at, at + width), slot * width);
    // Without effect if series do not expire: the arrays have no element then.
    this.touched[slot] = from.touched[fromSlot]!;
  }

  /** Lets a child start again at zero. */
  reset(slot: number, since: number): void {
    const { width } = this.core;
    this.numbers.fill(0, slot * width, (slot + 1) * width);
    this.#setSince(slot, since);
  }

  /** Takes a child out; its slot stays empty. */
  remove(slot: number): void {
    const { width } = this.core;
    this.children[slot] = undefined;
    // In a hash table, those that had to pass by it are found behind it.
    if (this.#isDirect) this.#table[this.#placeOf(slot)] = FREE;
    this.numbers.fill(NaN, slot * width, (slot + 1) * width);
  }

  /**
   * Takes all children out.
   *
   * @returns Columns in which they are what they were, each at its slot.
   */
  clear(): Columns<C> {
    const former = new Columns<C>(this.core, 0);
    former.numbers = this.numbers;
    former.touched = this.touched;
    former.#since = this.#since;
    former.#ids = this.#ids;
    former.#labels = this.#labels;
    this.numbers = new Float64Array(this.numbers.length).fill(NaN);
    this.children.fill(undefined);
    return former;
  }

  /** Whether any child may have an exemplar. */
  get hasExemplars(): boolean {
    return this.core.kept !== undefined && this.core.type === "counter";
  }

  /** The texts of a child's label values. */
  labelValues(slot: number): string[] {
    const labels = this.#labels;
    const at = slot * labels.length;
    // Of its size from the beginning: an array that grows takes room for 16 more.
    const values = new Array<string>(labels.length);
    for (let i = 0; i < labels.length; i++) values[i] = labels[i]!.texts[this.#ids[at + i]!]!;
    return values;
  }

  /** When a child began to count, in milliseconds after the metric was made. */
  since(slot: number): number {
    return this.#since[slot]!;
  }

  #setSince(slot: number, milliseconds: number): void {
    // 24 days fit half of the room that more needs.
    if (milliseconds !== (milliseconds | 0) && this.#since instanceof Int32Array) {
      this.#since = Float64Array.from(this.#since);
    }
    this.#since[slot] = milliseconds;
  }

  #find(place: number): C | undefined {
    const table = this.#table;
    const isDirect = this.#isDirect;
    const mask = table.length - 1;
    for (let at = isDirect ? place : spread(place) & mask;; at = (at + 1) & mask) {
      const slot = table[at]!;
      if (slot === FREE) {
        this.#missed = this.#labels.length;
        return undefined;
      }
      if (isDirect || this.#isQueried(slot)) {
        const child = this.children[slot];
        // Those that were removed are passed by: their labels may have come once more.
        if (child !== undefined) return child;
      }
    }
  }

  /** Whether a slot is that of the label values that are looked for. */
  #isQueried(slot: number): boolean {
    const ids = this.#ids;
    const width = this.#labels.length;
    const first = slot * width;
    let i = 0;
    while (i < width && ids[first + i] === query[i]) i++;
    return i === width;
  }

  /** The sum that tells where to look for a slot in the table. */
  #placeOf(slot: number): number {
    const labels = this.#labels;
    const first = slot * labels.length;
    let place = 0;
    for (let i = 0; i < labels.length; i++) {
      place = (place + Math.imul(this.#ids[first + i]!, labels[i]!.factor)) | 0;
    }
    return place;
  }

  #insert(slot: number): void {
    const table = this.#table;
    const mask = table.length - 1;
    let at = this.#placeOf(slot);
    if (!this.#isDirect) {
      at = spread(at) & mask;
      while (table[at] !== FREE) at = (at + 1) & mask;
    }
    table[at] = slot;
  }

  /** Makes a new table, for the children and the label values that there are now. */
  #arrange(): void {
    const { length } = this.children;
    let places = 1;
    for (const label of this.#labels) {
      label.factor = places;
      places *= nextPowerOfTwo(label.texts.length);
    }
    this.#isDirect = places <= Math.max(MIN_PLACES, length * PLACES_PER_CHILD);
    if (!this.#isDirect) {
      places = nextPowerOfTwo(length * 3 / 2);
      for (const label of this.#labels) label.factor = this.core.factors[label.position]!;
    }
    this.#table = this.core.createTable(places);
    for (let slot = 0; slot < length; slot++) {
      if (this.children[slot] !== undefined) this.#insert(slot);
    }
  }

  #reserve(size: number): void {
    if (size <= this.#since.length) return;
    // A quarter more each time: little is left unused, and a number is moved four times at most.
    const capacity = size + (size >> 2) + 3;
    this.numbers = grow(this.numbers, capacity * this.core.width);
    if (this.core.expires) this.touched = grow(this.touched, capacity);
    this.#since = grow(this.#since, capacity);
    this.#ids = grow(this.#ids, capacity * this.#labels.length);
  }
}

/** Whether a value that is in no dictionary has a text that is in none either, without making one. */
function isNew({ ids }: LabelColumn, value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  return isLegal(value) && !ids.has(String(value));
}

function isLegal(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Lets the upper half of a sum of products, which has mixed more, count in the lower one. */
function spread(sum: number): number {
  return sum ^ (sum >>> 15);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** The least power of two that is not less than a number. */
function nextPowerOfTwo(value: number): number {
  let power = 1;
  while (power < value) power *= 2;
  return power;
}

function grow<T extends Float64Array | Int32Array>(array: T, length: number): T {
  // The constructor of an array makes arrays of its own type.
  const larger = new (array.constructor as new (length: number) => T)(length);
  larger.set(array);
  return larger;
}

// An engine compiles an addition for what it has met. One that has met integers only is compiled
// for integers, which takes twice the time here, where every number is stored as a double.
const fractions = { numbers: new Float64Array(1) };
// It is called on what looks like columns.
for (let i = 0; i < 100; i++) Columns.prototype.add.call(fractions as Columns<unknown>, 0, 0.5);
