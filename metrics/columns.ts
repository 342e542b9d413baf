import { FREE, type MetricCore } from "./metric_core.ts";

/** In place of the label that was not known: the labels are not those of the metric. */
const NOT_OURS = -1;

/** A table may always have this many places for combinations of label values: 16 kB. */
const MIN_PLACES = 4096;

/** Above that, a table may have this many places for each child: 16 bytes. */
const PLACES_PER_CHILD = 4;

/** Where a look-up notes the ids of its label values. */
let query = new Int32Array(16);

/**
 * The number of look-ups so far. A label object may have getters, and a getter may look up another
 * series. A look-up that is not the last one when it ends finds nothing, because its notes may have
 * been overwritten.
 */
let lookUps = 0;

const { hasOwnProperty } = Object.prototype;

/** The dictionary of a label: its values, and their numbers (ids). */
class LabelColumn {
  /** The label name. */
  readonly name: string;
  /** Its place among the label names. */
  readonly position: number;
  /** Ids of this label are multiplied by it in the sum that is a place in the table. */
  factor = 0;
  /** The id of each value, by its text, and by the number or boolean that was given for it. */
  readonly ids: Map<unknown, number> = new Map();
  /** The text of each value, by its id. */
  readonly texts: string[] = [];

  constructor(name: string, position: number) {
    // Property keys are unique in memory, so that comparing one with another is one step.
    this.name = Object.keys({ [name]: 0 })[0]!;
    this.position = position;
  }
}

