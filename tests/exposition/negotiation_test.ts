import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ExpositionFormat,
  negotiate,
  negotiateEncoding,
  OPENMETRICS_CONTENT_TYPE,
  PROMETHEUS_CONTENT_TYPE,
  PROTOBUF_CONTENT_TYPE,
} from "../../exposition/negotiation.ts";

const OPENMETRICS = "application/openmetrics-text";
const PROTOBUF = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily";
const CONTENT_TYPES: Record<ExpositionFormat, string> = {
  text: PROMETHEUS_CONTENT_TYPE,
  openmetrics: OPENMETRICS_CONTENT_TYPE,
  protobuf: PROTOBUF_CONTENT_TYPE,
};

interface Case {
  name: string;
  accept: string;
  format: ExpositionFormat;
  escaping?: string;
}

const CASES: Case[] = [
  // Servers
  {
    name: "Prometheus 2 asks for OpenMetrics",
    accept: `${OPENMETRICS};version=1.0.0,${OPENMETRICS};version=0.0.1;q=0.75,` +
      "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    format: "openmetrics",
  },
  {
    name: "a wildcard of weight 2 does not beat OpenMetrics",
    accept: `${OPENMETRICS};version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=2`,
    format: "openmetrics",
  },
  {
    name: "Prometheus 2 with native histograms asks for protobuf",
    accept: `${PROTOBUF};encoding=delimited,${OPENMETRICS};version=1.0.0;q=0.8,*/*;q=0.1`,
    format: "protobuf",
  },
  {
    name: "Prometheus 3.0 names its escaping scheme twice",
    accept: `${OPENMETRICS};version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.6,` +
      "text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    format: "openmetrics",
    escaping: "allow-utf-8",
  },
  {
    name: "Prometheus 3 with legacy names asks for underscores",
    accept: `${OPENMETRICS};version=1.0.0;escaping=underscores;q=0.6,*/*;q=0.2`,
    format: "openmetrics",
    escaping: "underscores",
  },
  {
    name: "Prometheus 3 that asks for text 1.0.0 gets UTF-8 names in 0.0.4",
    accept: "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.5," +
      "*/*;q=0.4",
    format: "text",
    escaping: "allow-utf-8",
  },
  {
    name: "a server before OpenMetrics 1.0.0 gets 1.0.0 for 0.0.1",
    accept: `${OPENMETRICS}; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1`,
    format: "openmetrics",
  },
  // Versions and encodings
  { name: "OpenMetrics without a version", accept: OPENMETRICS, format: "openmetrics" },
  {
    name: "OpenMetrics 2.0.0 is unknown",
    accept: `${OPENMETRICS};version=2.0.0`,
    format: "text",
  },
  {
    name: "OpenMetrics 1.0.0 wins over the unknown 2.0.0",
    accept: `${OPENMETRICS};version=2.0.0;q=0.9,${OPENMETRICS};version=1.0.0;q=0.8`,
    format: "openmetrics",
  },
  { name: "text without a version", accept: `text/plain,${OPENMETRICS};q=0.9`, format: "text" },
  {
    name: "protobuf wins over the unknown text 1.0.0",
    accept: `text/plain;version=1.0.0,${PROTOBUF};encoding=delimited;q=0.9`,
    format: "protobuf",
  },
  { name: "protobuf as text", accept: `${PROTOBUF};encoding=text`, format: "text" },
  { name: "protobuf as compact text", accept: `${PROTOBUF};encoding=compact-text`, format: "text" },
  { name: "protobuf without an encoding", accept: PROTOBUF, format: "text" },
  {
    name: "protobuf of another message",
    accept: "application/vnd.google.protobuf;proto=io.example.Other;encoding=delimited",
    format: "text",
  },
  {
    name: "parameters that no offer has are ignored",
    accept: `${OPENMETRICS};version=1.0.0;charset=latin1;level=1`,
    format: "openmetrics",
  },
  // Weights
  {
    name: "the greater weight wins",
    accept: `text/plain;q=0.2,${OPENMETRICS};q=0.3`,
    format: "openmetrics",
  },
  {
    name: "the first of equal weights wins: text",
    accept: `text/plain;q=0.5,${OPENMETRICS};q=0.5`,
    format: "text",
  },
  {
    name: "the first of equal weights wins: protobuf",
    accept: `${PROTOBUF};encoding=delimited,${OPENMETRICS}`,
    format: "protobuf",
  },
  {
    name: "a weight over 1 is 1",
    accept: `${OPENMETRICS},text/plain;q=10`,
    format: "openmetrics",
  },
  { name: "weight 0 excludes", accept: `${OPENMETRICS};q=0`, format: "text" },
  { name: "weight 0.000 excludes", accept: `${OPENMETRICS};q=0.000,*/*`, format: "text" },
  { name: "text is the default even if it is excluded", accept: "text/plain;q=0", format: "text" },
  {
    name: "an invalid weight comes last",
    accept: `${OPENMETRICS};q=high,${PROTOBUF};encoding=delimited;q=0.001`,
    format: "protobuf",
  },
  {
    name: "a range with an invalid weight is not excluded",
    accept: `${OPENMETRICS};q=-1`,
    format: "openmetrics",
  },
  // Wildcards
  { name: "everything", accept: "*/*", format: "text" },
  { name: "everything, as old Java clients write it", accept: "*; q=.2", format: "text" },
  { name: "any application", accept: "application/*", format: "text" },
  { name: "any text", accept: "text/*", format: "text" },
  {
    name: "other ranges win over a bare wildcard",
    accept: `*/*,${OPENMETRICS};q=0.1`,
    format: "openmetrics",
  },
  {
    name: "a wildcard with the parameters of a format asks for it",
    accept: "application/*;version=1.0.0",
    format: "openmetrics",
  },
  {
    name: "a wildcard comes last among equal weights",
    accept: "*/*;version=1.0.0,text/plain",
    format: "text",
  },
  // Escaping
  {
    name: "text with escaping",
    accept: "text/plain;version=0.0.4;escaping=values",
    format: "text",
    escaping: "values",
  },
  {
    name: "protobuf with escaping",
    accept: `${PROTOBUF};encoding=delimited; escaping=dots;`,
    format: "protobuf",
    escaping: "dots",
  },
  {
    name: "an unknown scheme is ignored",
    accept: `${OPENMETRICS};escaping=rot13`,
    format: "openmetrics",
  },
  {
    name: "the last of several schemes in a range wins",
    accept: `${OPENMETRICS};escaping=dots;escaping=values`,
    format: "openmetrics",
    escaping: "values",
  },
  {
    name: "the scheme of the winning range wins",
    accept: `text/html;escaping=dots,${OPENMETRICS};escaping=values;q=0.5`,
    format: "openmetrics",
    escaping: "values",
  },
  {
    name: "the scheme of a range after the winning one is ignored",
    accept: `${OPENMETRICS},text/plain;escaping=values;q=0.5`,
    format: "openmetrics",
  },
  {
    name: "the scheme of a range before the winning one is used",
    accept: `${OPENMETRICS};version=2.0.0;escaping=allow-utf-8,*/*;q=0.1`,
    format: "text",
    escaping: "allow-utf-8",
  },
  {
    name: "the scheme of an excluded range is ignored",
    accept: `text/plain,${OPENMETRICS};escaping=allow-utf-8;q=0`,
    format: "text",
  },
  // Spelling
  {
    name: "types and names of parameters in upper case",
    accept: "Application/OpenMetrics-TEXT;Version=1.0.0;ESCAPING=values;Q=0.5,text/plain;Q=0.1",
    format: "openmetrics",
    escaping: "values",
  },
  {
    name: "quoted values",
    accept: `${OPENMETRICS};version="1.0.0";escaping="val\\ues";q="0.5",text/plain;q=0.1`,
    format: "openmetrics",
    escaping: "values",
  },
  {
    name: "separators in quoted values",
    accept: `text/html;a="x,text/plain;\\",y",${OPENMETRICS};a="b;q=0";q=0.5`,
    format: "openmetrics",
  },
  {
    name: "unusual white space",
    accept: `\t , application / openmetrics-text ;\tversion = 1.0.0 ; q = 0.5 ,text/plain; q= 0.1 `,
    format: "openmetrics",
  },
  {
    name: "empty elements and parameters",
    accept: `,, ;,${OPENMETRICS};;version=;q;=;=1;version=1.0.0;,`,
    format: "openmetrics",
  },
  // Nonsense
  { name: "nothing", accept: "", format: "text" },
  { name: "a browser", accept: "text/html,application/xml;q=0.9,*/*;q=0.8", format: "text" },
  { name: "an unknown type", accept: "application/json", format: "text" },
  { name: "no type", accept: "/plain, application/, /, openmetrics-text", format: "text" },
  { name: "too many types", accept: `${OPENMETRICS}/1.0.0`, format: "text" },
  { name: "an invalid type", accept: `x${OPENMETRICS}`, format: "text" },
  { name: "a quote that never ends", accept: `text/html;a="b,${OPENMETRICS}`, format: "text" },
  { name: "a quote within a value", accept: `${OPENMETRICS};a=b"c`, format: "openmetrics" },
  { name: "only separators", accept: ';,="\\/*,;q=', format: "text" },
  { name: "names of Object.prototype", accept: "constructor/__proto__;toString=1", format: "text" },
];

