import type { LabelSet } from "../model.ts";
import type { Given, SeriesStore } from "./series_store.ts";

/** Finds the series of labels in the fast way: what it does not find may exist. */
export function findGiven<S extends LabelSet>(
  store: SeriesStore<S>,
  given: Given | null,
): S | undefined {
  if (given === null) return store.bare;
  return Array.isArray(given) ? store.findInOrder(given) : store.find(given);
}

/**
 * What `labels()` returns: finds its series at the first write, and again after it was removed.
 *
 * @typeParam S The series.
 */
export abstract class Handle<S extends LabelSet> {
  readonly #store: SeriesStore<S>;
  readonly #given: Given | null;
  #generation = -1;
  #series: S | undefined;

  /**
   * Makes a handle. Makes no series.
   *
   * @param store The series of the metric.
   * @param given The labels.
   */
  constructor(store: SeriesStore<S>, given: Given | null) {
    this.#store = store;
    this.#given = given;
    if (!Array.isArray(given)) return;
    this.#series = store.findInOrder(given);
    if (this.#series !== undefined) this.#generation = store.generation;
  }

  /** The labels as an object, for what starts with them and adds others. */
  protected get labelObject(): Readonly<Record<string, unknown>> {
    const given = this.#given;
    if (!Array.isArray(given)) return given as Readonly<Record<string, unknown>> ?? {};
    return Object.fromEntries(this.#store.labelNames.map((name, i) => [name, given[i]]));
  }

  /** The series if it was found before and was not removed since. */
  protected get found(): S | undefined {
    return this.#generation === this.#store.generation ? this.#series : undefined;
  }

  /** Finds the series, or makes it. To be called when the value was checked. */
  protected open(): S {
    const store = this.#store;
    const series = findGiven(store, this.#given) ?? store.open(this.#given);
    this.#generation = store.generation;
    return this.#series = series;
  }
}
