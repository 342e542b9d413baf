/// <reference lib="dom" />
import { breather } from "./breathe.ts";
import { element, setAttribute, setChildren, setText } from "./elements.ts";
import { amountOf, FamilyView } from "./family_view.ts";
import { CHANGED, type Group, group, groupByChange, OTHERS, UNCHANGED } from "./naming.ts";
import { matchingSeries, words } from "./search.ts";
import type { Family, Store } from "./store.ts";
import { visibleText } from "./visible_text.ts";

/** The number of families on the page at first, and the number that a step adds. */
const FAMILIES = 300;

/** The distance from the window up to which families are updated, in CSS pixels. */
const NEAR = "400px 0px";

/** Groups whose names are not words of their families. */
const FIXED_GROUPS = new Set([OTHERS, CHANGED, UNCHANGED]);

/** Below this width families are folded at first, because a phone has little room. */
const NARROW = "(max-width: 46rem)";

let ids = 0;

/** The elements of the document that the page fills. */
export interface PageElements {
  readonly groups: HTMLElement;
  readonly navigation: HTMLElement;
  readonly summary: HTMLElement;
  readonly nothing: HTMLElement;
  readonly more: HTMLButtonElement;
}

/** A group of families on the page. */
interface GroupView {
  readonly section: HTMLElement;
  readonly heading: HTMLElement;
  readonly families: HTMLElement;
  readonly count: HTMLElement;
  readonly item: HTMLElement;
  readonly itemCount: HTMLElement;
}

/**
 * The families on the page. Creates elements only for families in or near the window. Works in
 * slices, so that scrolling and typing stay smooth.
 */
export class Page {
  readonly #store: Store;
  readonly #elements: PageElements;
  readonly #views = new Map<Family, FamilyView>();
  readonly #byElement = new WeakMap<Element, FamilyView>();
  readonly #groups = new Map<string, GroupView>();
  readonly #observer: IntersectionObserver;
  readonly #near = new Set<FamilyView>();
  #searched: readonly string[] = [];
  #isByChange = false;
  #isFolded = matchMedia(NARROW).matches;
  #limit = FAMILIES;
  #arranged = -1;
  #wanted: "nothing" | "draw" | "arrange" = "nothing";
  #working: Promise<void> | undefined;

