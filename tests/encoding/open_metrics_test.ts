import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { EscapingScheme } from "../../encoding/escaping.ts";
import { encodeOpenMetrics } from "../../encoding/open_metrics.ts";
import { encodeText } from "../../encoding/text.ts";
import { MetricFamily, type MetricFamilyOptions } from "../../mod.ts";
import { allTypes } from "../support/all_types.ts";
import { ROOT_URL } from "../support/paths.ts";

function encode(
  families: MetricFamily[],
  escaping: EscapingScheme = "underscores",
  created = false,
): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
  const chunks = [...encodeOpenMetrics(families, escaping, created)];
  return chunks.map((chunk) => decoder.decode(chunk)).join("");
}

const golden = readFileSync(new URL("tests/golden/open_metrics.txt", ROOT_URL), "utf8");

test("all types are written as in tests/golden/open_metrics.txt", () => {
  assert.equal(encode(allTypes(), "underscores", true), golden);
});

test("_created series are left out by default", () => {
  const lines = golden.split("\n").filter((line) => !/^\w+_created[ {]/.test(line));
  assert.equal(encode(allTypes()), lines.join("\n"));
});

test("an empty registry is written as # EOF", () => {
  assert.equal(encode([]), "# EOF\n");
});

test("series have the same names as in the text format", () => {
  const names = (text: string) =>
    new Set(
      text.split("\n").filter((line) => !/^#|^$/.test(line)).map((line) => line.match(/^\w+/)?.[0]),
    );
  const text = [...encodeText(allTypes(), "underscores")].map((chunk) =>
    new TextDecoder().decode(chunk)
  );
  const inText = names(text.join(""));
  const inOpenMetrics = names(encode(allTypes()));
  // OpenMetrics has no sum and count for histograms with negative bounds.
  assert.deepEqual(inText.difference(inOpenMetrics), new Set(["error_sum", "error_count"]));
  assert.deepEqual(inOpenMetrics.difference(inText), new Set());
});

const UTF8: MetricFamilyOptions = { nameValidation: "utf8" };

/** Returns families with names outside the classic alphabet. */
function utf8Families(): MetricFamily[] {
  return [
    new MetricFamily("http.duration_total", "D.", "counter", { ...UTF8, unit: "µs" })
      .addSample("http.duration_µs_total", {}, 1, {
        exemplar: { labels: { trace_id: "t" }, value: 1 },
      })
      .addSample("http.duration_µs_created", {}, 1000)
      .addSample("http.duration_µs_total", { "http.route": "/" }, 2),
    new MetricFamily("build.version", "V.", "info", UTF8)
      .addSample("build.version_info", { "a.b": "c" }, 1),
  ];
}

const ESCAPED: [scheme: EscapingScheme, text: string][] = [
  [
    "underscores",
    `# HELP http_duration__s D.
# TYPE http_duration__s counter
http_duration__s_total 1 # {trace_id="t"} 1
http_duration__s_created 1000
http_duration__s_total{http_route="/"} 2
# HELP build_version V.
# TYPE build_version info
build_version_info{a_b="c"} 1
# EOF
`,
  ],
  [
    "dots",
    `# HELP http_dot_duration____s_ D.
# TYPE http_dot_duration____s_ counter
http_dot_duration____s__total 1 # {trace_id="t"} 1
http_dot_duration____s__created 1000
http_dot_duration____s__total{http_dot_route="/"} 2
# HELP build_dot_version_ V.
# TYPE build_dot_version_ info
build_dot_version__info{a_dot_b="c"} 1
# EOF
`,
  ],
  [
    "values",
    `# HELP U__http_2e_duration___b5_s_ D.
# TYPE U__http_2e_duration___b5_s_ counter
U__http_2e_duration___b5_s__total 1 # {trace_id="t"} 1
U__http_2e_duration___b5_s__created 1000
U__http_2e_duration___b5_s__total{U__http_2e_route="/"} 2
# HELP U__build_2e_version_ V.
# TYPE U__build_2e_version_ info
U__build_2e_version__info{U__a_2e_b="c"} 1
# EOF
`,
  ],
  [
    "allow-utf-8",
    `# HELP "http.duration_µs" D.
# TYPE "http.duration_µs" counter
# UNIT "http.duration_µs" µs
{"http.duration_µs_total"} 1 # {trace_id="t"} 1
{"http.duration_µs_created"} 1000
{"http.duration_µs_total","http.route"="/"} 2
# HELP "build.version" V.
# TYPE "build.version" info
{"build.version_info","a.b"="c"} 1
# EOF
`,
  ],
];

for (const [scheme, text] of ESCAPED) {
  test(`names outside the classic alphabet are escaped by ${scheme}, before the suffixes`, () => {
    assert.equal(encode(utf8Families(), scheme, true), text);
  });
}

test("only counters and buckets have exemplars", () => {
  const exemplar = { labels: { trace_id: "t" }, value: 1 };
  const metrics = [{ labelNames: [], labelValues: [], value: 1, exemplar }];
  for (const type of ["gauge", "unknown"] as const) {
    const family = new MetricFamily("m", "M.", type, { metrics });
    assert.equal(encode([family]), `# HELP m M.\n# TYPE m ${type}\nm 1\n# EOF\n`);
  }
  const odd = new MetricFamily("m", "M.", "counter", { metrics });
  assert.equal(encode([odd]), "# HELP m M.\n# TYPE m unknown\nm 1\n# EOF\n");
});

test("a long output ends with # EOF in its last chunk", () => {
  const family = new MetricFamily("m", "M.", "gauge");
  for (let i = 0; i < 60_000; i++) family.addSample("m", { i }, i, { timestamp: i / 8 });
  const chunks = [...encodeOpenMetrics([family], "underscores", false)];
  assert.ok(chunks.length > 3);
  const text = chunks.map((chunk) => new TextDecoder().decode(chunk)).join("");
  const lines = text.split("\n");
  assert.equal(lines.length, 60_004);
  assert.equal(lines[2], 'm{i="0"} 0 0');
  assert.equal(lines[60_001], 'm{i="59999"} 59999 7499.875');
  assert.deepEqual(lines.slice(-2), ["# EOF", ""]);
});

test("an exemplar without labels is left out", () => {
  const family = new MetricFamily("a_total", "A.", "counter")
    .addSample("a_total", {}, 1, { exemplar: { labels: {}, value: 1 } });
  assert.match(encode([family]), /^a_total 1$/m);
});
