/**
 * Cases of names, of numbers, and of what is negotiated.
 *
 * @module
 */
import assert from "node:assert/strict";
import { escapeName, type EscapingScheme, unescapeName } from "../../encoding/escaping.ts";
import { encodeOpenMetrics } from "../../encoding/open_metrics.ts";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import { encodeText } from "../../encoding/text.ts";
import { negotiate } from "../../exposition/negotiation.ts";
import {
  checkLabelName,
  checkMetricName,
  type HistogramMetric,
  MetricFamily,
  type NameValidation,
} from "../../model.ts";
import { decodeFamilies } from "../support/protobuf.ts";
import { type Deviation, type JsonObject, list, type Runner, runner } from "./runner.ts";
import { fromBits, fromProto, type JsonText, type ProtoFamily, toText } from "./vector_families.ts";

interface FloatCase {
  readonly bits: string;
  readonly text: string;
  readonly openmetrics: string;
}

/** A number as a value, which may be spelled in any way, and as a bound, which may not. */
export const floatFormat: Runner = runner<FloatCase>({
  cases: list("cases"),
  name: ({ text }) => text,
  verify: ({ bits, text, openmetrics }) => {
    const value = fromBits(bits);
    const decoder = new TextDecoder();
    const gauge = new MetricFamily("g", "", "gauge").addSample("g", {}, value);
    for (
      const chunks of [
        encodeText([gauge], "underscores"),
        encodeOpenMetrics([gauge], "underscores", false),
      ]
    ) {
      const token = /^g (\S+)$/m.exec(
        [...chunks].map((chunk) => decoder.decode(chunk)).join(""),
      )![1]!;
      const read = Number(token.replace("Inf", "Infinity"));
      assert.ok(Object.is(read + 0, value + 0), `${token} is not ${value}`);
    }
    // A bound is never NaN.
    if (Number.isNaN(value)) return;
    const metric: HistogramMetric = {
      labelNames: [],
      labelValues: [],
      bounds: [value],
      sum: undefined,
      count: undefined,
      cumulativeCounts: () => [1, 1],
    };
    const histogram = new MetricFamily("h", "", "histogram", { metrics: [metric] });
    const bound = (chunks: Iterable<Uint8Array>) =>
      /le="([^"]*)"/.exec([...chunks].map((chunk) => decoder.decode(chunk)).join(""))![1]!;
    assert.equal(bound(encodeText([histogram], "underscores")), text);
    assert.equal(bound(encodeOpenMetrics([histogram], "underscores", false)), openmetrics);
  },
});

interface EscapeCase {
  readonly name: string;
  readonly input?: string;
  readonly underscores: string;
  readonly dots: string;
  readonly unescapedDots: string;
  readonly values: string;
}

interface FamilyEscapingCase {
  readonly name: string;
  readonly scheme: EscapingScheme;
  readonly input: ProtoFamily;
  readonly expected: ProtoFamily;
}

interface ValidityCase {
  readonly mn?: JsonText;
  readonly ln?: JsonText;
  readonly legacyValid: boolean;
  readonly utf8Valid: boolean;
}

