/// <reference lib="dom" />
/**
 * The program of the live page.
 *
 * @module
 */
import { breather } from "./breathe.ts";
import { readUnderPointer } from "./chart.ts";
import { setAttribute, setText } from "./elements.ts";
import { formatDuration } from "./format.ts";
import { Page } from "./page.ts";
import { Poller, type PollState } from "./poller.ts";
import { scrape } from "./scrape.ts";
import { Store } from "./store.ts";

/** The number of scrapes on the page. */
const HISTORY = 61;

/** The shortest time limit of a scrape, in milliseconds. */
const TIMEOUT_MS = 15_000;

/** The pause in typing after which the page searches, in milliseconds. */
const TYPING_MS = 60;

/** The delay after which the result of a search is read aloud, in milliseconds. */
const HEARD_MS = 500;

const intervalMs = Number(document.documentElement.dataset["intervalMs"]);
// Not `location.href`, because `fetch` rejects a URL with a password.
const url = location.origin + location.pathname + location.search;

const search = get("search", HTMLInputElement);
const pause = get("pause", HTMLButtonElement);
const sort = get("sort", HTMLButtonElement);
const fold = get("fold", HTMLButtonElement);
const text = get("text", HTMLAnchorElement);
const status = get("status", HTMLElement);
const updated = get("updated", HTMLElement);
const summary = get("summary", HTMLElement);

const store = new Store(HISTORY);
const page = new Page(store, {
  groups: get("groups", HTMLElement),
  navigation: get("navigation", HTMLElement),
  summary,
  nothing: get("nothing", HTMLElement),
  more: get("more", HTMLButtonElement),
});

const readAgain = readUnderPointer(get("main", HTMLElement), get("reading", HTMLElement));

const poller = new Poller({
  intervalMs,
  scrape: async (signal, interrupted) => {
    const bytes = await scrape(url, Math.max(TIMEOUT_MS, 2 * intervalMs), signal);
    // Monotonic, because a clock that is set would change rates.
    const time = performance.now() / 1000;
    await store.ingest(bytes, { time, interrupted, breathe: breather() });
    setText(updated, `Updated ${new Date().toLocaleTimeString("en-GB")}`);
    await page.update();
    readAgain();
  },
  onState: showState,
  setTimer: (callback, ms) => {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
});

/** Returns the element with an id. */
function get<Type extends Element>(id: string, type: new () => Type): Type {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`Cannot find element "${id}"`);
  return found;
}

function showState(state: PollState): void {
  document.documentElement.dataset["state"] = state.kind;
  if (state.kind !== "hidden") setText(status, describe(state));
}

function describe(state: PollState): string {
  switch (state.kind) {
    case "live":
      return `Live, every ${formatDuration(intervalMs / 1000)}`;
    case "failed":
      return `${state.message}. Trying again in ${formatDuration(state.retryMs / 1000)}.`;
    case "paused":
      return "Paused";
    default:
      return "Loading…";
  }
}

/** Searches, and announces the result to screen readers. Later changes are not announced. */
async function searchFor(text: string): Promise<void> {
  clearTimeout(hearing);
  setAttribute(summary, "aria-live", "polite");
  await page.search(text);
  clearTimeout(hearing);
  hearing = setTimeout(() => setAttribute(summary, "aria-live", "off"), HEARD_MS);
}

/** Writes the search and the order into the URL, so that a reload keeps them. */
function readFragment(): void {
  const fragment = new URLSearchParams(location.hash.slice(1));
  const words = fragment.get("q") ?? "";
  if (search.value !== words) search.value = words;
  press(sort, fragment.get("sort") === "changed");
  void page.sort(isPressed(sort));
  void searchFor(words);
}

function writeFragment(): void {
  const fragment = new URLSearchParams();
  if (search.value !== "") fragment.set("q", search.value);
  if (isPressed(sort)) fragment.set("sort", "changed");
  const hash = fragment.size === 0 ? "" : `#${fragment}`;
  history.replaceState(null, "", location.pathname + location.search + hash);
}

function find(): void {
  writeFragment();
  void searchFor(search.value);
}

function isPressed(button: HTMLButtonElement): boolean {
  return button.getAttribute("aria-pressed") === "true";
}

function press(button: HTMLButtonElement, pressed: boolean): void {
  setAttribute(button, "aria-pressed", String(pressed));
}

let hearing: ReturnType<typeof setTimeout> | undefined;
let typing: ReturnType<typeof setTimeout> | undefined;
search.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(find, TYPING_MS);
});
search.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || search.value === "") return;
  event.preventDefault();
  search.value = "";
  find();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === search) return;
  event.preventDefault();
  search.focus();
  search.select();
});
pause.addEventListener("click", () => {
  press(pause, !isPressed(pause));
  poller.setPaused(isPressed(pause));
});
sort.addEventListener("click", () => {
  press(sort, !isPressed(sort));
  writeFragment();
  void page.sort(isPressed(sort));
});
fold.addEventListener("click", () => {
  press(fold, !isPressed(fold));
  void page.fold(isPressed(fold));
});
// Keeps the names in the query of the page.
text.href = `${location.pathname}${location.search === "" ? "?" : `${location.search}&`}text`;
document.addEventListener("visibilitychange", () => {
  poller.setVisible(document.visibilityState === "visible");
});
addEventListener("beforeprint", () => page.drawAll());
addEventListener("online", () => poller.wake());
addEventListener("hashchange", readFragment);
// Canvases do not follow a change of the colour scheme.
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => void page.update());

press(fold, page.isFolded);
readFragment();
poller.setVisible(document.visibilityState === "visible");
