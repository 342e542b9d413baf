import type { LabelSet } from "../model.ts";
import type { Given, SeriesStore } from "./series_store.ts";

/**
 * The handle that `labels()` returns. It finds its series at the first write, and again after a
 * removal.
 *
 * @typeParam S The series.
 */
export abstract class Handle<S extends LabelSet> {
  readonly #store: SeriesStore<S>;
  readonly #given: Given | null;
  #generation = -1;
  #series: S | undefined;

  /** Creates a handle, and no series. Throws if a label is not one of the metric. */
  constructor(store: SeriesStore<S>, given: Given | null) {
    this.#store = store;
    this.#given = given;
    store.check(given);
    if (!Array.isArray(given)) return;
    this.#series = store.findInOrder(given);
    if (this.#series !== undefined) this.#generation = store.generation;
  }

  /** The labels as an object. */
  protected get labelObject(): Readonly<Record<string, unknown>> {
    const given = this.#given;
    if (!Array.isArray(given)) return given as Readonly<Record<string, unknown>> ?? {};
    return Object.fromEntries(this.#store.labelNames.map((name, i) => [name, given[i]]));
  }

  /** The series, if it was found before and has not been removed since. */
  protected get found(): S | undefined {
    return this.#generation === this.#store.generation ? this.#series : undefined;
  }

  /** Finds or creates the series. Must be called after the value was checked. */
  protected open(): S {
    const store = this.#store;
    const series = store.at(this.#given);
    this.#generation = store.generation;
    return this.#series = series;
  }
}
