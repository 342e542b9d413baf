/**
 * Cases of texts and what other parsers read.
 *
 * @module
 */
import assert from "node:assert/strict";
import { ParseError, parseOpenMetrics, parsePrometheusText } from "../../encoding/parse.ts";
import { MetricFamily, type NumberMetric } from "../../model.ts";
import { inOrder, type PlainFamily, toPlain } from "../support/plain.ts";
import { type Deviation, type JsonObject, list, type Runner, runner } from "./runner.ts";
import {
  fromProto,
  fromPython,
  type JsonText,
  type ProtoFamily,
  type PythonFamily,
  toNumber,
  toText,
} from "./vector_families.ts";

/** A text, whether it is valid, and the expected families. */
interface ParseCase {
  readonly name?: string;
  readonly test?: string;
  readonly text: JsonText;
  readonly shouldParse: boolean;
  readonly families?: readonly PythonFamily[];
  readonly error?: string;
}

type Parse = (text: string) => MetricFamily[];

/** Verifies that a text is accepted or rejected. */
function verifyVerdict(parse: Parse, c: { text: JsonText; shouldParse: boolean }): void {
  let text: string;
  try {
    text = toText(c.text);
  } catch {
    // A parser accepts strings only. Invalid UTF-8 is rejected earlier.
    return assert.equal(c.shouldParse, false);
  }
  if (c.shouldParse) parse(text);
  else assert.throws(() => parse(text), ParseError);
}

function refusing<C extends { shouldParse: boolean }>(c: C): C {
  return { ...c, shouldParse: false };
}

function accepting<C extends { shouldParse: boolean }>(c: C): C {
  return { ...c, shouldParse: true };
}

/** Returns the start of a case's text, for cases without a name. */
function excerpt({ text }: { text: JsonText }): string {
  const whole = typeof text === "string" ? text : text.$bytesHex;
  return JSON.stringify(whole.length > 60 ? `${whole.slice(0, 60)}…` : whole);
}

/** Cases of the OpenMetrics project. */
export const openMetricsProject: Runner = runner<ParseCase>({
  cases: list("cases"),
  name: ({ name }) => name!,
  verify: (c) => verifyVerdict(parseOpenMetrics, c),
});

/** Cases of the Python client's OpenMetrics parser. */
export const openMetricsPython: Runner = runner<ParseCase>({
  cases: list("cases"),
  name: (c) => `${c.test} ${excerpt(c)}`,
  verify: (c) => verifyFamilies(parseOpenMetrics, c, toPlain),
});

