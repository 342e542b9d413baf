/// <reference lib="dom" />
import { element } from "./elements.ts";
import { labelList, type Row, type RowSource } from "./row.ts";
import type { Family, Series } from "./store.ts";
import { visibleText } from "./visible_text.ts";

/** An info. Its content is in its labels. */
export function infoRow({ series }: RowSource): Row {
  const facts = series.labels.map(([name, value]) =>
    element(
      "div",
      {},
      element("dt", {}, visibleText(name, "label-name")),
      element("dd", {}, visibleText(value, "label-value")),
    )
  );
  return {
    element: element("li", { class: "row info" }, element("dl", { class: "facts" }, ...facts)),
    update() {},
  };
}

/** A stateset: all its states, and the current one. */
export function statesRow({ timeline, family, series, members }: RowSource): Row {
  const states = members.map((member) => {
    const [, state = ""] = member.labels.find(([name]) => name === family.name) ?? [];
    const hint = element("span", { class: "unseen" });
    return { member, hint, item: element("li", {}, visibleText(state, "state-name"), hint) };
  });
  return {
    element: element(
      "li",
      { class: "row states" },
      labelList(series, family.name),
      element("ul", { class: "states-list", role: "list" }, ...states.map(({ item }) => item)),
    ),
    update() {
      for (const { member, hint, item } of states) {
        const isOn = timeline.now(member.values) === 1;
        item.classList.toggle("on", isOn);
        hint.textContent = isOn ? " (now)" : "";
      }
    },
  };
}

/** Groups the states of a stateset: those of a group differ only in the state. */
export function groupStates(family: Family, series: readonly Series[]): Series[][] {
  const groups = new Map<string, Series[]>();
  for (const one of series) {
    const key = JSON.stringify(one.labels.filter(([name]) => name !== family.name));
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [one]);
    else members.push(one);
  }
  return [...groups.values()];
}
