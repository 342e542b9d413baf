import { abbreviatedUnits, baseUnit } from "./units.ts";

/** The names of the rules, by which problems can be filtered. */
export type LintRuleName =
  | "help-missing"
  | "base-unit"
  | "counter-total"
  | "non-counter-total"
  | "reserved-suffix"
  | "reserved-label"
  | "type-in-name"
  | "colon-in-name"
  | "metric-name-case"
  | "label-name-case"
  | "unit-abbreviation"
  | "target-label"
  | "negative-bounds";

/** A rule of {@linkcode lintMetrics}, as data. */
export interface LintRule {
  /** The name of the rule. */
  readonly rule: LintRuleName;
  /** Where the rule comes from: `promtool check metrics`, or this library alone. */
  readonly source: "promtool" | "narthex";
  /** Why there is such a rule: what goes wrong otherwise. */
  readonly reason: string;
  /** What to do about its problems in general; each problem says it for its metric. */
  readonly suggestion: string;
}

/** What the rules look at: a metric family as format 0.0.4 carries it. */
export interface LintSubject {
  /** The name, spelled for readers of the classic alphabet. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** The type, one of the five of the format. */
  readonly type: string;
  /** All label names that a series has, as exposed and as spelled; `le` of buckets left out. */
  readonly labels: ReadonlyMap<string, string>;
  /** The label that has the name of the family, as that of a stateset. */
  readonly ownLabel: string | undefined;
  /** Whether a histogram has buckets for negative values. */
  readonly hasNegativeBounds: boolean;
}

/** What a rule has found. */
export interface Finding {
  /** What is wrong, in promtool's words where the rule is promtool's. */
  readonly message: string;
  /** The label that it is about, as exposed, if it is about one. */
  readonly label?: string;
  /** Another name for the label, or else for the metric, if one can be told. */
  readonly rename?: string | undefined;
  /** What else to do when it is renamed: the end of the sentence. */
  readonly besides?: string;
  /** What to do when no name can be told, if more can be said than the rule says. */
  readonly otherwise?: string;
}

/** A rule, and how to find what breaks it. */
export interface CheckedRule extends LintRule {
  readonly find: (subject: LintSubject) => Finding[];
}

/** Suffixes that histograms have, and whether summaries have them too. */
const RESERVED_SUFFIXES = [
  { suffix: "_bucket", summaries: false },
  { suffix: "_count", summaries: true },
  { suffix: "_sum", summaries: true },
];
/** What a name may end in that only some types may have, as often as it does. */
const RESERVED_SUFFIX_REGEXP = /(?<!_(?:bucket|count|sum|total))(?:_(?:bucket|count|sum|total))+$/;
/** What a counter's `_total` stands in the place of. */
const COUNTING_SUFFIX_REGEXP =
  /(?<!_(?:bucket|count|counter|sum|total))(?:_(?:bucket|count|counter|sum|total))+$/i;
const RESERVED_LABELS = [
  { label: "le", type: "histogram", rename: "limit" },
  { label: "quantile", type: "summary", rename: "share" },
];
/** The types as they may stand in a name; the longest first, since it has others within. */
const TYPES = ["gauge_histogram", "counter", "gauge", "summary", "histogram"];
const CAMEL_CASE_REGEXP = /[a-z][A-Z]/;
/** Labels that Prometheus gives to all series of a target. */
const TARGET_LABELS = ["job", "instance"];

/**
 * The rules, in no particular order: problems are sorted as promtool sorts them. What
 * promtool finds is told by its source, `testutil/promlint` of Prometheus's Go client.
 */
