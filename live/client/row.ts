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
  /** Draws what has no size yet, before the page is printed. */
  measure?(): void;
}

/** What a row shows. */
export interface RowSource {
  readonly timeline: Timeline;
  readonly family: Family;
  readonly series: Series;
  /** The series of all states, if the family is a stateset; else the series alone. */
  readonly members: readonly Series[];
}

/** The labels of a series, except for one of the name `without`. */
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

/** A series as it is called by a screen reader. */
export function spokenSeries({ name }: Family, { labels }: Series): string {
  const spoken = labels.map(([name, value]) => `${spokenText(name)} ${spokenText(value)}`);
  return [spokenText(name), ...spoken].join(", ");
}
