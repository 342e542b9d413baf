import type { LabelSet } from "../model.ts";
import { escapeLabelName, type EscapingScheme } from "./escaping.ts";

/** Remote write 1.0 only knows the classic alphabet. */
export const ESCAPING: EscapingScheme = "underscores";

/** The source of a label value. */
export interface LabelSource {
  readonly name: string;
  /** The place among the values of the metric, or -1. */
  readonly place: number;
  /** The value if the metric has none. */
  readonly value: string;
  /** Whether the type reserves the label for itself. */
  readonly isExtra: boolean;
}

/** The labels of the series of one name, in the order in which they are written. */
export class SeriesShape {
  readonly #name: string;
  readonly #extra: string | undefined;
  readonly #external: LabelSet;
  #labelNames: readonly string[] | undefined;
  #sources: readonly LabelSource[] = [];

  constructor(name: string, extra: string | undefined, external: LabelSet) {
    this.#name = name;
    this.#extra = extra;
    this.#external = external;
  }

  /** Returns the labels in order. Most metrics of a family share their names, sorted once. */
  sources(labelNames: readonly string[]): readonly LabelSource[] {
    if (labelNames === this.#labelNames) return this.#sources;
    const byName = new Map<string, LabelSource>();
    const put = (name: string, place: number, value: string, isExtra = false): void => {
      byName.set(name, { name, place, value, isExtra });
    };
    const { labelNames: names, labelValues: values } = this.#external;
    for (let i = 0; i < names.length; i++) put(names[i]!, -1, values[i]!);
    for (let i = 0; i < labelNames.length; i++) {
      const name = escapeLabelName(labelNames[i]!, ESCAPING);
      // A label with an empty value does not exist, so the external label is used.
      put(name, i, byName.get(name)?.value ?? "");
    }
    if (this.#extra !== undefined) put(this.#extra, -1, "", true);
    put("__name__", -1, this.#name);
    this.#labelNames = labelNames;
    this.#sources = [...byName.values()].sort((a, b) => a.name < b.name ? -1 : 1);
    return this.#sources;
  }
}