/**
 * The children of a metric side by side. Their numbers lie in columns, and a child is its place in
 * them, its slot. Slots are assigned in the order of creation, and never reused.
 *
 * Three structures work together. Each label has a dictionary, which gives each of its values an
 * id. A column has the ids of each child. A table finds a slot by its ids: the place of a slot is
 * the sum of the ids, each multiplied by the factor of its label.
 *
 * There are two kinds of tables. If label values combine freely, as methods, routes and status
 * codes do, the table has a place for every combination. The factors are those of a number whose
 * digits are the ids, so the slot at a place is the right one. If most of these places would stay
 * empty, the table is a hash table with open addressing. The factors are odd random numbers, at
 * most 4/5 of the places are taken, and the ids of a slot are compared, so that two label sets
 * never collide, whatever their values are. The table is built again whenever the number of values
 * of a label, or of children in a hash table, has doubled.
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
  /** The children by slot; undefined where one was removed. */
  readonly children: (C | undefined)[] = [];
  /** The numbers of the children, `core.width` of them for each. */
  numbers: Float64Array;
  /** When each child was last touched, on the monotonic clock, if series expire. */
  touched: Float64Array;
  /** When each child began to count, in whole milliseconds after the metric was made. */
  #since: Int32Array | Float64Array;
  /** The ids of the label values of each child. */
  #ids: Int32Array;
  #labels: readonly LabelColumn[];
  readonly #byName: ReadonlyMap<string, LabelColumn>;
  /**
   * The slots at their places. In a hash table a slot may be at the first free place after its
   * own. The length is a power of two.
   */
  #table: Int32Array;
  /** Whether the table has a place for each combination of label values. */
  #isDirect = true;
  /**
   * The label that had an unknown value in the last look-up that failed, or the number of labels if
   * all values were known.
   */
  #missed = NOT_OURS;

  /** Makes columns without children, and reserves room for some. */
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

  /** Adds to a number. All metrics add here, see the end of this file. */
  add(index: number, value: number): void {
    this.numbers[index]! += value;
  }

  /**
   * Finds a child by the names of its labels, in any order. Only own properties are labels.
   * Returns undefined if there is none, if the labels are not those of the metric, or if a getter
   * looked something up.
   */
  findByName(labels: Readonly<Record<string, unknown>>): C | undefined {
    const own = this.#labels;
    const lookUp = lookUps = (lookUps + 1) | 0;
    let given = 0;
    let place = 0;
    // Engines need no look-up for the property that a `for in` is at.
    for (const name in labels) {
      if (!hasOwnProperty.call(labels, name)) continue;
      // Most callers give labels in the order of the label names.
      let label: LabelColumn | undefined = own[given];
      if (label?.name !== name) label = this.#byName.get(name);
      if (label === undefined) {
        this.#missed = NOT_OURS;
        return undefined;
      }
      const id = label.ids.get(labels[name]);
      if (id === undefined) {
        this.#missed = lookUp === lookUps ? given : NOT_OURS;
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

  /** Finds a child by its label values, in the order of the label names. */
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
   * Returns true if the labels are certainly complete and legal, and no child has them. Must be
   * called right after {@linkcode findByName} failed for the same labels. Keeps nothing of them. A
   * result of false says nothing.
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
      // A label set with a new value is new, whatever its other values are.
      const value = labels[name];
      if (given === missed ? !isNew(label, value) : !isLegal(value)) return false;
      given++;
    }
    return missed !== NOT_OURS && given === own.length;
  }

  /** Does the same as {@linkcode lacksByName}, right after {@linkcode findInOrder} failed. */
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

  /** Lets look-ups find a number or boolean of which the text is a value of the label. */
  alias(name: string, value: number | boolean): void {
    const { ids } = this.#byName.get(name)!;
    const id = ids.get(String(value));
    if (id !== undefined) ids.set(value, id);
  }

  /** Adds a child with new labels, at zero. Returns its slot. */
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
    // Has no effect if series do not expire, because the arrays are empty then.
    this.touched[slot] = from.touched[fromSlot]!;
  }

  /** Sets the numbers of a child to zero. */
  reset(slot: number, since: number): void {
    const { width } = this.core;
    this.numbers.fill(0, slot * width, (slot + 1) * width);
    this.#setSince(slot, since);
  }

  /** Removes a child. Its slot stays empty. */
  remove(slot: number): void {
    const { width } = this.core;
    this.children[slot] = undefined;
    // In a hash table, slots with the same place are found behind it.
    if (this.#isDirect) this.#table[this.#placeOf(slot)] = FREE;
    this.numbers.fill(NaN, slot * width, (slot + 1) * width);
  }

  /** Removes all children. Returns columns that have them in their slots. */
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

  /** Whether a child may have an exemplar. */
  get hasExemplars(): boolean {
    return this.core.kept !== undefined && this.core.type === "counter";
  }

  /** The texts of a child's label values. */
  labelValues(slot: number): string[] {
    const labels = this.#labels;
    const at = slot * labels.length;
    // Engines reserve room for 16 more elements when an array grows.
    const values = new Array<string>(labels.length);
    for (let i = 0; i < labels.length; i++) values[i] = labels[i]!.texts[this.#ids[at + i]!]!;
    return values;
  }

  /** When a child began to count, in milliseconds after the metric was made. */
  since(slot: number): number {
    return this.#since[slot]!;
  }

  #setSince(slot: number, milliseconds: number): void {
    // Up to 24 days fit into 32 bits.
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
        // A removed child is passed by, because another one may have its labels now.
        if (child !== undefined) return child;
      }
    }
  }

  /** Whether a slot has the label values of the look-up. */
  #isQueried(slot: number): boolean {
    const ids = this.#ids;
    const width = this.#labels.length;
    const first = slot * width;
    let i = 0;
    while (i < width && ids[first + i] === query[i]) i++;
    return i === width;
  }

  /** The sum of a slot's ids, which is where to look for it in the table. */
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

  /** Makes a new table for all children. */
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
    // A quarter more each time leaves little unused, and moves a number four times at most.
    const capacity = size + (size >> 2) + 3;
    this.numbers = grow(this.numbers, capacity * this.core.width);
    if (this.core.expires) this.touched = grow(this.touched, capacity);
    this.#since = grow(this.#since, capacity);
    this.#ids = grow(this.#ids, capacity * this.#labels.length);
  }
}

/** Whether the text of an unknown value is unknown as well. */
function isNew({ ids }: LabelColumn, value: unknown): boolean {
  if (typeof value === "string") return value.isWellFormed();
  return isLegal(value) && !ids.has(String(value));
}

function isLegal(value: unknown): boolean {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Mixes the upper half of a sum of products, which depends on more bits, into the lower half. */
function spread(sum: number): number {
  return sum ^ (sum >>> 15);
}

function isPowerOfTwo(value: number): boolean {
  return value > 0 && (value & (value - 1)) === 0;
}

/** Returns the smallest power of two that is not less than a number. */
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

// Engines compile an addition for the numbers that it has seen. If it has seen only integers, it is
// compiled for integers, and takes twice as long here, because every number is stored as a double.
const fractions = { numbers: new Float64Array(1) };
// An object with this property is all that the method needs.
for (let i = 0; i < 100; i++) Columns.prototype.add.call(fractions as Columns<unknown>, 0, 0.5);
