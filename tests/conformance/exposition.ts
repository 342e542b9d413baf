/**
 * Cases of families and the text that other libraries write for them.
 *
 * Values and timestamps are compared as numbers, because both formats leave their spelling to the
 * writer. This library uses JavaScript's shortest form. Everything else, including `le` and
 * `quantile`, is compared byte for byte.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { EscapingScheme } from "../../encoding/escaping.ts";
import { encodeOpenMetrics } from "../../encoding/open_metrics.ts";
import { encodeText } from "../../encoding/text.ts";
import { formatBound, isLegacyMetricName, type MetricFamily } from "../../model.ts";
import { type Deviation, list, type Runner, runner } from "./runner.ts";
import {
  fromProto,
  fromPython,
  type ProtoFamily,
  type PythonFamily,
  type PythonSample,
  toNumber,
} from "./vector_families.ts";

/** A case of expfmt, from Prometheus's Go libraries. */
interface ExpfmtCase {
  readonly index?: number;
  readonly name?: string;
  readonly family: ProtoFamily;
  readonly options?: readonly string[];
  readonly expected?: string;
  readonly errorPrefix?: string;
}

/** A case of the Python client. */
interface PythonCase {
  readonly test: string;
  readonly families: readonly PythonFamily[];
  readonly options: { readonly escaping?: EscapingScheme; readonly version?: string };
  readonly expected?: string;
  readonly error?: string;
}

const VALUE_REGEXP =
  /"(?:\\[^]|[^"\\])*"|(?<= )[+-]?(?:[0-9][0-9.]*(?:e[+-]?[0-9]+)?|Inf|NaN)(?= |$)/g;

/** Normalizes the spelling of values and timestamps. */
function normalise(text: string): string {
  const lines = text.split("\n").map((line) => {
    if (line.startsWith("#")) return line;
    return line.replace(VALUE_REGEXP, (part) => {
      return part.startsWith('"') ? part : String(toNumber(part) + 0);
    });
  });
  return lines.join("\n");
}

function write(chunks: Iterable<Uint8Array>): string {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  return [...chunks].map((chunk) => decoder.decode(chunk, { stream: true })).join("");
}

/** Verifies a text, or that the families are rejected. */
function verify(encode: () => string, expected: string | undefined): void {
  if (expected === undefined) assert.throws(encode);
  else assert.equal(normalise(encode()), normalise(expected));
}

const openMetrics = (family: MetricFamily, created: boolean) =>
  write(encodeOpenMetrics([family], "allow-utf-8", created));

/** Returns a case with another text, or undefined if the text is the same. */
function withText<C extends { readonly expected?: string }>(c: C, expected: string): C | undefined {
  return expected === c.expected ? undefined : { ...c, expected };
}

const NO_METRICS: Deviation<ExpfmtCase> = {
  reason: "a family without metrics is written as HELP and TYPE, not rejected",
  adapt: (c) => {
    const { name, help, type = "" } = c.family;
    if (c.errorPrefix !== "MetricFamily has no metrics") return undefined;
    const { errorPrefix: _, ...rest } = c;
    return { ...rest, expected: `# HELP ${name} ${help}\n# TYPE ${name} ${type.toLowerCase()}\n` };
  },
};