export const RULES: readonly CheckedRule[] = [
  {
    rule: "help-missing",
    source: "promtool",
    reason: "The help text is all that a reader of a dashboard or of /metrics is told about it.",
    suggestion: "Give it a help text that says what is measured.",
    find: ({ help }) => /^[ \t]*$/.test(help) ? [{ message: "no help text" }] : [],
  },
  {
    rule: "base-unit",
    source: "promtool",
    reason: "Queries combine metrics: units that differ have to be converted in each of them, " +
      "and a forgotten conversion looks like a result.",
    suggestion: "Measure in the base unit, such as seconds or bytes, and name it.",
    find: ({ name }) => {
      const units = new Set(name.split("_"));
      return [...units].flatMap((unit) => {
        const base = baseUnit(unit);
        if (base === undefined || base === unit) return [];
        return [{
          message: `use base unit "${base}" instead of "${unit}"`,
          rename: mapWords(name, (word) => word === unit ? base : word),
          besides: `and give its values in ${base}`,
        }];
      });
    },
  },
  {
    rule: "counter-total",
    source: "promtool",
    reason: "By _total a reader knows that a metric only grows and wants rate(). OpenMetrics has " +
      "no counter without it: there it is written as unknown, without exemplars.",
    suggestion: "Append _total to the name of a counter.",
    find: ({ name, type }) => {
      if (type !== "counter" || name.endsWith("_total")) return [];
      return [{
        message: 'counter metrics should have "_total" suffix',
        rename: asCounter(name),
      }];
    },
  },
  {
    rule: "non-counter-total",
    source: "promtool",
    reason: "By _total a reader takes it for a counter, and rate() of anything else is nonsense.",
    suggestion: "Leave _total out, or make it a Counter if it only grows.",
    find: ({ name, type }) => {
      if (type === "counter" || type === "untyped" || !name.endsWith("_total")) return [];
      return [{
        message: 'non-counter metrics should not have "_total" suffix',
        rename: name.replace(RESERVED_SUFFIX_REGEXP, ""),
        besides: "or make it a Counter if it only grows",
      }];
    },
  },
  {
    rule: "reserved-suffix",
    source: "promtool",
    reason: "Series with such a suffix are read as parts of a histogram or of a summary, and " +
      "clash with those of one that has the rest as its name.",
    suggestion: "Leave the suffix out.",
    find: ({ name, type }) => {
      if (type === "untyped" || type === "histogram") return [];
      return RESERVED_SUFFIXES.filter(({ suffix, summaries }) =>
        name.endsWith(suffix) && !(summaries && type === "summary")
      ).map(({ suffix, summaries }) => ({
        message: `non-histogram ${
          summaries ? "and non-summary " : ""
        }metrics should not have "${suffix}" suffix`,
        rename: type === "counter" ? asCounter(name) : name.replace(RESERVED_SUFFIX_REGEXP, ""),
      }));
    },
  },
  {
    rule: "reserved-label",
    source: "promtool",
    reason:
      "The buckets of a histogram are told apart by le, the values of a summary by quantile: " +
      "functions such as histogram_quantile() take any series that has them for one.",
    suggestion: "Rename the label.",
    find: ({ labels, type, ownLabel }) =>
      type === "untyped" ? [] : RESERVED_LABELS.flatMap((reserved) => {
        const { label, type: owner } = reserved;
        if (type === owner || !labels.has(label)) return [];
        return [{
          message: `non-${owner} metrics should not have "${label}" label`,
          label,
          rename: label === ownLabel ? undefined : freeName(reserved.rename, labels),
        }];
      }),
  },
  {
    rule: "type-in-name",
    source: "promtool",
    reason: "The type is told beside the name. In it, it says nothing about what is measured, " +
      "and is wrong once the type changes.",
    suggestion: "Leave the type out of the name.",
    find: ({ name }) =>
      TYPES.flatMap((type) => {
        const parts = `${name}_`.split(new RegExp(`_${type}(?=_)`, "i"));
        if (parts.length === 1) return [];
        return [{
          message: `metric name should not include type '${type}'`,
          rename: parts.join("").slice(0, -1),
        }];
      }),
  },
  {
    rule: "colon-in-name",
    source: "promtool",
    reason: "Colons are for the names of recording rules, as a mark that a metric was computed " +
      "from others.",
    suggestion: "Write an underscore in its place.",
    find: ({ name }) =>
      name.includes(":")
        ? [{ message: "metric names should not contain ':'", rename: name.replaceAll(":", "_") }]
        : [],
  },
  {
    rule: "metric-name-case",
    source: "promtool",
    reason: "All others are in snake case; whoever writes a query has to guess at capitals.",
    suggestion: "Write the name in snake case.",
    find: ({ name }) =>
      CAMEL_CASE_REGEXP.test(name)
        ? [{
          message: "metric names should be written in 'snake_case' not 'camelCase'",
          rename: snakeCase(name),
        }]
        : [],
  },
  {
    rule: "label-name-case",
    source: "promtool",
    reason: "All others are in snake case; whoever writes a query has to guess at capitals.",
    suggestion: "Write the name of the label in snake case.",
    find: ({ labels, ownLabel }) =>
      [...labels].filter(([, spelled]) => CAMEL_CASE_REGEXP.test(spelled))
        .map(([label, spelled]) => ({
          message: "label names should be written in 'snake_case' not 'camelCase'",
          label,
          rename: label === ownLabel ? undefined : freeName(snakeCase(spelled), labels),
        })),
  },
  {
    rule: "unit-abbreviation",
    source: "promtool",
    reason: "One letter stands for several units, and readers have to guess which one it is.",
    suggestion: "Spell the unit out, in its base form, and measure in it.",
    find: ({ name }) => {
      const [first = "", ...words] = name.split("_");
      const meant = words.map(abbreviatedUnits).filter((units) => units !== undefined);
      if (meant.length === 0) return [];
      const message = "metric names should not contain abbreviated units";
      const units = [...new Set(meant.flat())].join(" or ");
      if (meant.some(({ length }) => length > 1)) {
        return [{
          message,
          otherwise: `Spell the unit out, in its base form, and measure in it: ${units}.`,
        }];
      }
      const spelled = mapWords(words.join("_"), (word) => abbreviatedUnits(word)?.[0] ?? word);
      return [{
        message,
        rename: `${first}_${spelled}`,
        besides: `and give its values in ${units}`,
      }];
    },
  },
  {
    rule: "target-label",
    source: "narthex",
    reason: "Prometheus gives job and instance to all series of a target, and renames those that " +
      "are there: queries for this label find what they do not look for.",
    suggestion: "Rename the label.",
    find: ({ labels, ownLabel }) =>
      TARGET_LABELS.filter((label) => labels.has(label)).map((label) => ({
        message: `label "${label}" becomes "exported_${label}" when Prometheus scrapes it`,
        label,
        rename: label === ownLabel ? undefined : freeName(`${label}_name`, labels),
      })),
  },
  {
    rule: "negative-bounds",
    source: "narthex",
    reason: "OpenMetrics, which Prometheus asks for, allows no sum to a histogram that has " +
      "buckets for negative values: its _sum and _count are left out there.",
    suggestion:
      "Use a native histogram, or begin the buckets at 0 and count negative values apart.",
    find: ({ hasNegativeBounds }) =>
      hasNegativeBounds
        ? [{ message: "histograms with negative bounds have no sum and no count in OpenMetrics" }]
        : [],
  },
];

/** The name with each of its words replaced; a word that comes to stand beside itself stands once. */
function mapWords(name: string, replace: (word: string) => string): string {
  const words: string[] = [];
  let wasReplaced = false;
  for (const word of name.split("_")) {
    const replaced = replace(word);
    const isReplaced = replaced !== word;
    if (replaced !== words.at(-1) || !(isReplaced || wasReplaced)) words.push(replaced);
    wasReplaced = isReplaced;
  }
  return words.join("_");
}

function asCounter(name: string): string | undefined {
  const base = name.replace(COUNTING_SUFFIX_REGEXP, "");
  return base === "" ? undefined : `${base}_total`;
}

/** `HTTPRequests` and `httpRequests` are both `http_requests`. */
function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(
    /(?<![A-Z])([A-Z]+)([A-Z][a-z])/g,
    "$1_$2",
  )
    .toLowerCase();
}

/** The name, unless another label has it. */
function freeName(name: string, labels: ReadonlyMap<string, string>): string | undefined {
  return labels.has(name) ? undefined : name;
}
