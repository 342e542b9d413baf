/**
 * Cases of names, numbers and content negotiation.
 *
 * @module
 */
import assert from "node:assert/strict";
import { escapeMetricName, type EscapingScheme } from "../../encoding/escaping.ts";
import { encodeOpenMetrics } from "../../encoding/open_metrics.ts";
import { encodeProtobuf } from "../../encoding/protobuf.ts";
import { encodeText } from "../../encoding/text.ts";
import { negotiate } from "../../exposition/negotiation.ts";
import {
  checkLabelName,
  checkMetricName,
  type HistogramMetric,
  isLegacyMetricName,
  MetricFamily,
  type NameValidation,
} from "../../model.ts";
import { decodeFamilies } from "../support/protobuf.ts";
import {
  type Deviation,
  inapplicable,
  type JsonObject,
  list,
  type Runner,
  runner,
} from "./runner.ts";
import { fromBits, fromProto, type JsonText, type ProtoFamily, toText } from "./vector_families.ts";

interface FloatCase {
  readonly bits: string;
  readonly text: string;
  readonly openmetrics: string;
}

/** A number as a value, whose spelling is free, and as a bound, whose spelling is not. */
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
      // Bytes that are not UTF-8 cannot be passed as a name.
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
    inapplicable: ({ input = "" }) => input === "" ? "no name is empty" : undefined,
    deviations: [{
      reason: "a name that needs no escaping is written unchanged, as the server reads it",
      adapt: (c) => {
        const { input = "", dots } = c;
        return isLegacyMetricName(input) && dots !== input ? { ...c, dots: input } : undefined;
      },
    }],
    verify: ({ input = "", underscores, dots, values }) => {
      assert.equal(escapeMetricName(input, "underscores"), underscores);
      assert.equal(escapeMetricName(input, "dots"), dots);
      assert.equal(escapeMetricName(input, "values"), values);
    },
  }),
  inapplicable("names are only written, and never read back", list("unescapeValues")),
  validity("metricNameValid", checkMetricName),
  validity("labelNameValid", checkLabelName),
  runner<FamilyEscapingCase>({
    cases: list("familyEscaping"),
    name: ({ name }) => `family: ${name}`,
    inapplicable: ({ input }) => input.name === undefined ? "a family must have a name" : undefined,
    verify: ({ scheme, input, expected }) => {
      const encode = (family: ProtoFamily, scheme: EscapingScheme) =>
        [...encodeProtobuf([fromProto(family)], scheme)].flatMap(decodeFamilies);
      assert.deepEqual(encode(input, scheme), encode(expected, "allow-utf-8"));
    },
  }),
];

const TEXT = "text/plain; version=0.0.4; charset=utf-8";

interface NegotiationCase {
  readonly test: string;
  readonly name: string;
  readonly accept: string;
  readonly defaultEscaping: EscapingScheme;
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

/**
 * The formats that the library writes: a pattern in a header, the Content-Type, and a pattern in a
 * list.
 */
const OFFERS: readonly (readonly [asked: RegExp, contentType: string, listed: RegExp])[] = [
  [
    /openmetrics-text(?=.*version=1\.0\.0)/,
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    /^openmetrics 1|openmetrics-text; version=1/,
  ],
  [
    /openmetrics-text(?!.*version=(?!0\.0\.1))/,
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
    /^openmetrics 0|openmetrics-text; version=0/,
  ],
  [
    /protobuf(?=.*encoding=delimited)/,
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
    /^protobuf delimited|encoding=delimited/,
  ],
  [/text\/plain(?!.*version=(?!0\.0\.4))/, TEXT, /^text 0|^text\/plain/],
];

/** Returns the format that the scraper prefers, by the weights of its ranges. */
function preferred(accept: string): (typeof OFFERS)[number] | undefined {
  const weight = (range: string) => Number(/;\s*q=([0-9.]+)/.exec(range)?.[1] ?? 1);
  for (const range of accept.split(",").sort((a, b) => weight(b) - weight(a))) {
    const offer = OFFERS.find(([asked]) => asked.test(range));
    if (offer !== undefined) return offer;
  }
}

const NEGOTIATION_DEVIATIONS: readonly Deviation<NegotiationCase>[] = [
  {
    reason: "protobuf is only written delimited: its text forms, which no server reads, get text",
    adapt: (c) =>
      withType(
        c,
        /^application\/vnd\.google\.protobuf;.* encoding=(?:text|compact-text)/,
        TEXT,
      ),
  },
  {
    reason: "OpenMetrics 2.0 is a draft and not written: a scraper gets another accepted format, " +
      "or text",
    adapt: (c) =>
      withType(
        c,
        /^application\/openmetrics-text; version=2\.0\.0; charset=utf-8/,
        preferred(c.accept)?.[1] ?? TEXT,
      ),
  },
  {
    reason: "OpenMetrics 0.0.1 is written as 1.0.0, and says so",
    adapt: (c) => withType(c, /(?<=^application\/openmetrics-text; version=)0\.0\.1/, "1.0.0"),
  },
  {
    reason: "a scraper that accepts anything gets text, and one that prefers a format gets " +
      "it: the formats and their order cannot be configured",
    adapt: (c) => {
      if (/^\s*(?:\*|\w+)\/\*\s*(?:;\s*(?:escaping|q)=[^;,]*)*$/.test(c.accept)) {
        return withType(c, /^application\/.*(?=; escaping=)/, TEXT);
      }
      const offer = preferred(c.accept);
      if (offer === undefined) return undefined;
      const [, contentType, listed] = offer;
      if (c.serverFormatsInPreferenceOrder?.some((format) => listed.test(format))) return undefined;
      return withType(c, /^.*(?=; escaping=)/, contentType);
    },
  },
];

/** Accept headers and the expected responses. */
export const negotiation: Runner[] = [
  runner<NegotiationCase>({
    cases: list("cases"),
    name: ({ test, name }) => `${test}: ${name}`,
    verify: ({ accept, defaultEscaping, expectContentType }) => {
      assert.equal(negotiate(accept, defaultEscaping).contentType, expectContentType);
    },
    deviations: NEGOTIATION_DEVIATIONS,
  }),
  runner<ServerHeaderCase>({
    cases: (file: JsonObject) =>
      // This is the shape of the file. A file of another shape fails.
      list<ServerHeaderCase>("cases")((file["prometheusAcceptHeaders"] ?? {}) as JsonObject),
    name: ({ name }) => `Prometheus ${name}`,
    verify: ({ accept, expectFormat, expectEscaping }) => {
      const { format, escaping, contentType } = negotiate(accept);
      assert.equal(escaping, expectEscaping);
      // Examples are "openmetrics-1.0.0", "protobuf-delimited" and "text-0.0.4".
      const [name, detail] = expectFormat.split("-");
      assert.equal(format, name);
      assert.ok(contentType.includes(`=${detail};`), contentType);
    },
  }),
];
