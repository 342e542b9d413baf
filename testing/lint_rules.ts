import { abbreviatedUnits, baseUnit } from "./units.ts";

/** The names of the rules. */
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
  /** The source of the rule: `promtool check metrics`, or only this library. */
  readonly source: "promtool" | "narthex";
  /** The reason for the rule. */
  readonly reason: string;
  /** How to fix its problems in general. Each problem has a suggestion for its metric. */
  readonly suggestion: string;
}

/** The subject of the rules: a metric family as in format 0.0.4. */
export interface LintSubject {
  /** The name, spelled in the classic alphabet. */
  readonly name: string;
  /** The help text. */
  readonly help: string;
  /** The type, one of the five of the format. */
  readonly type: string;
  /** All label names, as exposed and as spelled, without `le` of buckets. */
  readonly labels: ReadonlyMap<string, string>;
  /** The label with the name of the family, which a stateset has. */
  readonly ownLabel: string | undefined;
  /** Whether a histogram has buckets for negative values. */
  readonly hasNegativeBounds: boolean;
}

/** A problem that a rule has found. */
export interface Finding {
  /** The message, in promtool's words if the rule is one of promtool. */
  readonly message: string;
  /** The label that has the problem, as exposed, if a label has it. */
  readonly label?: string;
  /** A better name for the label, or for the metric, if there is an obvious one. */
  readonly rename?: string | undefined;
  /** What to do beside renaming: the end of the sentence. */
  readonly besides?: string;
  /** A suggestion without a better name, if it says more than that of the rule. */
  readonly otherwise?: string;
}

/** A rule with a function that finds its problems. */
export interface CheckedRule extends LintRule {
  readonly find: (subject: LintSubject) => Finding[];
}

/** The suffixes of histograms, and whether summaries have them too. */
const RESERVED_SUFFIXES = [
  { suffix: "_bucket", summaries: false },
  { suffix: "_count", summaries: true },
  { suffix: "_sum", summaries: true },
];
/** One or more suffixes at the end of a name that only some types may have. */
const RESERVED_SUFFIX_REGEXP = /(?<!_(?:bucket|count|sum|total))(?:_(?:bucket|count|sum|total))+$/;
/** The suffixes of a counter that `_total` replaces. */
const COUNTING_SUFFIX_REGEXP =
  /(?<!_(?:bucket|count|counter|sum|total))(?:_(?:bucket|count|counter|sum|total))+$/i;
const RESERVED_LABELS = [
  { label: "le", type: "histogram", rename: "limit" },
  { label: "quantile", type: "summary", rename: "share" },
];
/** The types, as they occur in names. The longest is first, because it contains others. */
const TYPES = ["gauge_histogram", "counter", "gauge", "summary", "histogram"];
const CAMEL_CASE_REGEXP = /[a-z][A-Z]/;
/** Labels that Prometheus adds to all series of a target. */
const TARGET_LABELS = ["job", "instance"];

/**
 * The rules, in no particular order, because problems are sorted. Those of promtool follow its
 * source, `testutil/promlint` of Prometheus's Go client.
 */
export const RULES: readonly CheckedRule[] = [
  {
    rule: "help-missing",
    source: "promtool",
    reason:
      "The help text is the only explanation that readers of a dashboard or of /metrics have.",
    suggestion: "Give it a help text that says what is measured.",
    find: ({ help }) => /^[ \t]*$/.test(help) ? [{ message: "no help text" }] : [],
  },
  {
    rule: "base-unit",
    source: "promtool",
    reason: "Queries combine metrics. Different units have to be converted in each query, and a " +
      "forgotten conversion looks like a valid result.",
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
    reason:
      "The suffix _total tells readers that a metric only grows and needs rate(). OpenMetrics " +
      "has no counter without it: it is written as unknown, without exemplars.",
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
    reason:
      "The suffix _total makes readers think of a counter, but rate() of other types is wrong.",
    suggestion: "Remove _total, or make it a Counter if it only grows.",
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
    reason:
      "Series with such a suffix look like parts of a histogram or a summary, and clash with " +
      "one that has the rest as its name.",
    suggestion: "Remove the suffix.",
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
    reason: "The label le distinguishes the buckets of a histogram, and quantile the values of a " +
      "summary. Functions such as histogram_quantile() use all series that have them.",
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
    reason: "The type is exposed beside the name. In the name it says nothing about what is " +
      "measured, and becomes wrong if the type changes.",
    suggestion: "Remove the type from the name.",
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
    reason:
      "Colons are reserved for the names of recording rules, whose metrics are computed from " +
      "others.",
    suggestion: "Use an underscore instead.",
    find: ({ name }) =>
      name.includes(":")
        ? [{ message: "metric names should not contain ':'", rename: name.replaceAll(":", "_") }]
        : [],
  },
  {
    rule: "metric-name-case",
    source: "promtool",
    reason: "All other names are in snake case, so authors of queries do not expect capitals.",
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
    reason: "All other names are in snake case, so authors of queries do not expect capitals.",
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
    reason: "Prometheus adds job and instance to all series of a target, and renames existing " +
      "labels, so queries for this label find the wrong values.",
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
    reason:
      "OpenMetrics, which Prometheus prefers, allows no sum for a histogram with buckets for " +
      "negative values, so its _sum and _count are left out there.",
    suggestion:
      "Use a native histogram, or start the buckets at 0 and count negative values separately.",
    find: ({ hasNegativeBounds }) =>
      hasNegativeBounds
        ? [{ message: "histograms with negative bounds have no sum and no count in OpenMetrics" }]
        : [],
  },
];

/** Replaces each word of a name. A word that is then repeated is written once. */
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

/** Converts `HTTPRequests` and `httpRequests` to `http_requests`. */
function snakeCase(name: string): string {
  return name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").replace(
    /(?<![A-Z])([A-Z]+)([A-Z][a-z])/g,
    "$1_$2",
  )
    .toLowerCase();
}

/** Returns the name, unless another label has it. */
function freeName(name: string, labels: ReadonlyMap<string, string>): string | undefined {
  return labels.has(name) ? undefined : name;
}