const NO_HELP: Deviation<ExpfmtCase> = {
  reason: "a family without help has an empty HELP, as a family of the model always has a help",
  adapt: (c) => {
    if (c.family.help !== undefined || c.expected === undefined) return undefined;
    return withText(
      c,
      c.expected.replace(/^# TYPE ((?:"(?:\\[^]|[^"\\])*"|\S)+) /gm, "# HELP $1 \n$&"),
    );
  },
};

const GAUGE_HISTOGRAM: Deviation<ExpfmtCase> = {
  reason: "in format 0.0.4, the sum and count of a gaugehistogram are separate gauges with the " +
    "names that they have in OpenMetrics",
  adapt: (c) => {
    const { name, help, type } = c.family;
    if (type !== "GAUGE_HISTOGRAM" || c.expected === undefined) return undefined;
    const lines = c.expected.split("\n").slice(0, -1);
    const isPart = (line: string, part: string) =>
      line.startsWith(`${name}_${part} `) || line.startsWith(`${name}_${part}{`);
    let text = lines.filter((line) => !isPart(line, "sum") && !isPart(line, "count"))
      .map((line) => `${line}\n`).join("");
    for (const part of ["count", "sum"]) {
      text += `# HELP ${name}_g${part} ${help ?? ""}\n# TYPE ${name}_g${part} gauge\n`;
      for (const line of lines.filter((line) => isPart(line, part))) {
        text += `${line.replace(`${name}_${part}`, `${name}_g${part}`)}\n`;
      }
    }
    return withText(c, text);
  },
};

const OPENMETRICS_GAUGE_HISTOGRAM: Deviation<ExpfmtCase> = {
  reason: "the sum and count of a gaugehistogram have the names that OpenMetrics defines: _gsum " +
    "and _gcount",
  adapt: (c) => {
    const { name = "", type } = c.family;
    if (type !== "GAUGE_HISTOGRAM" || c.expected === undefined) return undefined;
    const lines = c.expected.split("\n").map((line) => {
      const start = line.startsWith('{"') ? 2 : 0;
      if (!line.startsWith(name, start)) return line;
      const end = start + name.length;
      return line.slice(0, end) + line.slice(end).replace(/^_(sum|count)(?=[ {"])/, "_g$1");
    });
    return withText(c, lines.join("\n"));
  },
};

const FLOAT_HISTOGRAM: Deviation<ExpfmtCase> = {
  reason: "a histogram of floats is not rejected, because counts in the model can be any numbers",
  adapt: (c) => {
    if (!c.errorPrefix?.includes("does not support float histogram")) return undefined;
    const { errorPrefix: _, ...rest } = c;
    return { ...rest, expected: openMetrics(fromProto(c.family), false).replace(/# EOF\n$/, "") };
  },
};

const NO_TOTAL: Deviation<ExpfmtCase> = {
  reason: "a counter without _total is unknown in OpenMetrics, and loses the parts that only " +
    "counters have: its exemplar and its created timestamp",
  adapt: (c) => {
    const { name = "", type } = c.family;
    if (type !== "COUNTER" || name.endsWith("_total") || c.expected === undefined) return undefined;
    const lines = c.expected.split("\n").filter((line) => !line.startsWith(`${name}_created`));
    return withText(c, lines.join("\n").replace(/ # \{.*$/gm, ""));
  },
};

const UNIT_NOT_SUFFIX: Deviation<ExpfmtCase> = {
  reason: "a unit is appended to a name that does not end with it, as OpenMetrics requires",
  adapt: (c) => {
    const { name = "", unit = "" } = c.family;
    const base = name.replace(/_total$/, "");
    if (unit === "" || base.endsWith(`_${unit}`) || c.expected === undefined) return undefined;
    const lines = c.expected.split("\n").map((line) => {
      const [start = ""] = /^(?:# [A-Z]+ )?/.exec(line) ?? [];
      if (!line.startsWith(base, start.length)) return line;
      return `${start}${base}_${unit}${line.slice(start.length + base.length)}`;
    });
    return withText(c, lines.join("\n"));
  },
};

/** Cases of expfmt for format 0.0.4. */
export const textExpfmt: Runner[] = (["cases", "errors"] as const).map((key) =>
  runner<ExpfmtCase>({
    cases: list(key),
    name: ({ index }) => `${key}[${index}]`,
    verify: (c) =>
      verify(() => write(encodeText([fromProto(c.family)], "allow-utf-8")), c.expected),
    deviations: [NO_METRICS, NO_HELP, GAUGE_HISTOGRAM],
  })
);

/** Cases of expfmt for OpenMetrics 1.0. */
export const openMetricsExpfmt: Runner[] = (["cases", "errors"] as const).map((key) =>
  runner<ExpfmtCase>({
    cases: list(key),
    name: ({ index }) => `${key}[${index}]`,
    verify: (c) => {
      const created = c.options?.includes("createdLines") ?? false;
      const { expected } = c;
      verify(
        () => openMetrics(fromProto(c.family), created),
        expected === undefined ? undefined : `${expected}# EOF\n`,
      );
    },
    deviations: [
      NO_METRICS,
      NO_HELP,
      OPENMETRICS_GAUGE_HISTOGRAM,
      FLOAT_HISTOGRAM,
      NO_TOTAL,
      UNIT_NOT_SUFFIX,
    ],
  })
);

/** A case of expfmt for the draft of OpenMetrics 2.0. */
interface DraftCase extends ExpfmtCase {
  readonly in: ProtoFamily;
  readonly out: string;
}

const DRAFT = "OpenMetrics 2.0 is a draft; 1.0 is written: ";

/** Cases of expfmt for the draft of OpenMetrics 2.0. */
export const openMetricsDraft: Runner = runner<ExpfmtCase>({
  cases: (file) =>
    list<DraftCase>("cases")(file)?.map(({ in: family, out, ...c }) => ({
      ...c,
      family,
      expected: out,
    })),
  name: ({ name }) => name!,
  verify: (c) => verify(() => openMetrics(fromProto(c.family), true), `${c.expected}# EOF\n`),
  deviations: [
    {
      reason: `${DRAFT}a counter's TYPE and HELP have no _total`,
      adapt: (c) => {
        if (c.family.type !== "COUNTER" || c.expected === undefined) return undefined;
        return withText(c, c.expected.replace(/^(# (?:TYPE|HELP|UNIT) .*?)_total(?="? )/gm, "$1"));
      },
    },
    NO_HELP,
    {
      reason: `${DRAFT}a created timestamp is a separate series`,
      adapt: (c) => {
        if (c.expected === undefined) return undefined;
        return withText(
          c,
          c.expected.replace(
            /^(\S+?)(_total)?(\{.*\})? (\S+)( [0-9.]+)? st@([0-9.]+)(.*)$/gm,
            "$1$2$3 $4$5$7\n$1_created$3 $6$5",
          ),
        );
      },
    },
    {
      reason: `${DRAFT}an exemplar needs no timestamp`,
      adapt: (c) => {
        const [metric, ...others] = c.family.metric ?? [];
        const exemplar = metric?.counter?.exemplar;
        if (others.length > 0 || exemplar === undefined || exemplar.timestamp !== undefined) {
          return undefined;
        }
        const labels = (exemplar.label ?? []).map(({ name, value }) => `${name}="${value}"`);
        // Neither version writes an exemplar without labels.
        if (labels.length === 0) return undefined;
        return withText(
          c,
          c.expected!.replace(/\n$/, ` # {${labels.join(",")}} ${exemplar.value}\n`),
        );
      },
    },
  ],
});

/** Returns the families of a case, with their labels in the order of the Python client. */
function readPython({ families }: PythonCase): MetricFamily[] {
  return families.map((family) =>
    fromPython({
      ...family,
      samples: family.samples.map((sample) => ({
        ...sample,
        labels: Object.fromEntries(
          Object.entries(sample.labels).sort(([a], [b]) => a < b ? -1 : 1),
        ),
      })),
    })
  );
}

const SUM_FIRST: Deviation<PythonCase> = {
  reason: "the sum of a metric is written before its count, as Prometheus's Go client does",
  adapt: (c) => {
    if (c.expected === undefined) return undefined;
    return withText(c, c.expected.replace(/^(.*_g?count.*)\n(.*_g?sum.*)$/gm, "$2\n$1"));
  },
};

/** Cases of the Python client for format 0.0.4. */
export const textPython: Runner = runner<PythonCase>({
  cases: list("cases"),
  name: ({ test }) => test,
  verify: (c) => {
    const { escaping = "underscores" } = c.options;
    verify(() => write(encodeText(readPython(c), escaping)), c.expected);
  },
  deviations: [
    {
      reason: "format 0.0.4 has no _created series",
      adapt: (c) => {
        if (c.expected === undefined) return undefined;
        const blocks = c.expected.split(/^(?=# HELP )/m);
        return withText(c, blocks.filter((block) => !/^.*_created"? /.test(block)).join(""));
      },
    },
    {
      reason: "in format 0.0.4, bounds and quantiles are spelled as Prometheus's Go client does: 1",
      adapt: (c) => {
        if (c.expected === undefined) return undefined;
        return withText(
          c,
          c.expected.replace(
            /(?<=[{,](?:le|quantile)=")([^"]*)(?=")/g,
            (bound) => formatBound(toNumber(bound)),
          ),
        );
      },
    },
    {
      ...SUM_FIRST,
      // In format 0.0.4, HELP and TYPE lines separate the parts of a gaugehistogram.
      adapt: (c) =>
        c.families.every(({ type }) => type === "gaugehistogram") ? undefined : SUM_FIRST.adapt(c),
    },
  ],
});

/** Cases of the Python client for OpenMetrics. */
export const openMetricsPython: Runner = runner<PythonCase>({
  cases: list("cases"),
  name: ({ test }) => test,
  verify: (c) => {
    const { escaping = "underscores" } = c.options;
    verify(() => write(encodeOpenMetrics(readPython(c), escaping, true)), c.expected);
  },
  deviations: [
    {
      reason:
        "OpenMetrics 1.0 carries no native histogram: its classic buckets are written, or +Inf",
      adapt: (c) => {
        if (c.expected === undefined) return undefined;
        let text = c.expected;
        for (const { samples } of c.families) {
          for (const sample of samples) {
            if (sample.nativeHistogram === undefined) continue;
            const at = text.indexOf(`${seriesName(sample, "")} {count:`);
            const end = at === -1 ? text.indexOf("# EOF") : text.indexOf("\n", at) + 1;
            const start = at === -1 ? end : at;
            text = text.slice(0, start) + classicLines(sample, samples) + text.slice(end);
          }
        }
        return withText(c, text);
      },
    },
    SUM_FIRST,
  ],
});

/** Returns the lines of a native histogram, or nothing if it also has a classic one. */
function classicLines(sample: PythonSample, samples: readonly PythonSample[]): string {
  const { sum, count } = sample.nativeHistogram!;
  const isClassic = samples.some(({ name, labels }) =>
    name === `${sample.name}_bucket` &&
    Object.entries(sample.labels).every(([label, value]) => labels[label] === value)
  );
  if (isClassic) return "";
  return `${seriesName(sample, "_bucket", 'le="+Inf"')} ${count}\n` +
    `${seriesName(sample, "_sum")} ${sum}\n${seriesName(sample, "_count")} ${count}\n`;
}

function seriesName({ name, labels }: PythonSample, suffix: string, extra?: string): string {
  const escape = (text: string) => text.replace(/[\\"]/g, "\\$&").replaceAll("\n", "\\n");
  const spell = (text: string) => isLegacyMetricName(text) ? text : `"${escape(text)}"`;
  const isLegacy = isLegacyMetricName(name);
  const parts = Object.keys(labels).sort().map((label) =>
    `${spell(label)}="${escape(labels[label]!)}"`
  );
  if (!isLegacy) parts.unshift(spell(name + suffix));
  if (extra !== undefined) parts.push(extra);
  return (isLegacy ? name + suffix : "") + (parts.length === 0 ? "" : `{${parts.join(",")}}`);
}