function isValid(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

function validity(
  key: string,
  check: (name: unknown, validation: NameValidation, doing: string) => void,
): Runner {
  return runner<ValidityCase>({
    cases: list(key),
    name: ({ mn, ln }) => `${key} ${JSON.stringify(mn ?? ln)}`,
    verify: ({ mn, ln, legacyValid, utf8Valid }) => {
      // Bytes that are no text cannot even be asked about.
      const valid = (validation: NameValidation) =>
        isValid(() => check(toText((mn ?? ln)!), validation, "Cannot check"));
      assert.equal(valid("legacy"), legacyValid);
      assert.equal(valid("utf8"), utf8Valid);
    },
  });
}

/** Names in the escaping schemes. */
export const escaping: Runner[] = [
  runner<EscapeCase>({
    cases: list("escape"),
    name: ({ name }) => `escape: ${name}`,
    verify: ({ input = "", underscores, dots, unescapedDots, values }) => {
      assert.equal(escapeName(input, "underscores"), underscores);
      assert.equal(escapeName(input, "dots"), dots);
      assert.equal(unescapeName(dots, "dots"), unescapedDots);
      assert.equal(escapeName(input, "values"), values);
      assert.equal(unescapeName(values, "values"), input);
    },
  }),
  runner<{ name: string; input?: string; expected?: string }>({
    cases: list("unescapeValues"),
    name: ({ name }) => `unescape: ${name}`,
    verify: ({ input = "", expected = "" }) =>
      assert.equal(unescapeName(input, "values"), expected),
  }),
  validity("metricNameValid", checkMetricName),
  validity("labelNameValid", checkLabelName),
  runner<FamilyEscapingCase>({
    cases: list("familyEscaping"),
    name: ({ name }) => `family: ${name}`,
    inapplicable: ({ input }) =>
      input.name === undefined ? "there is no family without a name" : undefined,
    verify: ({ scheme, input, expected }) => {
      const encode = (family: ProtoFamily, scheme: EscapingScheme) =>
        [...encodeProtobuf([fromProto(family)], scheme)].flatMap(decodeFamilies);
      assert.deepEqual(encode(input, scheme), encode(expected, "allow-utf-8"));
    },
  }),
];

interface NegotiationCase {
  readonly test: string;
  readonly name: string;
  readonly accept: string;
  readonly defaultEscaping: string;
  readonly serverFormatsInPreferenceOrder: readonly string[] | null;
  readonly expectContentType: string;
}

interface ServerHeaderCase {
  readonly name: string;
  readonly accept: string;
  readonly expectFormat: string;
  readonly expectEscaping: string;
}

function withType(c: NegotiationCase, from: RegExp, to: string): NegotiationCase | undefined {
  const expectContentType = c.expectContentType.replace(from, to);
  return expectContentType === c.expectContentType ? undefined : { ...c, expectContentType };
}

const NEGOTIATION_DEVIATIONS: readonly Deviation<NegotiationCase>[] = [
  {
    reason:
      "protobuf is written delimited only: its text forms, which no server reads, are answered in text",
    adapt: (c) =>
      withType(
        c,
        /^application\/vnd\.google\.protobuf;.* encoding=(?:text|compact-text)/,
        "text/plain; version=0.0.4; charset=utf-8",
      ),
  },
  {
    reason: "OpenMetrics is written as 1.0.0, and says so, whatever version was asked for",
    adapt: (c) =>
      withType(c, /(?<=^application\/openmetrics-text; version=)(?:0\.0\.1|2\.0\.0)/, "1.0.0"),
  },
  {
    reason: "a scraper that takes anything is given text: the order of formats is not a setting",
    adapt: (c) =>
      /^\s*(?:\*|\w+)\/\*\s*$/.test(c.accept)
        ? withType(c, /^application\/.*(?=; escaping=)/, "text/plain; version=0.0.4; charset=utf-8")
        : undefined,
  },
  {
    reason: "the escaping of a scraper that names none is always underscores, and not a setting",
    adapt: (c) => {
      if (c.defaultEscaping === "underscores" || /escaping=/.test(c.accept)) return undefined;
      return withType(c, new RegExp(`escaping=${c.defaultEscaping}$`), "escaping=underscores");
    },
  },
];

/** Accept headers and what they are answered with. */
export const negotiation: Runner[] = [
  runner<NegotiationCase>({
    cases: list("cases"),
    name: ({ test, name }) => `${test}: ${name}`,
    verify: ({ accept, expectContentType }) => {
      assert.equal(negotiate(accept).contentType, expectContentType);
    },
    deviations: NEGOTIATION_DEVIATIONS,
  }),
  runner<ServerHeaderCase>({
    cases: (file: JsonObject) =>
      // The shape of the file; another one fails.
      list<ServerHeaderCase>("cases")((file["prometheusAcceptHeaders"] ?? {}) as JsonObject),
    name: ({ name }) => `Prometheus ${name}`,
    verify: ({ accept, expectFormat, expectEscaping }) => {
      const { format, escaping, contentType } = negotiate(accept);
      assert.equal(escaping, expectEscaping);
      // As in "openmetrics-1.0.0", "protobuf-delimited" and "text-0.0.4".
      const [name, detail] = expectFormat.split("-");
      assert.equal(format, name);
      assert.ok(contentType.includes(`=${detail};`), contentType);
    },
  }),
];
