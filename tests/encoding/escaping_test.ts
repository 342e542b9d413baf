import assert from "node:assert/strict";
import { test } from "node:test";
import {
  escapeLabelName,
  escapeMetricName,
  type EscapingScheme,
  isEscapingScheme,
} from "../../encoding/escaping.ts";
import { isLegacyLabelName, isLegacyMetricName, openMetricsName } from "../../model.ts";

const SCHEMES: EscapingScheme[] = ["underscores", "dots", "values", "allow-utf-8"];

/** Names in the form that a scraper receives. */
const ON_THE_WIRE: { name: string; underscores: string; dots: string; values: string }[] = [
  {
    name: "jobs_done:rate5m",
    underscores: "jobs_done:rate5m",
    dots: "jobs_done:rate5m",
    values: "jobs_done:rate5m",
  },
  {
    name: "http.server.duration_seconds",
    underscores: "http_server_duration_seconds",
    dots: "http_dot_server_dot_duration__seconds",
    values: "U__http_2e_server_2e_duration__seconds",
  },
  {
    name: "queue.length:max",
    underscores: "queue_length:max",
    dots: "queue_dot_length:max",
    values: "U__queue_2e_length:max",
  },
  { name: "2xx", underscores: "_xx", dots: "__xx", values: "U___32_xx" },
  { name: "1", underscores: "_", dots: "__", values: "U___31_" },
  { name: "a1.2", underscores: "a1_2", dots: "a1_dot_2", values: "U__a1_2e_2" },
  { name: "größe", underscores: "gr__e", dots: "gr____e", values: "U__gr_f6__df_e" },
  { name: "温度 🔥", underscores: "____", dots: "________", values: "U___6e29__5ea6__20__1f525_" },
  { name: "a\u{10ffff}", underscores: "a_", dots: "a__", values: "U__a_10ffff_" },
  { name: 'a"\n\0', underscores: "a___", dots: "a______", values: "U__a_22__a__0_" },
  { name: "a\ud800b", underscores: "a_b", dots: "a__b", values: "U__a_fffd_b" },
];

for (const { name, ...escaped } of ON_THE_WIRE) {
  test(`metric name ${JSON.stringify(name)} is escaped by each scheme`, () => {
    for (const scheme of ["underscores", "dots", "values"] as const) {
      assert.equal(escapeMetricName(name, scheme), escaped[scheme], scheme);
    }
    assert.equal(escapeMetricName(name, "allow-utf-8"), name);
  });
}

const LABELS: [name: string, scheme: EscapingScheme, escaped: string][] = [
  ["status_code", "dots", "status_code"],
  ["status_code", "values", "status_code"],
  ["service.name_space", "underscores", "service_name_space"],
  ["service.name_space", "dots", "service_dot_name__space"],
  ["service.name_space", "values", "U__service_2e_name__space"],
  ["service.name_space", "allow-utf-8", "service.name_space"],
  ["a:b", "underscores", "a_b"],
  ["a:b", "dots", "a__b"],
  ["a:b", "values", "U__a_3a_b"],
  ["a:b", "allow-utf-8", "a:b"],
  ["0", "underscores", "_"],
];

for (const [name, scheme, escaped] of LABELS) {
  test(`label name "${name}" is "${escaped}" with ${scheme}`, () => {
    assert.equal(escapeLabelName(name, scheme), escaped);
  });
}

test("a counter's series has the same name with and without the removal of its suffix", () => {
  for (const scheme of SCHEMES) {
    const escaped = escapeMetricName("http.requests_total", scheme);
    assert.equal(`${openMetricsName(escaped, "counter")}_total`, escaped);
  }
});

/** Decodes a name of the scheme `values`. */
function unescapeValues(name: string): string {
  assert.ok(name.startsWith("U__"), name);
  return name.slice(3).replace(/_(?:([0-9a-f]{1,6})_|_)/g, (_, digits: string | undefined) => {
    return digits === undefined ? "_" : String.fromCodePoint(parseInt(digits, 16));
  });
}

/** Yields short pseudorandom names, half of them difficult, the same in every run. */
function* makeNames(count: number): Generator<string> {
  const characters = [..."ab9_:.-U e\u{7f}\u{e9}\u{d7ff}\u{e000}\u{ffff}\u{10000}\u{10ffff}"];
  let seed = 1;
  const draw = (limit: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * limit);
  };
  for (let i = 0; i < count; i++) {
    let name = "";
    for (let length = draw(8) + 1; length > 0; length--) {
      name += characters[draw(characters.length)];
    }
    yield name;
  }
}

test("an escaped name is in the classic alphabet, and the scheme values is reversible", () => {
  for (const name of makeNames(20_000)) {
    for (const scheme of ["underscores", "dots", "values"] as const) {
      assert.ok(isLegacyMetricName(escapeMetricName(name, scheme)), `${scheme}: ${name}`);
      assert.ok(isLegacyLabelName(escapeLabelName(name, scheme)), `${scheme}: ${name}`);
    }
    if (!isLegacyMetricName(name)) {
      assert.equal(unescapeValues(escapeMetricName(name, "values")), name);
    }
    if (!isLegacyLabelName(name)) {
      assert.equal(unescapeValues(escapeLabelName(name, "values")), name);
    }
  }
});

test("isEscapingScheme() accepts the four schemes in lower case", () => {
  for (const scheme of SCHEMES) assert.ok(isEscapingScheme(scheme));
  for (const text of ["", "Values", "utf-8", "constructor", "__proto__"]) {
    assert.equal(isEscapingScheme(text), false);
  }
});