/** Cases of the Python client's parser for format 0.0.4. */
export const textPython: Runner = runner<ParseCase>({
  cases: list("cases"),
  name: (c) => `${c.test} ${excerpt(c)}`,
  verify: (c) => verifyFamilies(parsePrometheusText, c, (family) => toPlain(withTotal(family))),
  deviations: [{
    reason: "as strict as the server, which rejects a comma before the first label",
    adapt: (c) => c.shouldParse && /\{\s*,/.test(String(c.text)) ? refusing(c) : undefined,
  }],
});

/** Verifies that a text is accepted or rejected, and its families. */
function verifyFamilies(
  parse: Parse,
  c: ParseCase,
  toComparable: (family: MetricFamily) => PlainFamily,
): void {
  verifyVerdict(parse, c);
  if (!c.shouldParse || c.families === undefined) return;
  const families = c.families.filter(({ name }) => name !== "");
  assert.deepEqual(
    inNameOrder(parse(toText(c.text)).map(toComparable)),
    inNameOrder(families.map((family) => toPlain(fromPython(family)))),
  );
}

function inNameOrder(families: PlainFamily[]): PlainFamily[] {
  return families.sort((a, b) => a.name < b.name ? -1 : 1);
}

/** Appends `_total` to the names of counters, as the Python client does in format 0.0.4. */
function withTotal(family: MetricFamily): MetricFamily {
  const { name, help, type, unit, nameValidation } = family;
  if (type !== "counter" || name.endsWith("_total")) return family;
  // The family's type is counter.
  const metrics = family.metrics as Iterable<NumberMetric>;
  return new MetricFamily(`${name}_total`, help, type, { unit, nameValidation, metrics });
}

/** A text that expfmt accepts. */
interface GoodCase {
  readonly text: JsonText;
  readonly families: readonly ProtoFamily[];
  /** Whether timestamps are ignored. */
  readonly isTimeless?: boolean;
}

/** Removes the timestamps of families. */
function withoutTime(families: PlainFamily[]): PlainFamily[] {
  return families.map((family) => {
    const samples = family.samples.map(({ timestamp: _, ...sample }) => sample);
    return { ...family, samples: inOrder(samples) };
  });
}

/** Returns whether the lines of a family have different timestamps. */
function hasMixedTimestamps(text: string, { name, type = "" }: ProtoFamily): boolean {
  if (type !== "SUMMARY" && !type.endsWith("HISTOGRAM")) return false;
  const lines = text.split("\n").map((line) => line.trim()).filter((line) =>
    line.startsWith(name!)
  );
  const timestamps = lines.map((line) => line.replace(/^[\w:]+ *(?:\{.*\})? */, "").split(/ +/)[1]);
  return new Set(timestamps).size > 1;
}

/** A text that expfmt rejects. */
interface BadCase {
  readonly text: JsonText;
  readonly errorPrefix: string;
  readonly shouldParse: boolean;
}

/** Texts that expfmt rejects and the server accepts, by expfmt's error. */
const SERVER_ACCEPTS: readonly (readonly [what: string, error: RegExp, text?: RegExp])[] = [
  [
    "a last line without its end",
    /unexpected end of input stream$/,
    /(?:^|\n)[\w:]+(?:\{[^{}]*\})? +[0-9.e+-]+$/,
  ],
  ["line breaks between quotes", /contains unescaped new-line$/],
  ["more than one HELP", /second HELP line/],
  ["more than one TYPE, and a TYPE after the samples", /second TYPE line/],
  ["unknown escapes", /invalid escape sequence/],
  [
    "bounds and quantiles that are not numbers",
    /expected float as value for '(?:le|quantile)' label/,
  ],
  ["negative counts", /\b(?:negative|less than 0|unsigned)\b/],
];

/** Cases of expfmt's parser for format 0.0.4. */
export const textExpfmt: Runner[] = [
  runner<GoodCase>({
    cases: list("good"),
    name: excerpt,
    verify: ({ text, families, isTimeless = false }) => {
      // Only this library returns families that are declared but have no samples.
      const read = parsePrometheusText(toText(text)).map(toPlain)
        .filter(({ samples }) => samples.length > 0);
      const expected = families.map((family) => toPlain(fromProto(family)));
      const prepare = isTimeless ? withoutTime : (families: PlainFamily[]) => families;
      assert.deepEqual(inNameOrder(prepare(read)), inNameOrder(prepare(expected)));
    },
    deviations: [{
      reason: 'as in the server, \\" is not an escape in HELP of format 0.0.4',
      adapt: (c) => {
        if (!/^# HELP .*\\"/m.test(String(c.text))) return undefined;
        const families = c.families.map((family) => ({
          ...family,
          help: family.help!.replaceAll('"', '\\"'),
        }));
        return { ...c, families };
      },
    }, {
      reason:
        "samples with different timestamps are different points; expfmt uses the last timestamp for all",
      adapt: (c) =>
        c.families.some((family) => hasMixedTimestamps(String(c.text), family))
          ? { ...c, isTimeless: true }
          : undefined,
    }],
  }),
  runner<BadCase>({
    cases: (file) =>
      list<BadCase>("bad")(file)?.map((c) => ({ ...c, shouldParse: c.errorPrefix === "" })),
    name: excerpt,
    verify: (c) => verifyVerdict(parsePrometheusText, c),
    deviations: SERVER_ACCEPTS.map(([what, error, text = /^/]) => ({
      reason: `as tolerant as the server, which accepts ${what}`,
      adapt: (c) =>
        error.test(c.errorPrefix) && text.test(String(c.text)) ? accepting(c) : undefined,
    })),
  }),
];

/** A text, and whether the server accepts it. */
interface ServerCase {
  readonly text: JsonText;
  readonly shouldParse: boolean;
}

function serverCases(key: string): (file: JsonObject) => ServerCase[] | undefined {
  return (file) =>
    list<{ text?: string; bytesHex?: string; ok: boolean }>(key)(file)
      ?.map(({ text, bytesHex = "", ok }) => ({
        text: text ?? { $bytesHex: bytesHex },
        shouldParse: ok,
      }));
}

/** Cases of the server's parsers. */
export const server: Runner[] = [
  ...["prometheusText", "prometheusTextNullByte"].map((key) =>
    runner<ServerCase>({
      cases: serverCases(key),
      name: (c) => `${key} ${excerpt(c)}`,
      verify: (c) => verifyVerdict(parsePrometheusText, c),
    })
  ),
  ...["openMetrics", "openMetricsNullByte"].map((key) =>
    runner<ServerCase>({
      cases: serverCases(key),
      name: (c) => `${key} ${excerpt(c)}`,
      verify: (c) => verifyVerdict(parseOpenMetrics, c),
    })
  ),
];

/** A response to a scrape, and the server's reaction. */
interface ScrapeCase {
  readonly name: string;
  readonly status: number | null;
  readonly headers: readonly (readonly [string, string])[];
  readonly body?: string;
  readonly bodyBase64?: string;
  readonly prometheus: {
    readonly health: string;
    readonly lastError?: string;
    readonly series?: readonly (readonly [Record<string, string>, string])[];
  };
}

/** The part of a response that a parser reads. */
interface Scrape {
  readonly isOpenMetrics: boolean;
  readonly text: JsonText;
}

function readScrape(c: ScrapeCase): Scrape {
  const { body = "", bodyBase64, status } = c;
  let headers = c.headers;
  let text: JsonText = body;
  if (bodyBase64 !== undefined) {
    const bytes = [...atob(bodyBase64)].map((byte) => byte.charCodeAt(0));
    text = { $bytesHex: bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("") };
  } else if (status === null) {
    const [head = "", ...rest] = body.split("\r\n\r\n");
    headers = head.split("\r\n").slice(1).map((line) => {
      const [key = "", ...value] = line.split(": ");
      return [key, value.join(": ")] as const;
    });
    text = rest.join("\r\n\r\n");
  }
  const type = new Headers(headers.map(([key, value]): [string, string] => [key, value])).get(
    "content-type",
  );
  return { isOpenMetrics: type?.startsWith("application/openmetrics-text") ?? false, text };
}

/** Returns whether a case is decided before parsing. */
function isTransport({ status, headers, body }: ScrapeCase): boolean {
  const fields = new Headers(headers.map(([key, value]): [string, string] => [key, value]));
  const length = fields.get("content-length");
  return (status !== null && status !== 200) || fields.has("content-encoding") ||
    fields.has("transfer-encoding") ||
    (body !== undefined && length !== null &&
      Number(length) !== new TextEncoder().encode(body).length);
}

/** Returns series as the server stores them: the first of duplicates, without empty labels. */
function seriesOf(families: MetricFamily[]): { labels: Record<string, string>; value: number }[] {
  const series = new Map<string, { labels: Record<string, string>; value: number }>();
  for (const family of families) {
    for (const { name, labels, value } of toPlain(family).samples) {
      const filled = Object.entries(labels).filter(([, text]) => text !== "");
      const all = Object.fromEntries([["__name__", name], ...filled]);
      const key = JSON.stringify(Object.entries(all));
      if (!series.has(key)) series.set(key, { labels: all, value });
    }
  }
  return inOrder([...series.values()]);
}

/** Expects a text to be accepted. */
function up(c: ScrapeCase, series: ScrapeCase["prometheus"]["series"]): ScrapeCase {
  return { ...c, prometheus: { health: "up", series: series ?? [] } };
}

/** Expects a text to be rejected. */
function down(c: ScrapeCase): ScrapeCase {
  return { ...c, prometheus: { health: "down" } };
}

/** Texts that OpenMetrics forbids and Prometheus 2.42 accepts. */
const FORBIDDEN: readonly (readonly [what: string, text: RegExp])[] = [
  ["a series that occurs twice, without timestamps", /^([^# ]\S*) \S+\n(?:.*\n)*?\1 \S+$/m],
  ["an exemplar with more than 128 characters", / # \{[^}]{132,}\}/],
  ["an exemplar with a duplicate label", / # \{(?:.*,)?([a-z]+)="[^"]*",(?:.*,)?\1="/],
];

const SCRAPE_DEVIATIONS: readonly Deviation<ScrapeCase>[] = [
  ...FORBIDDEN.map(([what, text]) => ({
    reason: `the OpenMetrics parser is strict: the specification forbids ${what}`,
    adapt: (c: ScrapeCase) => {
      const scrape = readScrape(c);
      return scrape.isOpenMetrics && text.test(String(scrape.text)) ? down(c) : undefined;
    },
  })),
  {
    reason: "quoted names, which Prometheus 3 introduced, are accepted",
    adapt: (c) => {
      const [, name, value] = /^\{"([^"]*)"\} (\S+)\n$/.exec(c.body ?? "") ?? [];
      return name === undefined ? undefined : up(c, [[{ __name__: name }, value!]]);
    },
  },
  {
    reason:
      "blanks before a metric's name are skipped; Prometheus 2.42 makes them part of the name",
    adapt: (c) => {
      const [, name, labels, value] = /^ +(\w+) *(\{.*\}) *(\S+) *\n$/.exec(c.body ?? "") ?? [];
      if (name === undefined) return undefined;
      const pairs = [...labels!.matchAll(/(\w+) *= *"([^"]*)"/g)].map((
        [, key, text],
      ) => [key, text]);
      return up(c, [[Object.fromEntries([["__name__", name], ...pairs]), value!]]);
    },
  },
];

/** Responses to scrapes, and the reactions of Prometheus 2.42. */
export const scrapes: Runner = runner<ScrapeCase>({
  cases: list("cases"),
  name: ({ name }) => name,
  inapplicable: (c) => {
    if (c.body?.includes("<200000 x>")) return "its body is described, not given";
    return isTransport(c) ? "it is about HTTP, not about the text" : undefined;
  },
  verify: (c) => {
    const { isOpenMetrics, text } = readScrape(c);
    const { health, series } = c.prometheus;
    const shouldParse = health === "up";
    const parse = isOpenMetrics ? parseOpenMetrics : parsePrometheusText;
    verifyVerdict(parse, { text, shouldParse });
    // Samples that are too old or too new are accepted, but not stored.
    if (!shouldParse || c.name.startsWith("ts_") || series === undefined) return;
    assert.deepEqual(
      seriesOf(parse(toText(text))),
      inOrder(series.map(([labels, value]) => ({ labels, value: toNumber(value) + 0 }))),
    );
  },
  deviations: SCRAPE_DEVIATIONS,
});
