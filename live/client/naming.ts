/**
 * The information in the names of families, by the conventions of
 * https://prometheus.io/docs/practices/naming/
 *
 * @module
 */

/** Units at the end of a name, before a suffix such as `_total`. */
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

/** Returns the unit of a family: the declared one, or the one at the end of its name. */
export function unitOf(name: string, declared: string): string {
  return declared !== "" ? declared : UNIT_REGEXP.exec(name)?.[1] ?? "";
}

/** Returns the first word of a name. Families of one part of a program often share it. */
export function groupOf(name: string): string {
  return /^[^\s_.:/-]+(?=[_.:/-])/.exec(name)?.[0] ?? name;
}

/** Families under a common name. */
export interface Group<Family> {
  readonly name: string;
  readonly families: Family[];
}

/** The group of families whose first word is unique. */
export const OTHERS = "other";

/** The group of families that have changed since the page was opened. */
export const CHANGED = "recently changed";

/** The group of the other families in that order. */
export const UNCHANGED = "not changed";

/** Changes within this many scrapes count as simultaneous. Otherwise families would jump. */
const RECENT = 5;

/** Groups families by their last change, the latest first. Unchanged families come last. */
export function groupByChange<
  Family extends { readonly name: string; readonly changed: number },
>(families: Iterable<Family>, latest: number): Group<Family>[] {
  const age = ({ changed }: Family) => Math.max(0, latest - changed - RECENT);
  const sorted = [...families].sort((a, b) => age(a) - age(b) || (a.name < b.name ? -1 : 1));
  // Everything in the first scrape is new for the page, but not for the program.
  const isChanged = ({ changed }: Family) => changed > 0;
  return [
    { name: CHANGED, families: sorted.filter(isChanged) },
    { name: UNCHANGED, families: sorted.filter((family) => !isChanged(family)) },
  ];
}

/** Groups families by their first word, in alphabetical order. Single families come last. */
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
