/** A place in the tree: what follows after some attributes. */
interface Place<T> {
  /** What stands here if no more attributes follow. */
  found: T | undefined;
  /** The key that was seen first at this place, and what follows each of its values. */
  key: string | undefined;
  values: Map<unknown, Place<T>> | undefined;
  /** The same for all other keys. */
  others: Map<string, Map<unknown, Place<T>>> | undefined;
}

/**
 * Finds something by attributes in the order in which a caller writes them, without allocating
 * anything: one look-up for each attribute. The same attributes in another order are another path to
 * the same thing.
 *
 * What is found was put there by its owner, who knows the attributes in detail. So the tree only
 * remembers, and its size is limited: a path that finds no room is looked up in the slow way.
 *
 * @typeParam T What is found.
 */
export class SeriesTree<T> {
  readonly #root: Place<T> = newPlace();
  readonly #keeps: ((key: string) => boolean) | undefined;
  #room: number;

  /**
   * @param room How many paths there are at most.
   * @param keeps Whether an attribute counts; undefined if all do.
   */
  constructor(room: number, keeps?: (key: string) => boolean) {
    this.#room = room;
    this.#keeps = keeps;
  }

  /** Returns what was put at these attributes, if anything was. */
  find(attributes: object): T | undefined {
    const keeps = this.#keeps;
    let place: Place<T> = this.#root;
    for (const key in attributes) {
      if (keeps !== undefined && !keeps(key)) continue;
      const values = place.key === key ? place.values : place.others?.get(key);
      // Attributes are read by name, whatever the object's type says.
      const next = values?.get((attributes as Record<string, unknown>)[key]);
      if (next === undefined) return undefined;
      place = next;
    }
    return place.found;
  }

  /** Remembers something at some attributes, if their values stay what they are. */
  put(attributes: object, found: T): void {
    if (this.#room <= 0) return;
    const entries: [string, unknown][] = [];
    for (const key in attributes) {
      if (this.#keeps?.(key) === false) continue;
      const value = (attributes as Record<string, unknown>)[key];
      // An array may change, and what is inherited is no attribute.
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
