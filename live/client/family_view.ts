/// <reference lib="dom" />
import { briefly } from "./brief.ts";
import { histogramRow, summaryRow } from "./distribution_row.ts";
import { element, setAttribute, setChildren, setText } from "./elements.ts";
import { groupStates, infoRow, statesRow } from "./fact_rows.ts";
import { counterRow, gaugeRow } from "./number_row.ts";
import type { Row, RowSource } from "./row.ts";
import type { Family, Series, ShownType } from "./store.ts";
import type { Timeline } from "./timeline.ts";
import { visiblePieces, visibleText } from "./visible_text.ts";

const ROWS: Readonly<Record<ShownType, (source: RowSource) => Row>> = {
  counter: counterRow,
  gauge: gaugeRow,
  unknown: gaugeRow,
  histogram: histogramRow,
  gaugehistogram: histogramRow,
  summary: summaryRow,
  info: infoRow,
  stateset: statesRow,
};

/** Types whose series take one line. */
const ONE_LINE: readonly ShownType[] = ["counter", "gauge", "unknown"];

/** The number of series that a family shows at first. */
const FIRST = 6;

/** The number of series that a click adds. */
const MORE = 50;

/** The maximum length of a help text, in characters. */
const HELP_SHOWN = 1000;

let ids = 0;

/** A family on the page. Its rows are created when it first comes near the window. */
export class FamilyView {
  readonly element: HTMLElement;
  readonly family: Family;
  /** Whether it is in the window, or near it. */
  near = false;
  readonly #timeline: Timeline;
  readonly #type: ShownType;
  readonly #fold = element("button", { class: "fold", type: "button", "aria-expanded": "true" });
  /** The text beside the name of a folded family. */
  readonly #brief = element("span", { class: "brief" });
  readonly #unit = element("span", { class: "unit" });
  readonly #count = element("span", { class: "count" });
  readonly #help = element("p", { class: "help" });
  readonly #rowList = element("ul", { class: "rows", role: "list" });
  readonly #more = element("button", { class: "more", type: "button", hidden: "" });
  readonly #rows = new Map<Series, Row>();
  #members: readonly (readonly Series[])[] = [];
  #shown = FIRST;
  #helpText = "";

  /**
   * @param family The family. If its type changes, it needs another view.
   * @param timeline The times of the numbers.
   * @param onMore Draws more rows.
   */
  constructor(family: Family, timeline: Timeline, onMore: () => Promise<void>) {
    this.family = family;
    this.#timeline = timeline;
    this.#type = family.type;
    const id = `family-${ids++}`;
    const heading = element("h3", { id }, this.#fold);
    appendName(this.#fold, family.name);
    this.element = element(
      "article",
      { class: "family", "aria-labelledby": id, "data-type": family.type },
      element(
        "div",
        { class: "head" },
        heading,
        this.#brief,
        element(
          "p",
          { class: "meta" },
          element("span", { class: "type" }, family.type),
          this.#unit,
          this.#count,
        ),
      ),
      this.#help,
      this.#rowList,
      this.#more,
    );
    this.#fold.addEventListener("click", () => {
      this.fold(!this.isFolded);
      void onMore();
    });
    this.#more.addEventListener("click", async () => {
      const first = this.#shown;
      this.#shown += MORE;
      await onMore();
      // The button may be gone, so the focus moves to the first new row.
      const next = this.#rowList.children[first];
      if (this.#more.hidden && next instanceof HTMLElement) {
        next.tabIndex = -1;
        next.focus({ preventScroll: true });
      }
    });
  }

  /** Whether it can still show its family. */
  get isCurrent(): boolean {
    return this.#type === this.family.type;
  }

  /** Whether only its name and a number are shown. */
  get isFolded(): boolean {
    return this.#fold.getAttribute("aria-expanded") === "false";
  }

  /** Folds or unfolds it. */
  fold(isFolded: boolean): void {
    setAttribute(this.#fold, "aria-expanded", String(!isFolded));
    this.element.classList.toggle("folded", isFolded);
    this.#describe();
  }

  /** Sets the series that match the search. */
  setMatches(series: readonly Series[]): void {
    this.#members = this.#type === "stateset"
      ? groupStates(this.family, series)
      : series.map((one) => [one]);
    this.#describe();
  }

  /** Yields the visible rows. Creates missing ones. */
  *rows(): Generator<Row> {
    this.#describe();
    if (this.isFolded) return;
    const shown = this.#members.slice(0, this.#shown);
    const rows: Row[] = [];
    for (const members of shown) {
      const series = members[0]!; // No group is empty.
      let row = this.#rows.get(series);
      if (row === undefined) {
        const { family } = this;
        row = ROWS[this.#type]({ timeline: this.#timeline, family, series, members });
        this.#rows.set(series, row);
      }
      row.element.classList.toggle("gone", series.seen < this.#timeline.latest);
      rows.push(row);
      yield row;
    }
    setChildren(this.#rowList, rows.map(({ element }) => element));
    for (const series of this.#rows.keys()) {
      if (!this.family.byKey.has(series.id)) this.#rows.delete(series);
    }
    const rest = this.#members.length - shown.length;
    this.#more.hidden = rest === 0;
    if (rest > 0) {
      setText(this.#more, `Show ${amountOf(rest, MORE)}`);
    }
  }

  #describe(): void {
    const { unit, help, series } = this.family;
    setText(this.#unit, unit);
    this.#unit.hidden = unit === "";
    const matching = this.#members.length;
    setText(this.#count, `${matching.toLocaleString("en")} series`);
    this.#count.hidden = matching === 1 && this.#members[0]?.length === series.length;
    if (this.#helpText !== help) {
      this.#helpText = help;
      this.#help.replaceChildren(visibleText(help, "help-text", HELP_SHOWN));
    }
    this.#help.hidden = help === "";
    // A number without labels fits beside the name.
    const isSingle = series.length === 1 && series[0]!.labels.length === 0;
    this.element.classList.toggle("single", isSingle && ONE_LINE.includes(this.#type));
    setText(this.#brief, this.isFolded ? briefly(this.family, this.#members, this.#timeline) : "");
    setAttribute(this.#rowList, "aria-label", `Series of ${this.family.name.slice(0, 200)}`);
  }
}

/** Returns the text of the button for more rows: "50 more of 194", or "12 more" for the last ones. */
export function amountOf(rest: number, step: number): string {
  const all = rest.toLocaleString("en");
  return rest <= step ? `${all} more` : `${step.toLocaleString("en")} more of ${all}`;
}

/** Returns a name that can wrap after each of its words. */
function appendName(heading: HTMLElement, name: string): void {
  for (const { text, escaped } of visiblePieces(name)) {
    if (escaped) {
      heading.append(element("span", { class: "escaped" }, text));
      continue;
    }
    for (const word of text.split(/(?<=[_.:/])/)) heading.append(word, element("wbr"));
  }
}
