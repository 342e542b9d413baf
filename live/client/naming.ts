/**
 * What the names of families tell, by the conventions of
 * https://prometheus.io/docs/practices/naming/
 *
 * @module
 */

/** Units that a name may end in, before a suffix such as `_total`. */
const UNITS = [
  "seconds",
  "bytes",
  "ratio",
  "percent",
  "celsius",
  "meters",
  "grams",
  "joules",
  "volts",
  "amperes",
];

const UNIT_REGEXP = new RegExp(`_(${UNITS.join("|")})(?:_total|_info|_created)?$`);

/** The unit of a family: the one that it declares, else the one that its name ends in. */
export function unitOf(name: string, declared: string): string {
  return declared !== "" ? declared : UNIT_REGEXP.exec(name)?.[1] ?? "";
}

/** The first word of a name, which families of one part of a program have in common. */
export function groupOf(name: string): string {
  return /^[^\s_.:/-]+(?=[_.:/-])/.exec(name)?.[0] ?? name;
}

/** Families under a common name. */
export interface Group<Family> {
  readonly name: string;
  readonly families: Family[];
}

/** What families are under that share their first word with no other. */
export const OTHERS = "other";

/** What families are under that have changed since the page was opened, when these come first. */
export const CHANGED = "recently changed";

/** What the others are under then. */
export const UNCHANGED = "not changed";

/** Within how many scrapes a change is as good as one of now: else families would change places. */
const RECENT = 5;

/** Groups families by when they changed: the latest ones first, and those that have not last. */
export function groupByChange<
  Family extends { readonly name: string; readonly changed: number },
>(families: Iterable<Family>, latest: number): Group<Family>[] {
  const age = ({ changed }: Family) => Math.max(0, latest - changed - RECENT);
  const sorted = [...families].sort((a, b) => age(a) - age(b) || (a.name < b.name ? -1 : 1));
  // All that is in the first scrape is new to the page, not to the program.
  const isChanged = ({ changed }: Family) => changed > 0;
  return [
    { name: CHANGED, families: sorted.filter(isChanged) },
    { name: UNCHANGED, families: sorted.filter((family) => !isChanged(family)) },
  ];
}

/** Groups families by their first words, in alphabetical order; those that are alone come last. */
export function group<Family extends { readonly name: string; readonly prefix: string }>(
  families: Iterable<Family>,
): Group<Family>[] {
  const byPrefix = new Map<string, Family[]>();
  const sorted = [...families].sort((a, b) => a.name < b.name ? -1 : 1);
  for (const family of sorted) {
    const members = byPrefix.get(family.prefix);
    if (members === undefined) byPrefix.set(family.prefix, [family]);
    else members.push(family);
  }
  const groups: Group<Family>[] = [];
  const others: Family[] = [];
  for (const [name, members] of byPrefix) {
    if (members.length > 1 && name !== OTHERS) groups.push({ name, families: members });
    else others.push(...members);
  }
  groups.sort((a, b) => a.name < b.name ? -1 : 1);
  others.sort((a, b) => a.name < b.name ? -1 : 1);
  if (others.length > 0) groups.push({ name: OTHERS, families: others });
  return groups;
}