  constructor(store: Store, elements: PageElements) {
    this.#store = store;
    this.#elements = elements;
    this.#observer = new IntersectionObserver((entries) => this.#onNear(entries), {
      rootMargin: NEAR,
    });
    elements.more.addEventListener("click", () => {
      this.#limit += FAMILIES;
      void this.#work("arrange");
    });
  }

  /** Whether families are folded at first. */
  get isFolded(): boolean {
    return this.#isFolded;
  }

  /** Shows only families and series that match. */
  search(text: string): Promise<void> {
    this.#searched = words(text);
    this.#limit = FAMILIES;
    return this.#work("arrange");
  }

  /** Sorts families by their last change, or by name. */
  sort(isByChange: boolean): Promise<void> {
    this.#isByChange = isByChange;
    return this.#work("arrange");
  }

  /** Folds all families, or unfolds them. */
  fold(isFolded: boolean): Promise<void> {
    this.#isFolded = isFolded;
    for (const view of this.#views.values()) view.fold(isFolded);
    return this.#work("draw");
  }

  /** Shows the last scrape. */
  update(): Promise<void> {
    const isArranged = this.#store.version === this.#arranged && !this.#isByChange;
    return this.#work(isArranged ? "draw" : "arrange");
  }

  /** Draws all families on the page immediately, because a page is printed without scrolling. */
  drawAll(): void {
    for (const view of this.#views.values()) {
      if (!view.element.isConnected) continue;
      const rows = [...view.rows()];
      for (const row of rows) {
        row.update();
        row.measure?.();
      }
    }
  }

  /** Works in slices. Requests that come meanwhile are done next. */
  #work(what: "draw" | "arrange"): Promise<void> {
    if (this.#wanted !== "arrange") this.#wanted = what;
    this.#working ??= this.#workOn();
    return this.#working;
  }

  async #workOn(): Promise<void> {
    const breathe = breather();
    try {
      while (this.#wanted !== "nothing") {
        const arrange = this.#wanted === "arrange";
        this.#wanted = "nothing";
        if (arrange) await this.#arrange(breathe);
        await this.#draw(breathe);
      }
    } finally {
      this.#working = undefined;
    }
  }

  /** Puts matching families into their groups, in order. */
  async #arrange(breathe: () => Promise<void> | undefined): Promise<void> {
    const store = this.#store;
    // The message for "no data yet" must be replaced once there is data.
    const isKnown = store.timeline.latest >= 0;
    this.#arranged = isKnown ? store.version : -1;
    const matching = new Set<Family>();
    let seriesCount = 0;
    for (const family of store.families.values()) {
      const series = matchingSeries(family, this.#searched);
      if (series === undefined) continue;
      matching.add(family);
      seriesCount += series.length;
      this.#views.get(family)?.setMatches(series);
      await breathe();
    }
    const { more, nothing, groups, navigation, summary } = this.#elements;
    // Groups come from all families, so a search never moves a family to another group.
    const groupsOfAll = this.#isByChange
      ? groupByChange(store.families.values(), store.timeline.latest)
      : group(store.families.values());
    const shown = limit(groupsOfAll, matching, this.#limit);
    const sections: HTMLElement[] = [];
    const items: HTMLElement[] = [];
    for (const { name, families } of shown) {
      const view = this.#group(name);
      const articles: HTMLElement[] = [];
      for (const family of families) {
        articles.push(this.#view(family).element);
        await breathe();
      }
      setChildren(view.families, articles);
      const count = families.length.toLocaleString("en");
      setText(view.count, families.length === 1 ? "1 family" : `${count} families`);
      setText(view.itemCount, count);
      sections.push(view.section);
      items.push(view.item);
    }
    setChildren(groups, sections);
    setChildren(navigation, items);
    this.#forget();

    const rest = matching.size - this.#limit;
    more.hidden = rest <= 0;
    if (rest > 0) {
      setText(more, `Show ${amountOf(rest, FAMILIES)} families`);
    }
    const isEmpty = store.families.size === 0;
    nothing.hidden = matching.size > 0 || !isKnown;
    setText(nothing, isEmpty ? "There are no metrics yet." : "Nothing matches.");
    const all = [
      counted(store.families.size, "family", "families"),
      `${store.seriesCount.toLocaleString("en")} series`,
    ];
    setText(
      summary,
      !isKnown
        ? ""
        : this.#searched.length === 0
        ? all.join(", ")
        : `${matching.size.toLocaleString("en")} of ${all[0]}, ${
          seriesCount.toLocaleString("en")
        } of ${all[1]}`,
    );
  }

  /** Updates the families in or near the window. */
  async #draw(breathe: () => Promise<void> | undefined): Promise<void> {
    for (const view of this.#near) {
      if (!view.element.isConnected) continue;
      for (const row of view.rows()) {
        row.update();
        await breathe();
      }
      await breathe();
      if (this.#wanted === "arrange") return;
    }
  }

  #onNear(entries: readonly IntersectionObserverEntry[]): void {
    for (const { target, isIntersecting } of entries) {
      const view = this.#byElement.get(target);
      if (view === undefined) continue;
      if (isIntersecting) this.#near.add(view);
      else this.#near.delete(view);
    }
    void this.#work("draw");
  }

  #view(family: Family): FamilyView {
    const known = this.#views.get(family);
    if (known?.isCurrent) return known;
    if (known !== undefined) this.#drop(family, known);
    const view = new FamilyView(family, this.#store.timeline, () => this.#work("draw"));
    view.fold(this.#isFolded);
    view.setMatches(matchingSeries(family, this.#searched) ?? []);
    this.#views.set(family, view);
    this.#byElement.set(view.element, view);
    this.#observer.observe(view.element);
    return view;
  }

  #drop(family: Family, view: FamilyView): void {
    this.#observer.unobserve(view.element);
    this.#near.delete(view);
    this.#views.delete(family);
  }

  /** Forgets families that no longer exist. */
  #forget(): void {
    for (const [family, view] of this.#views) {
      if (this.#store.families.get(family.name) !== family) this.#drop(family, view);
    }
    const names = new Set<string>();
    for (const { prefix } of this.#store.families.values()) names.add(prefix);
    for (const name of this.#groups.keys()) {
      if (!names.has(name) && !FIXED_GROUPS.has(name)) this.#groups.delete(name);
    }
  }

  #group(name: string): GroupView {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const id = `group-${ids++}`;
    const count = element("span", { class: "count" });
    const heading = element(
      "h2",
      { id, tabindex: "-1" },
      visibleText(name, "group-name"),
      " ",
      count,
    );
    const families = element("div", { class: "families" });
    const section = element("section", { "aria-labelledby": id }, heading, families);
    const itemCount = element("span", { class: "count" });
    const link = element("a", { href: `#${id}` }, visibleText(name, "group-name"), " ", itemCount);
    link.addEventListener("click", (event) => {
      event.preventDefault(); // The fragment of the URL is for the search.
      heading.scrollIntoView();
      heading.focus({ preventScroll: true });
    });
    const made = { section, heading, families, count, item: element("li", {}, link), itemCount };
    setAttribute(section, "class", "group");
    this.#groups.set(name, made);
    return made;
  }
}

/** Returns the first matching families of all groups, at most `most`. */
function limit(
  groups: readonly Group<Family>[],
  matching: ReadonlySet<Family>,
  most: number,
): Group<Family>[] {
  const limited: Group<Family>[] = [];
  let room = most;
  for (const { name, families } of groups) {
    if (room <= 0) break;
    const first = families.filter((family) => matching.has(family)).slice(0, room);
    if (first.length > 0) limited.push({ name, families: first });
    room -= first.length;
  }
  return limited;
}

function counted(count: number, one: string, more: string): string {
  return `${count.toLocaleString("en")} ${count === 1 ? one : more}`;
}
