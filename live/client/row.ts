/// <reference lib="dom" />
import { element } from "./elements.ts";
import type { Family, Series } from "./store.ts";
import type { Timeline } from "./timeline.ts";
import { spokenText, visibleText } from "./visible_text.ts";

/** A series, or the states of a stateset, on the page. */
export interface Row {
  readonly element: HTMLElement;
  /** Shows the numbers of the last scrape. */
  update(): void;
  /** Draws parts that have no size yet, before the page is printed. */
  measure?(): void;
}

/** The content of a row. */
export interface RowSource {
  readonly timeline: Timeline;
  readonly family: Family;
  readonly series: Series;
  /** The series of all states if the family is a stateset, otherwise the only series. */
  readonly members: readonly Series[];
}

/** Returns an element with the labels of a series, except for the label `without`. */
export function labelList({ labels }: Series, without?: string): HTMLElement {
  const shown = labels.filter(([name]) => name !== without);
  return element(
    "div",
    { class: "labels" },
    ...shown.map(([name, value]) =>
      element(
        "span",
        { class: "label" },
        visibleText(name, "label-name"),
        element("span", { class: "equals" }, "="),
        value === ""
          ? element("span", { class: "escaped" }, "empty")
          : visibleText(value, "label-value"),
      )
    ),
  );
}

/** Returns the name of a series for screen readers. */
export function spokenSeries({ name }: Family, { labels }: Series): string {
  const spoken = labels.map(([name, value]) => `${spokenText(name)} ${spokenText(value)}`);
  return [spokenText(name), ...spoken].join(", ");
}
