/** A node of the tree, reached by some attributes. */
interface Place<T> {
  /** The item for these attributes, if no more follow. */
  found: T | undefined;
  /** The key that was seen first at this node, and the node that follows each of its values. */
  key: string | undefined;
  values: Map<unknown, Place<T>> | undefined;
  /** The same for all other keys. */
  others: Map<string, Map<unknown, Place<T>>> | undefined;
}

/**
 * Finds items by attributes, in the order in which a caller writes them: one look-up for each
 * attribute, and no allocation. The same attributes in another order are another path to the same
 * item.
 *
 * The tree is a cache of limited size. A path that is not in it takes a slower look-up elsewhere.
 *
 * @typeParam T The type of the items.
 */
export class SeriesTree<T> {
  readonly #root: Place<T> = newPlace();
  readonly #keeps: ((key: string) => boolean) | undefined;
  #room: number;

  /**
   * @param room The maximum number of paths.
   * @param keeps Whether an attribute counts; undefined if all do.
   */
  constructor(room: number, keeps?: (key: string) => boolean) {
    this.#room = room;
    this.#keeps = keeps;
  }

  /** Returns the item at these attributes, if there is one. */
  find(attributes: object): T | undefined {
    const keeps = this.#keeps;
    let place: Place<T> = this.#root;
    for (const key in attributes) {
      if (keeps !== undefined && !keeps(key)) continue;
      const values = place.key === key ? place.values : place.others?.get(key);
      // Any object can be read by name.
      const next = values?.get((attributes as Record<string, unknown>)[key]);
      if (next === undefined) return undefined;
      place = next;
    }
    return place.found;
  }

  /** Adds an item at some attributes, if their values cannot change. */
  put(attributes: object, found: T): void {
    if (this.#room <= 0) return;
    const entries: [string, unknown][] = [];
    for (const key in attributes) {
      if (this.#keeps?.(key) === false) continue;
      const value = (attributes as Record<string, unknown>)[key];
      // An array may change. Inherited properties are not attributes.
      const isLasting = value === null ||
        (typeof value !== "object" && typeof value !== "function");
      if (!isLasting || !Object.hasOwn(attributes, key)) return;
      entries.push([key, value]);
    }
    this.#room--;
    let place: Place<T> = this.#root;
    for (const [key, value] of entries) {
      place.key ??= key;
      const values = place.key === key ? place.values ??= new Map() : otherValues(place, key);
      let next = values.get(value);
      if (next === undefined) values.set(value, next = newPlace());
      place = next;
    }
    place.found = found;
  }
}

function newPlace<T>(): Place<T> {
  return { found: undefined, key: undefined, values: undefined, others: undefined };
}

function otherValues<T>(place: Place<T>, key: string): Map<unknown, Place<T>> {
  const others = place.others ??= new Map();
  let values = others.get(key);
  if (values === undefined) others.set(key, values = new Map());
  return values;
}