for (const { name, accept, format, escaping = "underscores" } of CASES) {
  test(`negotiate: ${name}`, () => {
    assert.deepEqual(negotiate(accept), {
      format,
      escaping,
      contentType: `${CONTENT_TYPES[format]}; escaping=${escaping}`,
    });
  });
}

test("Content-Types are the same as those of other Prometheus clients", () => {
  assert.equal(PROMETHEUS_CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(
    OPENMETRICS_CONTENT_TYPE,
    "application/openmetrics-text; version=1.0.0; charset=utf-8",
  );
  assert.equal(
    PROTOBUF_CONTENT_TYPE,
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
  );
});

test("negotiate() without a header returns text without an escaping scheme", () => {
  assert.deepEqual(negotiate(null), {
    format: "text",
    escaping: "underscores",
    contentType: PROMETHEUS_CONTENT_TYPE,
  });
});

const DEFAULTS: [accept: string | null, escaping: string, contentType: string][] = [
  [null, "dots", `${PROMETHEUS_CONTENT_TYPE}; escaping=dots`],
  ["", "dots", `${PROMETHEUS_CONTENT_TYPE}; escaping=dots`],
  [OPENMETRICS, "dots", `${OPENMETRICS_CONTENT_TYPE}; escaping=dots`],
  [`${OPENMETRICS};escaping=new`, "dots", `${OPENMETRICS_CONTENT_TYPE}; escaping=dots`],
  [`${OPENMETRICS};escaping=values`, "values", `${OPENMETRICS_CONTENT_TYPE}; escaping=values`],
];

for (const [accept, escaping, contentType] of DEFAULTS) {
  test(`negotiate(${JSON.stringify(accept)}, "dots") returns the scheme ${escaping}`, () => {
    const negotiated = negotiate(accept, "dots");
    assert.equal(negotiated.escaping, escaping);
    assert.equal(negotiated.contentType, contentType);
  });
}

test("negotiate() never echoes the version in the header", () => {
  for (const version of ["0.0.1", "0.0.4", "1.0.0", "2.0.0", "9.9.9-evil"]) {
    for (const type of [OPENMETRICS, "text/plain", "*/*"]) {
      const { format, contentType } = negotiate(`${type};version=${version}`);
      assert.ok(contentType.startsWith(CONTENT_TYPES[format]), contentType);
    }
  }
});

const FLOODS: [name: string, piece: string][] = [
  ["commas", ","],
  ["semicolons", ";"],
  ["slashes", "/"],
  ["quotes", '"'],
  ["backslashes in a quote", '\\"'],
  ["spaces", " "],
  ["ranges", `${OPENMETRICS};version=3.0.0,`],
  ["schemes in falling and rising weights", "a/b;escaping=dots;q=0.2,a/b;escaping=dots;q=0.9,"],
  ["parameters", ";a=1"],
];

for (const [name, piece] of FLOODS) {
  test(`negotiate() accepts a header with many ${name}`, () => {
    const flood = piece.repeat(Math.ceil(100_000 / piece.length));
    assert.ok(["text", "openmetrics"].includes(negotiate(flood).format));
    assert.equal(negotiate(`${OPENMETRICS},${flood}`).format, "openmetrics");
    assert.equal(negotiateEncoding(flood), "identity");
    assert.equal(negotiateEncoding(`gzip,${flood}`), "gzip");
  });
}

test("negotiate() never throws for random headers", () => {
  const pieces = [
    OPENMETRICS,
    "text/plain",
    "*",
    "/",
    ",",
    ";",
    "=",
    "q",
    "0.5",
    "version",
    '"',
    "\\",
    " ",
    "é",
    "\0",
  ];
  let seed = 1;
  for (let i = 0; i < 20_000; i++) {
    let header = "";
    for (let j = 0; j < 12; j++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      header += pieces[Math.floor(seed / 2 ** 32 * pieces.length)];
    }
    const { format, contentType } = negotiate(header);
    assert.ok(contentType.startsWith(CONTENT_TYPES[format]), header);
    assert.ok(["gzip", "identity"].includes(negotiateEncoding(header)), header);
  }
});

const CODINGS: [acceptEncoding: string | null, coding: "gzip" | "identity"][] = [
  [null, "identity"],
  ["", "identity"],
  ["gzip", "gzip"],
  ["GZip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate, br, zstd", "identity"],
  ["br, gzip;q=0.1", "gzip"],
  ["gzip;q=0", "identity"],
  ["gzip;q=0.000", "identity"],
  ["gzip; Q=0", "identity"],
  ["gzip;q=0, x-gzip;q=0.5", "gzip"],
  ["*", "gzip"],
  ["*;q=0", "identity"],
  ["gzip;q=0, *", "identity"],
  ["gzip, *;q=0", "gzip"],
  ["identity", "identity"],
  ["identity, gzip", "gzip"],
  ["identity;q=0.5, gzip", "gzip"],
  ["identity, gzip;q=0.5", "identity"],
  ["identity, *;q=0.5", "identity"],
  ["identity;q=0, *;q=0.1", "gzip"],
  ["identity;q=0", "identity"],
  ["gzip;q=2, identity", "gzip"],
  [" , ;q=1, gzip ; q = 0.5 ,", "gzip"],
  ["gzipped, xgzip, gzip/1", "identity"],
  ['"gzip"', "identity"],
];

for (const [acceptEncoding, coding] of CODINGS) {
  test(`negotiateEncoding(${JSON.stringify(acceptEncoding)}) returns ${coding}`, () => {
    assert.equal(negotiateEncoding(acceptEncoding), coding);
  });
}
